"""The Markdown report: a job summary with what was found first, each credential once, and in audits the scorecard."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.errors import ExitCode
from credguard.lazy_re import compile_lazily
from credguard.model.findings import SHOWN, SUPPRESSED, Outcome
from credguard.model.practice import PracticeStatus
from credguard.report import make_printable
from credguard.report.groups import format_count, group_verdicts, join_names, list_advice, list_shown
from credguard.report.origin import describe_origin, format_place
from credguard.report.scorecard import SCORED, count_findings, count_standings, describe_unread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.model.findings import ScanResult
    from credguard.report.groups import Group

_MARKS = {
    PracticeStatus.PASS: "✅ pass",
    PracticeStatus.FAIL: "❌ fail",
    PracticeStatus.ACCEPTED: "accepted",
    PracticeStatus.PARTIAL: "◐ partial",
    PracticeStatus.NOT_CHECKED: "not checked",
    PracticeStatus.IDLE: "nothing to check",
}  # fmt: skip
_MOST_ROWS, _MOST_LISTS, _MOST_PLACES = 500, 20, 4
"""GitHub takes 1 MiB of summary a step (docs.github.com, "Workflow commands")."""
_MEANING = compile_lazily(r"([\\`*_{}\[\]<>#|~&$@:]|(?<=www)\.)", re.IGNORECASE)


def render(result: ScanResult) -> bytes:
    """The report as UTF-8."""
    lines = [
        *_format_headline(result),
        *_format_findings(result),
        *_format_steps(result),
        *_format_skipped(result),
        *(_format_scorecard(result) if result.standings and result.target.get("kind") in SCORED else ()),
    ]
    return "".join(line + "\n" for line in lines).encode("utf-8", "backslashreplace")


def _format_headline(result: ScanResult) -> Iterator[str]:
    blocking = list_shown(result.verdicts, (Outcome.REPORT,))
    words = {
        ExitCode.CLEAN: "nothing blocks",
        ExitCode.INCOMPLETE: "incomplete, not everything could be scanned",
    }.get(result.exit_code, f"{format_count(len(blocking), 'finding')} {'blocks' if len(blocking) == 1 else 'block'}")
    coverage = result.coverage
    yield f"## credguard: {words}"
    yield ""
    what = format_count(coverage.files, "file") if coverage.files else format_count(coverage.blobs, "object")
    commits = f" and {format_count(coverage.commits, 'commit')}" if coverage.commits else ""
    missed = f"; {format_count(len(coverage.skipped), 'input')} could not be scanned" if coverage.skipped else ""
    yield f"Scanned {what}{commits}{missed}."
    yield ""


def _format_findings(result: ScanResult) -> Iterator[str]:
    groups = group_verdicts(list_shown(result.verdicts, SHOWN))
    if groups:
        yield "### Findings"
        yield ""
        yield "| severity | rule | where | what |"
        yield "|---|---|---|---|"
        yield from (_format_row(group) for group in groups[:_MOST_ROWS])
        yield ""
    if len(groups) > _MOST_ROWS:
        yield f"and {len(groups) - _MOST_ROWS:,} more: see the JSON or SARIF report."
        yield ""
    hidden = list_shown(result.verdicts, SUPPRESSED)
    if hidden:
        yield f"{len(hidden):,} suppressed or known before."
        yield ""


def _format_row(group: Group) -> str:
    finding, others = group.first.finding, group.others
    place = finding.locations[0]
    harmless = "" if group.first.outcome is Outcome.REPORT else ", does not block"
    origin = describe_origin(finding)
    where = f"{escape(place.path)} line {place.line}" + (f", {escape(origin)}" if origin else "")
    if others:
        places = list(dict.fromkeys(format_place(one) for one in others))
        where += f"; the same in {format_count(len(places), 'other place')}: {escape(join_names(places, _MOST_PLACES))}"
    rule = f"{escape(finding.rule_id)} {escape(finding.rule_name)}"
    hint = f"<br>{escape(finding.remediation[0])}" if finding.remediation else ""
    return f"| {finding.severity.label}{harmless} | {rule} | {where} | {escape(finding.message)}{hint} |"


def _format_steps(result: ScanResult) -> Iterator[str]:
    """What to do, once for all credentials that the same steps fit."""
    groups = group_verdicts(list_shown(result.verdicts, (Outcome.REPORT,)))
    advice = list(list_advice(group.first.finding for group in groups))
    if not advice:
        return
    yield "### What to do"
    yield ""
    for one in advice[:_MOST_LISTS]:
        yield f"<details><summary>{escape(join_names(one.names))}</summary>"
        yield ""
        yield from (f"{number}. {escape(step)}" for number, step in enumerate(one.steps, 1))
        yield ""
        yield "</details>"
        yield ""
    if len(advice) > _MOST_LISTS:
        yield f"and {format_count(len(advice) - _MOST_LISTS, 'more list')} of steps: see the JSON report."
        yield ""


def _format_skipped(result: ScanResult) -> Iterator[str]:
    coverage = result.coverage
    for title, skipped in (
        ("Not scanned", coverage.skipped),
        ("Left out by the policy", coverage.acknowledged),
    ):
        if not skipped:
            continue
        yield f"### {title}"
        yield ""
        yield from (f"- {escape(skip.path)}: {escape(skip.reason)}" for skip in skipped[:_MOST_ROWS])
        yield from [f"- and {len(skipped) - _MOST_ROWS:,} more"] if len(skipped) > _MOST_ROWS else ()
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


def escape(text: str) -> str:
    """Text in which nothing is Markdown or HTML, on one line, so that a table's cell holds it."""
    return _MEANING.sub(lambda match: f"&#{ord(match[1])};", make_printable(text))
