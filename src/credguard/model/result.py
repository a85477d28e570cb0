"""What a stage gives to the next: findings, what was scanned, and what a scanner could not do."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

from credguard.model.findings import Coverage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from credguard.model.findings import Finding


@dataclass(frozen=True, slots=True)
class Problems:
    """What a scanner could not do: why files were not read whole, by path; archives that are closed to everybody; path,
    rule ID and reason of rules that could not answer."""

    unread: Mapping[str, str] = field(default_factory=dict)
    closed: tuple[str, ...] = ()
    failures: tuple[tuple[str, str, str], ...] = ()

    def merge(self, *others: Problems) -> Problems:
        """These and the others; of two reasons for a path the first."""
        every = (self, *others)
        unread: dict[str, str] = {}
        for path, reason in chain.from_iterable(one.unread.items() for one in every):
            unread.setdefault(path, reason)
        closed = tuple(dict.fromkeys(chain.from_iterable(one.closed for one in every)))
        return Problems(unread, closed, tuple(chain.from_iterable(one.failures for one in every)))


@dataclass(frozen=True, slots=True)
class Result:
    """What a part of a run gives. `over` is set when there are more findings than it may have, `rules` are those that
    were given what no folder holds, `changed` the paths of a change, `material` the practices (IDs) that there was
    something for; `gaps` say what answers of rules or practices (IDs) lack; `quiet` are marks of files in which there
    was nothing. Nothing alters it: `merge` makes a new one.
    """

    findings: tuple[Finding, ...] = ()
    coverage: Coverage = field(default_factory=Coverage)
    over: bool = False
    rules: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()
    problems: Problems = field(default_factory=Problems)
    material: frozenset[str] = frozenset()
    gaps: Mapping[str, str] = field(default_factory=dict)
    quiet: frozenset[bytes] = frozenset()

    def merge(self, *others: Result) -> Result:
        """This and the others, in their order."""
        every = (self, *others)
        coverage = Coverage()
        gaps: dict[str, str] = {}
        for one in every:
            coverage.add(one.coverage)
            gaps.update(one.gaps)
        return Result(
            tuple(chain.from_iterable(one.findings for one in every)),
            coverage,
            any(one.over for one in every),
            frozenset().union(*(one.rules for one in every)),
            frozenset().union(*(one.changed for one in every)),
            self.problems.merge(*(one.problems for one in others)),
            frozenset().union(*(one.material for one in every)),
            gaps,
            frozenset().union(*(one.quiet for one in every)),
        )
