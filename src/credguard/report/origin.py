"""Where a finding is: a place in a file or, where the file has it no longer, in a commit; and whose commit that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.report import make_printable

if TYPE_CHECKING:
    from credguard.model.findings import Finding, Location

_SHORT = 12
"""Digits of a commit's name that git takes for the whole in any repository."""


def is_gone(finding: Finding) -> bool:
    """True where only the history has it: the file at the place is another one, or not there."""
    return bool(finding.locations[0].commit) and finding.exposure.get("in_head") is not True


def format_place(finding: Finding, place: Location | None = None) -> str:
    """`path:line:column` as terminals and editors open it, `commit:path:line:column` where only the commit has it."""
    place = place or finding.locations[0]
    commit = f"{place.commit[:_SHORT]}:" if place.commit and is_gone(finding) else ""
    return f"{commit}{make_printable(place.path)}:{place.line}:{place.column}"


def describe_origin(finding: Finding) -> str:
    """The commit that brought it, its author and day, and whether the files still have it; "" where git was not
    asked. Printable."""
    exposure, commit = finding.exposure, finding.locations[0].commit
    first, author, seen = (exposure.get(name) for name in ("first_commit", "author", "first_seen"))
    words = []
    if commit and (not first or not str(first).startswith(commit)):
        words.append(f"in commit {commit[:_SHORT]}")
    if first:
        by = f" by {author}" if author else ""
        words.append(
            f"{'first ' if words else ''}in commit {str(first)[:_SHORT]}{by}" + (f", {str(seen)[:10]}" if seen else "")
        )
    if exposure.get("pushed"):
        words.append("pushed")
    if commit and is_gone(finding):
        words.append("no longer in the files")
    return make_printable("; ".join(words))
