"""The report for people: what was found, the worst first and each credential once, what to do, and what was scanned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.errors import ExitCode
from credguard.model.findings import SHOWN, SUPPRESSED, Outcome, Severity
from credguard.report import make_printable, scorecard
from credguard.report.exception_hint import format_exception_hint
from credguard.report.groups import (
    KEY,
    PATH,
    format_count,
    group_verdicts,
    join_names,
    list_advice,
    list_also,
    list_shown,
)
from credguard.report.origin import describe_origin, format_place
from credguard.report.snippet import format_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from credguard.model.findings import ScanResult, Skip, Verdict
    from credguard.report.groups import Group

_COLOURS = {Severity.CRITICAL: "1;31", Severity.HIGH: "31", Severity.MEDIUM: "33", Severity.LOW: "36"}
_MOST_GROUPS, _MOST_ADVICE, _MOST_PLACES, _MOST_NAMES = 25, 8, 4, 5
_SHOWN_SKIPS, _SAME_SKIPS, _NAMED_SKIPS = 50, 5, 3


def render(
    result: ScanResult, *, colour: bool = False, quiet: bool = False, verbose: bool = False, width: int = 0
) -> bytes:
    """The report as UTF-8; `quiet` leaves out what does not block, `verbose` leaves out nothing and adds fingerprints
    and notes. Source lines are cut to `width` columns, if it is given."""
    paint = _Paint(colour)
    shown = list_shown(result.verdicts, (*SHOWN, *SUPPRESSED))
    if quiet:
        shown = [v for v in shown if v.outcome is Outcome.REPORT]
    elif not verbose:
        shown = [v for v in shown if v.outcome not in SUPPRESSED or v.finding.known]
    groups = group_verdicts(shown)
    lines: list[str] = []
    for group in groups if verbose else groups[:_MOST_GROUPS]:
        lines += _format_group(group, paint, width, verbose=verbose)
    if len(groups) > _MOST_GROUPS and not verbose:
        lines += _format_rest(groups[_MOST_GROUPS:], result.target)
    lines += _format_advice(groups, paint, verbose=verbose)
    lines += _format_skipped("Not scanned", result.coverage.skipped, paint)
    if not quiet:
        lines += _format_skipped("Left out by the policy", result.coverage.acknowledged, paint)
    if result.standings and not quiet and result.target.get("kind") in scorecard.SCORED:
        lines += scorecard.format_scorecard(result, paint)
    if verbose:
        lines += [f"note: {make_printable(note)}" for note in result.coverage.notes]
    if not quiet or result.exit_code:
        lines += _format_summary(result, paint)
    lines += format_exception_hint(result, [g.first.finding for g in groups if g.first.outcome is Outcome.REPORT])
    return "".join(line + "\n" for line in lines).encode("utf-8", "backslashreplace")


class _Paint:
    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour and text else text


def _format_group(group: Group, paint: _Paint, width: int, *, verbose: bool) -> Iterator[str]:
    finding, outcome = group.first.finding, group.first.outcome
    code = _COLOURS[finding.severity]
    tail = "" if outcome is Outcome.REPORT else f" [{outcome}: {make_printable(group.first.reason)}]"
    yield (
        f"{paint(format_place(finding), '1')}: {paint(finding.severity.label, code)} {paint(finding.rule_id, code)} "
        f"{make_printable(finding.rule_name)}: {make_printable(finding.message)}{tail}"
    )
    yield from format_lines(finding.context, paint, code, width)
    origin = describe_origin(finding)
    if origin:
        yield f"  {origin}"
    yield from _format_places(group, verbose=verbose)
    for also in list_also(finding):
        what = "; ".join(map(str, also["steps"])) or (also["message"] if verbose else "")
        if what:
            yield make_printable(f"  also {also['rule_id']} {also['rule_name']}: {what}")
    if finding.remediation:
        yield paint(f"  hint: {make_printable(finding.remediation[0])}", "2")
    if verbose:
        yield paint(f"  fingerprint: {finding.fingerprint}", "2")
    yield ""


def _format_places(group: Group, *, verbose: bool) -> Iterator[str]:
    """Where else the value or its other parts are; not what the source lines show already."""
    finding = group.first.finding
    shown = {line.number for line in finding.context}
    parts = [
        f"{format_place(finding, place)} ({place.role.replace('_', ' ')})"
        for place in finding.locations[1:]
        if place.path != finding.locations[0].path or place.line not in shown
    ]
    others = list(dict.fromkeys(format_place(one) for one in group.others))
    if parts:
        yield f"  also at {join_names(parts, _MOST_PLACES)}"
    if others and verbose:
        yield f"  the same in {format_count(len(others), 'other place')}:"
        yield from (f"    {place}" for place in others)
    elif others:
        yield f"  the same in {format_count(len(others), 'other place')}: {join_names(others, _MOST_PLACES)}"


def _format_rest(groups: Sequence[Group], target: Mapping[str, object]) -> Iterator[str]:
    """How much is not shown, and the command for it."""
    command = _name_command(target)
    counts = _count_severities([group.first for group in groups])
    yield f"and {len(groups):,} more ({counts}): {command} --format concise lists all, one a line; -v shows all in full"
    yield ""


def _name_command(target: Mapping[str, object]) -> str:
    kind, paths = target.get("kind"), target.get("paths")
    named = " ".join(map(str, paths)) if isinstance(paths, (list, tuple)) and list(paths) != ["."] else ""
    words = {"audit": "credguard audit", "files": "credguard scan", "history": "credguard scan --history"}.get(
        str(kind)
    )
    if kind == "hook" and target.get("hook") == "pre-commit":
        words = "credguard scan --staged"
    return make_printable(f"`{words} {named}".rstrip()) + "` with" if words else "the same command with"


def _format_advice(groups: Sequence[Group], paint: _Paint, *, verbose: bool) -> Iterator[str]:
    """The steps, once for all credentials that they fit, with their names."""
    advice = list(list_advice(group.first.finding for group in groups if group.first.outcome is Outcome.REPORT))
    for one in advice if verbose else advice[:_MOST_ADVICE]:
        names = [make_printable(name) for name in one.names]
        filled = next((f" ({word} in the steps)" for word in (KEY, PATH) if any(word in s for s in one.steps)), "")
        shown = join_names(names, len(names) if verbose else _MOST_NAMES)
        yield paint(f"What to do about {shown}", "1") + (filled if len(names) > 1 else "")
        number = 0
        for step in one.steps:
            if step.startswith(("+ ", "- ")):  # a line to add to a file or to take out
                yield f"     {make_printable(step)}"
            else:
                number += 1
                yield f"  {number}. {make_printable(step)}"
        yield ""
    if len(advice) > _MOST_ADVICE and not verbose:
        yield f"and {format_count(len(advice) - _MOST_ADVICE, 'more list')} of steps; -v shows all"
        yield ""


def _format_skipped(title: str, skipped: Sequence[Skip], paint: _Paint) -> Iterator[str]:
    if skipped:
        yield paint(title, "1")
        by_reason: dict[str, list[str]] = {}
        for skip in skipped:
            by_reason.setdefault(skip.reason, []).append(make_printable(skip.path))
        lines = [line for reason, paths in by_reason.items() for line in _format_skip_reason(reason, paths)]
        yield from lines[:_SHOWN_SKIPS]
        if len(lines) > _SHOWN_SKIPS:
            yield f"  and {len(lines) - _SHOWN_SKIPS} more; --format json names them all"
        yield ""


def _format_skip_reason(reason: str, paths: Sequence[str]) -> Iterator[str]:
    """One line for each file, or for many of the same reason one."""
    if len(paths) > _SAME_SKIPS:
        yield f"  {join_names(paths, _NAMED_SKIPS)}: {make_printable(reason)}; --format json names them all"
    else:
        yield from (f"  {path}: {make_printable(reason)}" for path in paths)


def _format_summary(result: ScanResult, paint: _Paint) -> Iterator[str]:
    yield _describe_work(result)
    blocking = list_shown(result.verdicts, (Outcome.REPORT,))
    below = sum(v.outcome is Outcome.BELOW_THRESHOLD for v in result.verdicts)
    tail = f"; {below} below the threshold" if below else ""
    suppressed = len(list_shown(result.verdicts, SUPPRESSED))
    tail += f"; {suppressed} suppressed" if suppressed else ""
    if blocking:
        verb = "blocks" if len(blocking) == 1 else "block"
        different = len(group_verdicts(blocking))
        alike = f" ({different:,} different)" if different < len(blocking) else ""
        head = f"{format_count(len(blocking), 'finding')} {verb}{alike}"
        yield paint(f"{head}: {_count_severities(blocking)}{tail}.", "1;31")
    elif result.exit_code is ExitCode.INCOMPLETE:
        yield paint(
            f"Incomplete: nothing blocks in what was scanned{tail}, but not everything could be scanned.", "1;33"
        )
    else:
        yield paint(f"Nothing blocks{tail}.", "1;32")


def _describe_work(result: ScanResult) -> str:
    """How much was looked at, and how much was not."""
    coverage, accounts = result.coverage, result.target.get("accounts")
    if isinstance(accounts, list):
        missed = f"; {format_count(len(coverage.skipped), 'question')} got no answer" if coverage.skipped else ""
        return f"Asked {format_count(len(accounts), 'account')}{missed}."
    what = format_count(coverage.files, "file") if coverage.files else format_count(coverage.blobs, "object")
    commits = f" and {format_count(coverage.commits, 'commit')}" if coverage.commits else ""
    missed = f"; {format_count(len(coverage.skipped), 'input')} could not be scanned" if coverage.skipped else ""
    missed += f"; {format_count(len(coverage.acknowledged), 'input')} left out" if coverage.acknowledged else ""
    return f"Scanned {what}{commits}, {_format_size(coverage.bytes)}{missed}."


def _count_severities(verdicts: Sequence[Verdict]) -> str:
    counts = {s: sum(v.finding.severity is s for v in verdicts) for s in sorted(Severity, reverse=True)}
    return ", ".join(f"{number:,} {severity.label}" for severity, number in counts.items() if number)


def _format_size(number: int) -> str:
    for unit, divisor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= divisor:
            return f"{number / divisor:.1f} {unit}"
    return format_count(number, "byte")
