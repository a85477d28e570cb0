"""The whole history of a repository: every object scanned once, and what was found told with how far it has come."""

from __future__ import annotations

from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.git import submodules
from credguard.git.commit_walk import Walk
from credguard.git.repository import Git, GitError, find_git
from credguard.history import completeness, deleted_files, past_gaps
from credguard.history.findings import HistoryFindings
from credguard.history.objects import History
from credguard.history.provenance import Provenance
from credguard.history.workers import ObjectFindings, ObjectScanner, scan_objects
from credguard.model.findings import OF_HISTORY, Coverage, Skip
from credguard.model.result import Problems, Result
from credguard.rule import ROOT_USER, SECRET_VALUES, Trait, is_custom
from credguard.rules.account import key_older_than_limit
from credguard.scanning.evidence import COMMITS
from credguard.scanning.pipeline import mask_paths
from credguard.scanning.scanner import Scanner
from credguard.sources import lfs
from credguard.sources.files import is_bare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from credguard.history.memory import ObjectMemory
    from credguard.rule import Rule
    from credguard.scanning.pipeline import Pipeline


@dataclass(frozen=True, slots=True)
class Nested:
    """The repositories inside a work tree: its root, and the paths below it."""

    root: Path
    paths: tuple[str, ...] = ()


def scan_history(
    pipeline: Pipeline, found: Result, repository: Git | None, label: str = "", revisions: Sequence[str] = (),
    *, nested: Nested | None = None, begun: Walk | None = None, memory: ObjectMemory | None = None,
) -> Result:  # fmt: skip
    """Scans every object of the repository, or those that the `revisions` (arguments of `git rev-list`) lead to. Gives
    what was `found` before, of which what lies below the label says now how far it has come, and what more there is.

    Without revisions, the repositories inside it are scanned as well: those that are `nested`, and the
    submodules that it keeps. With a `memory` of an earlier scan of the repository, only what is new is read; it is
    brought up to date. The walk that has `begun` for the repository is ended here. Raises GitError for bad
    revisions.
    """
    scan = _Scan(pipeline, found, tuple(f"{label}{path}/" for path in nested.paths) if nested else ())
    if repository and revisions:
        scan.add_repository(repository, label, revisions, begun)
        return scan.result
    if repository:
        scan.add_whole(label, repository, begun, memory)
    for path in nested.paths if nested else ():
        folder = nested.root / path if nested else Path()
        within = None
        with suppress(GitError):  # the search says it again, and where
            within = None if is_bare(folder) else find_git(folder)
        scan.add_whole(f"{label}{path}/", within or Git(folder))
        scan.add_submodules(within or Git(folder), f"{label}{path}/")
    if repository:
        scan.add_submodules(repository, label)
    return scan.result


class _Scan:
    """The repositories of one folder, each once; `result` is what is known so far. The paths of those inside begin
    with one of `inner`."""

    def __init__(self, pipeline: Pipeline, found: Result, inner: tuple[str, ...]) -> None:
        self.result = found
        self._pipeline, self._inner = pipeline, inner
        self._scanned: set[str] = set()

    def add_submodules(self, repository: Git, label: str) -> None:
        """Scans what git keeps of the submodules."""
        with self._report_git_errors(label):
            for name, module in submodules.iter_submodules(repository):
                self.add_whole(f"{label}{name}/", module)

    def add_whole(
        self, label: str, repository: Git, begun: Walk | None = None, memory: ObjectMemory | None = None
    ) -> None:
        """Scans a repository and what LFS keeps beside it, unless it was scanned already."""
        with self._report_git_errors(label):
            if repository.common_dir not in self._scanned:
                self.add_repository(repository, label, begun=begun, memory=memory)
                self._add_lfs(Path(repository.common_dir), label)

    def add_repository(
        self, repository: Git, label: str, revisions: Sequence[str] = (), begun: Walk | None = None,
        memory: ObjectMemory | None = None,
    ) -> None:  # fmt: skip
        """Scans a repository, or what the revisions lead to; raises GitError."""
        if revisions:
            repository.run("rev-list", "--max-count=1", *revisions)
        with closing(begun or Walk(repository)) as known:
            self._scanned.add(repository.common_dir)
            if repository.layout.prefix:
                repository = repository.open_at(Path(repository.find_toplevel()))
                note = f"the history is that of the whole repository at {repository.folder}"
                self._add(Result(coverage=Coverage(notes=[note])))
            with closing(Provenance(repository, known)) as tracing:
                inner = tuple(prefix for prefix in self._inner if len(prefix) > len(label))
                search = _Search(self._pipeline, repository, label, inner, tracing)
                search.scan(revisions, memory)
                self.result = search.conclude(self.result)
                if not revisions:
                    names, masks = self._pipeline.scan_names(tracing.list_ref_names())
                    self._add(mask_paths(Result(tuple(names)), masks, label))

    def _add_lfs(self, folder: Path, label: str) -> None:
        items = lfs.iter_lfs_contents(folder, self._pipeline.limit)
        self._add(
            self._pipeline.scan(
                f"{label}{item}" if isinstance(item, str) else replace(item, path=label + item.path) for item in items
            )
        )

    def _add(self, result: Result) -> None:
        self.result = self.result.merge(result)

    @contextmanager
    def _report_git_errors(self, label: str) -> Iterator[None]:
        """An error of git ends what is inside, and is reported."""
        try:
            yield
        except GitError as error:
            skip = Skip(label or ".", f"the history was not scanned: {error.message}; {error.hint}", OF_HISTORY)
            if skip not in self.result.coverage.skipped:
                self._add(Result(coverage=Coverage(skipped=[skip])))


class _Search:
    """One pass over one repository; `inner` begins the paths of the repositories inside it."""

    def __init__(
        self, pipeline: Pipeline, repository: Git, label: str, inner: tuple[str, ...], tracing: Provenance
    ) -> None:
        self._pipeline, self._git, self._label, self._tracing = pipeline, repository, label, tracing
        self._inner = inner
        whole = pipeline.scanner
        self._scanner = make_history_scanner(whole)
        self._scanner.secrets = whole.secrets  # a value found in either is hidden in the paths of both
        self._file_rules = [rule for rule in whole.rules if Trait.OF_THE_PAST in rule.traits]
        self._seen = ObjectFindings()
        self._part = Coverage()
        self._gaps: list[past_gaps.PastGap] = []

    def scan(self, revisions: Sequence[str], memory: ObjectMemory | None = None) -> None:
        """Looks at all of them, and notes what could not be scanned."""
        try:
            with closing(History(self._git, self._pipeline.limit, revisions, memory)) as history:
                look = ObjectScanner(self._scanner, history, file_rules=bool(self._file_rules))
                self._seen = look.seen
                try:
                    scan_objects(look, history, self._pipeline.jobs, self._pipeline.progress)
                finally:
                    look.conclude()
                self._settle(history.over)
                lost, stopped = self._tracing.find_missing(history) if not revisions else ([], [])
                self._part.skipped += [*stopped, *completeness.report_store_errors(history.store_errors)]
                broken = list(dict.fromkeys([*history.broken, *lost]))
                self._part.skipped += completeness.report_misnamed(
                    sorted({*history.misnamed, *(oid for _, oid, _ in self._seen.misnamed)})
                )
                self._part.skipped += completeness.find_history_gaps(self._git)
                self._part.skipped += completeness.report_missing_objects(self._git, broken)
                self._gaps += past_gaps.list_oversized(self._tracing, history.over, self._pipeline.limit)
                if memory:
                    self._remember(memory, history)
        except GitError as error:
            if memory:
                memory.forget()
            reason = f"the history could not be scanned completely: {error.message}; {error.hint}"
            self._part.skipped.append(Skip(".", reason, OF_HISTORY))
        self._part.blobs = sum(self._seen.objects.values())
        self._part.commits = self._seen.objects["commit"]
        self._part.bytes = self._seen.bytes

    def _remember(self, memory: ObjectMemory, history: History) -> None:
        """Brings the memory up to date; what was seen counts all that it knows from then on. Raises GitError."""
        seen = self._seen
        memory.update(history.list_names(), seen.notable, seen.objects, seen.bytes)
        followed = not self._part.skipped and self._tracing.is_whole
        memory.note_walk(*(self._tracing.list_followed() if followed else ((), (), ())))
        if seen.over or seen.misnamed or history.over or history.broken or history.misnamed or not memory.known:
            memory.forget()  # a scan that lacks something is no past
        else:
            seen.objects, seen.bytes = memory.kinds.copy(), memory.size

    def conclude(self, found: Result) -> Result:
        """What was found before, with how far it has come, and what only the history holds."""
        seen = self._seen
        over = found.over or seen.over
        findings = found.findings
        if seen.kinds or seen.names or seen.files:
            pipeline = replace(self._pipeline, comments=replace(self._pipeline.comments, scanner=self._scanner))
            told = HistoryFindings(pipeline, self._git, self._label, self._tracing, complete=not over)
            told.add_known(findings, self._inner)
            told.add_copies(self._seen.misnamed)
            told.add_contents({key: sorted(seen.found[key]) for key in sorted(seen.found)})
            told.add_names({name: seen.names[name] for name in sorted(seen.names)})
            told.add_deleted_files(self._file_rules)
            of_age = key_older_than_limit.RULE.id
            age_rule = next((rule for rule in self._pipeline.scanner.rules if rule.id == of_age), None)
            findings = told.publish(findings, age_rule)
            for problem in self._tracing.problems:
                reason = f"where findings come from was not found out whole: {problem}"
                self._part.skipped.append(Skip(".", reason, OF_HISTORY))
        pointers = seen.pointers | self._scanner.pointers
        missing = list(lfs.report_missing_contents(Path(self._git.common_dir), pointers))
        gaps = {COMMITS: missing[-1]} if missing else {}
        unread = seen.unread | self._scanner.unread
        gaps_of_past = [*self._gaps, *past_gaps.list_unread(self._tracing, unread, seen.unread_oids)]
        known = [skip.path for skip in found.coverage.skipped] + [
            *found.problems.unread,
            *self._pipeline.scanner.unread,
        ]
        self._part.skipped += past_gaps.drop_present(self._tracing, gaps_of_past, known, self._label)
        further = Result(coverage=self._build_coverage(missing), problems=self._build_problems(), gaps=gaps)
        return replace(found, findings=findings, over=over).merge(further)

    def _settle(self, over: Sequence[tuple[str, str, int]]) -> None:
        """Finds out where what was found came from, and what could not be read, as far as git can tell."""
        kinds = dict.fromkeys(self._seen.unread_oids.values(), "blob") | {oid: kind for kind, oid, _ in over}
        try:
            self._tracing.settle(kinds | self._seen.kinds, self._build_path_filter(), self._seen.entries)
        except GitError as error:
            self._tracing.problems[f"{error.message}; {error.hint}"] = None

    def _build_path_filter(self) -> _PathFilter | None:
        names, files = self._seen.names, self._seen.files
        return _PathFilter(frozenset(names), files=files) if names or files else None

    def _build_coverage(self, missing: Sequence[str]) -> Coverage:
        """What was counted and noted."""
        part = self._part
        return replace(
            part,
            skipped=[replace(skip, path=self._label + skip.path) for skip in part.skipped],
            notes=[*part.notes, *(f"{self._label or '.'}: {note}" for note in missing)],
        )

    def _build_problems(self) -> Problems:
        """What could not be done, in an order that does not depend on the processes."""
        seen, scanner = self._seen, self._scanner
        return Problems(
            {},
            tuple(sorted(seen.notes | scanner.notes)),
            tuple(sorted({*seen.failures, *scanner.failures})),
        )


class _PathFilter:
    """Says of a path whether a name in it was found, or whether the file rules may judge it."""

    def __init__(self, names: frozenset[bytes], *, files: bool) -> None:
        self._names, self._files = names, files

    def __call__(self, path: bytes) -> bool:
        if self._files and deleted_files.is_credential_path(path):
            return True
        return bool(self._names) and not self._names.isdisjoint(path.split(b"/"))


def make_history_scanner(whole: Scanner) -> Scanner:
    """A scanner of those of the rules that are about old contents."""
    scanner = Scanner([rule for rule in whole.rules if _applies_to_history(rule)])
    scanner.credentials = whole.credentials  # of this process: what others scan is read here once more
    scanner.budget.depth = whole.budget.depth
    return scanner


def _applies_to_history(rule: Rule) -> bool:
    """True for a rule on old contents; the others are about the present state."""
    return (rule.id.startswith((SECRET_VALUES, ROOT_USER)) or is_custom(rule.id)) and rule.check_blob is not None
