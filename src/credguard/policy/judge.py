"""Judges what was found in one repository: by its policy, its baseline and the comments beside the findings."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from credguard.model.findings import Outcome
from credguard.policy.gaps import explain_gap
from credguard.policy.model import ABOUT_THE_RUN, Policy, decide
from credguard.rules.tool import suppression_expired
from credguard.scanning.comments import CHANGED, MALFORMED, CommentPolicy, make_policy_finding, redact_reason

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import date

    from credguard.model.findings import Finding, Skip, Verdict
    from credguard.policy.loosening import Loosening
    from credguard.policy.model import Allow
    from credguard.scanning.comments import BaseCommit
    from credguard.suppressions.baseline import Baseline, BaselineEntry

EXPIRED = suppression_expired.RULE


def _get_today() -> date:
    return datetime.now(timezone.utc).date()


@dataclass(frozen=True, slots=True)
class Decision:
    """Verdicts on findings and on the policy itself, and a note for each exception that matches nothing."""

    verdicts: tuple[Verdict, ...]
    unused: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judge:
    """Says what becomes of the findings of one repository.

    `label` goes before its paths in the report, and `rooted` gives the path that policy and baseline
    use for what is left. With `before`, a comment counts only
    where it stood before the change. `whole` is set where everything is scanned, so that an exception
    that matches nothing is worth a word. `loosenings`, `skipped`, `notes` and the `problems` of the
    baseline came with the policy. `content` is the whole policy, where it is one file and hides from
    the hooks' quick way nothing that it has to do; it `is_usual` where that, or the lack of one, is so for a change,
    and `governing` are then the files that decide what a change to the commit of `before` loosens.
    """

    policy: Policy = field(default_factory=Policy)
    stage: str = "audit"
    baseline: Baseline | None = None
    label: str = ""
    rooted: Callable[[str], str] = str
    before: BaseCommit | None = None
    whole: bool = False
    loosenings: tuple[Loosening, ...] = ()
    skipped: tuple[Skip, ...] = ()
    notes: tuple[str, ...] = ()
    content: bytes | None = None
    problems: tuple[tuple[int, str], ...] = ()
    is_usual: bool = False
    governing: frozenset[str] = frozenset()
    today: date = field(default_factory=_get_today)

    @property
    def comments(self) -> CommentPolicy:
        """Which comments beside findings count."""
        custom = frozenset(rule.id for rule in self.policy.custom)
        return CommentPolicy(self.policy.foreign_markers, custom, self.before)

    def get_rooted_path(self, finding: Finding) -> str:
        """The finding's path as policy and baseline name it."""
        return self.rooted(finding.locations[0].path.removeprefix(self.label))

    def decide(self, findings: Iterable[Finding], changed: Collection[str] | None = None) -> Decision:
        """What becomes of the findings, and what is to be said of the policy, its exceptions and the baseline.

        With `changed` (the paths of a change) an expired or malformed entry is named only where it
        would have counted, or where its file is among them.
        """
        matched: dict[int, Allow | BaselineEntry] = {}
        verdicts = [self._settle(finding, matched) for finding in findings]
        lapsed = {number for number, entry in matched.items() if self._is_over(entry)}
        verdicts += [self._settle(finding, matched) for finding in self._find_faults(changed, lapsed)]
        unused = self._list_unused(matched) if self.whole else []
        return Decision(tuple(filter(None, verdicts)), tuple(unused))

    def make_verdict(self, finding: Finding) -> Verdict | None:
        """What becomes of the finding; None where its rule is off."""
        return self._settle(finding, {})

    def _settle(self, finding: Finding, matched: dict[int, Allow | BaselineEntry]) -> Verdict | None:
        """The same; adds to `matched` the entries that are about it."""
        path, shown = self.get_rooted_path(finding), finding.locations[0].path.removeprefix(self.label)
        allowed = [entry for entry in self.policy.allow if entry.is_applicable(finding, path)]
        listed = self.baseline.find_entry(finding, path) if self.baseline else None
        if finding.rule_id in ABOUT_THE_RUN:
            allowed, listed = [], None
        matched |= {id(entry): entry for entry in (*allowed, listed) if entry}
        good = next((entry for entry in allowed if not self._is_over(entry)), None)
        known = listed if listed and not self._is_over(listed) else None
        verdict = decide(
            finding, self.policy, stage=self.stage, path=path,
            allowed=_format_reason(good) if good else "",
            gap=explain_gap(self.policy, finding, path, shown, self.today),
            listed=(redact_reason(known.reason) or "in the baseline") if known else "",
        )  # fmt: skip
        if verdict is None or finding.known or verdict.outcome not in (Outcome.ALLOWED, Outcome.BASELINE):
            return verdict
        entry = good if verdict.outcome is Outcome.ALLOWED else known
        by, until = (redact_reason(good.by) if good and entry is good else ""), entry.expires if entry else None
        return replace(verdict, by=by, until=until.isoformat() if until else "")

    def _is_over(self, entry: Allow | BaselineEntry) -> bool:
        return entry.expires is not None and entry.expires < self.today

    def _find_faults(self, changed: Collection[str] | None, lapsed: Collection[int]) -> list[Finding]:
        """What is wrong with the policy; `lapsed` are the entries out of date that would have counted."""
        found = [
            make_policy_finding(CHANGED, f"the change {one.text}", one.path, one.line, one.key)
            for one in self.loosenings
        ]
        for entry in self.policy.allow:
            file, line = entry.source
            if self._is_over(entry) and (changed is None or file in changed or id(entry) in lapsed):
                found.append(_make_expired_finding(entry, file, line, entry.rule or entry.fingerprint))
        file = self.policy.baseline
        listed = changed is None or file in changed
        found += [
            make_policy_finding(MALFORMED, f"a line of the baseline does not count: {text}", file, line)
            for line, text in (self.problems if listed or self.before else ())
        ]
        found += [
            _make_expired_finding(one, file, one.line, one.rule)
            for one in (self.baseline.entries if self.baseline else ())
            if self._is_over(one) and (listed or id(one) in lapsed)
        ]
        return [self._add_label(finding) for finding in found]

    def _add_label(self, finding: Finding) -> Finding:
        places = tuple(replace(place, path=self.label + place.path) for place in finding.locations)
        return replace(finding, locations=places) if self.label else finding

    def _list_unused(self, matched: Collection[int]) -> list[str]:
        """The exceptions that matched nothing, one note each."""
        notes = [
            f"{self.label}{entry.source[0]}:{entry.source[1]}: the exception for "
            f"{entry.rule or entry.fingerprint}{f' at {entry.path}' if entry.path else ''} matches nothing"
            for entry in self.policy.allow
            if id(entry) not in matched
        ]
        return notes + [
            f"{self.label}{self.policy.baseline}:{entry.line}: "
            f"the entry for {entry.rule} of {entry.path} matches nothing"
            for entry in (self.baseline.entries if self.baseline else ())
            if id(entry) not in matched
        ]


def _format_reason(entry: Allow) -> str:
    more = [f"until {entry.expires}"] if entry.expires else []
    more += [f"by {entry.by}"] if entry.by else []
    return redact_reason(entry.reason) + (f" ({', '.join(more)})" if more else "")


def _make_expired_finding(entry: Allow | BaselineEntry, file: str, line: int, what: str) -> Finding:
    day = entry.expires.isoformat() if entry.expires else ""
    return make_policy_finding(
        EXPIRED, f"the exception for {what} ended on {day}", file, line, f"{what} {entry.fingerprint} {day}"
    )
