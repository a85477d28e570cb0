"""A run so far, as a value: what its parts found, whose policies they follow, and what is decided already."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from credguard.model.findings import Coverage
from credguard.model.result import Result
from credguard.scanning import limits

if TYPE_CHECKING:
    from credguard.model.findings import Skip, Verdict
    from credguard.model.practices import Enforcement
    from credguard.policy.judge import Judge
    from credguard.sources.worktree import WorkTree


@dataclass(frozen=True, slots=True)
class Run:
    """What is found and not decided yet (`result`), the `judges` whose policies were followed, the last one last, and
    the folders scanned (`trees`), each with what goes before its paths. `verdicts` are decided, by policies with these
    `digests`; `where` tells, for repositories audited elsewhere, where they call credguard."""

    result: Result = field(default_factory=Result)
    judges: tuple[Judge, ...] = ()
    trees: tuple[tuple[str, WorkTree], ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    digests: frozenset[str] = frozenset()
    where: tuple[tuple[str, Enforcement | None], ...] | None = None

    def merge(self, *others: Run) -> Run:
        """This run and the others, in their order."""
        every = (self, *others)
        where = [one for run in every if run.where is not None for one in run.where]
        return Run(
            _limit_findings(self.result.merge(*(run.result for run in others))),
            tuple(judge for run in every for judge in run.judges),
            tuple(tree for run in every for tree in run.trees),
            tuple(verdict for run in every for verdict in run.verdicts),
            frozenset().union(*(run.digests for run in every)),
            tuple(where) if any(run.where is not None for run in every) else None,
        )

    def add(self, *results: Result) -> Run:
        """The run with what further parts gave."""
        return replace(self, result=_limit_findings(self.result.merge(*results)))

    def add_note(self, note: str) -> Run:
        """The run with one more note on what it covers."""
        return self.add(Result(coverage=Coverage(notes=[note])))

    def add_skip(self, skip: Skip) -> Run:
        """The run with one more thing that was not scanned."""
        return self.add(Result(coverage=Coverage(skipped=[skip])))


def follow(judge: Judge) -> Run:
    """The beginning of a run by the judge's policy, with what is to be said of that."""
    return Run(Result(coverage=Coverage(skipped=list(judge.skipped), notes=list(judge.notes))), (judge,))


def _limit_findings(result: Result) -> Result:
    """The result with as many findings as a run may have, when they have become twice as many."""
    findings, over = limits.trim(list(result.findings), limits.OF_RUN)
    return replace(result, findings=tuple(findings), over=True) if over else result
