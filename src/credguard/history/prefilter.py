"""The objects of a history in which a pattern was seen: many small ones in one pass, of large ones what is new."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from credguard.history.incremental import HitCache
from credguard.parsers.utf16 import has_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from credguard.history.objects import Batch
    from credguard.matching.database import Matcher

    Hits = Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An object, and where patterns were seen in it."""

    kind: str
    oid: str
    data: bytes
    hits: Hits


class Sieve:
    """Looks for the patterns of `names` in trees (where all ends are worth a look, for names stand among other bytes
    there), for those of `contents` in all other objects.

    `also` says of bytes whether there may be something else in them to look at.
    """

    def __init__(self, contents: Matcher, names: Matcher, also: Callable[[bytes], bool] | None = None) -> None:
        self._contents, self._names, self._also = contents, names, also
        self._earlier = {True: HitCache(names), False: HitCache(contents)}

    def find_candidates(self, batch: Batch) -> Iterator[Candidate]:
        """The objects of the batch that have to be scanned."""
        if len(batch.keys) == 1:
            content = batch.contents[0]
            hits = self._earlier[batch.is_trees].find_hits(content)
            if hits or (self._also and not batch.is_trees and self._also(content)):
                yield Candidate(*batch.named(batch.keys[0]), content, hits)
            return
        matcher = self._names if batch.is_trees else self._contents
        for number in self._find_matching(matcher, batch):
            content = batch.contents[number]
            hits = matcher.find_hits(content)
            if hits or (self._also and not batch.is_trees):
                yield Candidate(*batch.named(batch.keys[number]), content, hits)

    def _find_matching(self, matcher: Matcher, batch: Batch) -> Iterable[int]:
        """Those in which something was seen when all were read as one; a match over a border may be among it. What
        begins as wide letters do is among them, for that counts at a beginning only."""
        data = b"\n".join(batch.contents)
        if self._also and not batch.is_trees and self._also(data):
            return range(len(batch.keys))
        hits = matcher.scan(data)
        wide = [] if batch.is_trees else [n for n, content in enumerate(batch.contents) if _is_wide(content)]
        if not hits:
            return wide
        stops = list(accumulate(len(content) + 1 for content in batch.contents))
        found = set(wide)
        for name, ends in hits.items():
            is_worth = matcher.is_worth.get(name)
            for end in ends:
                number = bisect_left(stops, end)
                if number not in found:
                    content = batch.contents[number]
                    if not is_worth or is_worth(content, end - stops[number] + len(content) + 1):
                        found.add(number)
        return sorted(found)


def _is_wide(content: bytes) -> bool:
    """True for what may begin as a text in UTF-16 or UTF-32."""
    return has_mark(content) or b"\0" in content[:4]
