"""Where found objects came from: the commits that brought them, their paths, and the refs that lead to them."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from credguard.git import linked_worktrees, refs
from credguard.git.repository import GitError
from credguard.git.signatures import parse_signature
from credguard.history import completeness, orphan_trees
from credguard.history.trail import Trail
from credguard.model.findings import OF_HISTORY, Skip
from credguard.system.compat import decode_path

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from credguard.git.commit_walk import Arrival, TreeEntry, Walk
    from credguard.git.repository import Git, IndexEntry
    from credguard.history.objects import History

_T = TypeVar("_T")
_MOST_FIRST = 64
_SMALL = 1 << 20
_STASH = "refs/stash"


@dataclass(frozen=True, slots=True)
class _Reachability:
    """For each commit and each entry of a reflog the groups of objects that it leads to, as bits; for the groups that
    refs lead to, the numbers of these refs. `held` are the answers that were given."""

    bits: Mapping[str, int]
    refs: Mapping[int, Sequence[int]]
    reflogs: Mapping[str, Sequence[int]]
    held: dict[tuple[object, ...], Mapping[str, list[str]]] = field(default_factory=dict)


class Provenance:
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
        self._questions: list[str] = []
        self._answers = repository.read_blobs(iter(self._questions.pop, None), _SMALL)  # by one process
        self._listing = refs.RefListing(repository)

    def settle(
        self,
        kinds: Mapping[str, str],
        named: Callable[[bytes], bool] | None = None,
        entries: Mapping[TreeEntry, str] | None = None,
    ) -> None:
        """Finds where the objects (types by name) arrived, and in `former` the files of which `named` says so; none of
        the `entries` (each with a tree that has it) is left out, in a commit or not."""
        self.kinds = dict(kinds)
        nothing: list[Arrival] = []
        blobs = {oid for oid, kind in kinds.items() if kind == "blob"}
        found = self._ask_or_default(lambda: self._walk.find_arrivals(blobs, named), nothing)
        self._reachable = len(self._walk.parents)
        lost = {oid for oid, kind in kinds.items() if kind == "commit" and oid not in self._walk.parents}
        left = orphan_trees.find_orphan_entries(entries or (), found)
        alone = blobs - {one.oid for one in found}
        gone = nothing
        if alone or lost or left:
            gone = self._ask_or_default(lambda: self._walk.find_unreachable(alone, named if left else None), nothing)
        if not self._walk.whole and (kinds or entries):
            self.problems["git could not follow every commit; run `git fsck`"] = None
        for one in (*reversed(found), *reversed(gone)):  # the oldest first
            if one.oid in blobs:
                self.arrivals[one.oid].append(one)
            if named and named(one.path):
                self.former.append(one)
        left = orphan_trees.find_orphan_entries(left, gone)
        if entries and left and named:
            some = {entry: entries[entry] for entry in left}
            self.former += self._ask_or_default(
                lambda: orphan_trees.find_orphan_files(self._git, some, [*found, *gone], named), nothing
            )

    @property
    def is_whole(self) -> bool:
        """True if git followed every commit."""
        return self._walk.whole and not self.problems

    def list_followed(self) -> tuple[Collection[str], Collection[str], Collection[str]]:
        """The commits that refs and reflogs lead to, those that told where objects come from, and which objects these
        are."""
        blobs = [oid for oid, kind in self.kinds.items() if kind == "blob"]
        return self._walk.followed, self._walk.telling, blobs

    def close(self) -> None:
        """Ends the processes that are asked for dates and refs."""
        self._answers.close()
        self._listing.close()

    def find_missing(self, history: History) -> tuple[list[str], list[Skip]]:
        """What `completeness.missing` says, after `settle`, or why it cannot be told."""
        try:
            return completeness.find_missing_objects(self._git, history, self._walk, self._listing.refs)
        except GitError as error:
            return [], [
                Skip(".", f"what is missing could not be determined: {error.message}; {error.hint}", OF_HISTORY)
            ]

    def list_ref_names(self) -> list[str]:
        """The whole names of all refs."""
        return [ref.name for ref in self._refs]

    def count_in(self, arrivals: Iterable[Arrival]) -> None:
        """Also answers for these objects at these paths."""
        for one in arrivals:
            if one not in self.arrivals[one.oid]:
                self.arrivals[one.oid].append(one)
            self.kinds.setdefault(one.oid, "blob")

    def build_trails(self, groups: Sequence[Collection[str]]) -> list[Trail]:
        """What git knows of each group of objects, taken as one thing."""
        marks: dict[str, int] = defaultdict(int)
        for number, oids in enumerate(groups):
            for oid in oids:
                for commit in self._find_commits(oid):
                    marks[commit] |= 1 << number
        bits = refs.propagate_marks(self._walk.parents, marks)
        alike: dict[int, list[int]] = defaultdict(list)
        for commit, numbers in self._numbers.items():
            if commit in bits:
                alike[bits[commit]] += numbers
        reflogs = {name: [bits.get(commit, 0) for commit in commits] for name, commits in self._reflogs.items()}
        led = _Reachability(bits, alike, reflogs)
        return [self._build_trail(frozenset(oids), 1 << number, led) for number, oids in enumerate(groups)]

    def find_place(self, oids: Collection[str], trail: Trail) -> tuple[str, str, str]:
        """The object, path and commit (or "") by which to show a group: in HEAD, or else where it began."""
        for oid in oids:
            if oid in self._head_paths:
                return oid, self._head_paths[oid], self._head
        for oid in oids:
            for one in self.arrivals.get(oid, ()):
                if one.commit == trail.first_commit:
                    return oid, decode_path(one.path), one.commit
        oid = trail.first_commit if trail.first_commit in oids else min(oids)
        return oid, self.describe_object(oid), trail.first_commit

    def describe_object(self, oid: str) -> str:
        """What to call an object that has no path."""
        kind = self.kinds.get(oid, "object")
        if kind == "tag":
            return f"tag {next((ref.short for ref in self._refs if ref.oid == oid), oid[:12])}"
        if oid in self._staged_paths:
            return self._staged_paths[oid]
        if oid in self._direct and self._direct[oid][0][1]:
            number, path = self._direct[oid][0]
            return f"{self._refs[number].short}:{path}"  # as git calls it
        return f"{'commit' if kind == 'commit' else 'object'} {oid[:12]}"

    def find_head_path(self, oid: str) -> str:
        """Where HEAD has the object, "" where it has not."""
        return self._head_paths.get(oid, "")

    def list_paths(self, oid: str) -> list[str]:
        """Where the object stood, in order of appearance."""
        return list(dict.fromkeys(decode_path(one.path) for one in self.arrivals.get(oid, ()))) or [
            self.describe_object(oid)
        ]

    def _find_commits(self, oid: str) -> Iterable[str]:
        if self.kinds.get(oid) == "commit":
            return (oid,)
        return {one.commit for one in self.arrivals.get(oid, ()) if one.commit}

    def _build_trail(self, oids: frozenset[str], bit: int, led: _Reachability) -> Trail:
        commits = {commit for oid in oids for commit in self._find_commits(oid)}
        direct = {number for oid in oids for number, _ in self._direct.get(oid, ())}
        held = self._group_refs([mask for mask in led.refs if mask & bit], direct, led)
        first = self._find_first_commit(commits, bit, led.bits)
        tag = next((oid for oid in oids if self.kinds.get(oid) == "tag"), "")
        author, seen = self._read_signature(first or tag)
        is_cut_off = first in self._shallow
        return Trail(
            first_commit=first,
            first_seen=seen,
            author=author,
            paths=list(dict.fromkeys(path for oid in self._sort_by_age(oids) for path in self.list_paths(oid))),
            in_head=any(oid in self._head_paths for oid in oids),
            refs=held,
            reflog=not any(held.values()) and any(self._is_in_reflog(commit) for commit in commits),
            bare=self._is_bare,
            is_last=first == self._head,
            staged=any(oid in self._staged_paths for oid in oids),
            objects=len(oids),
            cut_off=is_cut_off,
            is_root=bool(first) and not is_cut_off and not self._walk.parents.get(first),
            on_head=bool(led.bits.get(self._head, 0) & bit),
            is_message=first in oids,
            tagged=[
                self._names[number][1] for number in sorted(direct) if self._names[number][0] == refs.Use.TAG.value
            ],
            stashes=[number for number, mask in enumerate(led.reflogs.get(_STASH, ())) if mask & bit],
            reflogs=[name for name, masks in led.reflogs.items() if name != _STASH and any(m & bit for m in masks)],
        )

    def _group_refs(self, masks: Sequence[int], direct: Collection[int], led: _Reachability) -> Mapping[str, list[str]]:
        """The refs that lead to these masks and those with these numbers, by use: the same for many a group."""
        key = (*masks, frozenset(direct))
        held = led.held.get(key)
        if held is None:
            held = led.held[key] = {use.value: [] for use in refs.Use}
            for number in sorted({*direct, *(number for mask in masks for number in led.refs[mask])}):
                use, name = self._names[number]
                held[use].append(name)
        return held

    def _find_first_commit(self, commits: Collection[str], bit: int, bits: Mapping[str, int]) -> str:
        """The oldest of the commits before which the thing was not there."""
        found = sorted(refs.find_first_commits(commits, self._walk.parents, bits, bit))
        if len(found) == 1:
            return found[0]
        late = datetime.max.replace(tzinfo=timezone.utc)
        return min(
            found[:_MOST_FIRST], key=lambda commit: (self._read_signature(commit)[1] or late, commit), default=""
        )

    def _sort_by_age(self, oids: Collection[str]) -> list[str]:
        return sorted(oids, key=lambda oid: (min(map(self._rank_commit, self._find_commits(oid)), default=1), oid))

    def _rank_commit(self, commit: str) -> int:
        """Ascends from the oldest commit; what nothing leads to comes last."""
        return -self._order[commit] if self._is_in_reflog(commit) else 1

    def _is_in_reflog(self, commit: str) -> bool:
        return self._order.get(commit, -1) >= len(self._walk.parents) - self._reachable

    def _read_signature(self, oid: str) -> tuple[str, datetime | None]:
        """Author (or tagger) and date of a commit (or tag)."""
        if oid and oid not in self._dates:
            nothing: bytes | str = ""
            self._questions.append(oid)
            data = self._ask_or_default(lambda: next(self._answers, nothing), nothing)
            self._dates[oid] = parse_signature(data) if isinstance(data, bytes) else ("", None)
        return self._dates.get(oid, ("", None))

    @cached_property
    def _order(self) -> dict[str, int]:
        return {commit: number for number, commit in enumerate(self._walk.parents)}

    def _ask_or_default(self, ask: Callable[[], _T], otherwise: _T) -> _T:
        """The answer, or what to say where git fails: what was found is to be reported in any case."""
        try:
            return ask()
        except GitError as error:
            self.problems[f"{error.message}; {error.hint}"] = None
            return otherwise

    @cached_property
    def _refs(self) -> list[refs.Ref]:
        return self._ask_or_default(lambda: self._listing.refs, [])

    @cached_property
    def _names(self) -> list[tuple[str, str]]:
        return [(ref.use.value, ref.short) for ref in self._refs]

    @cached_property
    def _numbers(self) -> dict[str, list[int]]:
        """The numbers of the refs that name each commit."""
        found: dict[str, list[int]] = {}
        for number, ref in enumerate(self._refs):
            if ref.commit:
                found.setdefault(ref.commit, []).append(number)
        return found

    @cached_property
    def _reflogs(self) -> dict[str, list[str]]:
        return self._ask_or_default(lambda: refs.read_reflogs(self._git), {})

    @cached_property
    def _shallow(self) -> set[str]:
        return self._ask_or_default(self._git.read_shallow_commits, set())

    @cached_property
    def _direct(self) -> dict[str, list[tuple[int, str]]]:
        """Objects to which refs lead without a commit: numbers of the refs, each with the path in a tree or ""."""
        found: dict[str, list[tuple[int, str]]] = {}
        wanted = {*self.kinds, *(one.oid for one in self.former)}
        nothing: list[IndexEntry] = []
        for number, ref in enumerate(self._refs):
            for oid in wanted.intersection(ref.chain):
                found.setdefault(oid, []).append((number, ""))
            entries = self._ask_or_default(partial(self._git.list_entries, ref.tree), nothing) if ref.tree else nothing
            for entry in entries:
                if entry.oid in wanted:
                    found.setdefault(entry.oid, []).append((number, entry.path))
        return found

    @cached_property
    def _head(self) -> str:
        return next((ref.commit for ref in self._refs if ref.is_head), "")

    @cached_property
    def _head_paths(self) -> dict[str, str]:
        nothing: dict[str, str] = {}
        files = self._ask_or_default(lambda: self._git.read_tree(self._head), nothing) if self._head else nothing
        return {oid: path for path, oid in reversed(files.items())}

    @cached_property
    def _is_bare(self) -> bool:
        return self._ask_or_default(lambda: self._git.layout.is_bare, False)

    @cached_property
    def _staged_paths(self) -> dict[str, str]:
        nothing: list[IndexEntry] = []
        entries = nothing if self._is_bare else self._ask_or_default(self._git.list_tracked, nothing)
        others = self._ask_or_default(lambda: list(linked_worktrees.iter_staged_entries(self._git)), nothing)
        return {entry.oid: entry.path for entry in itertools.chain(others, entries)}
