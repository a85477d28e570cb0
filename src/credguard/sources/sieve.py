"""The objects of a history in which a pattern was seen: many small ones in one pass, of large ones what is new."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from credguard.sources.carried import Earlier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from credguard.matcher import Matcher
    from credguard.sources.history import Batch

    Hits = Mapping[str, Sequence[int]]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An object, and where patterns were seen in it."""

    kind: str
    oid: str
    data: bytes
    hits: Hits


class Sieve:
    """Looks for the patterns of `names` in trees, for those of `contents` in all other objects.

    `also` says of bytes whether there may be something else in them to look at.
    """

    def __init__(self, contents: Matcher, names: Matcher, also: Callable[[bytes], bool] | None = None) -> None:
        self._contents, self._names, self._also = contents, names, also
        self._earlier = {True: Earlier(names), False: Earlier(contents)}

    def candidates(self, batch: Batch) -> Iterator[Candidate]:
        """The objects of the batch that have to be looked at."""
        if len(batch.keys) == 1:
            content = batch.contents[0]
            hits = self._earlier[batch.is_trees].hits(content)
            if hits or (self._also and not batch.is_trees and self._also(content)):
                yield Candidate(*batch.named(batch.keys[0]), content, hits)
            return
        matcher = self._names if batch.is_trees else self._contents
        for number in self._numbers(matcher, batch):
            content = batch.contents[number]
            yield Candidate(*batch.named(batch.keys[number]), content, matcher.hits(content))

    def _numbers(self, matcher: Matcher, batch: Batch) -> Sequence[int]:
        """Those in which something was seen when all were read as one; a match over a border may be among it."""
        data = b"\n".join(batch.contents)
        if self._also and not batch.is_trees and self._also(data):
            return range(len(batch.keys))
        hits = matcher.hits(data)
        if not hits:
            return ()
        stops = list(accumulate(len(content) + 1 for content in batch.contents))
        return sorted({bisect_left(stops, end) for ends in hits.values() for end in ends})
