"""A folder on disk: which files it has, which of them git tracks, and how to read them safely."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from credguard.system.compat import open_to_read
from credguard.system.containment import OutsideError, Root

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from credguard.git.repository import Git

RULE_READ_LIMIT = 16 << 20


@dataclass(slots=True)
class WorkTree:
    """What tree rules check.

    `files` are the paths in scope (tracked, and untracked but not ignored; every file outside of a repository),
    relative to `root`, `/`-separated. `tracked` is the part of them that git tracks. `repository` is None outside git.
    `reader` provides the bytes of files that do not come from the disk, and `beside` those of files that are not in the
    tree because a change leaves them as they are. `bare` is set if git has no work tree to evaluate ignore rules,
    `former` for files of the past.
    """

    root: Path
    files: tuple[str, ...]
    tracked: frozenset[str] = frozenset()
    repository: Git | None = None
    bare: bool = False
    reader: Callable[[str], bytes | None] | None = None
    beside: Callable[[str], bytes | None] | None = None
    former: bool = False
    _cache: dict[str, bytes | None] = field(default_factory=dict)
    _roots: dict[str, Root] = field(default_factory=dict)

    def read(self, path: str) -> bytes | None:
        """The bytes of a regular file of the tree (at most 16 MiB), None if it cannot be read."""
        if path not in self._cache:
            self._cache[path] = self.reader(path) if self.reader else self._read(path)
        return self._cache[path]

    def read_beside(self, path: str) -> bytes | None:
        """The bytes of a file of the tree, or of one that the change in the tree leaves as it is."""
        data = self.read(path)
        return self.beside(path) if data is None and self.beside else data

    def find_named(self, *names: str) -> Iterator[str]:
        """The paths whose last component, lower-cased, is one of `names`."""
        for path in self.files:
            if path.rpartition("/")[2].lower() in names:
                yield path

    def resolve_path(self, path: str) -> str | None:
        """The target of a path of the tree, None for one that leads out of it. For a folder inside a repository, `../`
        leads to its parent there."""
        top, rest = str(self.root), path
        if path.startswith("../") and self.repository is not None and not self.bare:
            for _ in range(self.repository.layout.prefix.count("/")):
                if rest.startswith("../"):
                    top, rest = os.path.join(top, os.pardir), rest[3:]
        if top not in self._roots:
            self._roots[top] = Root(top)
        try:
            return self._roots[top].resolve_location(rest)
        except OutsideError:
            return None

    def _read(self, path: str) -> bytes | None:
        location = self.resolve_path(path)
        if location is None:
            return None
        try:
            descriptor = open_to_read(location)
        except OSError:
            return None
        with os.fdopen(descriptor, "rb") as handle:
            info = os.fstat(descriptor)
            if not stat.S_ISREG(info.st_mode) or info.st_size > RULE_READ_LIMIT:
                return None
            try:
                return handle.read(RULE_READ_LIMIT + 1)
            except OSError:
                return None
