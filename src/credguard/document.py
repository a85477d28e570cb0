"""Where an offset is: lines and columns of a blob, counted once for all that is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def locate(data: bytes, offsets: Iterable[int]) -> dict[int, tuple[int, int]]:
    """Line and column, from 1, of each byte offset in one pass over `data`.

    Columns count characters of UTF-8, an undecodable byte as one; a leading byte order mark
    counts as none.
    """
    places: dict[int, tuple[int, int]] = {}
    line, column, position = 1, 1, 3 if data.startswith(b"\xef\xbb\xbf") else 0
    for offset in sorted(set(offsets)):
        segment = data[position:offset]
        newlines = segment.count(b"\n")
        if newlines:
            line += newlines
            column = 1
            segment = segment[segment.rfind(b"\n") + 1 :]
        column += len(segment.decode("utf-8", "surrogateescape"))
        position = max(position, offset)
        places[offset] = (line, column)
    return places
