"""What programs say of whole files, against labels of lines: each line that is not labelled a credential is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from credguard.model.findings import Blob
from credguard.rules import get_rule
from peer_findings import Told

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from credguard.scanning.scanner import Scanner

Line = tuple[str, int]
Row = dict[str, Any]


def list_lines(rows: Iterable[Row]) -> dict[Line, Row]:
    """The row of each line that holds a credential, by path and number; rows have `file` and `line`."""
    return {
        (row["file"], row["line"] + offset): row
        for row in rows
        if row["label"] == "T"
        for offset in range(len(row["text"]))
    }


def scan_files(scanner: Scanner, folder: Path, *, strict: bool) -> Iterator[Told]:
    """What we say of every file below the folder; if not `strict`, as surely as the default asks for."""
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        name = path.relative_to(folder).as_posix()
        for finding in scanner.scan_blob(Blob(path.read_bytes(), name)):
            if strict or finding.confidence >= get_rule(finding.rule_id).least:
                for place in finding.locations:
                    yield Told(name, place.line, place.end_line, finding.rule_id)


def match_lines(lines: Mapping[Line, Row], told: Iterable[Told]) -> Iterator[tuple[Row, list[str]]]:
    """Each row with a credential and the rules that speak of it, then each other line that a program reports."""
    right: dict[int, set[str]] = {}
    wrong: dict[Line, set[str]] = {}
    for one in told:
        rows = [lines[one.path, n] for n in range(one.first, one.last + 1) if (one.path, n) in lines]
        for row in rows:
            right.setdefault(id(row), set()).add(one.rule)
        if not rows:
            wrong.setdefault((one.path, one.first), set()).add(one.rule)
    for row in {id(row): row for row in lines.values()}.values():
        yield row, sorted(right.get(id(row), ()))
    for (path, _), rules in sorted(wrong.items()):
        yield {"label": "F", "file": path, "text": [""], "category": []}, sorted(rules)
