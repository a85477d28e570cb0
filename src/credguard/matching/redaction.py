"""The lines around a finding, with everything redacted that could be part of a secret."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.model.findings import PartRole, SourceLine
from credguard.model.secret import SHOWN_CHARACTERS
from credguard.system.compat import decode_path, encode_path

if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Iterable, Mapping

    from credguard.matching.positions import Place
    from credguard.model.findings import Finding, Part

_WIDTH = 160
_MOST_LINES = 6
_REACH = 4096
_LEAST = 6
_BLOT = "•" * 4
# A name is before `=`, `:` or `(` and is made of letters; everything else of three characters or more is redacted,
# because a password may look like any word.
_WORD = compile_lazily(r"[^\s=:,;(){}\[\]<>\"'`|&]{3,}")
_PART_OF_WORD = compile_lazily(rb"[^\s=:,;(){}\[\]<>\"'`|&]*[=:]*")
_NAME = compile_lazily(r"[A-Za-z_$.\-]{3,60}")
_AFTER_NAME = compile_lazily(r"[\"'`\])]{0,2}\s{0,8}(?:[=:(]|<-)")
_WORD_OF_NAME = compile_lazily(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_VOWEL = compile_lazily(r"[aeiouyAEIOUY]")
_MOST_SHORT_WORDS = 4
_KEYWORDS = frozenset(
    "export set setx env ENV ARG RUN const let var val def return new final static public private String string echo "
    "aws configure true false null None the and for with not".split()
)


class LineRedactor:
    """Redacts lines of one file: `parts` are all values that any rule found in it, and `places` where they begin."""

    def __init__(self, data: bytes, parts: Iterable[Part], places: Mapping[int, Place]) -> None:
        self._data, self._places = data, places
        self._parts = sorted(parts, key=lambda part: (part.start, -part.end))
        self._starts = [part.start for part in self._parts]
        self._reach = [0, *accumulate((part.end for part in self._parts), max)]

    def redact(self, parts: Iterable[Part]) -> tuple[SourceLine, ...]:
        """The line of each of the parts, at most 160 characters around it, with the columns of the parts in it; a
        public value (an access key ID) stays, other values show their first four characters, and names stay."""
        lines: dict[int, SourceLine] = {}
        ordered = sorted(parts, key=lambda part: part.start)
        for part in ordered:
            number = self._places[part.start].line
            if number not in lines and len(lines) < _MOST_LINES:
                lines[number] = self._redact_line(number, *self._cut_out(part), {p.start for p in ordered})
        return tuple(lines.values())

    def _cut_out(self, part: Part) -> tuple[int, int]:
        """Where to begin and to end, never within a word: the rest of one might not look like a part of a secret."""
        start = self._data.rfind(b"\n", max(0, part.start - _REACH), part.start) + 1
        if part.start - start > _WIDTH // 2:
            start = part.start - _WIDTH // 2
            start = next(_PART_OF_WORD.finditer(self._data, start, part.start)).end()
        end = self._data.find(b"\n", part.start, part.start + _WIDTH)
        return start, end if end >= 0 else min(len(self._data), part.start + _WIDTH)

    def _redact_line(self, number: int, start: int, end: int, marked: Collection[int]) -> SourceLine:
        first, last = bisect_left(self._starts, start), bisect_left(self._starts, end)
        position, shown, marks = start, "", []
        if self._reach[first] > start:  # the line begins within a value
            position, shown = min(self._reach[first], end), _BLOT
        for part in self._parts[first:last]:
            if part.start >= position:
                shown += _redact_text(self._data[position : part.start])
                if part.start in marked:
                    marks.append((len(shown), len(shown) + len(part.secret.shown)))
                shown += part.secret.shown
            position = max(position, part.end)
        rest = _redact_text(self._data[position:end]) if position < end else ""
        return SourceLine(number, (shown + rest).rstrip(), tuple(marks))


def _redact_text(piece: bytes) -> str:
    text = piece.decode("utf-8", "replace").replace("\t", "    ")

    def redact_word(match: re.Match[str]) -> str:
        named = _NAME.fullmatch(match[0]) and _AFTER_NAME.match(text, match.end()) and _has_words(match[0])
        return match[0] if named or match[0] in _KEYWORDS else _BLOT

    return _WORD.sub(redact_word, text)


def _has_words(name: str) -> bool:
    """False for letters in both cases that no words make, such as a piece of a secret before a `=`."""
    words = _WORD_OF_NAME.findall(name)
    if name.islower() or name.isupper() or len(words) < _MOST_SHORT_WORDS:
        return True
    return sum(map(len, words)) >= 3 * len(words) and all(len(word) < 4 or _VOWEL.search(word) for word in words)


def mask_name(path: str, findings: Iterable[Finding]) -> str:
    """A file name as it may be shown: the secrets that these findings locate in it are redacted except for their first
    four characters; its length stays."""
    for finding in findings:
        for place in finding.locations:
            if place.role != PartRole.ACCESS_KEY_ID:
                start, end = place.column + 3, place.end_column - 1
                path = path[:start] + "*" * (end - start) + path[end:]
    return path


def hide_values(texts: Iterable[str], values: Collection[bytes]) -> dict[str, str]:
    """The paths and notes that contain one of the values, and how they may be shown."""
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
    """True for a value that is in a path because it is a secret, and not because it is a word."""
    return len(value) >= _LEAST and not (value.isalpha() and (value[1:].islower() or value.isupper()))
