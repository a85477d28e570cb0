"""Annotations for GitHub Actions: workflow commands, one line each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.model.findings import SHOWN, Outcome, Severity
from credguard.policy.model import ABOUT_THE_RUN
from credguard.report import make_printable
from credguard.report.origin import describe_origin, format_place, is_gone

if TYPE_CHECKING:
    from credguard.model.findings import ScanResult, Verdict

_COMMANDS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "notice"}


def render(result: ScanResult) -> bytes:
    """A line for every finding that is not suppressed and for everything that was not scanned."""
    shown = [v for v in result.verdicts if v.outcome in SHOWN]
    lines = [_format_finding(verdict) for verdict in shown if verdict.finding.rule_id not in ABOUT_THE_RUN]
    for command, title, skips in (
        ("error", "not scanned", result.coverage.skipped), ("notice", "left out", result.coverage.acknowledged)
    ):  # fmt: skip
        lines += [
            f"::{command} file={_escape_property(skip.path)},title=credguard%3A {title}::{_escape_data(skip.reason)}"
            for skip in skips
        ]
    return "".join(line + "\n" for line in lines).encode("utf-8", "backslashreplace")


def _format_finding(verdict: Verdict) -> str:
    finding = verdict.finding
    command = _COMMANDS[finding.severity] if verdict.outcome is Outcome.REPORT else "notice"
    title = _escape_property(f"credguard {finding.rule_id} {finding.rule_name} ({finding.severity.label})")
    hint = f"; {finding.remediation[0]}" if finding.remediation else ""
    origin = describe_origin(finding)
    text = finding.message + (f"; {origin}" if origin else "") + hint
    if is_gone(finding):  # the file at the place is another one, or not there
        return f"::{command} title={title}::{_escape_data(f'{format_place(finding)}: {text}')}"
    place = finding.locations[0]
    where = f"file={_escape_property(place.path)},line={place.line},endLine={place.end_line},col={place.column}"
    end = f",endColumn={place.end_column}" if place.end_line == place.line else ""
    return f"::{command} {where}{end},title={title}::{_escape_data(text)}"


def _escape_data(text: str) -> str:
    """Escaped as the runner unescapes a command's message (actions/toolkit, command.ts)."""
    return make_printable(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    """The same for a property, where a colon or a comma would end it."""
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")
