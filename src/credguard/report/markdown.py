"""The Markdown report: a job summary with the scorecard first, then what was found."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.errors import ExitCode
from credguard.lazy_re import compile_lazily
from credguard.policy.model import ABOUT_THE_RUN
from credguard.report import make_printable
from credguard.report.origin import describe_origin
from credguard.report.scorecard import count_findings, count_standings, describe_unread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.model.findings import ScanResult, Verdict

_MARKS = {
    "pass": "✅ pass", "fail": "❌ fail", "accepted": "accepted", "partial": "◐ partial",
    "not-checked": "not checked", "nothing-to-check": "nothing to check",
}  # fmt: skip
_MOST_ROWS = 500
"""GitHub takes 1 MiB of summary a step (docs.github.com, "Workflow commands")."""
_MEANING = compile_lazily(r"([\\`*_{}\[\]<>#|~&$@:]|(?<=www)\.)", re.IGNORECASE)


def render(result: ScanResult) -> bytes:
    """The report as UTF-8."""
    lines = [
        *_format_headline(result),
        *_format_scorecard(result),
        *_format_findings(result),
        *_format_steps(result),
        *_format_skipped(result),
    ]
    return "".join(line + "\n" for line in lines).encode("utf-8", "backslashreplace")


def _format_headline(result: ScanResult) -> Iterator[str]:
    blocking = [v for v in result.verdicts if v.outcome == "report" and v.finding.rule_id not in ABOUT_THE_RUN]
    words = {
        ExitCode.CLEAN: "nothing blocks",
        ExitCode.INCOMPLETE: "incomplete, not everything was looked at",
    }.get(result.exit_code, f"{len(blocking)} {'finding blocks' if len(blocking) == 1 else 'findings block'}")
    coverage = result.coverage
    yield f"## credguard: {words}"
    yield ""
    yield f"{coverage.blobs} files and messages looked at; {len(coverage.skipped)} could not be looked at."
    yield ""


def _format_scorecard(result: ScanResult) -> Iterator[str]:
    yield "### Practices"
    yield ""
    yield f"{count_standings(result.standings)}."
    yield ""
    unread = describe_unread(result)
    if unread:
        yield escape(unread)
        yield ""
    yield "| | practice | standing | findings | to do |"
    yield "|---|---|---|---|---|"
    for standing in result.standings:
        practice = standing.practice
        cells = (
            practice.id,
            escape(practice.title),
            _MARKS[standing.status],
            str(count_findings(standing) or ""),
        )
        yield f"| {' | '.join(cells)} | {escape(standing.reason)} |"
    yield ""


def _format_findings(result: ScanResult) -> Iterator[str]:
    shown = [
        v
        for v in result.verdicts
        if v.outcome in ("report", "below-threshold") and v.finding.rule_id not in ABOUT_THE_RUN
    ]
    shown.sort(key=lambda v: (v.outcome != "report", -v.finding.severity))
    if shown:
        yield "### Findings"
        yield ""
        yield "| severity | rule | where | what |"
        yield "|---|---|---|---|"
        yield from (_format_row(verdict) for verdict in shown[:_MOST_ROWS])
        yield ""
    if len(shown) > _MOST_ROWS:
        yield f"and {len(shown) - _MOST_ROWS} more: see the JSON or SARIF report."
        yield ""
    hidden = [v for v in result.verdicts if v.outcome in ("allowed", "baseline", "inline")]
    if hidden:
        yield f"{len(hidden)} suppressed or known before."
        yield ""


def _format_row(verdict: Verdict) -> str:
    finding = verdict.finding
    place = finding.locations[0]
    severity = finding.severity.label if verdict.outcome == "report" else f"{finding.severity.label}, does not block"
    origin = describe_origin(finding)
    where = f"{escape(place.path)} line {place.line}" + (f", {escape(origin)}" if origin else "")
    rule = f"{escape(finding.rule_id)} {escape(finding.rule_name)}"
    return f"| {severity} | {rule} | {where} | {escape(finding.message)} |"


def _format_steps(result: ScanResult) -> Iterator[str]:
    """What to do, once for each kind of finding that blocks."""
    kinds = dict.fromkeys((v.finding.rule_id, v.finding.remediation) for v in result.verdicts if v.outcome == "report")
    rules = [(rule, steps) for rule, steps in kinds if steps and rule not in ABOUT_THE_RUN]
    if not rules:
        return
    yield "### What to do"
    yield ""
    for rule, steps in rules[:20]:
        yield f"<details><summary>{escape(rule)}</summary>"
        yield ""
        yield from (f"{number}. {escape(step)}" for number, step in enumerate(steps, 1))
        yield ""
        yield "</details>"
        yield ""


def _format_skipped(result: ScanResult) -> Iterator[str]:
    skipped = result.coverage.skipped
    if skipped:
        yield "### Not looked at"
        yield ""
        yield from (f"- {escape(skip.path)}: {escape(skip.reason)}" for skip in skipped[:_MOST_ROWS])
        if len(skipped) > _MOST_ROWS:
            yield f"- and {len(skipped) - _MOST_ROWS} more"


def escape(text: str) -> str:
    """Text in which nothing is Markdown or HTML, on one line, so that a table's cell holds it."""
    return _MEANING.sub(lambda match: f"&#{ord(match[1])};", make_printable(text))
