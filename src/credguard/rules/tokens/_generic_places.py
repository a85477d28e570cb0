"""The values that have the name of a secret: the patterns that locate them, how name and value are read and graded."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from credguard.heuristics.generic_values import Form, classify_form, is_worded
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence
from credguard.rules.tokens import _generic_patterns
from credguard.rules.tokens._generic_names import Kind, classify_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from credguard.matching.pattern import Hits


class NamedValue(NamedTuple):
    """A value with its name, and how sure it is that it is a secret."""

    name: bytes
    start: int
    end: int
    confidence: Confidence
    form: Form
    bare: bool
    in_text: bool


_NAME_REVERSED = compile_lazily(
    rb"\\{0,3}[({]{0,2}?(?:\(([A-Za-z0-9_.]{0,30}[A-Za-z])(?: wen)?|[bruf@N]|(?:etyb|gnirts)\]\[)?\s{0,12}"
    rb"(>=|=:|={1,3}!?|[:=,(>])(?:\s{0,2}\??(?:gnirtS|gnirts|rts)\s{0,2}:)?\s{0,12}([\"']?eulav[\"']?\s{1,40},?)?"
    rb"([\"'`\])*]{0,3}\\{0,3})([A-Za-z0-9_.\-]{1,80})(?![A-Za-z0-9_.\-])(.?\s{0,4}.?)",
    re.DOTALL,
)
"""From the opening quote of a value, or from a bare one: an operator, what closes the name, and the name, reversed."""
_SPOKEN_REVERSED = compile_lazily(
    rb"\\{0,3} {1,2}(?:drowssap|yb deifitnedi)(?![\"'\w$])| {0,2}p-[^\n]{0,60} (?:pmud)?lqsym", re.IGNORECASE
)
_BARE_REVERSED = compile_lazily(rb"[^\s\"'`,;(){}\[\]<>&|#=:$]{1,26}")
_QUOTED_VALUES = {
    ord(quote): compile_lazily(rb"([^%s\\\r\n]{4,400})\\{0,3}%s" % (quote, quote)) for quote in (b'"', b"'", b"`")
}
_BARE_VALUE = compile_lazily(
    rb"((?:[^\s\"'`,;(){}\[\]<>&|#\\\x00-\x1f]|\\(?![rnt])|(?<=[^\s=:>])#(?=\w)){4,400})(?=[\s\x00,;&<\"'`}\])]|\\{1,3}[rnt]|\Z)"
)
_KEY_AFTER = compile_lazily(rb"\s{0,4}(?::(?!:)|=>)")
_PAIR, _PAIR_END = compile_lazily(rb":|[\"'`]\s{0,4}[(\[{]"), compile_lazily(rb"\s{0,4}[)\]}]")
_BADGE = compile_lazily(rb"(?:badge|\.svg\?|qm\.qq\.com/)[^\s]{0,120}\Z")
"""In the URL of a picture that everybody sees, or of a group that everybody may join."""
_BINARY = compile_lazily(rb"[\x01-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
"""What no text has: around a bare value its signs are there by chance."""
_WRAPPED, _GLUED, _LONGEST_LINE = 48, 4, 200
_SALT = compile_lazily(rb"\bsalt\b", re.IGNORECASE)
_STORING = compile_lazily(rb"\b(?:update|insert into)\s[^;]{0,120}\Z", re.IGNORECASE)
"""The command before a value that goes into a table."""
_DIGEST = compile_lazily(rb"[0-9a-fA-F]{32,128}")
_HEX32 = compile_lazily(rb"[0-9a-f]{32}")
_SEARCHED = compile_lazily(rb"docsearch|index_?name", re.IGNORECASE)
"""Beside the key of a search that every visitor of a page may use."""
_NAMED_THING = compile_lazily(rb"/mus|:[^\s\"'`]{0,100}swa:nra")
"""Before a name, reversed: `checksum/secret: …` of a Helm chart, and the start of an ARN, `…:ACCOUNT:secret:NAME`."""
_ACCESS_KEY = compile_lazily(rb"(?:access[_.\-]?key)\Z", re.IGNORECASE)
_KEY_ID = compile_lazily(rb"[A-Z0-9]{16,24}")
"""What services like S3 call an access key is an ID, which their own rules know where it is one of AWS's."""
_DIGIT = compile_lazily(rb"[0-9]")
_BACK, _NEAR = 140, 28
"""Enough bytes for a name and its operator, and for the part of a value before the end of a hit."""
_AROUND = 60
_IN_TEXT = b"?&\"'`;\\"
_MOST = 5_000
_TABLE = 25
"""More doubtful values than that in one file are data."""


def list_places(data: bytes, hits: Hits, *, code: bool) -> list[NamedValue]:
    """The values that are secrets by their names, in order; in `code` a bare one only inside a text."""
    found: list[NamedValue] = []
    offsets = sorted((end, one) for one in _READERS for end in hits.get(one, ())[:_MOST])
    for end, one in offsets:
        place = _read_place(data, end, one) if not found or end > found[-1].end else None
        if place and not (code and place.bare and not place.in_text) and (not found or place.start >= found[-1].end):
            found.append(place)
    loose = {data[one.start : one.end] for one in found if one.confidence is Confidence.LOW}
    return [one for one in found if one.confidence is not Confidence.LOW] if len(loose) > _TABLE else found


def _read_place(data: bytes, end: int, pattern: str) -> NamedValue | None:
    """The value in which a hit ended, if it is a secret by its name."""
    quoted, find_start = _READERS[pattern]
    start = find_start(data, end)
    if start < 0:
        return None
    value = (_QUOTED_VALUES[data[start - 1]] if quoted else _BARE_VALUE).match(data, start)
    if not value or (quoted and _KEY_AFTER.match(data, value.end())):
        return None
    head = start - quoted
    before = data[max(0, head - _BACK) : head][::-1]
    if not quoted and (
        _BADGE.search(data, max(0, head - _BACK), head)
        or _BINARY.search(data, max(0, head - _AROUND), value.end(1) + 8)
    ):
        return None
    if _HEX32.fullmatch(value[1]) and _SEARCHED.search(data, max(0, head - _BACK), value.end() + _BACK):
        return None
    if pattern == SPOKEN_PATTERN.name:
        name, in_text = (b"password" if _SPOKEN_REVERSED.match(before) else b""), False
    else:
        name, in_text = _read_name(before, data[value.end() : value.end() + 6], quoted=quoted)
    if name and not quoted and _is_wrapped(data, start, name):
        return None
    if not name or (_DIGEST.fullmatch(value[1]) and _is_stored(name, data, start, value.end())):
        return None
    graded = _grade(name, value[1])
    return NamedValue(name, start, value.end(1), *graded, not quoted, in_text) if graded else None


def _is_stored(name: bytes, data: bytes, start: int, end: int) -> bool:
    """True for the digest of a password in a table of users."""
    if classify_name(name) is not Kind.PASSWORD:
        return False
    low = max(0, start - _BACK)
    return any((_SALT.search(data, low, end + _BACK), _STORING.search(data, low, start)))


def _is_wrapped(data: bytes, start: int, name: bytes) -> bool:
    """True where the name is in the midst of text encoded in lines of the same length, as Ascii85 and uuencode are."""
    left = data.rfind(b"\n", max(0, start - _LONGEST_LINE), start) + 1
    right = data.find(b"\n", start, start + _LONGEST_LINE)
    size = right - left
    lead = data[left : data.rfind(name, left, start)]
    if size < _WRAPPED or left == 0 or lead[-1:].isspace() or len(lead.strip()) < _GLUED:
        return False
    above = left - 1 - (data.rfind(b"\n", max(0, left - 1 - _LONGEST_LINE), left - 1) + 1)
    below = data.find(b"\n", right + 1, right + 1 + _LONGEST_LINE) - right - 1
    return size in (above, below)


def _read_name(before: bytes, after: bytes, *, quoted: bool) -> tuple[bytes, bool]:
    """The name in the reversed text before a value, empty for none; and whether both are inside a text."""
    match = _NAME_REVERSED.match(before)
    if not match or match[5].startswith(b"-"):
        return b"", False
    operator, closing = match[2], match[4]
    if quoted:
        listed = operator == b"," and bool(closing) and _is_pair(match[6], after)
        named = listed or operator not in (b">", b",")
    else:
        named = operator in (b"=", b":", b"=:", b">=") or (operator == b">" and not closing)
    if not named:
        return b"", False
    if _NAMED_THING.match(before, match.end(5)):
        return b"", False
    name, escaped = match[5][::-1], match[6].startswith(b"\\") and match[5].endswith((b"n", b"r", b"t"))
    if escaped and len(name) > 1:  # a line within a text: `\r\nApi-Key: …`
        return name[1:], True
    return name, operator == b"=" and match[6][:1] in _IN_TEXT and match[6] != b""


def _is_pair(before: bytes, after: bytes) -> bool:
    """True where a name and the value after its comma are all that is in brackets, or the name is a Ruby symbol."""
    return _PAIR.match(before) is not None and _PAIR_END.match(after) is not None


def _find_quoted_start(data: bytes, end: int) -> int:
    near = data[max(0, end - _NEAR) : end]
    quote = max(near.rfind(b'"'), near.rfind(b"'"), near.rfind(b"`"))
    return -1 if quote < 0 else end - len(near) + quote + 1


def _find_bare_start(data: bytes, end: int) -> int:
    match = _BARE_REVERSED.match(data[max(0, end - _NEAR) : end][::-1])
    return end - match.end() if match else -1


def _find_long_start(_data: bytes, end: int) -> int:
    return end - _generic_patterns.WIDTH


@lru_cache(maxsize=1 << 14)
def _grade(name: bytes, value: bytes) -> tuple[Confidence, Form] | None:
    """How sure it is that a value with this name is a secret, and its form; None for one that is none. Cached, because
    versions of a file repeat their lines."""
    kind = classify_name(name)
    if kind is Kind.NONE:
        return None
    if _KEY_ID.fullmatch(value) and _ACCESS_KEY.search(name):
        return None
    form = classify_form(value, name)
    confidence = _grade_loose(value, form) if kind is Kind.LOOSE else _grade_named(value, kind, form)
    return (confidence, form) if confidence else None


def _grade_loose(value: bytes, form: Form) -> Confidence | None:
    generated = form is Form.GENERATED and len(value) >= _generic_patterns.WIDTH and _DIGIT.search(value)
    return Confidence.LOW if generated and value[8:9] != b"-" else None  # a UUID is an identifier here


def _grade_named(value: bytes, kind: Kind, form: Form) -> Confidence | None:
    if form is Form.GENERATED or (form is Form.CHOSEN and kind is Kind.PASSWORD):
        return Confidence.HIGH
    if form is Form.CHOSEN:
        return Confidence.MEDIUM if len(value) >= 8 and not is_worded(value, 0.5) else None
    return Confidence.LOW if form is Form.WEAK and kind is Kind.PASSWORD else None


def _build(name: str, expression: bytes) -> Pattern:
    def is_worth(data: bytes, end: int) -> bool:
        return _read_place(data, end, full) is not None

    full = f"generic-secret-{name}"
    return Pattern(full, expression, caseless=True, is_worth=is_worth)


QUOTED_PATTERN = _build("quoted", _generic_patterns.QUOTED)
BARE_PATTERN = _build("bare", _generic_patterns.BARE)
SPOKEN_PATTERN = _build("spoken", _generic_patterns.SPOKEN)
DOUBTFUL_QUOTED_PATTERN = _build("doubtful-quoted", _generic_patterns.DOUBTFUL_QUOTED)
DOUBTFUL_BARE_PATTERN = _build("doubtful-bare", _generic_patterns.DOUBTFUL_BARE)
_READERS: dict[str, tuple[bool, Callable[[bytes, int], int]]] = {
    QUOTED_PATTERN.name: (True, _find_quoted_start),
    SPOKEN_PATTERN.name: (True, _find_quoted_start),
    BARE_PATTERN.name: (False, _find_bare_start),
    DOUBTFUL_QUOTED_PATTERN.name: (True, _find_long_start),
    DOUBTFUL_BARE_PATTERN.name: (False, _find_long_start),
}
"""Whether the value is in quotes, and what finds where it starts, by the name of the pattern."""
