"""Joins the results of a fleet: one report, the credentials that several repositories hold, and what has changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from credguard.engine import multi_repository
from credguard.engine.conclude import build_result
from credguard.engine.run import Run
from credguard.fleet import ages, record
from credguard.fleet.reuse import list_reuse
from credguard.fleet.work import read_record
from credguard.model.findings import OF_EVERYTHING, Coverage, Outcome, ScanResult, Skip
from credguard.model.practice import PracticeStatus
from credguard.model.result import Result
from credguard.policy.model import ABOUT_THE_RUN, combine_digests, exit_code
from credguard.rules import hash_rules

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from credguard.engine.repository_result import RepositoryResult
    from credguard.engine.sealing import SealingKey
    from credguard.engine.session import Session
    from credguard.fleet.plan import PlannedRepository
    from credguard.fleet.record import Record
    from credguard.fleet.store import ResultStore
    from credguard.model.findings import Verdict

MISSING = "missing"
_NOT_WHOLE = (record.INCOMPLETE, record.UNREACHABLE, record.FAILED, record.LATE, MISSING)
_TELLING = (PracticeStatus.PASS, PracticeStatus.FAIL, PracticeStatus.ACCEPTED, PracticeStatus.PARTIAL)
_MOST_VERDICTS = 200_000
_MOST_GONE = 50_000
_MOST_NIGHTS = 400


@dataclass(frozen=True, slots=True)
class MergedRow:
    """One planned repository: its entry, how its last scan ended, and the record where there is one."""

    entry: PlannedRepository
    state: str
    reason: str = ""
    record: Record | None = None


@dataclass(slots=True)
class Merge:
    """A fleet as one result, with its rows and what several of them share."""

    rows: list[MergedRow]
    result: ScanResult
    reuse: list[dict[str, Any]] = field(default_factory=list)


def read_rows(store: ResultStore, entries: Sequence[PlannedRepository], key: SealingKey) -> list[MergedRow]:
    """What the store has of each planned repository; raises CredguardError."""
    rows = []
    for entry in entries:
        found = read_record(store, entry, key)
        if found is None:
            rows.append(MergedRow(entry, MISSING, "it has no result: it was not scanned, or its result is damaged"))
        else:
            rows.append(MergedRow(entry, found.state, found.reason, found))
    return rows


def merge_rows(session: Session, rows: list[MergedRow]) -> Merge:
    """The rows as one result. What is known of a repository that could not be scanned this time is in it as well."""
    now = datetime.now(timezone.utc)
    parts = [ages.refresh_ages(row.record.result, now) for row in rows if row.record and row.record.result]
    shared = _find_shared(session, parts)
    verdicts = [verdict for part in parts for verdict in part.result.verdicts if not _is_own_note(verdict)]
    coverage = _merge_coverage(rows, parts)
    unread = build_result(session, Run(Result(coverage=Coverage(skipped=list(coverage.skipped)))), {}).verdicts
    every = sorted([*verdicts, *shared, *unread], key=_order)
    if len(every) > _MOST_VERDICTS:
        coverage.skipped.append(Skip(".", f"there are over {_MOST_VERDICTS:,} findings: merge fewer repositories"))
        every = sorted(
            every, key=lambda one: (one.outcome is not Outcome.REPORT, -int(one.finding.severity), _order(one))
        )
        every = sorted(every[:_MOST_VERDICTS], key=_order)
    digest = combine_digests(frozenset(part.result.policy_hash for part in parts))
    reuse = list_reuse(parts)
    result = ScanResult({}, tuple(every), coverage, exit_code(every, coverage), hash_rules(), digest)
    merged = Merge(rows, result, reuse)
    return replace_target(merged, describe(merged, now))


def replace_target(merged: Merge, fleet: dict[str, Any]) -> Merge:
    """The merge with what its report says of the fleet as a whole."""
    return replace(merged, result=replace(merged.result, target={"kind": "fleet", "fleet": fleet}))


def _is_own_note(verdict: Verdict) -> bool:
    """True for what says that an input was not read, which is said again of all together."""
    return verdict.finding.rule_id in ABOUT_THE_RUN


def _find_shared(session: Session, parts: Sequence[RepositoryResult]) -> tuple[Verdict, ...]:
    """A verdict for each credential that several repositories hold; tags stand for its values."""
    projects = [replace(part, files=tuple(f"{folder}package.json" for folder in part.files)) for part in parts]
    run = multi_repository.merge_results(session, projects)
    return build_result(session, Run(Result(run.result.findings)), {}).verdicts


def _merge_coverage(rows: Sequence[MergedRow], parts: Iterable[RepositoryResult]) -> Coverage:
    coverage = Coverage()
    for part in parts:
        coverage.add(part.result.coverage)
    coverage.skipped += [
        Skip(row.entry.name, _format_reason(row), OF_EVERYTHING) for row in rows
        if row.state != record.WHOLE and not (row.state == record.INCOMPLETE and row.record and row.record.result)
    ]  # fmt: skip
    return coverage


def _format_reason(row: MergedRow) -> str:
    known = row.record.scanned if row.record and row.record.result else ""
    return f"{row.reason}; what is said of it is of {known}" if known else row.reason


def _order(verdict: Verdict) -> tuple[str, int, int, str, str]:
    place = verdict.finding.locations[0]
    return place.path, place.line, place.column, verdict.finding.rule_id, verdict.finding.fingerprint


def describe(merged: Merge, now: datetime) -> dict[str, Any]:
    """The numbers of the night, and what is shared."""
    states = Counter(row.state for row in merged.rows)
    blocking = [
        v for v in merged.result.verdicts if v.outcome is Outcome.REPORT and v.finding.rule_id not in ABOUT_THE_RUN
    ]
    practices: dict[str, Counter[str]] = {}
    for row in merged.rows:
        for standing in row.record.result.result.standings if row.record and row.record.result else ():
            practices.setdefault(standing.practice.id, Counter())[standing.status] += 1
    return {
        "night": {
            "date": now.strftime("%Y-%m-%d"), "planned": len(merged.rows), "whole": states[record.WHOLE],
            **{state: states[state] for state in _NOT_WHOLE},
            "blocking": len(blocking), "reused": len(merged.reuse),
        },
        "reuse": merged.reuse,
        "repositories": [_describe_row(row) for row in merged.rows],
        "practices": {name: dict(sorted(count.items())) for name, count in sorted(practices.items())},
    }  # fmt: skip


def _describe_row(row: MergedRow) -> dict[str, Any]:
    """One repository as a line of the report."""
    result = row.record.result.result if row.record and row.record.result else None
    return {
        "id": row.entry.id, "name": row.entry.name, "state": row.state, "reason": row.reason,
        "visibility": row.entry.visibility, "archived": row.entry.archived,
        "scanned": row.record.scanned if row.record else "",
        "findings": sum(v.outcome is Outcome.REPORT and not _is_own_note(v) for v in result.verdicts) if result else 0,
        "practices": {s.practice.id: s.status for s in result.standings if s.status in _TELLING} if result else {},
    }  # fmt: skip


def compare_with_last(merged: Merge, last: ScanResult) -> Merge:
    """The merge with what is new, gone and reopened since a report of an earlier night, whose trend it goes on with. A
    finding of a repository that could not be scanned this time is not gone."""
    fleet, former = _read_fleet(merged.result), _read_fleet(last)
    now = _list_marks(merged.result, {row.entry.name for row in merged.rows})
    before = _list_marks(
        last, {str(one.get("name")) for one in former.get("repositories", ()) if isinstance(one, dict)}
    )
    unknown = {row.entry.name for row in merged.rows if row.record is None or row.record.result is None}
    old_gone = {tuple(map(str, one)) for one in former.get("gone", ()) if isinstance(one, list) and len(one) == 2}
    missing = {mark for mark in before - now if mark[0] not in unknown}
    fresh = now - before
    reopened = fresh & old_gone
    fleet["changes"] = {
        "new": sorted(map(list, fresh - reopened)), "gone": sorted(map(list, missing)),
        "reopened": sorted(map(list, reopened)),
    }  # fmt: skip
    fleet["gone"] = sorted(map(list, (old_gone | missing) - now))[:_MOST_GONE]
    nights = [one for one in former.get("trend", ()) if isinstance(one, dict)]
    nights = nights or [one for one in (former.get("night"),) if isinstance(one, dict)]
    night = fleet["night"] | {name: len(found) for name, found in fleet["changes"].items()}
    fleet["night"], fleet["trend"] = night, [*nights, night][-_MOST_NIGHTS:]
    return replace_target(merged, fleet)


def _read_fleet(result: ScanResult) -> dict[str, Any]:
    fleet = result.target.get("fleet")
    return dict(fleet) if isinstance(fleet, dict) else {}


def _list_marks(result: ScanResult, names: Collection[str]) -> set[tuple[str, str]]:
    """What blocks, by repository and fingerprint; what several repositories share belongs to none."""
    marks = set()
    for verdict in result.verdicts:
        if verdict.outcome is Outcome.REPORT and not _is_own_note(verdict):
            owners = {find_repository_of(place.path, names) for place in verdict.finding.locations}
            marks.add((owners.pop() if len(owners) == 1 else "", verdict.finding.fingerprint))
    return marks


def find_repository_of(path: str, names: Collection[str]) -> str:
    """The repository whose name begins the path, "" for none."""
    end = path.rfind("/")
    while end > 0:
        if path[:end] in names:
            return path[:end]
        end = path.rfind("/", 0, end)
    return ""
