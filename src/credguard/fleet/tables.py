"""A fleet as tables for DuckDB and the like: lines of JSON, one file a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from credguard.errors import CredguardError
from credguard.fleet.merge import find_repository_of
from credguard.report import make_printable
from credguard.system import atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from credguard.fleet.merge import Merge


def write_tables(folder: str, merged: Merge) -> None:
    """Writes findings.jsonl, repositories.jsonl and reuse.jsonl; raises CredguardError."""
    fleet: Mapping[str, Any] = merged.result.target["fleet"]  # type: ignore[assignment]
    tables = {"findings": _iter_findings(merged), "repositories": fleet["repositories"], "reuse": fleet["reuse"]}
    try:
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        for name, rows in tables.items():
            atomic.write_output(place / f"{name}.jsonl", _format(rows))
    except OSError as error:
        raise CredguardError(f"the tables could not be written: {error.strerror}", "choose another --tables") from error


def _format(rows: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def _iter_findings(merged: Merge) -> Iterator[dict[str, Any]]:
    """A flat row for each finding: DuckDB takes the types of its columns from it."""
    names = {row.entry.name for row in merged.rows}
    for verdict in merged.result.verdicts:
        finding, place = verdict.finding, verdict.finding.locations[0]
        name = find_repository_of(place.path, names)
        exposure = finding.exposure
        yield {
            "repository": name, "rule_id": finding.rule_id, "severity": finding.severity.label,
            "outcome": verdict.outcome, "path": make_printable(place.path.removeprefix(f"{name}/")),
            "line": place.line, "commit": place.commit or "", "message": make_printable(finding.message),
            "fingerprint": finding.fingerprint, "access_key_id": str(finding.attributes.get("access_key_id") or ""),
            "account": str(finding.attributes.get("account") or ""), "first_seen": exposure.get("first_seen"),
            "age_days": exposure.get("age_days"), "pushed": exposure.get("pushed"), "in_head": exposure.get("in_head"),
            "alive": exposure.get("alive"),
        }  # fmt: skip
