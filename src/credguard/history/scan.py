"""The whole history of a repository: every object looked at once, and what was found told with how far it has come."""

from __future__ import annotations

from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.git import submodules
from credguard.git.commit_walk import Walk
from credguard.git.repository import Git, GitError, find_git
from credguard.history import completeness, deleted_files
from credguard.history.findings import HistoryFindings
from credguard.history.objects import History
from credguard.history.provenance import Provenance
from credguard.history.workers import ObjectFindings, ObjectScanner, scan_objects
from credguard.model.findings import Coverage, Skip
from credguard.scanning.scanner import Scanner
from credguard.sources import lfs
from credguard.sources.files import is_bare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from credguard.engine.session import Session
    from credguard.rule import Rule

_FAMILIES = ("CG1", "CG3")
"""Rules that judge old contents; the others judge the present state."""


def scan_history(
    run: Session, repository: Git | None, label: str = "", revisions: Sequence[str] = (), inner: Sequence[str] = (),
    begun: Walk | None = None,
) -> None:  # fmt: skip
    """Looks at every object of the repository, or at those that the `revisions` (arguments of `git
    rev-list`) lead to. What the run has found below the label already learns how far it has come.

    Without revisions, the repositories inside it are looked at as well: those at the paths `inner`, and the
    submodules that it keeps. The walk that has `begun` for the repository is ended here. Raises GitError for bad
    revisions.
    """
    if repository and revisions:
        _scan_repository(run, repository, label, revisions, begun)
        return
    if repository:
        _scan_inner(run, label, repository, begun)
    for path in inner:
        folder = run.trees[-1][1].root / path
        within = None
        with suppress(GitError):  # the search says it again, and where
            within = None if is_bare(folder) else find_git(folder)
        _scan_inner(run, f"{label}{path}/", within or Git(folder))
        _scan_submodules(run, within or Git(folder), f"{label}{path}/")
    if repository:
        _scan_submodules(run, repository, label)


def _scan_submodules(run: Session, repository: Git, label: str) -> None:
    with _report_git_errors(run, label):
        for name, module in submodules.iter_submodules(repository):
            _scan_inner(run, f"{label}{name}/", module)


def _scan_inner(run: Session, label: str, repository: Git, begun: Walk | None = None) -> None:
    with _report_git_errors(run, label):
        if repository.common_dir not in run.looked:
            _scan_repository(run, repository, label, begun=begun)
            _scan_lfs(run, Path(repository.common_dir), label)


def _scan_lfs(run: Session, folder: Path, label: str) -> None:
    part = Coverage()
    for item in lfs.iter_lfs_contents(folder, run.limit):
        run.take(f"{label}{item}" if isinstance(item, str) else replace(item, path=label + item.path), part)
    run.coverage.add(part)


@contextmanager
def _report_git_errors(run: Session, label: str) -> Iterator[None]:
    """An error of git ends what is inside, and is told."""
    try:
        yield
    except GitError as error:
        skip = Skip(label or ".", f"the history was not looked at: {error.message}; {error.hint}")
        if skip not in run.coverage.skipped:
            run.coverage.skipped.append(skip)


def _scan_repository(
    run: Session, repository: Git, label: str, revisions: Sequence[str] = (), begun: Walk | None = None
) -> None:
    if revisions:
        repository.run("rev-list", "--max-count=1", *revisions)
    with closing(begun or Walk(repository)) as known:
        run.looked.add(repository.common_dir)
        if repository.layout.prefix:
            repository = repository.open_at(Path(repository.find_toplevel()))
            run.coverage.notes.append(f"the history is that of the whole repository at {repository.folder}")
        with closing(Provenance(repository, known)) as tracing:
            search = _Search(run, repository, label, tracing)
            search.scan(revisions)
            search.conclude()
            if not revisions:
                findings, masks = run.scan_names(tracing.list_ref_names())
                run.keep(findings, Coverage(), masks, label)


class _Search:
    """One pass over one repository."""

    def __init__(self, run: Session, repository: Git, label: str, tracing: Provenance) -> None:
        self._run, self._git, self._label, self._tracing = run, repository, label, tracing
        self._scanner = Scanner([rule for rule in run.scanner.rules if _applies_to_history(rule)])
        self._scanner.budget.depth = run.scanner.budget.depth
        self._scanner.secrets = run.scanner.secrets  # a value found in either is hidden in the paths of both
        self._file_rules = [rule for rule in run.scanner.rules if rule.id in deleted_files.FILE_RULES]
        self._seen = ObjectFindings()
        self._part = Coverage()

    def scan(self, revisions: Sequence[str]) -> None:
        """Looks at all of them, and notes what could not be looked at."""
        try:
            with closing(History(self._git, self._run.limit, revisions)) as history:
                look = ObjectScanner(self._scanner, history, file_rules=bool(self._file_rules))
                self._seen = look.seen
                try:
                    scan_objects(look, history, self._run.jobs, self._run.progress)
                finally:
                    look.conclude()
                self._settle()
                lost, stopped = self._tracing.find_missing(history) if not revisions else ([], [])
                self._part.skipped += [*stopped, *completeness.report_store_errors(history.store_errors)]
                broken = list(dict.fromkeys([*history.broken, *lost]))
                self._part.skipped += completeness.report_misnamed(
                    sorted({*history.misnamed, *(oid for _, oid, _ in self._seen.misnamed)})
                )
                self._part.skipped += completeness.find_history_gaps(self._git)
                self._part.skipped += completeness.report_unread_objects(self._git, broken, history.over)
        except GitError as error:
            reason = f"the history could not be looked at whole: {error.message}; {error.hint}"
            self._part.skipped.append(Skip(".", reason))
        self._part.blobs = sum(self._seen.objects.values())
        self._part.commits = self._seen.objects["commit"]
        self._part.bytes = self._seen.bytes

    def conclude(self) -> None:
        """Says what was found, and how far it has come."""
        seen = self._seen
        self._run.over = self._run.over or seen.over
        if seen.kinds or seen.names or seen.files:
            told = HistoryFindings(self._run, self._git, self._label, self._tracing, self._scanner)
            told.add_copies(self._seen.misnamed)
            told.add_contents({key: sorted(seen.found[key]) for key in sorted(seen.found)})
            told.add_names({name: seen.names[name] for name in sorted(seen.names)})
            told.add_deleted_files(self._file_rules)
            told.publish()
            for problem in self._tracing.problems:
                self._part.skipped.append(Skip(".", f"where findings come from was not found out whole: {problem}"))
        self._report_coverage()

    def _settle(self) -> None:
        """Finds out where what was found came from, as far as git can tell."""
        try:
            self._tracing.settle(self._seen.kinds, self._build_path_filter(), self._seen.entries)
        except GitError as error:
            self._tracing.problems[f"{error.message}; {error.hint}"] = None

    def _build_path_filter(self) -> _PathFilter | None:
        names, files = self._seen.names, self._seen.files
        return _PathFilter(frozenset(names), files=files) if names or files else None

    def _report_coverage(self) -> None:
        """Adds what was counted and noted to the run."""
        run, scanner, seen = self._run, self._scanner, self._seen
        self._part.skipped = [Skip(self._label + skip.path, skip.reason) for skip in self._part.skipped]
        notes = lfs.report_missing_contents(Path(self._git.common_dir), seen.pointers | scanner.pointers)
        self._part.notes += [f"{self._label or '.'}: {note}" for note in notes]
        run.coverage.add(self._part)
        run.scanner.failures += sorted({*seen.failures, *scanner.failures})
        run.scanner.notes.update(sorted((seen.notes | scanner.notes).items()))
        for path, reason in sorted((seen.unread | scanner.unread).items()):
            run.scanner.unread.setdefault(self._label + path, reason)


class _PathFilter:
    """Says of a path whether a name in it was found, or whether the file rules may judge it."""

    def __init__(self, names: frozenset[bytes], *, files: bool) -> None:
        self._names, self._files = names, files

    def __call__(self, path: bytes) -> bool:
        if self._files and deleted_files.is_credential_path(path):
            return True
        return bool(self._names) and not self._names.isdisjoint(path.split(b"/"))


def _applies_to_history(rule: Rule) -> bool:
    return (rule.id.startswith(_FAMILIES) or not rule.id.startswith("CG")) and rule.check_blob is not None
