"""GitLab's secret-detection report, security report schema 15."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from uuid import UUID

from credguard import __version__
from credguard.errors import ExitCode
from credguard.model.findings import SHOWN
from credguard.policy.model import ABOUT_THE_RUN
from credguard.report import make_printable

if TYPE_CHECKING:
    from credguard.model.findings import Finding, ScanResult, Verdict

SCHEMA_VERSION = "15.2.1"
_NO_COMMIT = "0" * 40


def render(result: ScanResult) -> bytes:
    """The report as JSON with a final newline; only findings that are not suppressed are vulnerabilities."""
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    tool = {
        "id": "credguard", "name": "credguard", "version": __version__, "vendor": {"name": "credguard"},
    }  # fmt: skip
    shown = [
        verdict
        for verdict in result.verdicts
        if verdict.outcome in SHOWN and verdict.finding.rule_id not in ABOUT_THE_RUN
    ]
    looked = result.exit_code in (ExitCode.CLEAN, ExitCode.FINDINGS) and result.coverage.complete
    report = {
        "version": SCHEMA_VERSION,
        "scan": {
            "analyzer": tool, "scanner": tool, "type": "secret_detection", "start_time": now, "end_time": now,
            "status": "success" if looked else "failure",
            "messages": [
                {"level": level, "value": make_printable(f"{words}: {skip.path}: {skip.reason}")}
                for level, words, skips in (
                    ("warn", "not scanned", result.coverage.skipped), ("info", "left out", result.coverage.acknowledged)
                )
                for skip in skips
            ],
        },
        "vulnerabilities": [_build_vulnerability(verdict) for verdict in shown],
    }  # fmt: skip
    return json.dumps(report, indent=2).encode() + b"\n"


def _build_vulnerability(verdict: Verdict) -> dict[str, object]:
    finding = verdict.finding
    place = finding.locations[0]
    return {
        "id": str(UUID(finding.fingerprint)),
        "category": "secret_detection",
        "name": make_printable(finding.rule_name),
        "description": make_printable(finding.message),
        "severity": finding.severity.label.capitalize(),
        "solution": make_printable("; ".join(finding.remediation)),
        "identifiers": [
            {"type": "credguard_rule_id", "name": f"credguard {finding.rule_id}", "value": finding.rule_id}
        ],
        "location": {
            "file": make_printable(place.path), "start_line": place.line, "end_line": place.end_line,
            "commit": _build_commit(finding),
        },
    }  # fmt: skip


def _build_commit(finding: Finding) -> dict[str, str]:
    """The commit, with author and date where they are known to be its own."""
    commit, exposure = finding.locations[0].commit, finding.exposure
    known = {"author": exposure.get("author"), "date": exposure.get("first_seen")}
    own = commit is not None and exposure.get("first_commit") == commit
    return {"sha": commit or _NO_COMMIT} | {n: make_printable(str(v)) for n, v in known.items() if own and v}
