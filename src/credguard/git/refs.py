"""Refs by their use, and the commits that they lead to."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING

from credguard.git import linked_worktrees
from credguard.git.process import GitError, stop_process
from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from credguard.git.repository import Git

_PULLS = ("refs/pull/", "refs/pull-requests/", "refs/merge-requests/", "refs/changes/", "refs/remotes/pull/")
_LONGEST_CHAIN = 20
_LARGEST_TAG = 1 << 20
_REFLOGS = (
    "log", "--walk-reflogs", "-z", "--format=%H %gD", "--no-show-signature", "--no-patch", "--no-color",
    "--no-notes", "--no-mailmap",
)  # fmt: skip
_PLAIN = compile_lazily(r"HEAD|refs(?:/[A-Za-z0-9][A-Za-z0-9_-]*)+")
_MOST_NAMED = 200
_LIST = (
    "for-each-ref",
    "--format=%(HEAD)%(objectname) %(objecttype) %(*objectname) %(*objecttype) %(refname)%00",
)


class Use(Enum):
    """The use of a ref; the value is its name in reports."""

    BRANCH = "branches"
    TAG = "tags"
    REMOTE = "remotes"
    PULL = "pulls"
    OTHER = "others"


@dataclass(frozen=True, slots=True)
class Ref:
    """A ref, its object, and the commit that this is or leads to ("" for none); `chain` are all objects on the way, and
    if the last one is a tree, `tree` is that. One of them `is_head`, unless HEAD is unborn."""

    name: str
    oid: str
    commit: str
    chain: tuple[str, ...] = ()
    tree: str = ""
    is_head: bool = False

    @property
    def use(self) -> Use:
        """Its use, by its namespace."""
        if self.name.startswith(_PULLS):
            return Use.PULL
        places = {"refs/heads/": Use.BRANCH, "refs/tags/": Use.TAG, "refs/remotes/": Use.REMOTE}
        return next((use for place, use in places.items() if self.name.startswith(place)), Use.OTHER)

    @property
    def short(self) -> str:
        """The short name."""
        for place in ("refs/heads/", "refs/tags/", "refs/remotes/", "refs/"):
            if self.name.startswith(place):
                return self.name.removeprefix(place)
        return self.name


class RefListing:
    """Lists all refs with git in the background."""

    def __init__(self, repository: Git) -> None:
        """Raises GitError."""
        self._git = repository
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._process = repository.start(*_LIST, stdout=self._output)

    @cached_property
    def refs(self) -> list[Ref]:
        """All of them, and the detached HEADs: this one, and those of other work trees; raises GitError."""
        if self._git.wait(self._process):
            self._git.run(*_LIST)  # once more, for its error message
        self._output.seek(0)
        return _read(self._git, self._output.read())

    def close(self) -> None:
        """Ends git if it still runs."""
        stop_process(self._process)
        self._output.close()


def _read(repository: Git, listed: bytes) -> list[Ref]:
    found: list[Ref] = []
    for record in repository.split(listed):
        record = record.lstrip("\n")  # noqa: PLW2901
        if not record:
            continue
        oid, kind, below, below_kind, name = record[1:].split(" ", 4)
        chain: tuple[str, ...] = (oid, below) if below else (oid,)
        last_kind = below_kind or kind
        if last_kind == "tag":  # a tag of a tag
            chain, last_kind = _follow_tag(repository, oid)
        commit, tree = (chain[-1] if last_kind == what else "" for what in ("commit", "tree"))
        found.append(Ref(name, oid, commit, chain, tree, is_head=record[0] == "*"))
    head = None if any(ref.is_head for ref in found) else repository.resolve_head()
    if head:
        found.append(Ref("HEAD", head, head, (head,), is_head=True))
    return found + [
        Ref(f"{name}/HEAD", oid, oid, (oid,)) for name, oid in linked_worktrees.find_detached_heads(repository)
    ]


def _follow_tag(repository: Git, oid: str) -> tuple[tuple[str, ...], str]:
    """The objects from a tag on, and the type of the last that exists."""
    chain, kind = [oid], "tag"
    while kind == "tag" and len(chain) <= _LONGEST_CHAIN:
        kind, data = next(repository.read_objects([chain[-1]], _LARGEST_TAG))
        named = data[7:].split(b"\n", 1)[0] if isinstance(data, bytes) and kind == "tag" else b""
        if not named:
            break
        chain.append(named.decode("ascii", "replace"))
    return tuple(chain), kind


def find_default_branch(repository: Git, remote: str = "") -> str | None:
    """The commit of the default branch here (of HEAD), or of a remote as last fetched; if that does not exist, of main
    or master. None if there is none; raises GitError."""
    space = f"refs/remotes/{remote}/" if remote else "refs/heads/"
    for name in (f"{space}HEAD" if remote else "HEAD", f"{space}main", f"{space}master"):
        words = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        found = repository.run(*words, ok=(0, 1, 128)).strip().decode()
        if found:
            return found
    return None


def read_reflogs(repository: Git) -> dict[str, list[str]]:
    """The commits in the reflog of each ref that has one, newest first; raises GitError."""
    found: dict[str, list[str]] = {}
    here, common = repository.layout.git_dir, repository.common_dir
    places = (f"{here}/logs", f"{common}/logs", f"{common}/worktrees", f"{common}/reftable")
    if not any(map(os.path.exists, places)):
        return found  # git would search one for each ref
    for record in repository.split(_list_entries(repository, common)):
        commit, _, entry = record.partition(" ")
        found.setdefault(entry.rpartition("@{")[0], []).append(commit)
    return found


def _list_entries(repository: Git, common: str) -> bytes:
    """What git lists of all reflogs. It is told which there are if nothing about them is unusual: by itself it searches
    one for each ref."""
    names: list[str] = []
    if not any(os.path.exists(f"{common}/{name}") for name in ("worktrees", "reftable")):
        logs = f"{common}/logs"
        names = [os.path.relpath(f"{folder}/{name}", logs) for folder, _, some in os.walk(logs) for name in some]
    if names and len(names) <= _MOST_NAMED and all(map(_PLAIN.fullmatch, names)):
        with contextlib.suppress(GitError):  # there may be one of a ref that is gone
            return repository.run(*_REFLOGS, *sorted(names, key=lambda name: (name == "HEAD", name)), "--")
    return repository.run(*_REFLOGS, "--all")


def propagate_marks(parents: Mapping[str, Sequence[str]], marks: Mapping[str, int]) -> dict[str, int]:
    """For each commit the bits of `marks` on it and on all its ancestors; `parents` has children first."""
    bits: dict[str, int] = {}
    for commit in reversed(list(parents)):
        found = marks.get(commit, 0)
        for parent in parents[commit]:
            found |= bits.get(parent, 0)
        if found:
            bits[commit] = found
    return bits


def find_first_commits(
    commits: Iterable[str], parents: Mapping[str, Sequence[str]], bits: Mapping[str, int], bit: int
) -> list[str]:
    """Those of the commits whose parents do not have the bit, and so no ancestor."""
    return [c for c in commits if not any(bits.get(parent, 0) & bit for parent in parents.get(c, ()))]
