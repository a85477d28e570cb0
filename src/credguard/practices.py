"""The twenty best practices, and what a run says about each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from credguard.model import Verdict


@dataclass(frozen=True, slots=True)
class Practice:
    """One practice and the rules that check it (IDs)."""

    id: str
    title: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a repository stands with a practice: pass, fail, partial or not-checked."""

    practice: Practice
    status: str
    findings: int


_VALUES = ("CG101", "CG102", "CG103", "CG104", "CG105", "CG106", "CG107", "CG108", "CG109", "CG150")
_ROOT = ("CG301", "CG302", "CG303", "CG304", "CG305")
PRACTICES = (
    Practice("P01", "never commit credentials to git", _VALUES),
    Practice("P02", "keep .env out of git, and ignored", ("CG201", "CG202", "CG204")),
    Practice("P03", "never hard-code credentials in source", ("CG101", "CG102", "CG103", "CG104", "CG405")),
    Practice("P04", "no root-user access keys", _ROOT),
    Practice("P05", "own credentials, user and role for each project", ("CG502",)),
    Practice("P06", "least privilege, no administrator or full-access policies", ("CG401", "CG402", "CG406")),
    Practice("P07", "rotate access keys every 90 days", ("CG501",)),
    Practice("P08", "multi-factor authentication on", ("CG504",)),
    Practice("P09", "CloudTrail watched", ("CG505",)),
    Practice("P10", "never share credentials by mail or chat", ()),
    Practice("P11", "no unused key left active", ("CG503",)),
    Practice("P12", "roles for what runs on AWS", ("CG404", "CG405")),
    Practice("P13", "CI takes credentials from its store, better from OIDC", ("CG403",)),
    Practice("P14", "~/.aws/credentials for local work, private, never shared", ("CG109", "CG203", "CG601")),
    Practice("P15", "the downloaded key CSV is kept safe, never committed", ("CG203", "CG301")),
    Practice("P16", "no plain-text secrets in state and config files", (*_VALUES, "CG206")),
    Practice("P17", "examples hold placeholders only", ("CG205",)),
    Practice("P18", "credentials are well formed", ("CG602",)),
    Practice("P19", "a leaked secret is replaced, never recovered", _VALUES),
    Practice("P20", "checks run in hooks and in CI and cannot be switched off", ("CG003", "CG004", "CG005")),
)


def standings(verdicts: Iterable[Verdict], ran: Collection[str]) -> list[Standing]:
    """The standing of every practice after a run of the rules `ran` (IDs).

    `fail` counts reported findings of the practice's rules; `partial` means that only some of its
    rules exist or ran and none of them found anything.
    """
    counts: dict[str, int] = {}
    for verdict in verdicts:
        if verdict.outcome == "report":
            counts[verdict.finding.rule_id] = counts.get(verdict.finding.rule_id, 0) + 1
    return [_standing(practice, counts, ran) for practice in PRACTICES]


def _standing(practice: Practice, counts: dict[str, int], ran: Collection[str]) -> Standing:
    findings = sum(counts.get(rule, 0) for rule in practice.rules)
    checked = [rule for rule in practice.rules if rule in ran]
    if findings:
        status = "fail"
    elif not checked:
        status = "not-checked"
    else:
        status = "pass" if len(checked) == len(practice.rules) else "partial"
    return Standing(practice, status, findings)
