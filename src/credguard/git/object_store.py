"""The objects of a repository: the packs that are read directly, and what is left for git to read."""

from __future__ import annotations

import contextlib
import tempfile
from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.git.packfile import Pack, PackError
from credguard.git.process import stop_process
from credguard.git.repository import GitError
from credguard.system.compat import decode_path

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import IO

    from credguard.git.repository import Git

ALL = ("cat-file", "--batch-all-objects", "--batch-check=%(objectname)")
"""Lets git list all objects."""
_ALTERNATE = "alternate: "
_MOST = 2_000_000
"""The most objects that fit in memory; with more, all are read through git."""
_INDEXED = 28
"""The fewest bytes of an object in an index."""
_LINES = 10_000
_SEVERAL = "multi-pack-index"
_MOST_OPEN = 150
"""The most packs that are open at a time: a process may have 256 files open on macOS (`ulimit -n`)."""
_TOGETHER = 100
_FEW = 1 << 19
"""The most bytes of packs of which every object is hashed: the time for that is not measurable. For more, it would be a
sixth."""


class Store:
    """The objects of a repository, and of its alternates. `closed` are packs that cannot be read; after `left`, with
    git's reports on others. A store that is not `is_small` has too many objects for memory."""

    def __init__(self, repository: Git) -> None:
        """Opens the packs, while git lists all objects; raises GitError."""
        self._width = repository.layout.width
        objects = Path(repository.layout.objects)
        folders = [folder / "pack" for folder in (objects, *_find_alternates(repository, objects))]
        indexes = [index for folder in folders for index in sorted(folder.glob("*.idx"))]
        self.closed = [str(pack) for folder in folders for pack in _find_unpaired(folder)]
        self.packs: list[Pack] = []
        self._git, self._folders = repository, folders
        self._odd: list[Path] = []
        with contextlib.ExitStack() as stack:
            self._listed: IO[bytes] = stack.enter_context(tempfile.TemporaryFile())
            self._said: IO[bytes] = stack.enter_context(tempfile.TemporaryFile())
            self.is_small = sum(map(_read_size, indexes)) <= _MOST * _INDEXED
            # In the order of their names they would be slow to read.
            self._process = repository.start(
                *ALL, *(() if self.is_small else ("--unordered",)), stdout=self._listed, stderr=self._said
            )
            stack.callback(stop_process, self._process)
            are_few = sum(_read_size(index.with_suffix(".pack")) for index in indexes) <= _FEW
            for index in indexes if self.is_small else ():
                self._open(index, hashed=are_few)
            for pack in self.packs:
                stack.callback(pack.close)
            if len(self.packs) > 1:
                self._deduplicate()
            self._stack = stack.pop_all()

    def _open(self, index: Path, *, hashed: bool) -> None:
        if len(self.packs) < _MOST_OPEN:
            with contextlib.suppress(PackError, OSError):
                self.packs.append(Pack(index, self._width, hashed=hashed))
                return
        self._odd.append(index)

    def close(self) -> None:
        """Closes the packs, and ends git if it still runs."""
        self._stack.close()

    def iter_unread(self) -> Iterator[str]:
        """The IDs of the objects that were not read from the packs; raises GitError."""
        for pack in self.packs:
            yield from pack.iter_unread()
        if self._process.wait():
            raise GitError("git could not list the objects")
        self._said.seek(0)
        said = (line.decode("utf-8", "replace").strip() for line in self._said)
        self.closed += dict.fromkeys(line for line in said if line.startswith(("error:", "fatal:", "warning:")))
        self.closed += self._in_doubt()
        self._listed.seek(0)
        if not self.packs:
            yield from (line.strip().decode() for line in self._listed)
            return
        known = [pack.names for pack in self.packs]
        listed = b"".join(bytes.fromhex(some.decode()) for some in self._iter_lines())
        if listed not in known:
            for byte in range(256):
                here = set().union(*(self._find_names(names, byte)[1] for names in known))
                yield from (name.hex() for name in self._find_names(listed, byte)[1] if name not in here)

    def list_names(self) -> list[str]:
        """The object IDs (in hex) that git lists; after `left`."""
        self._listed.seek(0)
        return self._listed.read().decode().split()

    def find_missing(self, oids: Collection[bytes]) -> list[str]:
        """Those of the object IDs (in hex) that git does not list, in their order; after `left`."""
        lacking = set(oids)
        self._listed.seek(0)
        for lines in self._iter_lines():
            lacking.difference_update(lines.split())
        return sorted(oid.decode() for oid in lacking)

    def _iter_lines(self) -> Iterator[bytes]:
        """git's list, many lines at once."""
        return iter(lambda: self._listed.read(_LINES * (2 * self._width + 1)), b"")

    def _in_doubt(self) -> Iterator[str]:
        """The packs and indexes that git, or their checksum, reports as invalid. git is asked if objects that several
        packs have could not be compared, and about multi-pack indexes, by which it reads objects that no index of a
        single pack has there. Raises GitError."""
        for pack in self.packs:
            if not pack.is_whole:
                yield f"{pack.index.with_suffix('.pack')} or its index does not match its checksum"
        unsettled = [pack.index for pack in self.packs if pack.is_unsettled]
        for index in self._find_damaged([*unsettled, *self._odd]):
            yield f"{index.with_suffix('.pack')} does not match its index"
        for folder in self._folders:
            if any((folder / name).exists() for name in (_SEVERAL, f"{_SEVERAL}.d")) and not self._agrees(
                _SEVERAL, f"--object-dir={folder.parent}", "verify", "--no-progress"
            ):
                yield f"{folder / _SEVERAL} does not match the packs"

    def _find_damaged(self, indexes: list[Path]) -> Iterator[Path]:
        """Those of the indexes that git reports as unlike their packs. One process verifies many."""
        for start in range(0, len(indexes), _TOGETHER):
            some = indexes[start : start + _TOGETHER]
            if not self._agrees("verify-pack", "--", *map(str, some)):
                yield from (index for index in some if not self._agrees("verify-pack", "--", str(index)))

    def _agrees(self, *words: str) -> bool:
        """True if git exits successfully."""
        try:
            self._git.run(*words)
        except GitError:
            return False
        return True

    def _deduplicate(self) -> None:
        """An object in several packs is returned by the first, and by others only if theirs differs."""
        for byte in range(256):
            held = [(pack, *self._find_names(pack.names, byte)) for pack in self.packs]
            known: set[bytes] = set()
            common: set[bytes] = set()
            for _, _, names in held:
                common.update(known.intersection(names))
                known.update(names)
            waiting = set(common)
            for pack, start, names in held if common else ():
                for place, name in enumerate(names, start):
                    if name in common:
                        pack.share(place, first=name in waiting)
                        waiting.discard(name)

    def _find_names(self, names: bytes, byte: int) -> tuple[int, list[bytes]]:
        """Those that begin with a byte, and the index of the first."""
        width = self._width
        places = range(len(names) // width)
        start, end = (bisect_left(places, one, key=lambda place: names[place * width]) for one in (byte, byte + 1))
        return start, [names[place * width : (place + 1) * width] for place in range(start, end)]


def _find_alternates(repository: Git, objects: Path) -> Iterator[Path]:
    """The object folders of the alternates; names with special bytes are left to git."""
    if not (objects / "info" / "alternates").exists():
        return
    for line in decode_path(repository.run("count-objects", "-v")).split("\n"):
        if line.startswith(_ALTERNATE) and not line.startswith(f'{_ALTERNATE}"'):
            yield Path(repository.folder, line.removeprefix(_ALTERNATE))


def _find_unpaired(folder: Path) -> Iterator[Path]:
    """Packs without an index, which git silently ignores, and indexes without a pack."""
    for this, other in ((".pack", ".idx"), (".idx", ".pack")):
        for path in sorted(folder.glob(f"pack-*{this}")):
            if not path.with_suffix(other).exists():
                yield path


def _read_size(index: Path) -> int:
    try:
        return index.stat().st_size
    except OSError:
        return 0
