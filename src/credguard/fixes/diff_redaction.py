"""Redacts the secrets in a change: those that rules find in the file, and values worth hiding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from credguard.fixes.edit import Edit, RefusedError
from credguard.heuristics.real_values import classify_value
from credguard.model.findings import Blob, PartRole
from credguard.parsers.assignments import parse_dotenv, parse_pairs
from credguard.rule import SECRET_VALUES
from credguard.scanning.scanner import Scanner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from credguard.model.findings import Location


def make_redactor() -> Callable[[Edit], Edit]:
    """Returns a function that checks each change before it is proposed: it hides the secrets around it in the diff, and
    raises RefusedError for a new file in which a rule finds one."""
    scanner = Scanner()

    def settle(edit: Edit) -> Edit:
        if edit.before is None and scanner.scan_blob(Blob(edit.after, edit.path)):
            raise RefusedError("would contain what looks like a secret: write it yourself")
        hide = {value for data in (edit.before or b"", edit.after) for value in _find_secrets(scanner, edit.path, data)}
        return replace(edit, hide=tuple(sorted({*edit.hide, *hide})))

    return settle


def _find_secrets(scanner: Scanner, path: str, data: bytes) -> Iterator[str]:
    """The texts of a file that must not be shown."""
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    for finding in scanner.scan_blob(Blob(data, path)):
        if finding.rule_id.startswith(SECRET_VALUES):
            for place in finding.locations:
                if place.role != PartRole.ACCESS_KEY_ID:
                    yield from _extract_covered(lines, place)
    for one in (*parse_dotenv(data), *parse_pairs(data)):
        if classify_value(one.name, one.value):
            yield from one.value.decode("utf-8", "surrogateescape").split("\n")


def _extract_covered(lines: list[str], place: Location) -> Iterator[str]:
    for number in range(place.line, min(place.end_line, len(lines)) + 1):
        line = lines[number - 1]
        start = place.column - 1 if number == place.line else 0
        end = place.end_column - 1 if number == place.end_line else len(line)
        if len(line[start:end]) > 4:
            yield line[start:end]
