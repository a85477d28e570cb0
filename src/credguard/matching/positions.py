"""Where an offset is: lines and columns of a blob, counted once for all that is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Place(NamedTuple):
    """Line and column, from 1; the column in characters, and in UTF-16 units as editors and SARIF count."""

    line: int
    column: int
    utf16: int


def locate(data: bytes, offsets: Iterable[int]) -> dict[int, Place]:
    """The place of each byte offset, found in one pass over `data`.

    Columns count characters of UTF-8, an undecodable byte as one; a leading byte order mark
    counts as none.
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
