"""One finding for one mistake: what a more specific rule, or one that sees the whole credential, reports as well.

Only what a report shows is folded. Policy, baseline, scorecard and exit code have every finding: an exception for one
of two rules leaves the other where it is.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from credguard.model.findings import Outcome, PartRole
from credguard.report.groups import format_count
from credguard.rules import load_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from credguard.model.findings import Finding, Location, ScanResult, Verdict
    from credguard.rule import Rule

_AT_THE_END = "git filter-repo"
_OF_THE_SECRET = ("deactivate", "replace", "rotate")
"""What a finding of a secret says better."""


def fold_overlaps(result: ScanResult) -> ScanResult:
    """The result with one finding for each mistake that blocks. The finding that stays is as severe as what it stands
    for, names it in `attributes.also`, and takes over its steps."""
    rules = {rule.id: rule for rule in load_rules()}
    by_path: dict[str, list[Verdict]] = {}
    for verdict in result.verdicts:
        if verdict.outcome is Outcome.REPORT:
            by_path.setdefault(verdict.finding.locations[0].path, []).append(verdict)
    taken: dict[int, list[Finding]] = {}
    dropped: set[int] = set()
    for found in by_path.values():
        for verdict in found:
            rule = rules.get(verdict.finding.rule_id)
            owner = rule and rule.yields_to and _find_owner(verdict, found, rule.yields_to, dropped)
            if owner:
                dropped.add(id(verdict))
                taken.setdefault(id(owner), []).extend((verdict.finding, *taken.pop(id(verdict), ())))
    verdicts = [
        replace(v, finding=_take_over(v.finding, taken[id(v)], rules)) if id(v) in taken else v
        for v in result.verdicts
        if id(v) not in dropped
    ]
    causes = {rule.id: rule.cause for rule in rules.values() if rule.cause}
    return replace(result, verdicts=tuple(_join_causes(verdicts, causes)))


def _find_owner(
    verdict: Verdict, others: Sequence[Verdict], rules: tuple[str, ...], dropped: set[int]
) -> Verdict | None:
    """The finding of one of the rules (IDs, or beginnings of some) that says all that this one does."""
    finding = verdict.finding
    for other in others:
        one = other.finding
        if (
            one.rule_id != finding.rule_id and one.rule_id.startswith(rules) and id(other) not in dropped
            and one.severity >= finding.severity and _covers(one.locations, finding.locations)
        ):  # fmt: skip
            return other
    return None


def _covers(outer: Iterable[Location], inner: Sequence[Location]) -> bool:
    """True where each place of `inner` shares a character with one of `outer`, and for a finding on a whole file."""
    spans = [one for one in outer if one.role != PartRole.FILE]
    return bool(spans) and all(
        one.role == PartRole.FILE or any(_overlaps(one, span) for span in spans) for one in inner
    )


def _overlaps(one: Location, other: Location) -> bool:
    same = one.commit == other.commit
    before = (one.end_line, one.end_column) <= (other.line, other.column)
    return same and not before and (one.line, one.column) < (other.end_line, other.end_column)


def _take_over(finding: Finding, others: Sequence[Finding], rules: Mapping[str, Rule]) -> Finding:
    steps = finding.remediation
    also = [
        {
            "rule_id": other.rule_id, "rule_name": other.rule_name, "message": other.message,
            "steps": list(_list_own_steps(other, rules[other.rule_id], steps)),
        }
        for other in others
    ]  # fmt: skip
    more = dict.fromkeys(step for other in others for step in _list_own_steps(other, rules[other.rule_id], steps))
    at = next((n for n, step in enumerate(steps) if step.startswith(_AT_THE_END)), len(steps))
    practices = dict.fromkeys((*finding.practices, *(one for other in others for one in other.practices)))
    return replace(
        finding, attributes={**finding.attributes, "also": also}, practices=tuple(practices),
        remediation=(*steps[:at], *more, *steps[at:]),
    )  # fmt: skip


def _list_own_steps(finding: Finding, rule: Rule, known: Sequence[str]) -> Iterator[str]:
    """The steps of a rule about files that the secret in it does not ask for already."""
    for step in finding.remediation[1:] if rule.check_tree else ():
        if step not in known and not step.startswith((_AT_THE_END, *_OF_THE_SECRET)):
            yield step


def _join_causes(verdicts: Iterable[Verdict], causes: dict[str, str]) -> list[Verdict]:
    """The verdicts, those of one file with the same cause as one with every place."""
    joined: dict[object, Verdict] = {}
    more: dict[object, list[Finding]] = {}
    for verdict in verdicts:
        finding, place, key = verdict.finding, verdict.finding.locations[0], object()
        cause = causes.get(finding.rule_id)
        if cause and finding.attributes.get(cause):
            key = (finding.rule_id, place.path, place.commit, verdict.outcome, json.dumps(finding.attributes[cause]))
        if joined.setdefault(key, verdict) is not verdict:
            more.setdefault(key, []).append(finding)
    for key, others in more.items():
        finding = joined[key].finding
        places = (*finding.locations, *(place for one in others for place in one.locations))
        message = f"{finding.message}; the same in {format_count(len(others), 'more place')} of the file"
        joined[key] = replace(joined[key], finding=replace(finding, message=message, locations=places))
    return list(joined.values())
