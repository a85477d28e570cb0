"""A large source in shares: scanned by this process and others forked from it, with the result of one process alone."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from credguard.model.result import Problems, Result
from credguard.system.compat import can_fork, count_cores
from credguard.system.forks import ShareQueue, Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from credguard.model.progress import Progress
    from credguard.scanning.scanner import Scanner

SHARE = 48
"""Files of one share: enough that taking a turn costs nothing beside them."""
_FEWEST = 8
"""Shares for which a further process is worth its start."""
_MOST = 4
"""Processes: each takes some 60 MB."""


@dataclass(slots=True)
class _Part:
    """What one process has scanned: results by the number of their share, and what its scanner noted; `spent` is what
    it unpacked, in bytes."""

    results: dict[int, Result] = field(default_factory=dict)
    problems: Problems = field(default_factory=Problems)
    secrets: set[bytes] = field(default_factory=set)
    pointers: set[str] = field(default_factory=set)
    spent: int = 0


def count_processes(shares: int, jobs: int) -> int:
    """How many processes are worth their start for so many shares, at most `jobs` (0: as many as processors)."""
    if sys.platform != "linux" or not can_fork:
        return 1
    return max(1, min(jobs or count_cores(), _MOST, shares // _FEWEST))


def scan_shares(
    scan: Callable[[int], Result], shares: int, count: int, scanner: Scanner, progress: Progress | None
) -> Result | None:
    """The result of `scan` for the numbers below `shares`, by `count` processes. None where one process has to do it
    alone: one of them gave no answer, or together they unpacked more than a run may."""
    left = scanner.budget.left
    with contextlib.closing(ShareQueue(shares)) as turns, contextlib.ExitStack() as stack:
        gc.freeze()  # forked processes share the memory of what is there, as long as no collection goes over it
        stack.callback(gc.unfreeze)
        work = functools.partial(_scan_turns, scan, turns, scanner)
        others = [stack.enter_context(contextlib.closing(Worker(work))) for _ in range(count - 1)]
        part = _Part()
        for number in progress(turns, shares, "part") if progress else turns:
            part.results[number] = scan(number)
        answers = [other.read_answer() for other in others]
    part.spent = left - scanner.budget.left
    parts = [part, *(one for one in answers if one is not None)]
    if None in answers or sum(one.spent for one in parts) > left:
        scanner.take_problems()
        scanner.budget.left = left
        return None
    return _merge(parts, scanner)


def _scan_turns(scan: Callable[[int], Result], turns: ShareQueue, scanner: Scanner) -> _Part:
    """What a further process does: takes turns while there are some. It gives up when the first one is gone."""
    parent, left = os.getppid(), scanner.budget.left
    scanner.take_problems()  # the first process has those of before
    part = _Part()
    for number in turns:
        if os.getppid() != parent:
            break
        part.results[number] = scan(number)
    part.problems, part.secrets, part.pointers = scanner.take_problems(), scanner.secrets, scanner.pointers
    part.spent = left - scanner.budget.left
    return part


def _merge(parts: list[_Part], scanner: Scanner) -> Result:
    """The results in the order of their shares; the scanner notes what all have noted."""
    scanner.budget.left -= sum(part.spent for part in parts[1:])
    results: dict[int, Result] = {}
    for part in parts:
        results |= part.results
        scanner.secrets |= part.secrets
        scanner.pointers |= part.pointers
    merged = Result().merge(*(results[number] for number in sorted(results)))
    return replace(merged, problems=merged.problems.merge(*(part.problems for part in parts)))
