"""Refs by what they are for, and which of them lead to a commit."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from credguard.git import Git

_PULLS = ("refs/pull/", "refs/pull-requests/", "refs/merge-requests/", "refs/changes/", "refs/remotes/pull/")
_FORMAT = "%(objectname) %(objecttype) %(*objectname) %(*objecttype) %(refname)%00"


class Use(Enum):
    """What a ref is for; the value is its name in reports."""

    BRANCH = "branches"
    TAG = "tags"
    REMOTE = "remotes"
    PULL = "pulls"
    OTHER = "others"


@dataclass(frozen=True, slots=True)
class Ref:
    """A ref, the object that it names, and the commit that this is or leads to ("" for none)."""

    name: str
    oid: str
    commit: str

    @property
    def use(self) -> Use:
        """What it is for, by its place."""
        if self.name.startswith(_PULLS):
            return Use.PULL
        places = {"refs/heads/": Use.BRANCH, "refs/tags/": Use.TAG, "refs/remotes/": Use.REMOTE}
        return next((use for place, use in places.items() if self.name.startswith(place)), Use.OTHER)

    @property
    def short(self) -> str:
        """The name as people say it."""
        for place in ("refs/heads/", "refs/tags/", "refs/remotes/", "refs/"):
            if self.name.startswith(place):
                return self.name.removeprefix(place)
        return self.name


def refs(repository: Git) -> list[Ref]:
    """All refs, and HEAD where it is detached; raises GitError."""
    found: list[Ref] = []
    deep: list[tuple[str, str]] = []
    for record in repository.split(repository.run("for-each-ref", f"--format={_FORMAT}")):
        oid, kind, below, below_kind, name = record.lstrip("\n").split(" ", 4) if record.strip() else ("",) * 5
        if not name:
            continue
        if below_kind == "tag":  # a tag of a tag
            deep.append((name, oid))
        commit = oid if kind == "commit" else below if below_kind == "commit" else ""
        found.append(Ref(name, oid, commit))
    at_the_end = {oid: commit for _, oid in deep for commit in repository.commits_of([oid])}
    found = [Ref(ref.name, ref.oid, ref.commit or at_the_end.get(ref.oid, "")) for ref in found]
    head = repository.head()
    if head and not repository.run("symbolic-ref", "--quiet", "HEAD", ok=(0, 1)).strip():
        found.append(Ref("HEAD", head, head))
    return found


def reached(parents: Mapping[str, Sequence[str]], marks: Mapping[str, int]) -> dict[str, int]:
    """For each commit the bits of `marks` on it and on all its ancestors; `parents` has children first."""
    bits: dict[str, int] = {}
    for commit in reversed(list(parents)):
        found = marks.get(commit, 0)
        for parent in parents[commit]:
            found |= bits.get(parent, 0)
        if found:
            bits[commit] = found
    return bits


def first(commits: Iterable[str], parents: Mapping[str, Sequence[str]], bits: Mapping[str, int], bit: int) -> list[str]:
    """Those of the commits whose parents do not have the bit: nothing before them had it."""
    return [c for c in commits if not any(bits.get(parent, 0) & bit for parent in parents.get(c, ()))]
