"""Other work trees of a repository: the commits of their HEADs, and their staged files."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from credguard.git.repository import Git
from credguard.lazy_re import compile_lazily
from credguard.system import regular_files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.git.repository import IndexEntry

_LARGEST_HEAD = 1 << 12
_OBJECT = compile_lazily(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def find_detached_heads(repository: Git) -> Iterator[tuple[str, str]]:
    """Name (as in git's refs) and commit of each other work tree whose HEAD is detached; raises GitError."""
    for name, folder in _iter_worktrees(repository):
        with contextlib.suppress(OSError):
            head = regular_files.read(os.path.join(folder, "HEAD"), _LARGEST_HEAD).decode("ascii", "replace").strip()
            if _OBJECT.fullmatch(head):
                yield name, head


def iter_other_indexes(repository: Git) -> Iterator[Git]:
    """The repository as seen from each other work tree with an index; raises GitError."""
    for _, folder in _iter_worktrees(repository):
        index = os.path.join(folder, "index")
        if os.path.isfile(index):
            asked = {"GIT_INDEX_FILE": index, "GIT_DIR": folder, "GIT_WORK_TREE": str(repository.folder)}
            yield Git(repository.folder, extra=asked)


def iter_staged_entries(repository: Git) -> Iterator[IndexEntry]:
    """The entries of the indexes of the other work trees; raises GitError."""
    for index in iter_other_indexes(repository):
        yield from index.list_tracked()


def _iter_worktrees(repository: Git) -> Iterator[tuple[str, str]]:
    """Name and git folder of every other work tree, including the main one."""
    here = repository.layout.git_dir
    linked = os.path.join(repository.common_dir, "worktrees")
    names = sorted(os.listdir(linked)) if os.path.isdir(linked) else []
    folders = {f"worktrees/{name}": os.path.join(linked, name) for name in names}
    if names:
        folders["main-worktree"] = repository.common_dir
    yield from ((name, path) for name, path in folders.items() if os.path.realpath(path) != here)
