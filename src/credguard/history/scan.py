"""The whole history of a repository: every object looked at once, and what was found told with how far it has come."""

from __future__ import annotations

from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.git import submodules
from credguard.git.commit_walk import Walk
from credguard.git.repository import Git, GitError, find
from credguard.history import completeness, deleted_files
from credguard.history.findings import Disclosure
from credguard.history.objects import History
from credguard.history.provenance import Tracing
from credguard.history.workers import Look, Seen, look_at_all
from credguard.model.findings import Coverage, Skip
from credguard.scanning.scanner import Scanner
from credguard.sources import lfs
from credguard.sources.files import is_bare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from credguard.engine.session import Run
    from credguard.rule import Rule

_FAMILIES = ("CG1", "CG3")
"""Rules that judge old contents; the others judge the present state."""


def look(
    run: Run, repository: Git | None, label: str = "", revisions: Sequence[str] = (), inner: Sequence[str] = (),
    begun: Walk | None = None,
) -> None:  # fmt: skip
    """Looks at every object of the repository, or at those that the `revisions` (arguments of `git
    rev-list`) lead to. What the run has found below the label already learns how far it has come.

    Without revisions, the repositories inside it are looked at as well: those at the paths `inner`, and the
    submodules that it keeps. The walk that has `begun` for the repository is ended here. Raises GitError for bad
    revisions.
    """
    if repository and revisions:
        _look(run, repository, label, revisions, begun)
        return
    if repository:
        _look_inside(run, label, repository, begun)
    for path in inner:
        folder = run.trees[-1][1].root / path
        within = None
        with suppress(GitError):  # the search says it again, and where
            within = None if is_bare(folder) else find(folder)
        _look_inside(run, f"{label}{path}/", within or Git(folder))
        _look_at_modules(run, within or Git(folder), f"{label}{path}/")
    if repository:
        _look_at_modules(run, repository, label)


def _look_at_modules(run: Run, repository: Git, label: str) -> None:
    with _said(run, label):
        for name, module in submodules.absorbed(repository):
            _look_inside(run, f"{label}{name}/", module)


def _look_inside(run: Run, label: str, repository: Git, begun: Walk | None = None) -> None:
    with _said(run, label):
        if repository.common_dir not in run.looked:
            _look(run, repository, label, begun=begun)
            _look_at_lfs(run, Path(repository.common_dir), label)


def _look_at_lfs(run: Run, folder: Path, label: str) -> None:
    part = Coverage()
    for item in lfs.all_kept(folder, run.limit):
        run.take(f"{label}{item}" if isinstance(item, str) else replace(item, path=label + item.path), part)
    run.coverage.add(part)


@contextmanager
def _said(run: Run, label: str) -> Iterator[None]:
    """An error of git ends what is inside, and is told."""
    try:
        yield
    except GitError as error:
        skip = Skip(label or ".", f"the history was not looked at: {error.message}; {error.hint}")
        if skip not in run.coverage.skipped:
            run.coverage.skipped.append(skip)


def _look(run: Run, repository: Git, label: str, revisions: Sequence[str] = (), begun: Walk | None = None) -> None:
    if revisions:
        repository.run("rev-list", "--max-count=1", *revisions)
    with closing(begun or Walk(repository)) as known:
        run.looked.add(repository.common_dir)
        if repository.layout.prefix:
            repository = repository.at(Path(repository.toplevel()))
            run.coverage.notes.append(f"the history is that of the whole repository at {repository.folder}")
        with closing(Tracing(repository, known)) as tracing:
            search = _Search(run, repository, label, tracing)
            search.objects(revisions)
            search.conclude()
            if not revisions:
                findings, masks = run.names(tracing.ref_names())
                run.keep(findings, Coverage(), masks, label)


class _Search:
    """One pass over one repository."""

    def __init__(self, run: Run, repository: Git, label: str, tracing: Tracing) -> None:
        self._run, self._git, self._label, self._tracing = run, repository, label, tracing
        self._scanner = Scanner([rule for rule in run.scanner.rules if _judges_the_past(rule)])
        self._scanner.budget.depth = run.scanner.budget.depth
        self._scanner.secrets = run.scanner.secrets  # a value found in either is hidden in the paths of both
        self._file_rules = [rule for rule in run.scanner.rules if rule.id in deleted_files.FILE_RULES]
        self._seen = Seen()
        self._part = Coverage()

    def objects(self, revisions: Sequence[str]) -> None:
        """Looks at all of them, and notes what could not be looked at."""
        try:
            with closing(History(self._git, self._run.limit, revisions)) as history:
                look = Look(self._scanner, history, file_rules=bool(self._file_rules))
                self._seen = look.seen
                try:
                    look_at_all(look, history, self._run.jobs, self._run.progress)
                finally:
                    look.conclude()
                self._settle()
                lost, stopped = self._tracing.missing(history) if not revisions else ([], [])
                self._part.skipped += [*stopped, *completeness.closed(history.closed)]
                broken = list(dict.fromkeys([*history.broken, *lost]))
                self._part.skipped += completeness.misnamed(
                    sorted({*history.misnamed, *(oid for _, oid, _ in self._seen.misnamed)})
                )
                self._part.skipped += completeness.cut_off(self._git)
                self._part.skipped += completeness.not_read(self._git, broken, history.over)
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
            told = Disclosure(self._run, self._git, self._label, self._tracing, self._scanner)
            told.copies(self._seen.misnamed)
            told.contents({key: sorted(seen.found[key]) for key in sorted(seen.found)})
            told.names({name: seen.names[name] for name in sorted(seen.names)})
            told.files(self._file_rules)
            told.publish()
            for problem in self._tracing.problems:
                self._part.skipped.append(Skip(".", f"where findings come from was not found out whole: {problem}"))
        self._hand_over()

    def _settle(self) -> None:
        """Finds out where what was found came from, as far as git can tell."""
        try:
            self._tracing.settle(self._seen.kinds, self._named(), self._seen.entries)
        except GitError as error:
            self._tracing.problems[f"{error.message}; {error.hint}"] = None

    def _named(self) -> _Named | None:
        names, files = self._seen.names, self._seen.files
        return _Named(frozenset(names), files=files) if names or files else None

    def _hand_over(self) -> None:
        """Adds what was counted and noted to the run."""
        run, scanner, seen = self._run, self._scanner, self._seen
        self._part.skipped = [Skip(self._label + skip.path, skip.reason) for skip in self._part.skipped]
        notes = lfs.lacking(Path(self._git.common_dir), seen.pointers | scanner.pointers)
        self._part.notes += [f"{self._label or '.'}: {note}" for note in notes]
        run.coverage.add(self._part)
        run.scanner.failures += sorted({*seen.failures, *scanner.failures})
        run.scanner.notes.update(sorted((seen.notes | scanner.notes).items()))
        for path, reason in sorted((seen.unread | scanner.unread).items()):
            run.scanner.unread.setdefault(self._label + path, reason)


class _Named:
    """Says of a path whether a name in it was found, or whether the file rules may judge it."""

    def __init__(self, names: frozenset[bytes], *, files: bool) -> None:
        self._names, self._files = names, files

    def __call__(self, path: bytes) -> bool:
        if self._files and deleted_files.is_one(path):
            return True
        return bool(self._names) and not self._names.isdisjoint(path.split(b"/"))


def _judges_the_past(rule: Rule) -> bool:
    return (rule.id.startswith(_FAMILIES) or not rule.id.startswith("CG")) and rule.check_blob is not None
