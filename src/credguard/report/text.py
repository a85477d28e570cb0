"""The report for people: findings by file, what to do once at the end, and what was looked at."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from credguard.errors import ExitCode
from credguard.model.findings import Severity
from credguard.policy.model import ABOUT_THE_RUN
from credguard.report import make_printable, scorecard

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from credguard.model.findings import Coverage, Finding, Location, ScanResult, Verdict

_COLOURS = {Severity.CRITICAL: "1;31", Severity.HIGH: "31", Severity.MEDIUM: "33", Severity.LOW: "36"}
_SUPPRESSED = ("allowed", "baseline", "inline")
_SHOWN_PLACES = 5
_SHOWN_SKIPS, _SAME_SKIPS, _NAMED_SKIPS = 50, 5, 3


def render(result: ScanResult, *, colour: bool = False, quiet: bool = False, verbose: bool = False) -> bytes:
    """The report as UTF-8; `quiet` leaves out what does not block, `verbose` adds the notes."""
    paint = _Paint(colour)
    shown = [v for v in result.verdicts if v.finding.rule_id not in ABOUT_THE_RUN]
    if quiet:
        shown = [v for v in shown if v.outcome == "report"]
    elif not verbose:
        shown = [v for v in shown if v.outcome not in _SUPPRESSED or v.finding.known]
    lines: list[str] = []
    for path, verdicts in groupby(shown, key=lambda v: v.finding.locations[0].path):
        lines.append(paint(make_printable(path), "1"))
        for verdict in verdicts:
            lines += _format_finding(verdict, paint)
        lines.append("")
    lines += _format_remediation([v.finding for v in shown if v.outcome == "report"], paint)
    lines += _format_skipped(result.coverage, paint)
    if result.standings and not quiet and result.target.get("kind") == "audit":
        lines += scorecard.format_scorecard(result.standings, paint)
    if verbose:
        lines += [f"note: {make_printable(note)}" for note in result.coverage.notes]
    if not quiet or result.exit_code:
        lines += _format_summary(result, paint)
    lines += _format_exception_hint(result)
    return "".join(line + "\n" for line in lines).encode("utf-8", "backslashreplace")


class _Paint:
    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text


def _format_finding(verdict: Verdict, paint: _Paint) -> Iterator[str]:
    finding = verdict.finding
    place = finding.locations[0]
    where = f"{place.line}:{place.column}"
    severity = paint(finding.severity.label, _COLOURS[finding.severity])
    outcome = "" if verdict.outcome == "report" else f" [{verdict.outcome}: {make_printable(verdict.reason)}]"
    yield f"  {where:<8} {severity}  {finding.rule_id} {make_printable(finding.rule_name)}{outcome}"
    yield f"           {make_printable(finding.message)}"
    more = [_format_other_location(other, place) for other in finding.locations[1:]]
    if more:
        rest = f" and {len(more) - _SHOWN_PLACES} more" if len(more) > _SHOWN_PLACES else ""
        yield f"           also at {', '.join(more[:_SHOWN_PLACES])}{rest}"
    if finding.remediation:
        yield paint(f"           fix: {make_printable(finding.remediation[0])}", "2")
    yield paint(f"           fingerprint: {finding.fingerprint}", "2")


def _format_other_location(other: Location, first: Location) -> str:
    path = "" if other.path == first.path else f"{make_printable(other.path)}:"
    return f"{path}{other.line}:{other.column} ({other.role.replace('_', ' ')})"


def _format_remediation(findings: Sequence[Finding], paint: _Paint) -> Iterator[str]:
    """The steps after a leak, once for each kind, with the key IDs concerned."""
    kinds: dict[tuple[str, ...], list[str]] = {}
    for finding in findings:
        steps = finding.remediation[1:]
        key_id = finding.attributes.get("access_key_id")
        if steps:
            general = tuple(s.replace(key_id, "AKID") for s in steps) if isinstance(key_id, str) else steps
            kinds.setdefault(general, []).append(key_id if isinstance(key_id, str) else "")
    for steps, key_ids in kinds.items():
        named = list(dict.fromkeys(k for k in key_ids if k))
        yield paint("What to do, in this order", "1") + (f" (AKID is {', '.join(named[:10])})" if named else "")
        single = named[0] if len(named) == 1 else "AKID"
        for number, step in enumerate(steps, 1):
            yield f"  {number}. {make_printable(step.replace('AKID', single))}"
        yield ""


def _format_skipped(coverage: Coverage, paint: _Paint) -> Iterator[str]:
    if coverage.skipped:
        yield paint("Not looked at", "1")
        by_reason: dict[str, list[str]] = {}
        for skip in coverage.skipped:
            by_reason.setdefault(skip.reason, []).append(make_printable(skip.path))
        lines = [line for reason, paths in by_reason.items() for line in _format_skip_reason(reason, paths)]
        yield from lines[:_SHOWN_SKIPS]
        if len(lines) > _SHOWN_SKIPS:
            yield f"  and {len(lines) - _SHOWN_SKIPS} more; --format json names them all"
        yield ""


def _format_skip_reason(reason: str, paths: Sequence[str]) -> Iterator[str]:
    """One line for each file, or for many of the same reason one."""
    if len(paths) > _SAME_SKIPS:
        some = ", ".join(paths[:_NAMED_SKIPS])
        yield f"  {some} and {len(paths) - _NAMED_SKIPS} more: {make_printable(reason)}; --format json names them all"
    else:
        yield from (f"  {path}: {make_printable(reason)}" for path in paths)


def _format_summary(result: ScanResult, paint: _Paint) -> Iterator[str]:
    coverage = result.coverage
    size = _format_size(coverage.bytes)
    yield f"Looked at {coverage.files} files, {size}; {len(coverage.skipped)} could not be looked at."
    blocking = [v.finding for v in result.verdicts if v.outcome == "report" and v.finding.rule_id not in ABOUT_THE_RUN]
    counts = [
        f"{sum(f.severity is s for f in blocking)} {s.label}"
        for s in sorted(Severity, reverse=True)
        if any(f.severity is s for f in blocking)
    ]
    below = sum(v.outcome == "below-threshold" for v in result.verdicts)
    tail = f"; {below} below the threshold" if below else ""
    suppressed = sum(v.outcome in _SUPPRESSED for v in result.verdicts)
    tail += f"; {suppressed} suppressed" if suppressed else ""
    if blocking:
        plural = "finding blocks" if len(blocking) == 1 else "findings block"
        yield paint(f"{len(blocking)} {plural}: {', '.join(counts)}{tail}.", "1;31")
    elif result.exit_code is ExitCode.INCOMPLETE:
        yield paint(
            f"Incomplete: nothing blocks in what was looked at{tail}, but not everything was looked at.", "1;33"
        )
    else:
        yield paint(f"Nothing blocks{tail}.", "1;32")


def _format_exception_hint(result: ScanResult) -> Iterator[str]:
    """How to record that a finding may stay, for who is stopped by a hook."""
    marks = dict.fromkeys(
        v.finding.fingerprint
        for v in result.verdicts
        if v.outcome == "report" and v.finding.rule_id not in (*ABOUT_THE_RUN, "CG003", "CG004", "CG005")
    )
    if marks and result.target.get("kind") == "hook" and result.target.get("hook") != "pre-receive":
        one = next(iter(marks)) if len(marks) == 1 else "FINGERPRINT"
        yield f'If it is no secret, record an exception: credguard allow {one} --reason "why"'


def _format_size(count: int) -> str:
    for unit, divisor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= divisor:
            return f"{count / divisor:.1f} {unit}"
    return f"{count} bytes"
