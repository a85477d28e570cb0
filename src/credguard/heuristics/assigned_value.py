"""The value after a name, for values without a recognizable shape whose name says what they are."""

from __future__ import annotations

from credguard.heuristics.placeholders import compute_entropy, is_placeholder
from credguard.lazy_re import compile_lazily

_QUOTE = rb"\\{0,3}[\"'`]"
_MAYBE_QUOTE = rb"(?:" + _QUOTE + rb")?"
# `NAME", "value": ` of JSON, `NAME\n  value: ` of YAML.
_VALUE_FIELD = (
    _MAYBE_QUOTE + rb"(?:[\s,\-]|\\[nrt]){0,60}" + _MAYBE_QUOTE + rb"[Vv]alue" + _MAYBE_QUOTE + rb"\s{0,4}[:=]\s{0,4}"
)
_OPERATOR = _MAYBE_QUOTE + rb"\s{0,8}[\])]?\s{0,8}(?:=>|:=|==|[=:,>\s]|%3[Dd])\s{0,8}"
_GAP = compile_lazily(rb"(?:" + _VALUE_FIELD + rb"|" + _OPERATOR + rb")" + _MAYBE_QUOTE)
_VALUE = compile_lazily(rb"[A-Za-z0-9+/=_.~\-]{8,8000}")
# What follows a name or an expression rather than a value: a call, an index, a template.
_CODE_AFTER = frozenset(b"([{<$%*")
_WORD = compile_lazily(rb"[A-Z][a-z]{3,}|(?<![A-Za-z0-9])[A-Za-z]{3,}(?![A-Za-z0-9])")
_DIGIT = compile_lazily(rb"\d")
_MIN_ENTROPY = 3.4
_MIN_DIGITS = 2


def find_assigned_value(data: bytes, end: int) -> tuple[int, int] | None:
    """The location of the value assigned to the name that ends at `end`: `=`, `:`, JSON, YAML, XML, shell, env."""
    gap = _GAP.match(data, end)
    value = _VALUE.match(data, gap.end()) if gap else None
    if not value or (value.end() < len(data) and data[value.end()] in _CODE_AFTER):
        return None
    return value.span()


def is_opaque(value: bytes, shortest: int) -> bool:
    """True for a value that looks random: long enough, letters and digits mixed, few words, not a placeholder."""
    if len(value) < shortest or compute_entropy(value) < _MIN_ENTROPY or is_placeholder(value):
        return False
    in_words = sum(map(len, _WORD.findall(value)))
    return len(_DIGIT.findall(value)) >= _MIN_DIGITS and in_words <= len(value) // 2
