"""The JSON report, schema version 1."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from credguard import __version__
from credguard.report import make_printable, sanitize_data

if TYPE_CHECKING:
    from credguard.model.findings import Coverage, Location, ScanResult, Skip, Verdict


def render(result: ScanResult) -> bytes:
    """The whole report as UTF-8 JSON with a final newline; nothing but ASCII is written raw."""
    report = {
        "schema_version": 1,
        "tool": {
            "name": "credguard", "version": __version__, "rules_hash": result.rules_hash,
            "policy_hash": result.policy_hash,
        },
        "target": sanitize_data(dict(result.target)),
        "exit_code": int(result.exit_code),
        "coverage": _build_coverage(result.coverage),
        "findings": [build_finding_entry(verdict) for verdict in result.verdicts],
        "practices": [
            {
                "id": standing.practice.id, "title": standing.practice.title, "status": standing.status,
                "findings": standing.findings, "accepted": standing.accepted,
                "enforced_in": [make_printable(one) for one in standing.enforced_in],
                "reason": make_printable(standing.reason), "rules": list(standing.rules),
            }
            for standing in result.standings
        ],
    }  # fmt: skip
    return json.dumps(report, indent=2).encode() + b"\n"


def _build_coverage(coverage: Coverage) -> dict[str, object]:
    return {
        "complete": coverage.complete,
        "files": coverage.files,
        "blobs": coverage.blobs,
        "commits": coverage.commits,
        "bytes": coverage.bytes,
        "skipped": list(map(_build_skip, coverage.skipped)),
        "acknowledged": list(map(_build_skip, coverage.acknowledged)),
        "notes": [make_printable(note) for note in coverage.notes],
    }


def _build_skip(skip: Skip) -> dict[str, str]:
    return {"path": make_printable(skip.path), "reason": make_printable(skip.reason)}


def build_finding_entry(verdict: Verdict) -> dict[str, object]:
    """One finding as it stands in the report."""
    finding = verdict.finding
    return {
        "rule_id": finding.rule_id,
        "rule_name": make_printable(finding.rule_name),
        "severity": finding.severity.label,
        "confidence": finding.confidence.label,
        "message": make_printable(finding.message),
        "fingerprint": finding.fingerprint,
        "outcome": verdict.outcome,
        "outcome_reason": make_printable(verdict.reason),
        **({"outcome_by": make_printable(verdict.by)} if verdict.by else {}),
        **({"outcome_until": verdict.until} if verdict.until else {}),
        "locations": [_build_location(place) for place in finding.locations],
        "attributes": sanitize_data(dict(finding.attributes)),
        "practices": list(finding.practices),
        "remediation": sanitize_data(finding.remediation),
        "exposure": sanitize_data(dict(finding.exposure)),
        "context": [{"line": line.number, "text": make_printable(line.text)} for line in finding.context],
    }


def _build_location(place: Location) -> dict[str, object]:
    """The place; `utf16_column` and `utf16_end_column` only where they differ from those in characters."""
    shown = asdict(place) | {"path": make_printable(place.path)}
    utf16 = shown.pop("utf16")
    return shown | ({"utf16_column": utf16[0], "utf16_end_column": utf16[1]} if utf16 else {})
