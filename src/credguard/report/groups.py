"""The same credential in many places as one, and what a reader calls it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from credguard.model.findings import Outcome, PartRole
from credguard.policy.model import ABOUT_THE_RUN
from credguard.report import make_printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from credguard.model.findings import Finding, Verdict

KEY, PATH = "AKID", "PATH"
"""What stands in steps for the key and the file where they fit several."""
_NAMED = 5
_SHORTEST_PATH = 3
"""A path of fewer characters may stand in a step by chance."""


@dataclass(slots=True)
class Group:
    """What is found with one identity: its most severe finding, and the others, which stand elsewhere."""

    first: Verdict
    others: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Advice:
    """Steps that are the same for several credentials. Where there is more than one, AKID stands in the steps for
    the key and PATH for the file; `names` says which they are."""

    names: tuple[str, ...]
    steps: tuple[str, ...]


def list_shown(verdicts: Iterable[Verdict], outcomes: Sequence[Outcome]) -> list[Verdict]:
    """Those with one of the outcomes, without what is about the run itself."""
    return [v for v in verdicts if v.outcome in outcomes and v.finding.rule_id not in ABOUT_THE_RUN]


def group_verdicts(verdicts: Iterable[Verdict]) -> list[Group]:
    """One group for each value and outcome: those that block first, then by severity and place."""
    groups: dict[tuple[str, ...], Group] = {}
    for verdict in sorted(verdicts, key=_order):
        finding = verdict.finding
        key = (finding.rule_id, finding.fingerprint, verdict.outcome, verdict.reason)
        if key in groups:
            groups[key].others.append(finding)
        else:
            groups[key] = Group(verdict)
    return list(groups.values())


def name_finding(finding: Finding) -> str:
    """What a reader knows it by: the key ID, or else the rule and the place."""
    key_id = finding.attributes.get("access_key_id")
    if isinstance(key_id, str):
        return key_id
    place = finding.locations[0]
    return f"{finding.rule_name} in {place.path}" + ("" if place.role == PartRole.FILE else f":{place.line}")


def list_advice(findings: Iterable[Finding]) -> Iterator[Advice]:
    """What to do beside the hint, once for all to which the same applies; without the steps of `list_also`."""
    kinds: dict[tuple[str, ...], dict[str, tuple[str, ...]]] = {}
    for finding in findings:
        own = {step for one in list_also(finding) for step in one["steps"]}
        steps = tuple(step for step in finding.remediation[1:] if step not in own)
        if steps:
            kinds.setdefault(tuple(_generalize(step, finding) for step in steps), {}).setdefault(
                name_finding(finding), steps
            )
    for general, named in kinds.items():
        yield Advice(tuple(named), general if len(named) > 1 else next(iter(named.values())))


def list_also(finding: Finding) -> list[dict[str, Any]]:
    """What other rules report of the same mistake: `rule_id`, `rule_name`, `message`, and their own `steps`."""
    also = finding.attributes.get("also")
    return cast("list[dict[str, Any]]", also) if isinstance(also, list) else []


def join_names(names: Sequence[str], most: int = _NAMED) -> str:
    """The first names, and how many more there are."""
    rest = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def format_count(number: int, noun: str) -> str:
    """The number with its noun: 1 file, 2 files."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _generalize(step: str, finding: Finding) -> str:
    key_id, path = finding.attributes.get("access_key_id"), finding.locations[0].path
    if isinstance(key_id, str):
        step = step.replace(key_id, KEY)
    if len(path) < _SHORTEST_PATH:
        return step
    return step.replace(shlex.quote(path), PATH).replace(path, PATH)


def _order(verdict: Verdict) -> tuple[object, ...]:
    finding, place = verdict.finding, verdict.finding.locations[0]
    path = make_printable(place.path)  # as a saved report has it
    return verdict.outcome is not Outcome.REPORT, -finding.severity, path, place.line, place.column, finding.rule_id
