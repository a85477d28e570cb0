"""GitLab's code quality report: a subset of the Code Climate format, which every tier shows in merge requests."""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import TYPE_CHECKING

from credguard.model.findings import SHOWN, Outcome, Severity
from credguard.policy.model import ABOUT_THE_RUN
from credguard.report import make_printable
from credguard.report.origin import describe_origin

if TYPE_CHECKING:
    from credguard.model.findings import ScanResult, Verdict

_SEVERITIES = {Severity.CRITICAL: "blocker", Severity.HIGH: "critical", Severity.MEDIUM: "major", Severity.LOW: "minor"}


def render(result: ScanResult) -> bytes:
    """The array of issues that are not suppressed, and of inputs that the policy leaves out, as JSON with a final
    newline."""
    shown = [v for v in result.verdicts if v.outcome in SHOWN]
    known = [v for v in result.verdicts if v.outcome is Outcome.ALLOWED and v.finding.rule_id in ABOUT_THE_RUN]
    left_out = [
        _build_issue(verdict, f"; {make_printable(verdict.reason)}") | {"severity": "info"} for verdict in known
    ]
    return json.dumps([*map(_build_issue, shown), *left_out], indent=2).encode() + b"\n"


def _build_issue(verdict: Verdict, tail: str = "") -> dict[str, object]:
    finding = verdict.finding
    place, origin = finding.locations[0], describe_origin(finding)
    return {
        "type": "issue",
        "check_name": make_printable(f"{finding.rule_id} {finding.rule_name}"),
        "description": make_printable(
            f"{finding.rule_id} {finding.message}" + (f"; {origin}" if origin else "") + tail
        ),
        "categories": ["Security"],
        "severity": _SEVERITIES[finding.severity],
        "fingerprint": _hash_identity(finding.fingerprint, make_printable(place.path)),
        "location": {"path": make_printable(place.path), "lines": {"begin": place.line, "end": place.end_line}},
    }


def _hash_identity(fingerprint: str, path: str) -> str:
    """One identity for each file that holds the value: GitLab drops issues of the same fingerprint."""
    return blake2b(f"{fingerprint}\0{path}".encode(), digest_size=16).hexdigest()
