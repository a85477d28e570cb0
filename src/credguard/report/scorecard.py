"""The scorecard of the text report: a line for each practice, and where the repository enforces them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.model.practices import MARKS
from credguard.report import make_printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from credguard.model.practice import Standing

_COLOURS = {"pass": "32", "fail": "1;31", "partial": "33", "not-checked": "2"}
_ROOM = 92
"""Characters of title and reason that make a line of ordinary width."""


def format_scorecard(standings: Sequence[Standing], paint: Callable[[str, str], str]) -> Iterator[str]:
    """The table; `paint(text, code)` colours."""
    counts = (f"{sum(one.status == status for one in standings)} {words.lower()}" for status, words in MARKS.items())
    yield paint("Practices", "1") + f": {', '.join(counts)}"
    for one in standings:
        mark = paint(f"{MARKS[one.status]:<11}", _COLOURS[one.status])
        count = f"{one.findings:>3}" if one.findings else "   "
        reason = make_printable(one.reason)
        if reason and len(one.practice.title) + len(reason) <= _ROOM:
            yield f"  {one.practice.id} {mark} {count}  {one.practice.title}" + paint(f": {reason}", "2")
            continue
        yield f"  {one.practice.id} {mark} {count}  {one.practice.title}"
        if reason:
            yield paint(f"{'':<23}{reason}", "2")
    yield f"Enforced in: {_format_places(standings)}"
    yield ""


def _format_places(standings: Sequence[Standing]) -> str:
    """Every hook and file that one of the practices is enforced in."""
    found = dict.fromkeys(place for one in standings for place in one.enforced_in)
    return ", ".join(map(make_printable, found)) or "neither hooks nor CI of this repository"
