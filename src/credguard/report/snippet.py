"""The redacted lines of a finding, with what was found underlined."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.report import make_printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from credguard.model.findings import SourceLine

_CUT = "..."
_LEAST = 24
"""Columns of a line that are shown however narrow the terminal is."""


def format_lines(lines: Sequence[SourceLine], paint: Callable[[str, str], str], code: str, width: int) -> Iterator[str]:
    """Each line behind its number, and below it carets in the colour `code`; `width` columns are there, 0 for any
    number. What would drive a terminal is escaped."""
    room = max((len(str(line.number)) for line in lines), default=0)
    most = max(width - room - 5, _LEAST) if width else 0
    for line in lines:
        text, marks = _cut(*_escape(line.text, line.marks), most)
        yield "  " + paint(f"{line.number:>{room}} |", "2") + f" {text}"
        if marks:
            yield "  " + paint(f"{'':>{room}} |", "2") + f" {paint(_underline(text, marks), code)}"


def _escape(text: str, marks: Sequence[tuple[int, int]]) -> tuple[str, list[tuple[int, int]]]:
    """The text as it may be shown, and where the marks are in it."""
    shown, position, moved = "", 0, []
    for start, end in marks:
        shown += make_printable(text[position:start])
        marked = make_printable(text[start:end])
        moved.append((len(shown), len(shown) + len(marked)))
        shown, position = shown + marked, end
    shown += make_printable(text[position:])
    whole = make_printable(text)
    return (shown, moved) if whole == shown else (whole, [])


def _cut(text: str, marks: list[tuple[int, int]], most: int) -> tuple[str, list[tuple[int, int]]]:
    """At most so many columns of the text, those around the first mark."""
    if not most or len(text) <= most:
        return text, marks
    first, last = (marks[0][0], marks[0][1]) if marks else (0, 0)
    start = max(0, min(first - max(most - (last - first), 0) // 2, len(text) - most))
    end = start + most
    head, tail = (_CUT if start else ""), (_CUT if end < len(text) else "")
    shown = head + text[start + len(head) : end - len(tail)] + tail
    kept = [(max(a, start), min(b, end)) for a, b in marks if a < end and b > start]
    return shown, [(a - start, b - start) for a, b in kept]


def _underline(text: str, marks: Sequence[tuple[int, int]]) -> str:
    line, position = "", 0
    for start, end in marks:
        line += " " * _measure(text[position:start]) + "^" * max(_measure(text[start:end]), 1)
        position = end
    return line


def _measure(text: str) -> int:
    """The columns that the text takes in a terminal."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(one) else 2 if east_asian_width(one) in "WF" else 1 for one in text)
