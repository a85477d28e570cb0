"""Runs a plan, or a shard of it, with the processes of one machine; what has been done before and holds is kept."""

from __future__ import annotations

import functools
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.engine.sealing import find_key
from credguard.engine.worker_pool import Failure, Pool
from credguard.errors import ExitCode
from credguard.fleet import ages, record
from credguard.fleet.plan import format_plan
from credguard.fleet.record import Record
from credguard.fleet.store import PLAN, format_lease_name, format_result_name, open_store
from credguard.fleet.work import ScanOutcome, pause_before, read_record, start_work

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from credguard.engine.sealing import SealingKey
    from credguard.fleet.plan import PlannedRepository
    from credguard.fleet.store import ResultStore
    from credguard.fleet.work import Settings

_DONE = (record.WHOLE, "kept")


@dataclass(slots=True)
class Summary:
    """How a run ended: `counts` by state, and the reasons of what is not whole, by name."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> ExitCode:
        """3 unless every repository has a whole result; findings are told by the merge."""
        return ExitCode.INCOMPLETE if self.reasons else ExitCode.CLEAN

    def add(self, entry: PlannedRepository, outcome: ScanOutcome) -> None:
        """Counts a repository."""
        self.counts[outcome.state] += 1
        if outcome.state not in _DONE:
            self.reasons[entry.name] = outcome.reason


def store_plan(store: ResultStore, entries: Sequence[PlannedRepository]) -> None:
    """Puts the whole plan beside the results, for status and merge."""
    store.write(PLAN, format_plan(entries))


def run_entries(
    entries: Sequence[PlannedRepository], settings: Settings, jobs: int, tries: int, pause: float,
    tell: Callable[[PlannedRepository, ScanOutcome], None],
) -> Summary:  # fmt: skip
    """Scans the repositories, the biggest first; raises CredguardError where store or key cannot be used."""
    store, summary = open_store(settings.store), Summary()
    key = find_key(Path(settings.key_file) if settings.key_file else None)
    ordered = sorted(entries, key=lambda entry: (-entry.size, entry.id))
    pool = Pool(
        functools.partial(start_work, settings), jobs, tries, settings.deadline, is_final=is_final,
        pause=functools.partial(pause_before, pause),
    )  # fmt: skip
    for number, answer, count in pool.run(ordered):
        entry = ordered[number]
        outcome = settle_answer(store, key, entry, answer, count, settings.deadline)
        summary.add(entry, outcome)
        tell(entry, outcome)
    return summary


def settle_answer(
    store: ResultStore, key: SealingKey, entry: PlannedRepository, answer: object, tries: int, deadline: float
) -> ScanOutcome:
    """What became of a repository; that its worker gave no answer is stored beside what was known of it."""
    if isinstance(answer, ScanOutcome):
        return answer
    assert isinstance(answer, Failure)  # noqa: S101 - the pool gives nothing else
    outcome = _explain_failure(entry, answer, deadline)
    before = read_record(store, entry, key) or Record(entry.id, outcome.state)
    began = datetime.now(timezone.utc).strftime(ages.FORMAT)
    lost = replace(before, state=outcome.state, reason=outcome.reason, run={"started": began, "tries": tries})
    store.write(format_result_name(entry.id), record.serialize_record(lost, key))
    store.remove(format_lease_name(entry.id))
    return outcome


def is_final(answer: object) -> bool:
    """False for an outcome that another try may change."""
    return not (isinstance(answer, ScanOutcome) and answer.is_transient)


def _explain_failure(entry: PlannedRepository, failure: Failure, deadline: float) -> ScanOutcome:
    """What became of a repository whose worker gave no answer."""
    if failure.kind == "late":
        reason = f"it took over {deadline:.0f} s; give it more with --timeout"
        return ScanOutcome(entry.id, record.LATE, reason, ExitCode.INCOMPLETE)
    reason = f"a bug in credguard: {failure.place}" if failure.kind == "bug" else "its worker ended each time"
    return ScanOutcome(entry.id, record.FAILED, f"{reason}; run `credguard audit` on it alone", ExitCode.BUG)
