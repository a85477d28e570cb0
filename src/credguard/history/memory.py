"""What an audit remembers of a history, so that the next one reads only what is new.

Objects never change, so that what was read once and held nothing need not be read again, as long as the same rules are
applied. All else (where an object came from, who can see it, how old it is) is found out anew each time.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from credguard.scanning.quiet_files import MARK
from credguard.system.sealed_bytes import seal_bytes, unseal_bytes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

_MAGIC = b"credguard objects 3\n"
_MOST = 2_000_000


@dataclass(slots=True)
class ObjectMemory:
    """The past of one repository, which is kept under a `key`: nobody else can make it, nor ask whether an object is
    in it. Objects are named by their IDs in hex.

    `known` are all objects that were read, `notable` (with type and size) those in which there was something; `kinds`
    and `size` (bytes) count all of them. `asked` says by which rules they were read. Without `known` there is no past.
    `walked` are commits that were compared with their parents while nothing was missing, `telling` those that brought
    something of the `traced` objects, or a name that tells something. `quiet` are marks of files in which nothing was
    found.
    """

    key: bytes
    asked: str = ""
    known: frozenset[str] = frozenset()
    notable: dict[str, tuple[str, int]] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    size: int = 0
    walked: frozenset[str] = frozenset()
    telling: frozenset[str] = frozenset()
    traced: frozenset[str] = frozenset()
    quiet: frozenset[bytes] = frozenset()
    _listed: frozenset[str] = field(default=frozenset(), repr=False)

    def prepare(self, asked: str) -> None:
        """Forgets the past where other rules are asked for."""
        if self.asked != asked:
            self.asked, self.quiet = asked, frozenset()
            self.forget()

    def forget(self) -> None:
        """From now on there is no past."""
        self.known, self.notable, self.kinds, self.size = frozenset(), {}, Counter(), 0
        self.walked = self.telling = self.traced = frozenset()

    def select_unread(self, oids: Iterable[str]) -> list[str] | None:
        """Those of all objects that have to be read: new ones, and those in which there was something. None where all
        have to be: there is no past, or some of it is gone."""
        if not self.known:
            return None
        self._listed = frozenset(oids)
        if not self.known <= self._listed:
            return None
        return sorted((self._listed - self.known).union(self.notable))

    def update(self, oids: Iterable[str], notable: dict[str, tuple[str, int]], kinds: Counter[str], size: int) -> None:
        """Takes what a scan has read: of all objects, or of those that had to be read of the ones listed before."""
        for kind, length in self.notable.values() if self.known else ():
            kinds[kind] -= 1  # it was read again
            size -= length
        self.kinds += kinds
        self.size += size
        self.known = self._listed if self.known else frozenset(oids)
        self.notable = dict(notable)
        if len(self.known) > _MOST:
            self.forget()

    def select_unwalked(self, commits: Collection[str], wanted: Collection[str]) -> Collection[str]:
        """Those of the commits that have to be compared with their parents to find where the wanted objects come from:
        new ones, and those that told something before. Without a past of these objects, all."""
        if not self.known or any(oid in self.known and oid not in self.traced for oid in wanted):
            return commits
        return [commit for commit in commits if commit not in self.walked or commit in self.telling]

    def note_walk(self, commits: Iterable[str], telling: Iterable[str], wanted: Iterable[str]) -> None:
        """Takes which commits were compared, and which of them told where the wanted objects come from."""
        self.walked, self.telling, self.traced = (frozenset(some) for some in (commits, telling, wanted))

    def serialize(self) -> bytes:
        """The memory as bytes that can be kept; empty where there is no past."""
        if not self.known:
            return b""
        groups = (self.known, self.walked, self.telling, self.traced)
        head = {
            "asked": self.asked, "notable": self.notable, "kinds": self.kinds, "size": self.size,
            "width": len(next(iter(self.known))) // 2, "counts": [len(some) for some in groups],
        }  # fmt: skip
        oids = bytes.fromhex("".join(oid for some in groups for oid in sorted(some)))
        return seal_bytes(b"".join((_MAGIC, json.dumps(head).encode(), b"\n", oids, *sorted(self.quiet))), self.key)


def load_memory(kept: bytes, key: bytes) -> ObjectMemory:
    """The memory that was kept, without a past where that is damaged or was made under another key."""
    data = unseal_bytes(kept, key)
    if data is None or not data.startswith(_MAGIC):
        return ObjectMemory(key)
    try:
        end = data.index(b"\n", len(_MAGIC)) + 1
        head = json.loads(data[len(_MAGIC) : end])
        width, counts = int(head["width"]), [int(count) for count in head["counts"]]
        middle = end + width * sum(counts)
        oids = _split(data[end:middle].hex(), 2 * width)
        marks = (data[at : at + MARK] for at in range(middle, len(data), MARK))
        known, walked, telling, traced = (frozenset(islice(oids, count)) for count in counts)
        return ObjectMemory(
            key, str(head["asked"]), known,
            {str(oid): (str(kind), int(size)) for oid, (kind, size) in head["notable"].items()},
            Counter({str(kind): int(count) for kind, count in head["kinds"].items()}), int(head["size"]),
            walked, telling, traced, frozenset(marks),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError):
        return ObjectMemory(key)


def _split(text: str, width: int) -> Iterator[str]:
    return (text[at : at + width] for at in range(0, len(text), width))
