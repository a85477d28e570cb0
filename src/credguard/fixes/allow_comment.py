"""The comment that allows a finding, written in the language of its file and read back before it is proposed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.fixes.edit import LARGEST_EDIT
from credguard.rule import ABOUT_CREDGUARD
from credguard.suppressions.inline import OURS, find_markers

if TYPE_CHECKING:
    from credguard.model.findings import Finding

PLACEHOLDER = "TODO: say why this may stay"
"""The reason that a person replaces."""
_FORMS = (
    ("# ", ""), ("// ", ""), ("-- ", ""), ("; ", ""), ("<!-- ", " -->"), ("/* ", " */"), ("(* ", " *)"), ("% ", ""),
    ("{# ", " #}"), ('" ', ""), ("! ", ""), ("' ", ""), ("REM ", ""), (".. ", ""),
)  # fmt: skip
"""What begins and ends a comment; the first that the file's language reads as one is used."""


@dataclass(frozen=True, slots=True)
class NewLine:
    """A line to insert before line `number` (from 1), with its end."""

    number: int
    text: str


def build_allow_comment(lines: list[str], path: str, finding: Finding) -> NewLine | None:
    """The comment alone on a line before the finding, with PLACEHOLDER as its reason; None where the language has no
    comment there, or where a line cannot come between. `lines` are the file's, split at `\\n`."""
    place = finding.locations[0]
    if place.path != path or finding.rule_id.startswith(ABOUT_CREDGUARD) or not 0 < place.line <= len(lines):
        return None
    index = place.line - 1
    if sum(map(len, lines)) > LARGEST_EDIT or (index and lines[index - 1].rstrip().endswith("\\")):
        return None
    line = lines[index]
    indent, end = line[: len(line) - len(line.lstrip())].rstrip("\r"), "\r" if line.endswith("\r") else ""
    for opening, close in _FORMS:
        dash = "-" if close == " -->" else "--"  # XML allows no `--` in a comment
        text = f"{indent}{opening}credguard: allow {finding.rule_id} {dash} {PLACEHOLDER}{close}{end}"
        if _is_read_back([*lines[:index], text, *lines[index:]], path, finding.rule_id, place.line):
            return NewLine(place.line, text + "\n")
    return None


def _is_read_back(lines: list[str], path: str, rule_id: str, number: int) -> bool:
    """True if the line `number` has a comment that applies to the rule's findings on a later one."""
    data = "\n".join(lines).encode("utf-8", "replace")
    return any(
        marker.tool == OURS
        and marker.line == number
        and marker.target_line == number + 1
        and rule_id in marker.rules
        and marker.reason == PLACEHOLDER
        and not marker.problem
        for marker in find_markers(data, path)
    )
