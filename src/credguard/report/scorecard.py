"""The scorecard of the text report: a line for each practice, and where the repository enforces them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.model.practice import PracticeStatus
from credguard.model.practices import MARKS
from credguard.report import make_printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from credguard.model.findings import ScanResult
    from credguard.model.practice import Standing

"""The standing of a practice that the repository has nothing for; it is counted nowhere."""
SCORED = ("audit", "account")
"""The kinds of run whose reports show the scorecard."""
_COLOURS = {
    PracticeStatus.PASS: "32",
    PracticeStatus.FAIL: "1;31",
    PracticeStatus.ACCEPTED: "36",
    PracticeStatus.PARTIAL: "33",
    PracticeStatus.NOT_CHECKED: "2",
}
_WIDTH = 110
_ROOM = 92
"""Characters of title and reason that make a line of ordinary width."""


def format_scorecard(result: ScanResult, paint: Callable[[str, str], str]) -> Iterator[str]:
    """The table; `paint(text, code)` colours."""
    standings = result.standings
    shown = [one for one in standings if one.status is not PracticeStatus.IDLE]
    yield paint("Practices", "1") + f": {count_standings(standings)}"
    unread = describe_unread(result)
    if unread:
        yield paint(f"  {make_printable(unread)}", "33")
    for one in shown:
        yield from _format_standing(one, paint)
    idle = [
        f"{one.practice.id} ({make_printable(one.reason)})" for one in standings if one.status is PracticeStatus.IDLE
    ]
    yield from (paint(line, "2") for line in _fill("  Nothing to check: ", idle))
    if "accounts" not in result.target:
        yield f"Enforced in: {_format_places(standings)}"
    yield ""


def count_standings(standings: Sequence[Standing]) -> str:
    """How many practices have each standing, in words."""
    counts = {words: sum(one.status == status for one in standings) for status, words in MARKS.items()}
    return ", ".join(f"{count} {words.lower()}" for words, count in counts.items() if count)


def describe_unread(result: ScanResult) -> str:
    """One line on what could not be read and on what the policy leaves out, empty where all was scanned."""
    words = []
    for skips, one, several in (
        (result.coverage.skipped, "Could not be read", "could not be read"),
        (result.coverage.acknowledged, "Left out by the policy", "left out by the policy"),
    ):
        if skips:
            first = f"{skips[0].path}: {skips[0].reason}"
            words.append(f"{one}: {first}" if len(skips) == 1 else f"{len(skips):,} {several}, first {first}")
    return "; ".join(words)


def _format_standing(one: Standing, paint: Callable[[str, str], str]) -> Iterator[str]:
    mark = paint(f"{MARKS[one.status]:<11}", _COLOURS[one.status])
    count = f"{count_findings(one) or '':>3}"
    reason = make_printable(one.reason)
    line = f"  {one.practice.id} {mark} {count}  {one.practice.title}"
    if reason and len(one.practice.title) + len(reason) <= _ROOM:
        yield line + paint(f": {reason}", "2")
        return
    yield line
    if reason:
        yield paint(f"{'':<23}{reason}", "2")


def count_findings(one: Standing) -> int:
    """The findings that make the standing what it is."""
    return one.accepted if one.status is PracticeStatus.ACCEPTED else one.findings


def _fill(first: str, items: Sequence[str]) -> list[str]:
    """The items in lines of ordinary width; `first` begins the first one."""
    lines: list[str] = []
    for number, item in enumerate(items, 1):
        word = item + ("," if number < len(items) else "")
        if lines and len(lines[-1]) + len(word) < _WIDTH:
            lines[-1] += f" {word}"
        else:
            lines.append((" " * len(first) if lines else first) + word)
    return lines


def _format_places(standings: Sequence[Standing]) -> str:
    """Every hook and file that one of the practices is enforced in."""
    found = dict.fromkeys(place for one in standings for place in one.enforced_in)
    return ", ".join(map(make_printable, found)) or "neither hooks nor CI of this repository"
