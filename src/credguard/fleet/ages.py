"""What time alone changes in a result: ages and lives are computed anew, and a moment says when that is not enough."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from credguard.history.exposure import TEMPORARY_LIFE
from credguard.rules.account.key_older_than_limit import RULE as KEY_AGE
from credguard.rules.account.key_older_than_limit import check_key_age

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.engine.repository_result import RepositoryResult
    from credguard.model.findings import Finding, Verdict

FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_NEVER = "9999-12-31T00:00:00Z"


def find_due(part: RepositoryResult, now: datetime, limit_days: int) -> str:
    """The moment from which on the repository has to be scanned again, even where nothing in it has changed: a
    credential ends, a key becomes too old, an exception is over."""
    moments = [moment for verdict in part.result.verdicts for moment in _iter_turns(verdict, now, limit_days)]
    moments += [moment for one in part.compared for moment in _iter_finding_turns(one, now, limit_days)]
    return min(moments, default=_NEVER)


def _iter_turns(verdict: Verdict, now: datetime, limit_days: int) -> Iterator[str]:
    if verdict.until:
        day = _parse(f"{verdict.until}T00:00:00Z")
        yield (day + timedelta(days=1)).strftime(FORMAT) if day else now.strftime(FORMAT)
    yield from _iter_finding_turns(verdict.finding, now, limit_days)


def _iter_finding_turns(finding: Finding, now: datetime, limit_days: int) -> Iterator[str]:
    expires = finding.attributes.get("expires")
    if isinstance(expires, str) and expires > now.strftime(FORMAT):
        yield expires
    seen = _parse(finding.exposure.get("first_seen"))
    if seen and finding.exposure.get("alive") is True:
        yield (seen + TEMPORARY_LIFE).strftime(FORMAT)
    if seen and finding.exposure.get("over_rotation_limit") is False:
        yield (seen + timedelta(days=limit_days + 1)).strftime(FORMAT)
    if finding.rule_id == KEY_AGE.id and "first_seen" not in finding.attributes:  # of a report without a date
        yield now.strftime(FORMAT)


def refresh_ages(part: RepositoryResult, now: datetime) -> RepositoryResult:
    """The result as of now, where it is not due yet."""
    verdicts = tuple(replace(one, finding=_refresh(one.finding, now)) for one in part.result.verdicts)
    compared = tuple(_refresh(one, now) for one in part.compared)
    return replace(part, result=replace(part.result, verdicts=verdicts), compared=compared)


def _refresh(finding: Finding, now: datetime) -> Finding:
    seen = _parse(finding.exposure.get("first_seen"))
    if seen:
        finding = replace(finding, exposure={**finding.exposure, "age_days": max(0, (now - seen).days)})
    since, limit = _parse(finding.attributes.get("first_seen")), finding.attributes.get("limit_days")
    if finding.rule_id == KEY_AGE.id and since and isinstance(limit, int):
        detection = check_key_age(since, now, limit, str(finding.attributes.get("access_key_id", "")))
        if detection:
            attributes = {**finding.attributes, "age_days": detection.attributes["age_days"]}
            finding = replace(finding, message=detection.message, attributes=attributes)
    return finding


def _parse(text: object) -> datetime | None:
    try:
        return datetime.strptime(str(text), FORMAT).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
