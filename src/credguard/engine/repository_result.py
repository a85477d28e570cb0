"""What the audit of one repository among several gives, and how it is kept between runs."""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from credguard.git import clone
from credguard.model.findings import Outcome, Verdict
from credguard.model.practices import Enforcement
from credguard.report import json as report_json
from credguard.report import load as saved

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from credguard.engine.sealing import SealingKey
    from credguard.model.findings import Finding, ScanResult

_FINGERPRINT = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Target:
    """A repository to audit: a folder or a URL, what goes before its paths, what all addresses of it have in common
    (`key`, not to be shown), what an earlier audit remembers of its objects (`past`), and what to call it."""

    address: str
    label: str = ""
    key: str = ""
    past: bytes = b""

    @property
    def name(self) -> str:
        """The address as it may be shown."""
        return clone.redact_url(self.address)


@dataclass(slots=True)
class RepositoryResult:
    """What the audit of one repository gives, without git or the disk behind it. `compared` are the
    findings whose values several repositories may share, `memory` is what the next audit need not read again."""

    target: Target
    result: ScanResult
    compared: tuple[Finding, ...] = ()
    files: tuple[str, ...] = ()
    tracked: bool = True
    bare: bool = False
    where: Enforcement | None = None
    asked: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()
    gaps: dict[str, str] = field(default_factory=dict)
    memory: bytes = b""


def serialize_result(part: RepositoryResult, key: SealingKey) -> bytes:
    """The part as bytes that can be kept: without the key nobody can ask them whether they are about a value."""
    verdicts = [Verdict(finding, Outcome.REPORT) for finding in part.compared]
    fields = {
            "report": json.loads(report_json.render(part.result)),
            "compared": [report_json.build_finding_entry(verdict) for verdict in verdicts],
            "values": [sorted(map(key.seal, finding.values)) for finding in part.compared],
            "files": [name.encode("utf-8", "surrogateescape").hex() for name in part.files],
            "tracked": part.tracked, "bare": part.bare, "asked": sorted(part.asked),
            "seen": sorted(part.seen), "gaps": part.gaps,
            "extents": [skip.extent for skip in part.result.coverage.skipped],
            "where": asdict(part.where) if part.where else None,
        }  # fmt: skip
    _map_fingerprints(fields, key.seal)
    return json.dumps(fields).encode()


def _map_fingerprints(part: dict[str, Any], change: Callable[[str], str]) -> None:
    """Replaces every fingerprint, wherever in the part it is."""
    left: deque[Any] = deque([part])
    while left:
        value = left.popleft()
        if isinstance(value, dict):
            if _FINGERPRINT.fullmatch(str(value.get("fingerprint"))):
                value["fingerprint"] = change(value["fingerprint"])
            left.extend(value.values())
        elif isinstance(value, list):
            left.extend(value)


def deserialize_result(kept: bytes, target: Target, key: SealingKey) -> RepositoryResult | None:
    """The part that was kept, None where it is not whole, or was kept under another key."""
    try:
        data: dict[str, Any] = json.loads(kept)
        _map_fingerprints(data, key.unseal)
        where = data["where"]
        findings = tuple(saved.parse_verdict(entry).finding for entry in data["compared"])
        return RepositoryResult(
            target,
            _restore_extents(saved.parse_result(data["report"]), data["extents"]),
            tuple(
                replace(f, values=frozenset(map(key.unseal, values)))
                for f, values in zip(findings, data["values"], strict=True)
            ),
            tuple(bytes.fromhex(name).decode("utf-8", "surrogateescape") for name in data["files"]),
            bool(data["tracked"]), bool(data["bare"]),
            Enforcement(**{name: tuple(words) for name, words in where.items()}) if where else None,
            frozenset(data["asked"]), frozenset(data["seen"]), dict(data["gaps"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _restore_extents(result: ScanResult, extents: Sequence[str]) -> ScanResult:
    """The result with what its report does not tell of the inputs that were not read."""
    pairs = zip(result.coverage.skipped, extents, strict=True)
    return replace(result, coverage=replace(result.coverage, skipped=[replace(s, extent=e) for s, e in pairs]))
