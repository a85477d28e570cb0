"""What `credguard lsp` answers: diagnostics, hover texts and edits, in the protocol's types and without any secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types

from credguard.model.findings import Outcome, Severity
from credguard.report import make_printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from credguard.engine.editor import DocumentCheck
    from credguard.fixes.allow_comment import NewLine
    from credguard.fixes.move_value import Move
    from credguard.model.findings import Finding, Location, Verdict

SOURCE = "credguard"
MOST_SHOWN = 500
_SEVERITIES = {
    Severity.CRITICAL: types.DiagnosticSeverity.Error,
    Severity.HIGH: types.DiagnosticSeverity.Error,
    Severity.MEDIUM: types.DiagnosticSeverity.Warning,
    Severity.LOW: types.DiagnosticSeverity.Information,
}
_NO_RANGE = types.Range(types.Position(0, 0), types.Position(0, 0))


class Positions:
    """Lines and columns of a check as the editor counts them: from 0, in the units that it was promised."""

    def __init__(self, found: DocumentCheck, encoding: str) -> None:
        self._lines, self._shift, self._encoding, self._path = found.lines, found.shift, encoding, found.place.path
        self._plain: dict[int, bool] = {}

    def find(self, line: int, column: int) -> types.Position:
        """The position of a column (from 0, in characters) of a line (from 1)."""
        row = self._lines[line - 1]
        if line not in self._plain:
            self._plain[line] = row.isascii()
        units = column if self._plain[line] else self._measure(row[:column])
        return types.Position(line - 1, units + (self._measure("\ufeff") * self._shift if line == 1 else 0))

    def cover(self, place: Location) -> types.Range:
        """The range of a finding's location; the beginning of the document for one in something that it contains."""
        if place.path != self._path or not 0 < place.line <= place.end_line <= len(self._lines):
            return _NO_RANGE
        start = self.find(place.line, place.column - 1)
        end = self.find(place.end_line, place.end_column - 1)
        if start == end:
            end = self.find(place.line, len(self._lines[place.line - 1].rstrip("\r")))
        return types.Range(start, end)

    def cover_line(self, number: int) -> types.Range:
        """The range of a whole line."""
        if not 0 < number <= len(self._lines):
            return _NO_RANGE
        return types.Range(types.Position(number - 1, 0), self.find(number, len(self._lines[number - 1].rstrip("\r"))))

    def _measure(self, text: str) -> int:
        if self._encoding == types.PositionEncodingKind.Utf32:
            return len(text)
        if self._encoding == types.PositionEncodingKind.Utf8:
            return len(text.encode())
        return len(text.encode("utf-16-le")) // 2


def build_diagnostics(found: DocumentCheck, positions: Positions, uri: str) -> list[types.Diagnostic]:
    """What the editor shows of a check, the most severe findings first where there are more than it can use."""
    made = [
        types.Diagnostic(
            positions.cover_line(line), make_printable(text),
            severity=types.DiagnosticSeverity.Error, source=SOURCE,
        )
        for line, text in found.problems
    ]  # fmt: skip
    if found.too_large:
        words = f"not checked: {found.too_large}, which the policy sets in limits.file-size"
        made.append(_inform(words))
    shown = sorted(found.find_shown(), key=lambda one: -one.finding.severity)
    made += [_build_finding(one, positions, uri) for one in shown[:MOST_SHOWN]]
    if len(shown) > MOST_SHOWN:
        made.append(_inform(f"{len(shown) - MOST_SHOWN} less severe findings are not shown: see `credguard scan`"))
    for verdict in found.find_unexplained():
        one = verdict.finding
        made.append(
            types.Diagnostic(
                positions.cover(one.locations[0]), f"{one.rule_id} is allowed here without a reason: write it",
                severity=types.DiagnosticSeverity.Information, code=one.rule_id, source=SOURCE,
            )
        )  # fmt: skip
    return made


def build_diagnostic_of_failure(words: str) -> types.Diagnostic:
    """The diagnostic of a document that was not checked."""
    return types.Diagnostic(
        _NO_RANGE, f"not checked: {words}", severity=types.DiagnosticSeverity.Error, source=SOURCE
    )  # fmt: skip


def _inform(words: str) -> types.Diagnostic:
    return types.Diagnostic(_NO_RANGE, words, severity=types.DiagnosticSeverity.Information, source=SOURCE)


def _build_finding(verdict: Verdict, positions: Positions, uri: str) -> types.Diagnostic:
    finding = verdict.finding
    severity = _SEVERITIES[finding.severity]
    if verdict.outcome is Outcome.BELOW_THRESHOLD:
        severity = types.DiagnosticSeverity.Information
    first, *others = finding.locations
    related = [
        types.DiagnosticRelatedInformation(
            types.Location(uri, positions.cover(place)), make_printable(place.role.replace("_", " "))
        )
        for place in others
    ]
    return types.Diagnostic(
        positions.cover(first), make_printable(finding.message), severity=severity, code=finding.rule_id,
        source=SOURCE, related_information=related or None,
    )  # fmt: skip


def find_at(
    found: DocumentCheck, positions: Positions, wanted: types.Range, *, by_line: bool = False
) -> Iterator[tuple[Finding, types.Range]]:
    """The findings of which a location touches the range, or one of its lines, each with that location's range."""
    if by_line:
        wanted = types.Range(types.Position(wanted.start.line, 0), types.Position(wanted.end.line + 1, 0))
    for verdict in (*found.find_shown(), *found.find_unexplained()):
        for place in verdict.finding.locations:
            covered = positions.cover(place)
            if _is_before_or_at(covered.start, wanted.end) and _is_before_or_at(wanted.start, covered.end):
                yield verdict.finding, covered
                break


def _is_before_or_at(one: types.Position, other: types.Position) -> bool:
    return (one.line, one.character) <= (other.line, other.character)


def build_hover(findings: Iterable[Finding], pages: dict[str, str], *, markdown: bool) -> str:
    """The findings with their lines, redacted, and the page of each rule. What comes from a document stands in fences,
    in which no link and no image of it counts."""
    parts: list[str] = []
    told: set[str] = set()
    for finding in findings:
        lines = [
            make_printable(finding.message),
            *(f"{line.number:>5}  {make_printable(line.text)}" for line in finding.context),
            *(f"fix: {make_printable(step)}" for step in finding.remediation),
        ]
        title = f"{finding.rule_id} {make_printable(finding.rule_name)} ({finding.severity.label})"
        parts.append(f"**{title}**" if markdown else title)
        parts.append(_fence(lines) if markdown else "\n".join(lines))
        page = pages.get(finding.rule_id)
        if page and finding.rule_id not in told:
            told.add(finding.rule_id)
            parts.append(_fence(page.split("\n")) if markdown else page)
    return "\n\n".join(parts)


def _fence(lines: list[str]) -> str:
    body = "\n".join(lines).replace("```", "'''")
    return f"```text\n{body}\n```"


def build_line_edit(line: NewLine, positions: Positions) -> types.TextEdit:
    """The insertion of a line."""
    at = positions.find(line.number, 0)
    return types.TextEdit(types.Range(at, at), line.text)


def build_move_edits(move: Move, positions: Positions) -> list[types.TextEdit]:
    """The edits of the document, which hold no value."""
    edits = [
        types.TextEdit(
            types.Range(positions.find(one.number, one.start), positions.find(one.number, one.end)), one.text
        )
        for one in move.replacements
    ]
    return [build_line_edit(move.new_line, positions), *edits] if move.new_line else edits
