"""The decoded text of a blob, with the location in the blob of each of its bytes."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_WINDOW = 1 << 12


class PlaceMap(Protocol):
    """The location in the blob of each byte of a view, and of its end."""

    def __getitem__(self, index: int, /) -> int: ...


@dataclass(frozen=True, slots=True)
class View:
    """The decoded `text`, and for each of its bytes and its end the location in the blob; `how` ends a message."""

    text: bytes
    origin: PlaceMap
    how: str


def iter_windows(data: bytes, ends: Sequence[int], reach: int = _WINDOW) -> Iterator[tuple[int, int]]:
    """Ranges of complete lines, or `reach` bytes to either side, around the hits, without repetitions."""
    done = -1
    for end in ends:
        if end > done:
            start = max(data.rfind(b"\n", max(0, end - reach), max(0, end - reach // 2)) + 1, end - reach, 0)
            done = min(len(data), end + reach)
            yield start, done


def rewrite(data: bytes, start: int, stop: int, changes: Iterable[tuple[int, int, bytes]], how: str) -> View:
    """The range with each (start, stop, text) replaced; of overlapping changes the first is used."""
    text, origin, position = bytearray(), array("Q"), start
    for begin, end, new in sorted(changes):
        if begin >= position and end <= stop:
            text += data[position:begin] + new
            origin.extend(range(position, begin))
            origin.extend(begin + index * (end - begin) // max(len(new), 1) for index in range(len(new)))
            position = end
    text += data[position:stop]
    origin.extend(range(position, stop + 1))
    return View(bytes(text), origin, how)
