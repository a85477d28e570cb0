"""Which files some commit holds, how far that has come, and where it began."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from credguard.git.repository import Git


@dataclass(frozen=True, slots=True)
class CommittedFile:
    """A file that commits hold: whether a remote has one of them as far as git knows here, and the first one that HEAD
    leads to ("" if there is none), which `is_last` if it is HEAD itself and `is_root` if it has no parents."""

    path: str
    pushed: bool
    first_commit: str
    is_last: bool = False
    is_root: bool = False


def find_committed(repository: Git | None, paths: Iterable[str]) -> list[CommittedFile]:
    """Those of the paths that some commit holds; raises GitError."""
    if repository is None:
        return []
    head = repository.resolve_head() or ""
    found = []
    for path in paths:
        if repository.run("rev-list", "-1", "--all", *(["HEAD"] if head else []), "--", path).strip():
            pushed = bool(repository.run("rev-list", "-1", "--remotes", "--", path).strip())
            commits = repository.run("rev-list", "--reverse", "HEAD", "--", path).decode().split() if head else []
            first = commits[0] if commits else ""
            is_root = bool(first) and not repository.run("rev-list", "-1", "--skip=1", first).strip()
            found.append(CommittedFile(path, pushed, first, commits == [head], is_root))
    return found
