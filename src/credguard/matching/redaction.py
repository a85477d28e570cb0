"""The lines around a finding, with everything blotted out that could be part of a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.model.secret import SHOWN_CHARACTERS
from credguard.system.compat import decode_path, encode_path

if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Iterable

    from credguard.matching.positions import Place
    from credguard.model.findings import Finding, Part

_WIDTH = 160
_MOST_LINES = 6
_REACH = 4096
_LEAST = 6
_BLOT = "•" * 4
# A name stands before `=`, `:` or `(` and is made of letters; all else of three characters or more is blotted out,
# for a password may look like any word.
_WORD = compile_lazily(r"[^\s=:,;(){}\[\]<>\"'`|&]{3,}")
_NAME = compile_lazily(r"[A-Za-z_$.\-]{3,60}")
_AFTER_NAME = compile_lazily(r"[\"'`\])]{0,2}\s{0,8}(?:[=:(]|<-)")
_KEYWORDS = frozenset(
    "export set setx env ENV ARG RUN const let var val def return new final static public private String string echo "
    "aws configure true false null None the and for with not".split()
)


def redact_lines(data: bytes, parts: Iterable[Part], places: dict[int, Place]) -> tuple[tuple[int, str], ...]:
    """The line of each part, by number, at most 160 characters around it; a public value (an access
    key ID) stays, other values show their first four characters, and names stay."""
    lines: dict[int, str] = {}
    ordered = sorted(parts, key=lambda part: part.start)
    for part in ordered:
        line = places[part.start].line
        if line not in lines and len(lines) < _MOST_LINES:
            start = max(data.rfind(b"\n", max(0, part.start - _REACH), part.start) + 1, part.start - _WIDTH // 2)
            end = data.find(b"\n", part.start, part.start + _WIDTH)
            end = end if end >= 0 else min(len(data), part.start + _WIDTH)
            lines[line] = _redact_line(data, start, end, [p for p in ordered if start <= p.start < end])
    return tuple(lines.items())


def _redact_line(data: bytes, start: int, end: int, parts: list[Part]) -> str:
    shown = ""
    position = start
    for part in parts:
        if part.start >= position:
            shown += _redact_text(data[position : part.start]) + part.secret.shown
        position = max(position, part.end)
    return shown + (_redact_text(data[position:end]) if position < end else "")


def _redact_text(piece: bytes) -> str:
    text = piece.decode("utf-8", "replace")

    def redact_word(match: re.Match[str]) -> str:
        named = _NAME.fullmatch(match[0]) and _AFTER_NAME.match(text, match.end())
        return match[0] if named or match[0] in _KEYWORDS else _BLOT

    return _WORD.sub(redact_word, text)


def mask_name(path: str, findings: Iterable[Finding]) -> str:
    """A file name as it may be shown: the secrets that these findings see in it are blotted out but
    for their first four characters; its length stays."""
    for finding in findings:
        for place in finding.locations:
            if place.role != "access_key_id":
                start, end = place.column + 3, place.end_column - 1
                path = path[:start] + "*" * (end - start) + path[end:]
    return path


def hide_values(texts: Iterable[str], values: Collection[bytes]) -> dict[str, str]:
    """Of the paths and notes those that hold one of the values, and how they may be shown."""
    known = sorted({text for text in texts if text})
    together = encode_path("\n".join(known)) if values else b""
    held = [decode_path(value) for value in values if value in together]
    shown = {}
    for text in known:
        blotted = text
        for value in sorted(held, key=len, reverse=True):
            blotted = blotted.replace(value, value[:SHOWN_CHARACTERS] + "*" * (len(value) - SHOWN_CHARACTERS))
        if blotted != text:
            shown[text] = blotted
    return shown


def is_telling(value: bytes) -> bool:
    """True for a value that stands in a path because it is a secret, and not because it is a word."""
    return len(value) >= _LEAST and not (value.isalpha() and (value[1:].islower() or value.isupper()))
