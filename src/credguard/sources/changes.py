"""The content of a change, read from git's objects: the index against HEAD, or each commit against its parents."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from credguard.git.repository import FOLDER, GITLINK, SYMLINK, GitError
from credguard.git.spawn import STAGED
from credguard.model.findings import Blob, BlobKind, Skip
from credguard.sources import files
from credguard.sources.time_limit import NO_LIMIT
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from credguard.git.repository import Git
    from credguard.sources.time_limit import TimeLimit

_PORTION = 1_000
_LISTING = 0.5
"""The part of a limited time in which it is listed what commits bring."""


@dataclass(frozen=True, slots=True)
class Change:
    """One file that a change adds or modifies: its new object, and the previous ones at the same path (one, or one for
    each parent that had it)."""

    path: str
    mode: str
    oid: str
    before: tuple[str, ...] = ()
    commit: str | None = None

    @property
    def kind(self) -> BlobKind:
        """A symlink if the content is a link's target, else a file."""
        return BlobKind.SYMLINK if self.mode == SYMLINK else BlobKind.FILE


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """The files of a change, and what could not be determined or is not scanned; `tips` are the commits at which it
    ends."""

    changes: tuple[Change, ...]
    skipped: tuple[Skip, ...] = ()
    notes: tuple[str, ...] = ()
    tips: tuple[str, ...] = ()


def list_staged_changes(repository: Git) -> ChangeSet:
    """What a commit of the index would add to HEAD, or to nothing on an unborn branch.

    The index is the one that git itself would commit (GIT_INDEX_FILE).
    """
    base = repository.resolve_head() or repository.compute_empty_tree()
    raw = repository.run(*STAGED, base, "--")
    fields = repository.split(raw)
    if len(fields) % 2 or raw[-1:] not in (b"", b"\0"):
        raise GitError("git diff-index returned incomplete output")
    return _build_changes(_Entry.parse(head, path) for head, path in zip(fields[::2], fields[1::2], strict=True))


def list_commit_changes(
    repository: Git, revisions: Sequence[str], *exclude: str, limit: TimeLimit = NO_LIMIT
) -> ChangeSet:
    """What the commits that `git rev-list --stdin exclude` lists for `revisions` add, each compared with all its
    parents.

    A merge adds only what differs from every parent: the rest came with the merged commits. With a `limit`, the newest
    commits are compared first, and those left out are named as skipped. Raises GitError for a bad revision, and if
    history ends at a shallow boundary.
    """
    stdin = encode_path("\n".join(revisions)) + b"\n"
    lines = repository.run("rev-list", "--parents", "--stdin", *exclude, stdin=stdin).split(b"\n")
    parents = {words[0].decode(): words[1:] for line in lines if (words := line.split())}
    if not parents:
        return ChangeSet(())
    shallow = repository.read_shallow_commits()
    cut = sorted(shallow & parents.keys())
    pairs = [b" ".join((c.encode(), p)) for c, ps in parents.items() for p in ps or (b"",)]
    raw, left = _compare_pairs(repository, pairs, limit)
    inner = {parent.decode() for ones in parents.values() for parent in ones}
    tips = tuple(commit for commit in parents if commit not in inner)
    brought = replace(_build_changes(_parse_commit_entries(repository.split(raw), parents)), tips=tips)
    if left:
        brought = replace(brought, skipped=(*brought.skipped, limit.skip(left, "commits")))
    if not cut:
        return brought
    skip = Skip(".", f"history is cut off (shallow clone) at {cut[0][:12]}; run `git fetch --unshallow`")
    return replace(brought, skipped=(*brought.skipped, skip))


def _compare_pairs(repository: Git, pairs: Sequence[bytes], limit: TimeLimit) -> tuple[bytes, int]:
    """What git says of each commit and parent, in portions if the time is limited, and how many are left then."""
    portion = _PORTION if limit.seconds else max(len(pairs), 1)
    raw: list[bytes] = []
    for start in range(0, len(pairs), portion):
        if not limit.has_time(_LISTING):
            return b"".join(raw), len(pairs) - start
        raw.append(repository.run(
            "diff-tree", "--stdin", "--always", "-r", "--root", "--raw", "-z", "--no-renames", "--no-abbrev",
            stdin=b"\n".join(pair.rstrip() for pair in pairs[start : start + portion]) + b"\n",
        ))  # fmt: skip
    return b"".join(raw), 0


@dataclass(frozen=True, slots=True)
class _Entry:
    old: str
    mode: str
    oid: str
    status: str
    path: str
    commit: str | None = None

    @classmethod
    def parse(cls, head: str, path: str, commit: str | None = None) -> _Entry:
        """`:oldmode newmode oldoid newoid status`, and the following path."""
        old_mode, mode, old, oid, status = head[1:].split(" ")
        return cls("" if old_mode in ("000000", GITLINK) else old, mode, oid, status[0], path, commit)


def _parse_commit_entries(fields: list[str], parents: dict[str, list[bytes]]) -> Iterator[_Entry]:
    """For a merge, only the entries that are in the comparison with every parent."""
    seen: dict[tuple[str, str], list[_Entry]] = {}
    commit = ""
    position = 0
    while position < len(fields):
        field = fields[position]
        position += 1
        if not field.startswith(":"):
            commit = field.strip()
            continue
        entry = _Entry.parse(field, fields[position], commit)
        position += 1
        seen.setdefault((commit, entry.path), []).append(entry)
    for (commit, _), entries in seen.items():
        if len(entries) >= len(parents.get(commit, ())):
            yield from entries


def _build_changes(entries: Iterable[_Entry]) -> ChangeSet:
    changes: dict[tuple[str, str, str | None], Change] = {}
    skipped: list[Skip] = []
    notes: list[str] = []
    for entry in entries:
        if entry.status == "D":
            continue
        if entry.status == "U":
            skipped.append(Skip(entry.path, "is not merged; resolve it and stage it"))
        elif entry.mode == FOLDER:
            skipped.append(Skip(entry.path, "is a folder that git did not open; run `git sparse-checkout disable`"))
        elif entry.mode == GITLINK:
            notes.append(f"{entry.path} is a submodule: its content is not scanned here")
        else:
            key = (entry.path, entry.oid, entry.commit)
            before = changes[key].before if key in changes else ()
            old = (entry.old,) if entry.old else ()
            changes[key] = Change(entry.path, entry.mode, entry.oid, (*before, *old), entry.commit)
    return ChangeSet(tuple(changes.values()), tuple(skipped), tuple(dict.fromkeys(notes)))


def read(repository: Git, changes: Sequence[Change], limit: int) -> Iterator[tuple[Change, Blob | Skip]]:
    """Each change with its content; an object is read once, for its first path.

    Raises GitError if git fails.
    """
    for change, data in zip(changes, repository.read_blobs([c.oid for c in changes], limit), strict=True):
        if isinstance(data, bytes):
            yield change, Blob(data, change.path, change.kind)
        else:
            yield change, Skip(change.path, data)


def collect_quotable(repository: Git, limit: int) -> tuple[set[bytes], Iterator[bytes]]:
    """What git itself may write into the message of a commit of the index, or an amended one: the names of files and
    folders (relative to any parent folder), and the contents that a diff quotes. Raises GitError."""
    head = repository.resolve_head()
    parent = (
        repository.run("rev-parse", "--verify", "--quiet", "HEAD^", ok=(0, 1, 128)).decode().split() if head else []
    )
    paths: set[str] = set()
    oids: dict[str, None] = {}
    for base in (head or repository.compute_empty_tree(), *parent):
        raw = repository.run(*STAGED, base, "--")
        fields = repository.split(raw)
        paths.update(fields[1::2])
        for words in (field[1:].split(" ") for field in fields[::2]):
            sides = ((words[0], words[2]), (words[1], words[3]))
            oids |= {oid: None for mode, oid in sides if mode not in ("000000", GITLINK)}
    altered = repository.split(repository.run("diff-files", "--name-only", "-z"))
    names: set[bytes] = set()
    for path in {*paths, *altered, *repository.list_untracked()[0]}:
        parts = encode_path(path).split(b"/")
        names.update(b"/".join(parts[at:]) for at in range(len(parts)))
        names.update(b"/".join(parts[:at]) + b"/" for at in range(1, len(parts)))
    return names, _read_quotable(repository, list(oids), altered, limit)


def _read_quotable(repository: Git, oids: Sequence[str], altered: Sequence[str], limit: int) -> Iterator[bytes]:
    """The contents of objects, and of files on disk that differ from the index (`commit -vv`)."""
    yield from (data for data in repository.read_blobs(oids, limit) if isinstance(data, bytes))
    for path in altered:
        item = files.read(os.path.join(repository.folder, path), path, limit)
        if isinstance(item, Blob):
            yield item.data


def read_messages(
    repository: Git, commits: Sequence[str], most: int, limit: TimeLimit = NO_LIMIT
) -> Iterator[Blob | Skip]:
    """The objects (author, message) of the commits, as blobs of at most so many bytes; with a `limit` of the time, as
    many as there is time for."""
    found = zip((f"commit {commit[:12]}" for commit in commits), repository.read_blobs(commits, most), strict=True)
    items = (
        Blob(data, path, BlobKind.MESSAGE) if isinstance(data, bytes) else Skip(path, data) for path, data in found
    )
    return limit.cut(items, len(commits), "commit messages")


def follow_tags(repository: Git, oids: Iterable[str], limit: int) -> Iterator[Blob | Skip | str]:
    """The annotated tags among `oids`, and the tags that they point to, as blobs; also a file that a ref points to
    directly, and the object ID of a tree. Commits are left out."""
    left = list(dict.fromkeys(oids))
    while left:
        found = list(zip(left, repository.read_objects(left, limit), strict=True))
        left = []
        for oid, (kind, data) in found:
            if isinstance(data, str):
                yield Skip(f"object {oid[:12]}", data)
            elif kind == "tag":
                yield Blob(data, f"tag {oid[:12]}", BlobKind.MESSAGE)
                left.append(data.split(b"\n", 1)[0].removeprefix(b"object ").decode())
            elif kind == "blob":
                yield Blob(data, f"object {oid[:12]}")
            elif kind == "tree":
                yield oid


def read_tags(repository: Git, oids: Iterable[str], limit: int) -> Iterator[Blob | Skip]:
    """The result of `pointed` without trees."""
    return (item for item in follow_tags(repository, oids, limit) if not isinstance(item, str))


def list_tree_changes(repository: Git, tree: str) -> ChangeSet:
    """Everything in a tree."""
    entries = repository.list_entries(tree)
    return _build_changes(_Entry("", entry.mode, entry.oid, "A", entry.path) for entry in entries)
