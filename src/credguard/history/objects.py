"""Every object that git holds, or those that some commits lead to: small ones in batches, large ones alone."""

from __future__ import annotations

import contextlib
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from credguard.git.cat_file import pass_over
from credguard.git.object_hashes import is_called
from credguard.git.object_store import ALL, Store
from credguard.git.packfile import OBJECT_TYPES, TREE
from credguard.git.process import stop_process
from credguard.git.repository import GitError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence
    from typing import IO

    from credguard.git.packfile import Pack
    from credguard.git.repository import Git
    from credguard.history.memory import ObjectMemory

    _Object = tuple[bool, int, bytes]
    """Whether it is a tree, a key by which its name is asked for, and its content."""
    Share = tuple[Pack, list[int]]

_LARGE = 1 << 15
_BATCH = 1 << 20
_CONTENTS = "--batch=%(objecttype) %(objectsize) %(objectname)"
_REACHABLE = ("rev-list", "--objects", "--no-object-names", "--missing=print")
_MOST_BROKEN = 100
"""git ends at a corrupt object and has to be started again behind it: more than so often it is not."""


@dataclass(slots=True)
class Batch:
    """Contents of objects, trees or no trees. `named` says type and object ID of the one with a key."""

    named: Callable[[int], tuple[str, str]]
    is_trees: bool
    contents: list[bytes] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    size: int = 0

    def add(self, content: bytes, key: int) -> None:
        """Takes one more object."""
        self.contents.append(content)
        self.keys.append(key)
        self.size += len(content)


class History:
    """The objects of a repository, each once: first the `shares`, then the `rest`. `kinds` counts those that
    came and `bytes` what they hold; `broken` are missing or corrupt, `over` (type, object ID, bytes) over the limit."""

    def __init__(
        self, repository: Git, limit: int, revisions: Sequence[str] = (), memory: ObjectMemory | None = None
    ) -> None:
        """`revisions` are arguments of `git rev-list`; without any, all objects are meant, reachable or not, less those
        of which the `memory` knows that there is nothing in them."""
        self.kinds: Counter[str] = Counter()
        self.bytes = 0
        self.broken: list[str] = []
        self.over: list[tuple[str, str, int]] = []
        self._misnamed: list[str] = []
        self._git = repository
        self._limit = limit
        self._revisions = tuple(revisions)
        self._came = 0
        self._astray = False
        self._stack = contextlib.ExitStack()
        self._store: Store | None = None
        self._memory = memory
        self._listed: list[str] = []
        self._unread: list[str] | None = None

    def list_shares(self) -> list[Share]:
        """Parts of the objects that may be read in any order, by any process that is forked from this one; raises
        GitError. `rest` comes after all of them."""
        if self._revisions:
            return []
        if self._memory and self._memory.known:
            self._listed = self._git.run(*ALL).decode().split()
            self._unread = self._memory.select_unread(self._listed)
            if self._unread is not None:
                return []
            self._memory.forget()
        self._store = self._stack.enter_context(contextlib.closing(Store(self._git)))
        packs = self._store.packs
        checks: list[Share] = [(pack, []) for pack in packs]
        return checks + [(pack, roots) for pack in packs for roots in pack.iter_families()]

    def iter_batches(self, share: Share) -> Iterator[Batch]:
        """The objects of a share; one of 32 KiB or more alone. A share without objects checks its pack."""
        pack, roots = share
        with contextlib.suppress(OSError):  # what was not read then is left
            if not roots:
                pack.check()
            yield from _group_batches(self._read_pack(pack, roots), pack.identify_object)

    def iter_rest(self) -> Iterator[Batch]:
        """The objects that were in no share or could not be read there, as git gives them; raises GitError."""
        names = self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 - the stack closes it
        if self._unread is not None:
            names.writelines(name.encode() + b"\n" for name in self._unread)
        elif self._store:
            names.writelines(name.encode() + b"\n" for name in self._store.iter_unread())
        else:
            names.write(self._git.run(*_REACHABLE, *self._revisions))
        if names.tell():
            yield from self._read_from_git(names)

    @property
    def store_errors(self) -> list[str]:
        """What is wrong with the object store, after `rest`."""
        return self._store.closed if self._store else []

    @property
    def misnamed(self) -> list[str]:
        """The IDs under which other objects than theirs came, as far as they were hashed; after `rest`."""
        packed = [oid for pack in self._store.packs for oid in pack.misnamed()] if self._store else []
        return list(dict.fromkeys(packed + self._misnamed))

    @property
    def lists_all(self) -> bool:
        """True where `lacking` can be asked."""
        return self._unread is not None or (self._store is not None and self._store.is_small)

    def list_names(self) -> list[str]:
        """The IDs of all objects, after `rest`; raises GitError."""
        if not self._listed:
            self._listed = self._store.list_names() if self._store else self._git.run(*ALL).decode().split()
        return self._listed

    def find_missing(self, oids: Collection[bytes]) -> list[str]:
        """Those of the object IDs (in hex) that git does not list, in their order; after `rest`."""
        if self._unread is not None:
            return sorted({oid.decode() for oid in oids}.difference(self._listed))
        return self._store.find_missing(oids) if self._store else []

    def close(self) -> None:
        """Closes what is open."""
        self._stack.close()

    def _read_pack(self, pack: Pack, roots: list[int]) -> Iterator[_Object]:
        counts = [0] * len(OBJECT_TYPES)
        try:
            for kind, number, content in pack.iter_objects(roots, self._limit):
                counts[kind] += 1
                self.bytes += len(content)
                yield kind == TREE, number, content
        finally:
            self.kinds.update(dict(zip(OBJECT_TYPES, counts, strict=True)))

    def _read_from_git(self, names: IO[bytes]) -> Iterator[Batch]:
        """What git says of the objects.

        An object over the limit is passed over in pieces. git ends at an object that is corrupt: it
        is named, and what follows is asked for anew.
        """
        asked = names
        with contextlib.ExitStack() as stack:
            while True:
                asked.seek(0)
                process = self._git.start("cat-file", "--buffer", _CONTENTS, stdin=asked)
                stack.callback(stop_process, process)
                assert process.stdout  # noqa: S101 - a pipe
                heads: list[bytes] = []
                yield from _group_batches(self._read(process.stdout, heads), partial(_parse_head, heads))
                if not self._astray and not process.wait():
                    return
                self._astray = False
                asked = stack.enter_context(tempfile.TemporaryFile())
                self.broken.append(self._write_remaining(names, asked))
                self._came += 1
                if len(self.broken) > _MOST_BROKEN:
                    raise GitError(f"over {_MOST_BROKEN} objects are corrupt: the rest was not scanned")

    def _write_remaining(self, names: IO[bytes], rest: IO[bytes]) -> str:
        """Writes the names of the objects that are still to come; gives that of the one before, at which
        git ended."""
        names.seek(0)
        following = islice(names, self._came, None)
        broken = next(following, b"").strip().decode()
        if not broken:
            raise GitError("git ended with an error after the last object")
        rest.writelines(following)
        return broken

    def _read(self, stream: IO[bytes], heads: list[bytes]) -> Iterator[_Object]:
        for head in iter(stream.readline, b""):
            words = head.split()
            if words[-1] == b"missing":
                self.broken.append(words[0].decode().removeprefix("?"))
                self._came += 1
                continue
            size = int(words[1])
            if size > self._limit:
                if not pass_over(stream, size + 1):
                    self._astray = True
                    return
                self.over.append((words[0].decode(), words[2].decode(), size))
                self._came += 1
                continue
            content = stream.read(size)
            if len(content) < size or stream.read(1) != b"\n":
                self._astray = True  # the object is shorter than its head says
                return
            self._came += 1
            self.bytes += size
            kind, oid = words[0].decode(), words[2].decode()
            if not is_called(kind, content, oid):
                self._misnamed.append(oid)
            self.kinds[kind] += 1
            heads.append(head)
            yield words[0] == b"tree", len(heads) - 1, content


def _group_batches(objects: Iterator[_Object], named: Callable[[int], tuple[str, str]]) -> Iterator[Batch]:
    """The objects together with others of their kind, large ones alone."""
    waiting = [Batch(named, is_trees=False), Batch(named, is_trees=True)]
    for is_tree, key, content in objects:
        if len(content) >= _LARGE:
            yield Batch(named, is_tree, [content], [key], len(content))
            continue
        batch = waiting[is_tree]
        batch.add(content, key)
        if batch.size >= _BATCH:
            waiting[is_tree] = Batch(named, is_tree)
            yield batch
    yield from (batch for batch in waiting if batch.keys)


def _parse_head(heads: list[bytes], key: int) -> tuple[str, str]:
    """Type and object ID, as git has said them."""
    kind, _, oid = heads[key].split()
    return kind.decode(), oid.decode()
