"""The whole history of a repository: every object looked at once, and what was found told with how far it has come."""

from __future__ import annotations

import os
import re
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from credguard import formerly
from credguard.disclosure import Disclosure
from credguard.git import Git, GitError
from credguard.matcher import Matcher
from credguard.model import Blob, Coverage, Skip
from credguard.scan import Scanner
from credguard.sources import gaps
from credguard.sources.history import History
from credguard.sources.sieve import Sieve
from credguard.tracing import Tracing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from credguard.audit import Run
    from credguard.model import Finding
    from credguard.rule import Rule
    from credguard.sources.history import Batch
    from credguard.sources.sieve import Candidate

_FAMILIES = ("CG1", "CG3")
"""Rules that judge old contents; the others judge the present state."""
_ENTRY = {size: re.compile(rb"\d{5,6} ([^\0]+)\0.{%d}" % size, re.DOTALL) for size in (20, 32)}
"""An entry of a tree object, with a name of SHA-1 or SHA-256."""


def look(run: Run, repository: Git, label: str = "", revisions: Sequence[str] = ()) -> None:
    """Looks at every object of the repository, or at those that the `revisions` (arguments of `git
    rev-list`) lead to. What the run has found below the label already learns how far it has come.

    Raises GitError for bad revisions.
    """
    if revisions:
        repository.run("rev-list", "--max-count=1", *revisions)
    if repository.run("rev-parse", "--show-prefix").strip():
        repository = Git(Path(repository.toplevel()))
        run.coverage.notes.append(f"the history is that of the whole repository at {repository.folder}")
    with closing(gaps.Missing(repository)) as missing, closing(Tracing(repository)) as tracing:
        search = _Search(run, repository, label, tracing)
        search.objects(revisions, missing)
        search.conclude()


class _Search:
    """One pass over one repository. `found` are the objects with findings, by the rule and fingerprint of
    each; `names` the file names with one."""

    def __init__(self, run: Run, repository: Git, label: str, tracing: Tracing) -> None:
        self._run, self._git, self._label, self._tracing = run, repository, label, tracing
        self._scanner = Scanner([rule for rule in run.scanner.rules if _judges_the_past(rule)])
        self._scanner.budget.depth = run.scanner.budget.depth
        self._found: dict[tuple[str, str], dict[str, None]] = {}
        self._kinds: dict[str, str] = {}
        self._seen: set[bytes] = set()
        self._names: dict[bytes, list[Finding]] = {}
        self._files = False
        self._part = Coverage()

    def objects(self, revisions: Sequence[str], missing: gaps.Missing) -> None:
        """Looks at all of them, and notes what could not be looked at."""
        history = History(self._git, self._run.limit, revisions)
        patterns = (pattern for rule in self._scanner.rules for pattern in rule.patterns)
        names = Matcher([*patterns, formerly.NAMES])
        also = self._scanner.always_sees if self._scanner.looks_always else None
        sieve = Sieve(self._scanner.matcher, names, also)
        try:
            for batch in self._progress(history.batches()):
                for candidate in sieve.candidates(batch):
                    self._take(candidate)
            broken = [*history.broken, *([] if revisions else missing.objects())]
            self._part.skipped += gaps.cut_off(self._git)
            partial = gaps.is_partial(self._git)
            self._part.skipped += gaps.not_read(list(dict.fromkeys(broken)), history.over, partial=partial)
        except GitError as error:
            reason = f"the history could not be looked at whole: {error.message}; {error.hint}"
            self._part.skipped.append(Skip(".", reason))
        self._part.blobs = sum(history.kinds.values())
        self._part.commits = history.kinds["commit"]
        self._part.bytes = history.bytes

    def conclude(self) -> None:
        """Says what was found, and how far it has come."""
        if self._kinds or self._names or self._files:
            try:
                self._tracing.settle(self._kinds, self._named())
            except GitError as error:
                self._tracing.problems[f"{error.message}; {error.hint}"] = None
            told = Disclosure(self._run, self._git, self._label, self._tracing, self._scanner)
            told.contents(self._found)
            told.names(self._names)
            told.files(self._file_rules)
            told.publish()
            for problem in self._tracing.problems:
                self._part.skipped.append(Skip(".", f"where findings come from was not found out whole: {problem}"))
        self._hand_over()

    @property
    def _file_rules(self) -> list[Rule]:
        return [rule for rule in self._run.scanner.rules if rule.id in formerly.FILE_RULES]

    def _progress(self, batches: Iterator[Batch]) -> Iterable[Batch]:
        progress = self._run.progress
        return progress(batches, 0) if progress else batches  # type: ignore[arg-type, return-value]

    def _take(self, candidate: Candidate) -> None:
        if candidate.kind == "tree":
            self._tree(candidate)
            return
        kind = "file" if candidate.kind == "blob" else "message"
        path = f"{'object' if candidate.kind == 'blob' else candidate.kind} {candidate.oid[:12]}"
        for finding in self._scanner.blob(Blob(candidate.data, path, kind), hits=candidate.hits):
            self._found.setdefault((finding.rule_id, finding.fingerprint), {})[candidate.oid] = None
            self._kinds[candidate.oid] = candidate.kind
            self._tracing.begin()

    def _tree(self, candidate: Candidate) -> None:
        names = set(_ENTRY[len(candidate.oid) // 2].findall(candidate.data)) - self._seen
        self._seen |= names
        self._files = self._files or (bool(self._file_rules) and any(map(formerly.may_be_one, names)))
        fresh = sorted(names)
        for finding in self._scanner.names([os.fsdecode(name) for name in fresh]):
            self._names.setdefault(os.fsencode(finding.locations[0].path), []).append(finding)
            self._tracing.begin()

    def _named(self) -> _Named | None:
        return _Named(frozenset(self._names), files=self._files) if self._names or self._files else None

    def _hand_over(self) -> None:
        """Adds what was counted and noted to the run."""
        run, scanner = self._run, self._scanner
        self._part.skipped = [Skip(self._label + skip.path, skip.reason) for skip in self._part.skipped]
        run.coverage.add(self._part)
        run.scanner.failures += scanner.failures
        run.scanner.notes.update(scanner.notes)
        for path, reason in scanner.unread.items():
            run.scanner.unread.setdefault(self._label + path, reason)


class _Named:
    """Says of a path whether a name in it was found, or whether the file rules may judge it."""

    def __init__(self, names: frozenset[bytes], *, files: bool) -> None:
        self._names, self._files = names, files

    def __call__(self, path: bytes) -> bool:
        if self._files and formerly.is_one(path):
            return True
        return bool(self._names) and not self._names.isdisjoint(path.split(b"/"))


def _judges_the_past(rule: Rule) -> bool:
    return (rule.id.startswith(_FAMILIES) or not rule.id.startswith("CG")) and rule.check_blob is not None
