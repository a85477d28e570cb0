"""Lines and columns of offsets in a blob, computed once for all queries."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class Place(NamedTuple):
    """Line and column, from 1; the column in characters, and in UTF-16 units as editors and SARIF count."""

    line: int
    column: int
    utf16: int


def locate(data: bytes, offsets: Iterable[int]) -> dict[int, Place]:
    """The line and column of each byte offset, computed in one pass over `data`.

    Columns count characters of UTF-8, an undecodable byte as one; a leading byte order mark is not counted.
    """
    places: dict[int, Place] = {}
    line, column, wide, position = 1, 1, 0, 3 if data.startswith(b"\xef\xbb\xbf") else 0
    for offset in sorted(set(offsets)):
        segment = data[position:offset]
        newlines = segment.count(b"\n")
        if newlines:
            line += newlines
            column, wide = 1, 0
            segment = segment[segment.rfind(b"\n") + 1 :]
        text = segment.decode("utf-8", "surrogateescape")
        column += len(text)
        wide += 0 if text.isascii() else sum(character > "\uffff" for character in text)
        position = max(position, offset)
        places[offset] = Place(line, column, column + wide)
    return places


def has_overlap(places: Sequence[tuple[int, int]], start: int, end: int) -> bool:
    """True when one of the ascending places shares a byte with start..end."""
    at = bisect_left(places, (start, 0))
    return (at < len(places) and places[at][0] < end) or (at > 0 and places[at - 1][1] > start)


def merge_overlaps(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The places in ascending order, those that overlap as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
