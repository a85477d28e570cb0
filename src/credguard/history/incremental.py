"""Hits in a content that begins and ends as another does: what lies between is scanned, the rest carried over.

Most bytes of a history are versions of a few large files. This gives exactly what a pass over the
whole content would, by three facts: no match is longer than REACH but for one run of characters
without a line break; whether a match ends at a place depends on nothing but the bytes before it and
one after it; and whether it is worth a look, on no more than REACH bytes on either side.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.matching.pattern import REACH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from credguard.matching.database import Matcher

    Hits = Mapping[str, Sequence[int]]

_MARGIN = 4 * REACH
_KEPT = 16
_ROOM = 32 << 20
_MOST_HITS = 500
_SIGN = 64
_GRAIN = 256
"""Bytes to which the common parts are measured."""


@dataclass(frozen=True, slots=True)
class _CachedContent:
    data: bytes
    hits: Hits
    signs: tuple[bytes, bytes]


class HitCache:
    """The latest large contents with their hits, found again by how a content begins or ends."""

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self._latest: deque[_CachedContent] = deque()
        self._by_sign: dict[bytes, _CachedContent] = {}
        self._held = 0

    def find_hits(self, data: bytes) -> Hits:
        """What `Matcher.hits` would say of the content."""
        signs = (b"<" + data[:_SIGN], b">" + data[-_SIGN:])
        like = self._by_sign.get(signs[1]) or self._by_sign.get(signs[0])
        hits = update_hits(self._matcher, data, like.data, like.hits) if like else self._matcher.find_hits(data)
        if sum(map(len, hits.values())) <= _MOST_HITS:
            self._keep(_CachedContent(data, hits, signs))
        return hits

    def _keep(self, known: _CachedContent) -> None:
        self._latest.append(known)
        self._by_sign.update(dict.fromkeys(known.signs, known))
        self._held += len(known.data)
        while self._held > _ROOM or len(self._latest) > _KEPT:
            gone = self._latest.popleft()
            self._held -= len(gone.data)
            for sign in gone.signs:
                if self._by_sign.get(sign) is gone:
                    del self._by_sign[sign]


def update_hits(matcher: Matcher, data: bytes, old: bytes, before: Hits) -> Hits:
    """The hits in `data`, given those of a content that may begin and end in the same way."""
    head, tail = measure_common(old, data)
    start, edge = head - 1 - REACH, len(data) - tail + _MARGIN
    stop = edge + REACH
    # What ends up to `start` is as it was, and so is what ends after `edge`; both are carried.
    if head <= 2 * _MARGIN or not _is_parted(data, start + 1 - _MARGIN):
        start = -1
    if tail <= 2 * _MARGIN or not _is_parted(data, len(data) - tail):
        stop = edge = len(data)
    if start < 0 and stop >= len(data):
        return matcher.find_hits(data)
    low = max(0, start - _MARGIN)
    moved = len(data) - len(old)
    found: dict[str, list[int]] = {}
    new = matcher.find_hits(data[low:stop])
    for name in {*new, *before}:
        ends = before.get(name, ())
        found[name] = [
            *ends[: bisect_left(ends, start + 1)],
            *(end + low for end in new.get(name, ()) if start < end + low <= edge),
            *(end + moved for end in ends[bisect_left(ends, edge - moved + 1) :]),
        ]
    return {name: ends for name, ends in found.items() if ends}


def measure_common(old: bytes, new: bytes) -> tuple[int, int]:
    """How many bytes both begin with and, of the rest, how many they end with; measured by the grain."""
    most = min(len(old), len(new))
    view = memoryview(old)
    head, step = 0, most
    while (step := min(step, most - head)) >= _GRAIN:
        if new.startswith(view[head : head + step], head):
            head += step
        else:
            step >>= 1
    tail, step, most = 0, most - head, most - head
    while (step := min(step, most - tail)) >= _GRAIN:
        if new.startswith(view[len(old) - tail - step : len(old) - tail], len(new) - tail - step):
            tail += step
        else:
            step >>= 1
    return head, tail


def _is_parted(data: bytes, start: int) -> bool:
    """True where a line break in the middle of the margin ends every run, so that no match crosses it."""
    return data.find(b"\n", start + REACH, start + _MARGIN - REACH) >= 0
