"""What a scan of a history leaves to the next one: which objects it has read, and in which there was something.

Objects never change, so that what was read once and held nothing need not be read again, as long as the same rules are
applied. All else (where an object came from, who can see it, how old it is) is found out anew each time.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_MARK = 8
_MAGIC = b"credguard objects 2\n"
_MOST = 2_000_000


@dataclass(slots=True)
class ObjectMemory:
    """The past of one repository under a `key`: nobody can make an object that passes for a known one, nor ask whether
    one is known.

    `known` are marks of all objects that were read, `notable` (by marks in hex) type and size of those in which there
    was something; `kinds` and `size` (bytes) count all of them. `asked` says by which rules they were read. Without
    `known` there is no past. `walked` are marks of commits that were compared with their parents while nothing was
    missing, `telling` of those that brought something of the `traced` objects, or a name that tells something. `quiet`
    are files in which nothing was found.
    """

    key: bytes
    asked: str = ""
    known: frozenset[bytes] = frozenset()
    notable: dict[str, tuple[str, int]] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    size: int = 0
    walked: frozenset[bytes] = frozenset()
    telling: frozenset[bytes] = frozenset()
    traced: frozenset[bytes] = frozenset()
    quiet: frozenset[bytes] = frozenset()
    _listed: frozenset[bytes] = field(default=frozenset(), repr=False)

    def prepare(self, asked: str) -> None:
        """Forgets the past where other rules are asked for."""
        if self.asked != asked:
            self.asked, self.quiet = asked, frozenset()
            self.forget()

    def forget(self) -> None:
        """From now on there is no past."""
        self.known, self.notable, self.kinds, self.size = frozenset(), {}, Counter(), 0
        self.walked = self.telling = self.traced = frozenset()

    def mark(self, oid: str) -> bytes:
        """What stands for an object among those that are known."""
        return blake2b(oid.encode(), digest_size=_MARK, key=self.key).digest()

    def select_unread(self, oids: Iterable[str]) -> list[str] | None:
        """Those of all objects that have to be read: new ones, and those in which there was something. None where all
        have to be: there is no past, or some of it is gone."""
        if not self.known:
            return None
        marks = {self.mark(oid): oid for oid in oids}
        self._listed = frozenset(marks)
        if not self.known <= self._listed:
            return None
        return [oid for mark, oid in marks.items() if mark not in self.known or mark.hex() in self.notable]

    def update(self, oids: Iterable[str], notable: dict[str, tuple[str, int]], kinds: Counter[str], size: int) -> None:
        """Takes what a scan has read: of all objects, or of those that had to be read of the ones listed before."""
        for kind, length in self.notable.values() if self.known else ():
            kinds[kind] -= 1  # it was read again
            size -= length
        self.kinds += kinds
        self.size += size
        self.known = self._listed if self.known else frozenset(map(self.mark, oids))
        self.notable = {self.mark(oid).hex(): one for oid, one in notable.items()}
        if len(self.known) > _MOST:
            self.forget()

    def select_unwalked(self, commits: Collection[str], wanted: Collection[str]) -> Collection[str]:
        """Those of the commits that have to be compared with their parents to find where the wanted objects come from:
        new ones, and those that told something before. Without a past of these objects, all."""
        if not self.known or any(mark in self.known and mark not in self.traced for mark in map(self.mark, wanted)):
            return commits
        marks = ((commit, self.mark(commit)) for commit in commits)
        return [commit for commit, mark in marks if mark not in self.walked or mark in self.telling]

    def note_walk(self, commits: Iterable[str], telling: Iterable[str], wanted: Iterable[str]) -> None:
        """Takes which commits were compared, and which of them told where the wanted objects come from."""
        self.walked, self.telling, self.traced = (
            frozenset(map(self.mark, some)) for some in (commits, telling, wanted)
        )

    def serialize(self) -> bytes:
        """The memory as bytes that can be kept; empty where there is no past."""
        if not self.known:
            return b""
        marks = (self.known, self.walked, self.telling, self.traced, self.quiet)
        head = {"asked": self.asked, "notable": self.notable, "kinds": self.kinds, "size": self.size}
        head["counts"] = [len(some) for some in marks]
        return _MAGIC + json.dumps(head).encode() + b"\n" + b"".join(mark for some in marks for mark in sorted(some))


def load_memory(data: bytes, key: bytes) -> ObjectMemory:
    """The memory that was kept, without a past where that is damaged."""
    memory = ObjectMemory(key)
    try:
        if not data.startswith(_MAGIC):
            return memory
        end = data.index(b"\n", len(_MAGIC))
        head, marks = json.loads(data[len(_MAGIC) : end]), _iter_marks(data[end + 1 :])
        known, *others = (frozenset(islice(marks, int(count))) for count in head["counts"])
        return ObjectMemory(
            key, str(head["asked"]), known,
            {str(mark): (str(kind), int(size)) for mark, (kind, size) in head["notable"].items()},
            Counter({str(kind): int(count) for kind, count in head["kinds"].items()}), int(head["size"]),
            *others,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError):
        return ObjectMemory(key)


def _iter_marks(data: bytes) -> Iterator[bytes]:
    return (data[at : at + _MARK] for at in range(0, len(data), _MARK))
