"""The report for editors and pipes: one line a finding, as compilers write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.model.findings import SHOWN, Outcome
from credguard.report import make_printable
from credguard.report.groups import list_shown
from credguard.report.origin import describe_origin, format_place
from credguard.rules.tool.input_not_read import RULE as NOT_READ

if TYPE_CHECKING:
    from credguard.model.findings import ScanResult, Verdict


def render(result: ScanResult) -> bytes:
    """A line for every finding that is not suppressed and for every input that was not scanned, as UTF-8."""
    lines = [_format_finding(verdict) for verdict in list_shown(result.verdicts, SHOWN)]
    coverage = result.coverage
    for skips, tail in ((coverage.skipped, ""), (coverage.acknowledged, " [does not block]")):
        lines += [
            f"{make_printable(skip.path)}: {NOT_READ.id} {NOT_READ.name}: {make_printable(skip.reason)}{tail}"
            for skip in skips
        ]
    return "".join(line + "\n" for line in lines).encode("utf-8", "backslashreplace")


def _format_finding(verdict: Verdict) -> str:
    finding = verdict.finding
    origin = describe_origin(finding)
    tail = (f" ({origin})" if origin else "") + (" [does not block]" if verdict.outcome is not Outcome.REPORT else "")
    rule = f"{finding.rule_id} {make_printable(finding.rule_name)}"
    return f"{format_place(finding)}: {finding.severity.label} {rule}: {make_printable(finding.message)}{tail}"
