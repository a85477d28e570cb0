"""Every object that git holds, or those that some commits lead to: small ones in batches, large ones alone."""

from __future__ import annotations

import contextlib
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from credguard.git import GitError, stop

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Sequence
    from typing import IO

    from credguard.git import Git

_LARGE = 1 << 15
_BATCH = 1 << 20
_PIECE = 1 << 20
_ALL = ("cat-file", "--batch-all-objects", "--unordered", "--buffer")
_CONTENTS = "--batch=%(objecttype) %(objectsize) %(objectname)"
_NEWLINE = ord("\n")
_KINDS = ("blob", "commit", "tag", "tree")
_MOST_BROKEN = 100
"""git ends at a corrupt object and has to be started again behind it: more than so often it is not."""


@dataclass(slots=True)
class Batch:
    """Objects of one kind in turn, trees or no trees: heads (`type size oid`), and contents each with a
    newline after it."""

    heads: list[bytes] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    size: int = 0

    @property
    def is_trees(self) -> bool:
        """True where the objects are trees."""
        return self.heads[0].startswith(b"tree")


class History:
    """The objects of a repository. When `batches` has ended, `kinds` counts those that came and `bytes`
    what they hold; `broken` are missing or corrupt, `over` (type, object ID, bytes) over the limit."""

    def __init__(self, repository: Git, limit: int, revisions: Sequence[str] = ()) -> None:
        """`revisions` are arguments of `git rev-list`; without any, all objects are meant, reachable or not."""
        self.kinds: Counter[str] = Counter()
        self.bytes = 0
        self.broken: list[str] = []
        self.over: list[tuple[str, str, int]] = []
        self._git = repository
        self._limit = limit
        self._revisions = tuple(revisions)
        self._came = 0
        self._astray = False

    def batches(self) -> Iterator[Batch]:
        """The objects, each once; one of 32 KiB or more alone. Raises GitError.

        An object over the limit is passed over in pieces. git ends at an object that is corrupt: it
        is named, and what follows is asked for anew.
        """
        processes = self._first()
        while True:
            with contextlib.ExitStack() as stack:
                for process in processes:
                    stack.callback(stop, process)
                assert processes[-1].stdout  # noqa: S101 - a pipe
                yield from self._read(processes[-1].stdout)
                if not self._astray and not processes[-1].wait():
                    if any(process.wait() for process in processes):
                        raise GitError("git could not list the objects")
                    return
            self._astray = False
            with tempfile.TemporaryFile() as rest:
                broken = self._list_rest(rest)
                if not broken:
                    raise GitError("git ended with an error after the last object")
                self.broken.append(broken)
                self._came += 1
                if len(self.broken) > _MOST_BROKEN:
                    raise GitError(f"over {_MOST_BROKEN} objects are corrupt: the rest was not looked at")
                processes = [self._git.start("cat-file", "--buffer", _CONTENTS, stdin=rest)]

    def _first(self) -> list[subprocess.Popen[bytes]]:
        if not self._revisions:
            return [self._git.start(*_ALL, _CONTENTS)]
        names = self._names()
        return [names, self._git.start("cat-file", "--buffer", _CONTENTS, stdin=names.stdout)]

    def _names(self) -> subprocess.Popen[bytes]:
        """Lists the objects in the order in which they come."""
        if not self._revisions:
            return self._git.start(*_ALL, "--batch-check=%(objectname)")
        return self._git.start("rev-list", "--objects", "--no-object-names", "--missing=print", *self._revisions)

    def _list_rest(self, rest: IO[bytes]) -> str:
        """Writes the names of the objects that are still to come; gives that of the one before, at which
        git ended."""
        process = self._names()
        broken = ""
        try:
            assert process.stdout  # noqa: S101 - a pipe
            for number, name in enumerate(process.stdout):
                if number > self._came:
                    rest.write(name)
                elif number == self._came:
                    broken = name.strip().decode()
        finally:
            stop(process)
        rest.seek(0)
        return broken

    def _read(self, stream: IO[bytes]) -> Iterator[Batch]:
        batches = {True: Batch(), False: Batch()}
        for head in iter(stream.readline, b""):
            words = head.split()
            if words[-1] == b"missing":
                self.broken.append(words[0].decode().removeprefix("?"))
                self._came += 1
                continue
            size = int(words[1])
            if size > self._limit:
                if not _pass_over(stream, size + 1):
                    self._astray = True
                    break
                self.over.append((words[0].decode(), words[2].decode(), size))
                self._came += 1
                continue
            content = stream.read(size + 1)
            if len(content) <= size or content[-1] != _NEWLINE:
                self._astray = True  # the object is shorter than its head says
                break
            if size >= _LARGE:
                yield self._counted(Batch([head], [content], size))
                continue
            is_tree = words[0] == b"tree"
            batch = batches[is_tree]
            batch.heads.append(head)
            batch.contents.append(content)
            batch.size += size
            if batch.size >= _BATCH:
                batches[is_tree] = Batch()
                yield self._counted(batch)
        for batch in batches.values():
            if batch.heads:
                yield self._counted(batch)

    def _counted(self, batch: Batch) -> Batch:
        self.bytes += batch.size
        heads = b"".join(batch.heads)
        for kind in _KINDS:
            self.kinds[kind] += heads.count(kind.encode() + b" ")
        self._came += len(batch.heads)
        return batch


def _pass_over(stream: IO[bytes], size: int) -> bool:
    """Reads so many bytes in pieces and drops them; False where there are fewer, or where they end otherwise
    than with a newline."""
    piece = b""
    while size:
        piece = stream.read(min(size, _PIECE))
        if not piece:
            return False
        size -= len(piece)
    return piece[-1] == _NEWLINE
