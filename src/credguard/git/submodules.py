"""The repositories of submodules in a repository's own folder, checked out or not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.git.repository import Git
from credguard.system.compat import is_link

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEEPEST = 8


def iter_submodules(repository: Git) -> Iterator[tuple[str, Git]]:
    """Each with its label (`.git/modules/name`), in order of names; raises GitError."""
    modules = os.path.join(repository.common_dir, "modules")
    for name, folder in () if is_link(modules) else _iter_modules(modules, ".git/modules", _DEEPEST):
        # Its settings may name a missing work tree, in which git would refuse to start.
        yield name, Git(Path(folder), extra={"GIT_DIR": folder, "GIT_WORK_TREE": folder})


def _iter_modules(folder: str, name: str, depth: int) -> Iterator[tuple[str, str]]:
    """The names of submodules may contain slashes; each may have its own submodules."""
    try:
        inner = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    for one in inner if depth else ():
        path, called = os.path.join(folder, one), f"{name}/{one}"
        if os.path.lexists(os.path.join(path, "HEAD")) and os.path.isdir(os.path.join(path, "objects")):
            yield called, path
            yield from _iter_modules(os.path.join(path, "modules"), f"{called}/modules", depth - 1)
        else:
            yield from _iter_modules(path, called, depth - 1)
