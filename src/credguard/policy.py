"""Decides what becomes of a finding: pure functions over configuration."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from credguard.errors import ExitCode
from credguard.model import Severity, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from credguard.model import Coverage, Finding
    from credguard.rule import Rule

ABOUT_THE_RUN = ("CG001", "CG002")
"""Findings that make a run incomplete instead of blocking it."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Which rules speak (`select` of IDs or prefixes, empty for all, less `ignore`) and from which
    severity on a finding blocks."""

    fail_on: Severity = Severity.MEDIUM
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def enables(self, rule_id: str) -> bool:
        """True when the rule is to speak; the rules about the run itself always do."""
        if rule_id in ABOUT_THE_RUN:
            return True
        return (not self.select or rule_id.startswith(self.select)) and not rule_id.startswith(self.ignore)

    @property
    def digest(self) -> str:
        """16 hex digits that change when the policy does."""
        return blake2b(repr(self).encode(), digest_size=8).hexdigest()


def enabled_rules(policy: Policy, rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """The rules that the policy lets speak."""
    return tuple(rule for rule in rules if policy.enables(rule.id))


def decide(finding: Finding, policy: Policy) -> Verdict:
    """The verdict on one finding."""
    if finding.known:
        return Verdict(finding, "baseline", finding.known)
    if finding.severity < policy.fail_on and finding.rule_id not in ABOUT_THE_RUN:
        return Verdict(finding, "below-threshold", f"below {policy.fail_on.label}")
    return Verdict(finding, "report")


def exit_code(verdicts: Iterable[Verdict], coverage: Coverage) -> ExitCode:
    """1 when a finding blocks, else 3 when something was not looked at, else 0."""
    if any(v.outcome == "report" and v.finding.rule_id not in ABOUT_THE_RUN for v in verdicts):
        return ExitCode.FINDINGS
    return ExitCode.CLEAN if coverage.complete else ExitCode.INCOMPLETE
