"""Detects credentials named after root: by their own name, section, parent, or the comment above."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.aws.root_user import is_root_name, unescape_slice
from credguard.heuristics.names import find_name_before, split_words
from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_SECTION_ROOM = 1500
_PARENT_ROOM = 200
_COMMENT_ROOM = 300
_SECTION = compile_lazily(rb"(?:(?:\A|\n)[ \t#;\"',]{0,40}|[\"'])\[[ \t]{0,4}([\w .@+/:\-]{1,80}?)[ \t]{0,4}\]")
# The last parent before a value, with the first name under it: `"root": {"accessKeyId": "`, `root:\n  key: `.
_PARENT = compile_lazily(
    rb"(?:\A|[\s\"'{,;(.])([\w\-]{1,40})[\"']?\s{0,4}(?::|=>?|\()\s{0,4}[\[({]?\s{0,60}"
    rb"[\"']?[\w.\-]{1,40}[\"']?\s{0,4}(?::|=>?)\s{0,4}[\"']?\Z"
)
_COMMENT = compile_lazily(rb"[ \t]*(?:#|//|;|--|\*|/\*|<!--|REM\b|%)[^\n]{0,200}", re.IGNORECASE)
_CALLED_ROOT = compile_lazily(
    rb"\broot(?:'s)?[ _\-](?:(?:user|account|aws|iam)(?:'s)?[ _\-]?){0,2}"
    rb"(?:(?:access|secret|api)[ _\-]?)?(?:keys?|credentials?|creds|user|account)\b",
    re.IGNORECASE,
)
_NOT_ROOT = compile_lazily(rb"\b(?:not|never|non|no|don'?t|instead|avoid|without)\b", re.IGNORECASE)


def describe_root_name(data: bytes, start: int) -> str | None:
    """Why the credential at data[start] counts as root's, None if it does not."""
    name = find_name_before(data, start)
    if is_root_name(name.words):
        return "its name says root"
    text = unescape_slice(data, start - _SECTION_ROOM, start)
    return _find_first(text, (_match_section, _match_parent, _match_comment))


def _find_first(text: bytes, ways: Iterable[Callable[[bytes], str | None]]) -> str | None:
    return next((said for way in ways if (said := way(text))), None)


def _match_section(text: bytes) -> str | None:
    sections = _SECTION.findall(text)
    if sections and is_root_name(split_words(sections[-1])):
        return f"section [{sections[-1].decode('ascii', 'replace')}]"
    return None


def _match_parent(text: bytes) -> str | None:
    match = _PARENT.search(text[-_PARENT_ROOM:])
    return "its parent is named root" if match and is_root_name(split_words(match[1])) else None


def _match_comment(text: bytes) -> str | None:
    """The comment lines right above the value's line."""
    lines = text[-_COMMENT_ROOM:].split(b"\n")[:-1]
    for line in reversed(lines[-2:]):
        if _COMMENT.fullmatch(line.rstrip(b"\r")):
            return "a comment calls it root's" if _CALLED_ROOT.search(line) and not _NOT_ROOT.search(line) else None
    return None
