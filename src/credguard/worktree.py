"""A folder as it lies on disk: which files it has, which git tracks, and how to read one safely."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from credguard.git import Git

READ_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
RULE_READ_LIMIT = 16 << 20


@dataclass(slots=True)
class WorkTree:
    """What tree rules look at.

    `files` are the paths in scope (tracked, and untracked but not ignored; every file where there
    is no repository), relative to `root`, `/`-separated. `tracked` is the part of them that git
    tracks. `repository` is None outside git. `reader` gives the bytes of a file where they do not
    come from the disk. `bare` is set where git has no work tree to ask about ignore rules.
    """

    root: Path
    files: tuple[str, ...]
    tracked: frozenset[str] = frozenset()
    repository: Git | None = None
    bare: bool = False
    reader: Callable[[str], bytes | None] | None = None
    _cache: dict[str, bytes | None] = field(default_factory=dict)

    def read(self, path: str) -> bytes | None:
        """The bytes of a regular file of the tree (at most 16 MiB), None when it cannot be had."""
        if path not in self._cache:
            self._cache[path] = self.reader(path) if self.reader else self._read(path)
        return self._cache[path]

    def named(self, *names: str) -> Iterator[str]:
        """The paths whose last component, lower-cased, is one of `names`."""
        for path in self.files:
            if path.rpartition("/")[2].lower() in names:
                yield path

    def _read(self, path: str) -> bytes | None:
        try:
            descriptor = os.open(os.path.join(self.root, path), READ_FLAGS)
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
