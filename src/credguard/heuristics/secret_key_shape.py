"""Whether 40 characters look like an AWS secret access key: random base64, not a digest, path or name."""

from __future__ import annotations

from base64 import b64decode
from functools import lru_cache
from typing import TYPE_CHECKING

from credguard.heuristics.placeholders import compute_entropy, is_placeholder
from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    import re

SECRET_LENGTH = 40
# One character of a secret, in plain text, percent-encoded, or escaped in JSON, PHP or HTML.
SECRET_UNIT = rb"(?:[A-Za-z0-9+/]|%2[BbFf]|\\{1,2}/|\\{1,2}u002[BbFf]|&#x2[BbFf];|&#4[37];)"
RUN = compile_lazily(SECRET_UNIT + rb"+")
# In base64, with or without a newline inside.
_ENCODED = compile_lazily(rb"[A-Za-z0-9+/]{54,56}")
_BEFORE_VALUE = compile_lazily(
    rb"|\+|[nrtbfv0]|[0-7][0-9A-Fa-f]|3D|x[0-9A-Fa-f]{2}|u00[0-9A-Fa-f]{2}|[0-9]{0,3}m|A(?:KIA|SIA)[A-Z2-7]{16}/"
)
_HEX = compile_lazily(rb"[0-9A-Fa-f]{40}")
_ALPHABET = compile_lazily(rb"[A-Za-z0-9+/]{40}")
_ESCAPED = compile_lazily(rb"%2[BbFf]|\\{1,2}/|\\{1,2}u002[BbFf]|&#x2[BbFf];|&#4[37];")
_LETTERS_OR_DIGITS = compile_lazily(rb"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_WORDS = compile_lazily(rb"[A-Z]?[a-z]{2,}|[A-Z]{3,}(?![a-z])")

# Measured on 200,000 random secrets: lowest entropy 4.16; fewer than 12 runs of one kind 0.01 %;
# 33 or more characters in words 0.05 %; 28 or more with two slashes 0.06 %.
_MIN_ENTROPY = 4.1
_MIN_RUNS = 12
_MAX_WORDS = 32
_MAX_PATH_WORDS = 27
# If the value's own name calls it a secret access key: 0.01 % lost.
_MIN_RUNS_NAMED = 11
_MAX_WORDS_NAMED = 34
_MAX_PATH_WORDS_NAMED = 31
_MIN_RUNS_WITHOUT_DIGIT = 17


def unescape_run(run: bytes) -> bytes:
    """The run with its escapes decoded."""
    return _ESCAPED.sub(_unescape, run) if b"%" in run or b"\\" in run or b"&" in run else run


def _unescape(match: re.Match[bytes]) -> bytes:
    return b"+" if match[0].lower().rstrip(b";")[-2:] in (b"2b", b"43") else b"/"


@lru_cache(maxsize=1024)
def is_secret_shaped(value: bytes, *, named: bool = False) -> bool:
    """True for 40 base64 characters that look random and are not readable.

    `named` means that the value's own name calls it a secret access key: then rarer values pass.
    """
    if not _ALPHABET.fullmatch(value) or _HEX.fullmatch(value) or not _is_mixed(value, named=named):
        return False
    return not _is_readable(value, named=named) and not is_placeholder(value)


def may_hold_secret(data: bytes | memoryview) -> bool:
    """False if nothing in `data` can be a secret access key, plain, escaped or base64-encoded.

    A value ends where a run of its characters ends; before it the run may contain the rest of an escape, a diff marker,
    or the key ID.
    """
    return any(_may_be_secret(match[0]) for match in RUN.finditer(data) if match.end() - match.start() >= SECRET_LENGTH)


def _may_be_secret(run: bytes) -> bool:
    text = unescape_run(run)
    value = text[-SECRET_LENGTH:]
    if _BEFORE_VALUE.fullmatch(text[:-SECRET_LENGTH]) and is_secret_shaped(value, named=True):
        return True
    return _ENCODED.fullmatch(run) is not None and is_secret_shaped(_decode_run(run))


def _decode_run(run: bytes) -> bytes:
    return b64decode(run + b"=" * (-len(run) % 4)).rstrip(b"\r\n")


def _is_mixed(value: bytes, *, named: bool) -> bool:
    """Upper and lower case, high entropy; a secret without a digit needs many changes of kind."""
    if value.upper() == value or value.lower() == value or compute_entropy(value) < _MIN_ENTROPY:
        return False
    digit = any(48 <= c <= 57 for c in value)
    least = _MIN_RUNS_NAMED if named else _MIN_RUNS if digit else _MIN_RUNS_WITHOUT_DIGIT
    return len(_LETTERS_OR_DIGITS.findall(value)) >= least


def _is_readable(value: bytes, *, named: bool) -> bool:
    """Camel-case names, paths, and base64 of printable text."""
    in_words = sum(map(len, _WORDS.findall(value)))
    if value.count(b"/") >= 2:
        most = _MAX_PATH_WORDS_NAMED if named else _MAX_PATH_WORDS
    else:
        most = _MAX_WORDS_NAMED if named else _MAX_WORDS
    if in_words > most:
        return True
    decoded = b64decode(value)
    return sum(32 <= c < 127 or c in (9, 10, 13) for c in decoded) >= len(decoded) - 2
