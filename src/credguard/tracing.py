"""Where found objects came from: the commits that brought them, their paths, and the refs that lead to them."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from credguard.exposure import Trail
from credguard.git import GitError
from credguard.regex import regex
from credguard.sources import refs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from credguard.git import Entry, Git
    from credguard.sources.walk import Arrival, Walk

_WHO = regex(rb"^(author|committer|tagger) ([^\n]{0,400}) (\d{1,12}) [+-]\d{1,6}$", re.MULTILINE)
_T = TypeVar("_T")
_MOST_FIRST = 64
_SMALL = 1 << 20


class Tracing:
    """Answers for the objects of one repository, when `settle` has been told of all."""

    def __init__(self, repository: Git, walk: Walk) -> None:
        self.kinds: dict[str, str] = {}
        self.arrivals: dict[str, list[Arrival]] = defaultdict(list)
        self.former: list[Arrival] = []
        self.problems: dict[str, None] = {}
        self._git = repository
        self._walk = walk
        self._reachable = 0
        self._dates: dict[str, tuple[str, datetime | None]] = {}

    def settle(self, kinds: Mapping[str, str], named: Callable[[bytes], bool] | None = None) -> None:
        """Finds where the objects (types by name) arrived, and in `former` the files of which `named` says
        so. Raises GitError."""
        self.kinds = dict(kinds)
        blobs = {oid for oid, kind in kinds.items() if kind == "blob"}
        found = self._walk.arrivals(blobs, named)
        self._reachable = len(self._walk.parents)
        if not self._walk.whole:
            self.problems["git could not follow every commit; run `git fsck`"] = None
        known = {one.oid for one in found}
        lost = {oid for oid, kind in kinds.items() if kind == "commit" and oid not in self._walk.parents}
        if blobs - known or lost:
            found += self._walk.unreachable(blobs - known)
        for one in reversed(found):  # the oldest first
            if one.oid in blobs:
                self.arrivals[one.oid].append(one)
            if named and named(one.path):
                self.former.append(one)

    def count_in(self, arrivals: Iterable[Arrival]) -> None:
        """Also answers for these objects at these paths."""
        for one in arrivals:
            if one not in self.arrivals[one.oid]:
                self.arrivals[one.oid].append(one)
            self.kinds.setdefault(one.oid, "blob")

    def trails(self, groups: Sequence[Collection[str]]) -> list[Trail]:
        """What git knows of each group of objects, taken as one thing."""
        marks: dict[str, int] = defaultdict(int)
        for number, oids in enumerate(groups):
            for oid in oids:
                for commit in self._commits(oid):
                    marks[commit] |= 1 << number
        bits = refs.reached(self._walk.parents, marks)
        return [self._trail(oids, 1 << number, bits) for number, oids in enumerate(groups)]

    def place(self, oids: Collection[str], trail: Trail) -> tuple[str, str, str]:
        """The object, path and commit (or "") by which to show a group: in HEAD, or else where it began."""
        for oid in oids:
            if oid in self._head_paths:
                return oid, self._head_paths[oid], self._head
        for oid in oids:
            for one in self.arrivals.get(oid, ()):
                if one.commit == trail.first_commit:
                    return oid, os.fsdecode(one.path), one.commit
        oid = trail.first_commit if trail.first_commit in oids else min(oids)
        return oid, self.called(oid), trail.first_commit

    def called(self, oid: str) -> str:
        """What to call an object that has no path."""
        kind = self.kinds.get(oid, "object")
        if kind == "tag":
            return f"tag {next((ref.short for ref in self._refs if ref.oid == oid), oid[:12])}"
        if oid in self._staged:
            return self._staged[oid]
        return f"{'commit' if kind == 'commit' else 'object'} {oid[:12]}"

    def paths(self, oid: str) -> list[str]:
        """Where the object stood, in order of appearance."""
        return list(dict.fromkeys(os.fsdecode(one.path) for one in self.arrivals.get(oid, ()))) or [self.called(oid)]

    def _commits(self, oid: str) -> Iterable[str]:
        if self.kinds.get(oid) == "commit":
            return (oid,)
        return {one.commit for one in self.arrivals.get(oid, ())}

    def _trail(self, oids: Collection[str], bit: int, bits: Mapping[str, int]) -> Trail:
        commits = {commit for oid in oids for commit in self._commits(oid)}
        held: dict[str, list[str]] = {use.value: [] for use in refs.Use}
        for ref in self._refs:
            if bits.get(ref.commit, 0) & bit or ref.oid in oids:
                held[ref.use.value].append(ref.short)
        first = self._first(commits, bit, bits)
        tag = next((oid for oid in oids if self.kinds.get(oid) == "tag"), "")
        author, seen = self._said(first or tag)
        return Trail(
            first_commit=first,
            first_seen=seen,
            author=author,
            paths=list(dict.fromkeys(path for oid in self._by_age(oids) for path in self.paths(oid))),
            in_head=any(oid in self._head_paths for oid in oids),
            refs=held,
            reflog=not any(held.values()) and any(self._is_in_reflog(commit) for commit in commits),
            bare=self._is_bare,
            is_last=first == self._head,
            staged=any(oid in self._staged for oid in oids),
            objects=len(oids),
        )

    def _first(self, commits: Collection[str], bit: int, bits: Mapping[str, int]) -> str:
        """The oldest of the commits before which the thing was not there."""
        found = sorted(refs.first(commits, self._walk.parents, bits, bit))
        if len(found) == 1:
            return found[0]
        late = datetime.max.replace(tzinfo=timezone.utc)
        return min(found[:_MOST_FIRST], key=lambda commit: (self._said(commit)[1] or late, commit), default="")

    def _by_age(self, oids: Collection[str]) -> list[str]:
        return sorted(oids, key=lambda oid: (min(map(self._age, self._commits(oid)), default=1), oid))

    def _age(self, commit: str) -> int:
        """Ascends from the oldest commit; what nothing leads to comes last."""
        number = self._order.get(commit, self._reachable)
        return -number if number < self._reachable else 1

    def _is_in_reflog(self, commit: str) -> bool:
        return self._order.get(commit, self._reachable) < self._reachable

    def _said(self, oid: str) -> tuple[str, datetime | None]:
        """Author (or tagger) and date of a commit (or tag). The date is the later one of the two that a
        commit has: a value cannot be said to be older than it is."""
        if oid and oid not in self._dates:
            nothing: bytes | str = ""
            data = self._asked(lambda: next(self._git.blobs([oid], _SMALL)), nothing)
            self._dates[oid] = _parsed(data.split(b"\n\n", 1)[0]) if isinstance(data, bytes) else ("", None)
        return self._dates.get(oid, ("", None))

    @cached_property
    def _order(self) -> dict[str, int]:
        return {commit: number for number, commit in enumerate(self._walk.parents)}

    def _asked(self, ask: Callable[[], _T], otherwise: _T) -> _T:
        """The answer, or what to say where git fails: what was found is to be reported in any case."""
        try:
            return ask()
        except GitError as error:
            self.problems[f"{error.message}; {error.hint}"] = None
            return otherwise

    @cached_property
    def _refs(self) -> list[refs.Ref]:
        return self._asked(lambda: refs.refs(self._git), [])

    @cached_property
    def _head(self) -> str:
        return self._asked(self._git.head, None) or ""

    @cached_property
    def _head_paths(self) -> dict[str, str]:
        nothing: dict[str, str] = {}
        files = self._asked(lambda: self._git.tree(self._head), nothing) if self._head else nothing
        return {oid: path for path, oid in reversed(files.items())}

    @cached_property
    def _is_bare(self) -> bool:
        return self._asked(lambda: self._git.run("rev-parse", "--is-bare-repository"), b"").strip() == b"true"

    @cached_property
    def _staged(self) -> dict[str, str]:
        nothing: list[Entry] = []
        entries = nothing if self._is_bare else self._asked(self._git.tracked, nothing)
        return {entry.oid: entry.path for entry in entries}


def _parsed(head: bytes) -> tuple[str, datetime | None]:
    name, dates = "", []
    for role, who, seconds in _WHO.findall(head):
        if role != b"committer":
            name = _shown(who)
        try:
            dates.append(datetime.fromtimestamp(int(seconds), timezone.utc))
        except (ValueError, OverflowError, OSError):
            continue
    return name, max(dates, default=None)


def _shown(who: bytes) -> str:
    """A name as it may be shown anywhere: what is not printable becomes a question mark."""
    return "".join(sign if sign.isprintable() else "?" for sign in who.decode("utf-8", "replace"))
