"""Inline suppressions: comments beside a finding that allow it.

credguard's is `credguard: allow RULE -- reason`, on the line of the finding or alone on the line before; it applies
only to the rules that it names. Those of other scanners apply to the secret values of their line. A marker must be in
a comment of the file's language: strings, and formats without comments, do not count.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.matching.positions import locate
from credguard.parsers.comments.scanner import Comment, find_comments
from credguard.parsers.utf16 import has_mark, recode_marked
from credguard.rule import ABOUT_CREDGUARD, CUSTOM_ID, SECRET_VALUES, is_custom

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from credguard.model.findings import Finding

OURS = "credguard"
_MOST = 10_000
"""The most markers of one file that are read; a file with more is made to cost time."""
_LARGEST = 32 << 20
"""The most bytes of a file in which markers are read; no source is larger."""
_BEGINNINGS = (
    b"credguard:", b"gitleaks:allow", b"betterleaks:allow", b"kingfisher:ignore", b"trufflehog:ignore", b"pragma:",
)  # fmt: skip
_WORDS = compile_lazily(
    rb"(?<![\w-])(?:(?P<ours>credguard:[ \t]{0,9}allow)|(?:(?P<tool>gitleaks|betterleaks):allow)"
    rb"|(?P<ignored>kingfisher|trufflehog):ignore"
    rb"|pragma: ?(?:(?:allow|white)list[ -]secret|(?P<next>allowlist[ -]nextline[ -]secret)))(?![\w-])"
)
_DECORATION = b" \t*#/;!-%"
_RULE = rf"(?:CG[0-9]{{1,4}}|{CUSTOM_ID})"
_RULES = compile_lazily(rf"[ \t]*((?:{_RULE}[ \t]*,[ \t]*)*{_RULE})(?![\w,])", re.IGNORECASE)
_REASON = compile_lazily(r"[ \t]*(?:--?|[\u2013\u2014])[ \t]+(.*)", re.DOTALL)
_SECRET_LIKE = compile_lazily(
    r"(?<![A-Za-z0-9+/=])(?=[A-Za-z0-9+/=]*[0-9])(?=[A-Za-z0-9+/=]*[A-Z])([A-Za-z0-9+/=]{4})[A-Za-z0-9+/=]{12,}"
)
_LONGEST_REASON = 200
_LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Marker:
    """One marker: its location, its `tool`, the rules that it names (none for another tool's), its reason, its problem
    (then it suppresses nothing), and the line that it applies to."""

    line: int
    column: int
    tool: str
    rules: tuple[str, ...]
    reason: str
    problem: str
    target_line: int


def find_markers(data: bytes, path: str, *, foreign: bool = True, known: Collection[str] = ()) -> list[Marker]:
    """The markers in the comments of a file, with those of other scanners if `foreign`.

    `known` are all rule IDs; without them every ID counts as one.
    """
    if not any(beginning in data for beginning in _BEGINNINGS):
        if has_mark(data):
            return find_markers(recode_marked(data), path, foreign=foreign, known=known)
        return []
    found = [(match, comment) for match, comment in _iter_comment_markers(data, path) if foreign or match["ours"]]
    places = locate(data, (match.start() for match, _ in found))
    result = []
    for match, comment in found:
        place = places[match.start()]
        alone = _is_alone(data, match, comment)
        target = (
            place.line + 1
            if alone and (match["ours"] or match["next"] or match["ignored"] == b"kingfisher")
            else place.line
        )
        if match["next"] and not alone:
            continue  # it would cover a line that its reader does not see
        tool, rules, reason, problem = _parse_marker(data, match, comment, known)
        result.append(Marker(place.line, place.column, tool, rules, reason, problem, target))
    return _retarget_stacked(result)


def _iter_comment_markers(data: bytes, path: str) -> Iterator[tuple[re.Match[bytes], Comment]]:
    """The first markers of the file that are in comments."""
    words = [match for match, _ in zip(_WORDS.finditer(data, 0, _LARGEST), range(_MOST), strict=False)]
    if not words:
        return
    number = 0
    for comment in find_comments(data, path, words[-1].start()):
        while number < len(words) and words[number].start() < comment.content:
            number += 1
        while number < len(words) and words[number].end() <= comment.end:
            yield words[number], comment
            number += 1
        if number == len(words):
            return


def _is_alone(data: bytes, match: re.Match[bytes], comment: Comment) -> bool:
    """True if the line contains only the comment, and nothing is before the marker in it."""
    start = data.rfind(b"\n", 0, match.start()) + 1
    if data[max(start, comment.content) : match.start()].strip(_DECORATION):
        return False
    before = data[start : max(start, comment.start)].strip()
    end = data.find(b"\n", match.end())
    end = len(data) if end < 0 else end
    after = data[min(comment.after, end) : end].strip()
    return (before, after) in ((b"", b""), (b"{", b"}"))  # the braces are JSX's


def _parse_marker(
    data: bytes, match: re.Match[bytes], comment: Comment, known: Collection[str]
) -> tuple[str, tuple[str, ...], str, str]:
    """Tool, rules, reason and problem of a marker."""
    if not match["ours"]:
        tool = match["tool"] or match["ignored"] or b"detect-secrets"
        return tool.decode(), (), match[0].decode(), ""
    end = data.find(b"\n", match.end(), comment.end)
    raw = data[match.end() : min(comment.end if end < 0 else end, match.end() + _LONGEST)]
    text = raw.decode("utf-8", "replace")
    named = _RULES.match(text)
    if named is None:
        return OURS, (), "", "it names no rule; write `credguard: allow RULE -- reason`"
    rules = tuple(word.strip().upper() for word in named[1].split(","))
    reason = _REASON.match(text, named.end())
    said = _redact_reason(reason[1]) if reason else ""
    return OURS, rules, said, _find_problem(rules, said, known)


def _find_problem(rules: tuple[str, ...], reason: str, known: Collection[str]) -> str:
    for rule in rules:
        if rule.startswith(ABOUT_CREDGUARD):
            return f"{rule} is about credguard itself and cannot be suppressed"
        if known and rule not in known:
            return f"there is no rule {rule}"
    return "" if any(map(str.isalnum, reason)) else "it gives no reason; write ` -- ` and why this is allowed"


def _redact_reason(text: str) -> str:
    """The reason as reports may show it: one line, with what looks like a key truncated."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return _SECRET_LIKE.sub(r"\1****", line)[:_LONGEST_REASON].rstrip(" *}/-") if line else ""


def _retarget_stacked(found: list[Marker]) -> list[Marker]:
    """The markers; several alone in consecutive lines all apply to the line below the last."""
    targets = {marker.line: marker.target_line for marker in found if marker.target_line > marker.line}
    for line in sorted(targets, reverse=True):
        targets[line] = targets.get(targets[line], targets[line])
    return [replace(m, target_line=targets[m.line]) if m.target_line > m.line else m for m in found]


def find_marker(markers: Sequence[Marker], rule_id: str, first_line: int, last_line: int) -> Marker | None:
    """The marker that suppresses the rule's findings on these lines: credguard's before those of others."""
    fit = [m for m in markers if not m.problem and first_line <= m.target_line <= last_line]
    ours = (m for m in fit if rule_id in m.rules)
    foreign = (m for m in fit if m.tool != OURS and (rule_id.startswith(SECRET_VALUES) or is_custom(rule_id)))
    return next(ours, None) or next(foreign, None)


def find_suppressing_marker(markers: Sequence[Marker], finding: Finding, path: str) -> Marker | None:
    """The marker that suppresses a finding in the file `path`.

    credguard's applies at any location of the finding, because it names the rule. One of another scanner, which does
    not know pairs, applies only if every location of the finding has one.
    """
    places = [
        find_marker(markers, finding.rule_id, p.line, p.end_line) if p.path == path else None for p in finding.locations
    ]
    ours = next((marker for marker in places if marker and marker.tool == OURS), None)
    return ours or (places[0] if all(places) else None)
