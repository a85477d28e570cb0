"""The CSV report (RFC 4180): one row a finding, which no spreadsheet takes for a formula."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from credguard.report import make_printable

if TYPE_CHECKING:
    from credguard.model.findings import ScanResult, Verdict

CSV_COLUMNS = (
    "rule_id", "rule_name", "severity", "confidence", "outcome", "outcome_reason", "path", "line", "column", "commit",
    "message", "fingerprint", "practices", "remediation", "author", "date",
)  # fmt: skip
# What makes a cell a formula in a spreadsheet (OWASP, "CSV Injection"), also behind a blank.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def render(result: ScanResult) -> bytes:
    """The rows as UTF-8 with CRLF line ends, a header first."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(CSV_COLUMNS)
    for verdict in result.verdicts:
        writer.writerow([_format_cell(value) for value in _build_row(verdict)])
    return text.getvalue().encode("utf-8", "backslashreplace")


def _build_row(verdict: Verdict) -> tuple[object, ...]:
    finding = verdict.finding
    place = finding.locations[0]
    return (
        finding.rule_id, finding.rule_name, finding.severity.label, finding.confidence.label, verdict.outcome,
        verdict.reason, place.path, place.line, place.column, place.commit or "", finding.message, finding.fingerprint,
        " ".join(finding.practices), " / ".join(finding.remediation), finding.exposure.get("author") or "",
        finding.exposure.get("first_seen") or "",
    )  # fmt: skip


def _format_cell(value: object) -> str:
    text = make_printable(str(value))
    return f"'{text}" if text.lstrip(" \u00a0'\"").startswith(_FORMULA) else text
