"""Judges what a change brings: staged content, the commits of a push, a commit message."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.git import commit_message
from credguard.model.findings import Blob, Coverage
from credguard.sources import changes, files, lfs
from credguard.sources.changes import Change
from credguard.sources.worktree import WorkTree

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from credguard.engine.session import Session
    from credguard.git.repository import Git
    from credguard.model.findings import Finding
    from credguard.sources.changes import ChangeSet


def scan_staged(run: Session, repository: Git, *, whole_files: bool = False) -> list[str]:
    """Judges what a commit of the index would bring against HEAD; gives the paths, raises GitError."""
    brought = changes.list_staged_changes(repository)
    _judge(run, repository, brought, "already in HEAD at this path", whole_files=whole_files)
    _judge_files(run, repository, brought.changes, lambda: {e.path: e.oid for e in repository.list_tracked()})
    return [change.path for change in brought.changes]


def scan_named_files(run: Session, repository: Git, paths: Sequence[str], staged: Collection[str]) -> None:
    """Judges files as they lie on disk, and what the file rules say of them.

    `paths` are relative to the repository's folder, `staged` to the root of its work tree: what
    `staged` has judged already is left out where the disk holds the same. Raises GitError.
    """
    prefix = repository.layout.prefix
    entries = {entry.path: entry for entry in repository.list_tracked()}
    fresh = [path for path in paths if prefix + path not in staged]
    altered = [p for p in paths if prefix + p in staged and not _is_same_on_disk(p, entries[p].oid, run.limit)]
    run.scan_files(fresh + altered)
    tracked = [entries[path] for path in fresh if path in entries]
    brought = [Change(entry.path, entry.mode, entry.oid) for entry in tracked]
    _judge_files(run, repository, brought, lambda: {path: entry.oid for path, entry in entries.items()})


def scan_commits(
    run: Session, repository: Git, revisions: Sequence[str], *exclude: str, whole_files: bool = False
) -> int:
    """Judges every commit that `git rev-list --stdin exclude` names for `revisions`, files and
    messages, each against its parents; gives their number. Raises GitError."""
    brought = changes.list_commit_changes(repository, revisions, *exclude)
    _judge(run, repository, brought, "already in the parent commit at this path", whole_files=whole_files)
    part = Coverage()
    for item in changes.read_messages(repository, revisions, run.limit, *exclude):
        run.take(item, part)
    part.commits = part.blobs
    run.coverage.add(part)
    last = tuple({change.path: change for change in reversed(brought.changes)}.values())
    _judge_files(run, repository, last, lambda: {change.path: change.oid for change in last})
    return part.commits


def scan_ref_objects(run: Session, repository: Git, oids: Sequence[str]) -> None:
    """Judges what refs name that is no commit: annotated tags and what they point to, trees, files."""
    part = Coverage()
    trees: dict[str, None] = {}
    for item in changes.follow_tags(repository, oids, run.limit):
        if isinstance(item, str):
            trees[item] = None
        else:
            run.take(item, part)
    run.coverage.add(part)
    for tree in trees:
        brought = changes.list_tree_changes(repository, tree)
        _judge(run, repository, brought, "", whole_files=True)
        _judge_files(run, repository, brought.changes, lambda: repository.read_tree(tree))  # noqa: B023 - called at once


def scan_ref_names(run: Session, names: Sequence[str]) -> None:
    """Judges the names that refs get on the other side."""
    findings, masks = run.scan_names([name for name in names if name])
    run.keep(findings, Coverage(), masks)


def scan_message(run: Session, repository: Git, text: bytes, path: str) -> None:
    """Judges all of a commit message, less what git itself wrote there of the files of the commit and of their
    contents. Raises GitError."""
    part = Coverage()
    findings = _scan_message_views(run, text, path, part)
    if findings and commit_message.has_quotes(text):
        part = Coverage()
        text = commit_message.strip_quotes(text, *changes.collect_quotable(repository, run.limit))
        findings = _scan_message_views(run, text, path, part)
    run.keep(findings, part, {})


def _scan_message_views(run: Session, text: bytes, path: str, part: Coverage) -> list[Finding]:
    """The findings of the whole text, and those that it has only without its comments."""
    whole, *others = commit_message.list_message_views(text)
    findings = run.take(Blob(whole, path, "message"), part, keep=False)
    known = {finding.fingerprint for finding in findings}
    for view in others:
        more = run.take(Blob(view, path, "message"), Coverage(), keep=False)
        findings += [finding for finding in more if finding.fingerprint not in known]
    return findings


def _is_same_on_disk(path: str, oid: str, limit: int) -> bool:
    """True where the bytes on disk are those of the git object."""
    item = files.read(path, path, limit)
    if not isinstance(item, Blob):
        return False
    hashed = hashlib.new("sha1" if len(oid) == 40 else "sha256", b"blob %d\0" % len(item.data), usedforsecurity=False)
    hashed.update(item.data)
    return hashed.hexdigest() == oid


def _judge(run: Session, repository: Git, brought: ChangeSet, known: str, *, whole_files: bool) -> None:
    part = Coverage(skipped=list(brought.skipped), notes=list(brought.notes))
    groups: dict[tuple[str, str], list[Change]] = {}
    for change in brought.changes:
        groups.setdefault((change.path, change.oid), []).append(change)
    # rev-list gives the newest commit first: the last of a group is the one that introduced it.
    first = [group[-1] for group in groups.values()]
    run.changed.update(change.path for change in first)
    findings, masks = run.scan_names(dict.fromkeys(change.path for change in first))
    found: list[tuple[Change, Finding]] = []
    for change, item in changes.read(repository, first, run.limit):
        for one in lfs.add_lfs_contents([item], repository, run.limit):
            found += [(change, finding) for finding in run.take(one, part, keep=False)]
    concerned = {(change.path, change.oid): groups[change.path, change.oid] for change, _ in found}
    before = {} if whole_files else _find_previous_values(run, repository, concerned)
    for change, finding in found:
        seen = bool(finding.values) and finding.values <= before.get((change.path, change.oid), frozenset())
        places = tuple(replace(place, commit=change.commit) for place in finding.locations)
        findings.append(replace(finding, locations=places, known=known if seen else ""))
    run.keep(findings, part, masks)


def _find_previous_values(
    run: Session, repository: Git, groups: dict[tuple[str, str], list[Change]]
) -> dict[tuple[str, str], frozenset[str]]:
    """Digests of the values that stood at the path before each time that the content was brought."""
    asked = list({(change.path, oid): None for group in groups.values() for change in group for oid in change.before})
    held: dict[tuple[str, str], frozenset[str]] = {}
    for (path, oid), data in zip(asked, repository.read_blobs([oid for _, oid in asked], run.limit), strict=True):
        if isinstance(data, bytes):
            held[path, oid] = frozenset(v for f in run.scanner.scan_blob(Blob(data, path)) for v in f.values)
    nothing: frozenset[str] = frozenset()
    return {
        key: frozenset.intersection(
            *(nothing.union(*(held.get((c.path, oid), nothing) for oid in c.before)) for c in group)
        )
        for key, group in groups.items()
    }


def _judge_files(
    run: Session, repository: Git, brought: Sequence[Change], everything: Callable[[], dict[str, str]]
) -> None:
    """What the file rules say of the changed files; the whole tree is read only for a rule that
    needs it and that the change concerns."""
    paths = [change.path for change in brought]
    rules = [rule for rule in run.scanner.rules if rule.check_tree]
    alone = [rule for rule in rules if not rule.concerns]
    whole = [rule for rule in rules if rule.concerns and any(re.search(rule.concerns, p.lower()) for p in paths)]
    if alone and paths:
        tree = _build_tree(repository, {change.path: change.oid for change in brought}, run.limit)
        run.findings += run.scan_tree(tree, alone)
    if whole:
        run.findings += run.scan_tree(_build_tree(repository, everything(), run.limit), whole)


def _build_tree(repository: Git, entries: dict[str, str], limit: int) -> WorkTree:
    names = tuple(sorted(entries))
    read = _Reader(repository, entries, limit)
    bare = not repository.is_in_work_tree()
    return WorkTree(Path(repository.folder), names, frozenset(names), repository, reader=read, bare=bare)


class _Reader:
    """Gives the content of files by their objects; all come from one git process."""

    def __init__(self, repository: Git, entries: dict[str, str], limit: int) -> None:
        self._entries = entries
        self._asked = ""
        self._answers = repository.read_blobs(self._iter_requests(), limit)

    def _iter_requests(self) -> Iterator[str]:
        while True:
            yield self._asked

    def __call__(self, path: str) -> bytes | None:
        """The bytes of a file, None where there is none; raises GitError."""
        if path not in self._entries:
            return None
        self._asked = self._entries[path]
        data = next(self._answers, None)
        return data if isinstance(data, bytes) else None
