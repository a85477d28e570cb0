"""Which leaked key is the worst, and why: how far it has come, times what it may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from credguard.model.findings import Finding, ScanResult

_POWERS = {"administrator": 3, "broad": 2, "narrow": 1}
_STATES = {"active": 1, "of-root": 1}


@dataclass(frozen=True, slots=True)
class Leak:
    """One key of an account that was asked: how bad its leak is (0 for a key that does not work), and why."""

    key_id: str
    user: str
    status: str
    exposure: str
    power: str
    rights: tuple[str, ...]
    rank: int


def rank_leaks(result: ScanResult) -> list[Leak]:
    """The keys of which a run knows whose they are, the worst first."""
    found: dict[str, Leak] = {}
    for verdict in result.verdicts:
        owner = verdict.finding.attributes.get("owner")
        if isinstance(owner, dict):
            leak = _build_leak(verdict.finding, owner)
            known = found.get(leak.key_id)
            if known is None or leak.rank > known.rank:
                found[leak.key_id] = leak
    return sorted(found.values(), key=lambda leak: -leak.rank)


def _build_leak(finding: Finding, owner: Mapping[str, object]) -> Leak:
    status = str(owner.get("status", ""))
    power = "administrator" if status == "of-root" else str(owner.get("power", ""))
    words, spread = _describe_spread(finding)
    return Leak(
        str(finding.attributes.get("access_key_id", "")), str(owner.get("user", "")), status, words, power,
        tuple(list_powers(owner)),
        _STATES.get(status, 0) * spread * _POWERS.get(power, 1),
    )  # fmt: skip


def list_powers(owner: Mapping[str, object]) -> list[str]:
    """What the user of a key may do, as `attributes.owner` of its finding has it: in words for people, then as rules
    say it."""
    found = (owner.get(name) for name in ("abilities", "rights"))
    return [str(one) for words in found if isinstance(words, list) for one in words]


def _describe_spread(finding: Finding) -> tuple[str, int]:
    """How far the key has come, and the factor of that."""
    exposure = finding.exposure
    if exposure.get("pushed"):
        return "pushed", 3
    return ("in the files", 2) if exposure.get("in_head") else ("in the history", 1)
