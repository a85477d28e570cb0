"""Scans what a change brings: staged content, the commits of a push, a commit message."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.engine.commit_origin import CommitOrigins
from credguard.git import commit_message
from credguard.model.findings import Blob, BlobKind, Coverage
from credguard.model.result import Result
from credguard.scanning.pipeline import mask_paths
from credguard.sources import changes, files, lfs
from credguard.sources.changes import Change
from credguard.sources.time_limit import NO_LIMIT
from credguard.sources.worktree import RULE_READ_LIMIT, WorkTree
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from credguard.git.repository import Git
    from credguard.model.findings import Finding, Skip
    from credguard.scanning.pipeline import Pipeline
    from credguard.sources.changes import ChangeSet
    from credguard.sources.time_limit import TimeLimit


def scan_staged(pipeline: Pipeline, repository: Git, *, whole_files: bool = False) -> Result:
    """What a commit of the index would bring against HEAD; raises GitError."""
    brought = changes.list_staged_changes(repository)
    result = _scan_contents(pipeline, repository, brought, "already in HEAD at this path", whole_files=whole_files)
    everything = partial(_list_index, repository)
    return result.merge(_apply_file_rules(pipeline, repository, brought.changes, ":", everything))


def _list_index(repository: Git) -> dict[str, str]:
    """The files of the index, each with its object."""
    return {entry.path: entry.oid for entry in repository.list_tracked()}


def scan_named_files(pipeline: Pipeline, repository: Git, paths: Sequence[str], staged: Collection[str]) -> Result:
    """Scans files as they lie on disk, and applies the file rules to them.

    `paths` are relative to the repository's folder, `staged` to the root of its work tree: what
    was scanned as `staged` is left out where the disk holds the same. Raises GitError.
    """
    prefix = repository.layout.prefix
    entries = {entry.path: entry for entry in repository.list_tracked()}
    fresh = [path for path in paths if prefix + path not in staged]
    altered = [p for p in paths if prefix + p in staged and not _is_same_on_disk(p, entries[p].oid, pipeline.limit)]
    result = pipeline.scan_files(fresh + altered)
    tracked = [entries[path] for path in fresh if path in entries]
    brought = [Change(entry.path, entry.mode, entry.oid) for entry in tracked]
    everything = {path: entry.oid for path, entry in entries.items()}
    return result.merge(_apply_file_rules(pipeline, repository, brought, ":./", lambda: everything))


def scan_commits(
    pipeline: Pipeline, repository: Git, revisions: Sequence[str], *exclude: str, whole_files: bool = False,
    limit: TimeLimit = NO_LIMIT,
    cleared: Collection[str] = (),
) -> Result:  # fmt: skip
    """Scans every commit that `git rev-list --stdin exclude` names for `revisions`, files and
    messages, each against its parents; the coverage counts the commits. With a `limit` of the time, the newest commits
    come first; objects that are `cleared` are counted and not read. Raises GitError."""
    brought = changes.list_commit_changes(repository, revisions, *exclude, limit=limit)
    commits = repository.run("rev-list", "--stdin", *exclude, stdin=_join(revisions)).decode().split()
    left = [one for one in commits if one not in cleared]
    messages = pipeline.scan(changes.read_messages(repository, left, pipeline.limit, limit))
    messages = _count_cleared(messages, repository, commits, cleared)
    contents = _scan_contents(
        pipeline, repository, brought, "already in the parent commit at this path", whole_files=whole_files,
        limit=limit, cleared=cleared,
    )  # fmt: skip
    messages = replace(messages, coverage=replace(messages.coverage, commits=messages.coverage.blobs))
    last = tuple({change.path: change for change in reversed(brought.changes)}.values())
    everything = {change.path: change.oid for change in last}
    newest = f"{last[0].commit}:" if last else ""
    of_files = _apply_file_rules(pipeline, repository, last, newest, lambda: everything)
    origins = CommitOrigins(repository, brought.tips, pipeline.scanner)
    return contents.merge(
        messages, replace(of_files, findings=tuple(origins.add_to_files(list(of_files.findings), last)))
    )


def scan_ref_objects(pipeline: Pipeline, repository: Git, oids: Sequence[str]) -> Result:
    """Scans what refs name that is no commit: annotated tags and what they point to, trees, files."""
    trees: dict[str, None] = {}

    def iter_contents() -> Iterator[Blob | Skip]:
        for item in changes.follow_tags(repository, oids, pipeline.limit):
            if isinstance(item, str):
                trees[item] = None
            else:
                yield item

    results = [pipeline.scan(iter_contents())]
    for tree in trees:
        brought = changes.list_tree_changes(repository, tree)
        results.append(_scan_contents(pipeline, repository, brought, "", whole_files=True))
        results.append(
            _apply_file_rules(pipeline, repository, brought.changes, f"{tree}:", partial(repository.read_tree, tree))
        )
    return Result().merge(*results)


def scan_refs(
    pipeline: Pipeline, repository: Git, pairs: Sequence[tuple[str, str]], *exclude: str, whole_files: bool = False,
    limit: TimeLimit = NO_LIMIT,
    cleared: Collection[str] = (),
) -> Result:  # fmt: skip
    """Scans what each (new, old) pair of object IDs adds; a new ID of zeros is a deletion, no pair means all local
    refs. Raises GitError."""
    new = [one for one, _ in pairs if one.strip("0")]
    if not new:
        return Result()
    commits = list(repository.resolve_commits(new))
    old = list(repository.resolve_commits(old for _, old in pairs if old.strip("0")))
    revisions = [*commits, *(f"^{one}" for one in old)]
    result = scan_ref_objects(pipeline, repository, new)
    if commits:
        result = scan_commits(
            pipeline, repository, revisions, *exclude, whole_files=whole_files, limit=limit, cleared=cleared
        ).merge(result)  # fmt: skip
    return result


def scan_ref_names(pipeline: Pipeline, names: Sequence[str]) -> Result:
    """Scans the names that refs get on the other side."""
    findings, masks = pipeline.scan_names([name for name in names if name])
    return mask_paths(Result(tuple(findings)), masks)


def scan_message(pipeline: Pipeline, repository: Git, text: bytes, path: str) -> Result:
    """Scans all of a commit message, less what git itself wrote there of the files of the commit and of their
    contents. Raises GitError."""
    result = _scan_message_views(pipeline, text, path)
    if not result.findings or not commit_message.has_quotes(text):
        return result
    text = commit_message.strip_quotes(text, *changes.collect_quotable(repository, pipeline.limit))
    return _scan_message_views(pipeline, text, path)


def _scan_message_views(pipeline: Pipeline, text: bytes, path: str) -> Result:
    """The findings of the whole text, and those that it has only without its comments."""
    whole, *others = commit_message.list_message_views(text)
    result = pipeline.scan([Blob(whole, path, BlobKind.MESSAGE)])
    known = {finding.fingerprint for finding in result.findings}
    further = pipeline.scan(Blob(view, path, BlobKind.MESSAGE) for view in others).findings
    return replace(result, findings=(*result.findings, *(one for one in further if one.fingerprint not in known)))


def _is_same_on_disk(path: str, oid: str, limit: int) -> bool:
    """True where the bytes on disk are those of the git object."""
    item = files.read(path, path, limit)
    if not isinstance(item, Blob):
        return False
    hashed = hashlib.new("sha1" if len(oid) == 40 else "sha256", b"blob %d\0" % len(item.data), usedforsecurity=False)
    hashed.update(item.data)
    return hashed.hexdigest() == oid


def _scan_contents(
    pipeline: Pipeline, repository: Git, brought: ChangeSet, known: str, *, whole_files: bool,
    limit: TimeLimit = NO_LIMIT,
    cleared: Collection[str] = (),
) -> Result:  # fmt: skip
    coverage = Coverage(skipped=list(brought.skipped), notes=list(brought.notes))
    groups: dict[tuple[str, str], list[Change]] = {}
    for change in brought.changes:
        groups.setdefault((change.path, change.oid), []).append(change)
    # rev-list gives the newest commit first: the last of a group is the one that introduced it.
    first = [group[-1] for group in groups.values()]
    paths = frozenset(change.path for change in first)
    findings, masks = pipeline.scan_names(dict.fromkeys(change.path for change in first))
    found: list[tuple[Change, Finding]] = []
    material: set[str] = set()
    left = [change for change in first if change.oid not in cleared]
    for number, (change, item) in enumerate(changes.read(repository, left, pipeline.limit)):
        if not limit.has_time():
            coverage.skipped.append(limit.skip(len(left) - number, "files"))
            break
        for one in lfs.add_lfs_contents([item], repository, pipeline.limit):
            coverage.count(one)
            if isinstance(one, Blob):
                pipeline.add_material(one, material)
                found += [(change, finding) for finding in pipeline.scan_blob(one)]
    concerned = {(change.path, change.oid): groups[change.path, change.oid] for change, _ in found}
    before = {} if whole_files else _find_previous_values(pipeline, repository, concerned)
    origins = CommitOrigins(repository, brought.tips, pipeline.scanner)
    for (change, _), finding in zip(found, origins.add_origins(found), strict=True):
        seen = bool(finding.values) and finding.values <= before.get((change.path, change.oid), frozenset())
        findings.append(replace(finding, known=known if seen else ""))
    result = Result(tuple(findings), coverage, changed=paths, material=frozenset(material))
    return mask_paths(_count_cleared(result, repository, [change.oid for change in first], cleared), masks)


def _count_cleared(result: Result, repository: Git, oids: Sequence[str], cleared: Collection[str]) -> Result:
    """The result with the objects that needed no reading counted as scanned."""
    counted = [oid for oid in oids if oid in cleared]
    if not counted:
        return result
    answers = repository.run("cat-file", "--batch-check=%(objectsize)", stdin=_join(counted)).split()
    return result.merge(Result(coverage=Coverage(len(counted), len(counted), 0, sum(map(int, answers)))))


def _join(words: Sequence[str]) -> bytes:
    return encode_path("\n".join(words)) + b"\n"


def _find_previous_values(
    pipeline: Pipeline, repository: Git, groups: dict[tuple[str, str], list[Change]]
) -> dict[tuple[str, str], frozenset[str]]:
    """Digests of the values that stood at the path before each time that the content was brought."""
    asked = list({(change.path, oid): None for group in groups.values() for change in group for oid in change.before})
    held: dict[tuple[str, str], frozenset[str]] = {}
    for (path, oid), data in zip(asked, repository.read_blobs([oid for _, oid in asked], pipeline.limit), strict=True):
        if isinstance(data, bytes):
            held[path, oid] = frozenset(v for f in pipeline.scanner.scan_blob(Blob(data, path)) for v in f.values)
    nothing: frozenset[str] = frozenset()
    return {
        key: frozenset.intersection(
            *(nothing.union(*(held.get((c.path, oid), nothing) for oid in c.before)) for c in group)
        )
        for key, group in groups.items()
    }


def _apply_file_rules(
    pipeline: Pipeline,
    repository: Git,
    brought: Sequence[Change],
    anchor: str,
    everything: Callable[[], dict[str, str]],
) -> Result:
    """What the file rules say of the changed files; the whole tree is read only for a rule that
    needs it and that the change concerns. git names any other file by its path behind `anchor`."""
    paths = [change.path for change in brought]
    rules = [rule for rule in pipeline.scanner.rules if rule.check_tree]
    alone = [rule for rule in rules if not rule.concerns]
    whole = [rule for rule in rules if rule.concerns and any(re.search(rule.concerns, p.lower()) for p in paths)]
    findings: list[Finding] = []
    if alone and paths:
        tree = _build_tree(repository, {change.path: change.oid for change in brought}, anchor, pipeline.limit)
        findings += pipeline.scan_tree(tree, alone)
    if whole:
        findings += pipeline.scan_tree(_build_tree(repository, everything(), anchor, pipeline.limit), whole)
    return Result(tuple(findings))


def _build_tree(repository: Git, entries: dict[str, str], anchor: str, limit: int) -> WorkTree:
    names = tuple(sorted(entries))
    read = _Reader(repository, entries, limit)
    bare = not repository.is_in_work_tree()
    return WorkTree(
        Path(repository.folder), names, frozenset(names), repository, reader=read, bare=bare,
        beside=lambda path: _read_named(repository, anchor + path),
    )  # fmt: skip


def _read_named(repository: Git, name: str) -> bytes | None:
    """The file that git knows by this name (`HEAD:a/b`), None where there is none; raises GitError."""
    found = () if name.split() != [name] else repository.read_blobs([name], RULE_READ_LIMIT)
    return next((data for data in found if isinstance(data, bytes)), None)


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
