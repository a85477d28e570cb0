"""How many findings a file and a run may have: more than anybody reads, few enough for memory and for a report.

A megabyte of made-up key IDs would else take hundreds of megabytes. What is over the bound is counted and named, and
makes the run incomplete: a flood hides nothing unseen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from credguard.model.findings import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from credguard.model.findings import Finding, Verdict

OF_FILE = 2_000
OF_RUN = 5_000
SKIPS = 1_000
"""The inputs not scanned, and notes, that a report names one by one."""
_USUAL = 2_000
"""Characters of a finding that is no larger than most; one of long paths or lines counts for several."""
_Item = TypeVar("_Item")


def pick_worst(items: Sequence[_Item], most: int, key: Callable[[_Item], tuple[object, ...]]) -> list[_Item]:
    """The first `most` of the items by `key` (a total order), in the order that they have.

    To bound parts first and then the whole gives the same as to bound the whole, whatever the parts are.
    """
    if len(items) <= most:
        return list(items)
    numbers = sorted(range(len(items)), key=lambda number: key(items[number]))[:most]
    return [items[number] for number in sorted(numbers)]


def pick_worst_findings(findings: Sequence[Finding], most: int) -> list[Finding]:
    """The most severe of the findings; among equals the first by path, line, column, rule and fingerprint."""
    return pick_worst(findings, most, _order)


def trim(findings: list[Finding], most: int) -> tuple[list[Finding], bool]:
    """The findings, and the most severe of them once they have become twice as many as `most`; whether any were left
    out. What grows is trimmed so on its way, and costs no sorting each time."""
    return (pick_worst_findings(findings, most), True) if len(findings) > 2 * most else (findings, False)


def pick_worst_verdicts(verdicts: Sequence[Verdict], most: int) -> list[Verdict]:
    """The same of verdicts, reported ones before those that something settles. A large one counts for several."""
    if len(verdicts) <= most and sum(map(_compute_weight, verdicts)) <= most:
        return list(verdicts)
    room, kept = most, []
    for verdict in sorted(verdicts, key=lambda one: (one.outcome is not Outcome.REPORT, *_order(one.finding))):
        room -= _compute_weight(verdict)
        if room < 0:
            break
        kept.append(verdict)
    return kept


def explain_file_overflow(shown: int, total: int) -> str:
    """Why not all findings of a file are reported, as the reason of a Skip."""
    return f"holds {total:,} findings, of which the {shown:,} most severe are reported; fix these, and run again"


def explain_overflow(shown: int) -> str:
    """The same of an archive, of file names, or of a run: nobody counts all."""
    return f"more findings than a report takes: the {shown:,} most severe are reported; fix these, and run again"


def truncate_items(items: Iterable[_Item], rest: Callable[[int], _Item]) -> list[_Item]:
    """The first SKIPS of the items, and one that `rest` makes of the number of the others."""
    items = list(items)
    more = len(items) - SKIPS
    return items if more <= 0 else [*items[:SKIPS], rest(more)]


def _order(finding: Finding) -> tuple[object, ...]:
    place = finding.locations[0]
    severity = -int(finding.severity)
    return severity, place.path, place.line, place.column, finding.rule_id, finding.fingerprint, place.commit or ""


def _compute_weight(verdict: Verdict) -> int:
    finding = verdict.finding
    text = len(finding.message) + sum(len(place.path) for place in finding.locations)
    text += sum(len(line.text) for line in finding.context)
    return 1 + text // _USUAL
