"""The value that stands after a name, when the name alone says what it is and the value has no shape of its own."""

from __future__ import annotations

import re

from credguard.rules._placeholder import entropy, is_placeholder

_QUOTE = rb"\\{0,3}[\"'`]"
_JSON_VALUE = rb"(?:" + _QUOTE + rb")?(?:[\s,\-]|\\[nrt]){0,60}(?:" + _QUOTE + rb")?[Vv]alue(?:" + _QUOTE + rb")?\s{0,4}[:=]\s{0,4}"
_GAP = re.compile(
    rb"(?:" + _JSON_VALUE + rb"|(?:" + _QUOTE + rb")?\s{0,8}[\])]?\s{0,8}(?:=>|:=|==|[=:,>\s]|%3[Dd])\s{0,8})(?:" + _QUOTE + rb")?"
)
_VALUE = re.compile(rb"[A-Za-z0-9+/=_.~\-]{8,8000}")
# What follows a name or an expression rather than a value: a call, an index, a template.
_CODE_AFTER = frozenset(b"([{<$%*")
_WORD = re.compile(rb"[A-Za-z][a-z]{3,}|[A-Z]{4,}")
_DIGIT = re.compile(rb"\d")
_MIN_ENTROPY = 3.4


def assigned_value(data: bytes, end: int) -> tuple[int, int] | None:
    """The place of the value given to the name that ends at `end`: `=`, `:`, JSON, YAML, XML, shells, env lists."""
    gap = _GAP.match(data, end)
    value = _VALUE.match(data, gap.end()) if gap else None
    if not value or (value.end() < len(data) and data[value.end()] in _CODE_AFTER):
        return None
    return value.span()


def is_opaque(value: bytes, shortest: int) -> bool:
    """True for a value that looks random: long enough, letters and digits mixed, few words, no placeholder."""
    if len(value) < shortest or entropy(value) < _MIN_ENTROPY or is_placeholder(value):
        return False
    in_words = sum(map(len, _WORD.findall(value)))
    return len(_DIGIT.findall(value)) >= 2 and in_words <= len(value) // 2  # noqa: PLR2004
