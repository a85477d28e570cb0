"""Whether 40 characters look like an AWS secret access key: random base64, no digest, path or name."""

from __future__ import annotations

import re
from base64 import b64decode

from credguard.rules._placeholder import entropy, is_placeholder

SECRET_LENGTH = 40
# One character of a secret, as written plainly, percent-encoded, or escaped in JSON, PHP or HTML.
UNIT = rb"(?:[A-Za-z0-9+/]|%2[BbFf]|\\{1,2}/|\\{1,2}u002[BbFf]|&#x2[BbFf];|&#4[37];)"
RUN = re.compile(UNIT + rb"+")
_ESCAPED = re.compile(rb"%2[BbFf]|\\{1,2}/|\\{1,2}u002[BbFf]|&#x2[BbFf];|&#4[37];")
_LETTERS_OR_DIGITS = re.compile(rb"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_WORDS = re.compile(rb"[A-Z]?[a-z]{2,}|[A-Z]{3,}(?![a-z])")

# Measured on 200,000 random secrets: lowest entropy 4.16; fewer than 12 runs of one kind 0.01 %;
# 33 or more characters in words 0.05 %; 28 or more with two slashes 0.06 %.
_MIN_ENTROPY = 4.1
_MIN_RUNS = 12
_MAX_WORDS = 32
_MAX_PATH_WORDS = 27
_MIN_RUNS_WITHOUT_DIGIT = 17


def plain(run: bytes) -> bytes:
    """The run with its escapes undone."""
    return _ESCAPED.sub(_unescape, run) if b"%" in run or b"\\" in run or b"&" in run else run


def _unescape(match: re.Match[bytes]) -> bytes:
    return b"+" if match[0].lower().rstrip(b";")[-2:] in (b"2b", b"43") else b"/"


def is_secret_shaped(value: bytes) -> bool:
    """True for 40 base64 characters that look random and stand for nothing readable."""
    return len(value) == SECRET_LENGTH and _mixed(value) and not _readable(value) and not is_placeholder(value)


def _mixed(value: bytes) -> bool:
    """Upper and lower case and a digit (a secret without one needs many changes of kind), high entropy."""
    if value.islower() or value.isupper() or value.isdigit() or entropy(value) < _MIN_ENTROPY:
        return False
    if value.upper() == value or value.lower() == value:
        return False
    least = _MIN_RUNS if any(48 <= c <= 57 for c in value) else _MIN_RUNS_WITHOUT_DIGIT
    return len(_LETTERS_OR_DIGITS.findall(value)) >= least


def _readable(value: bytes) -> bool:
    """Camel-case names, paths, and base64 of printable text."""
    in_words = sum(map(len, _WORDS.findall(value)))
    if in_words > (_MAX_PATH_WORDS if value.count(b"/") >= 2 else _MAX_WORDS):
        return True
    decoded = b64decode(value)
    return sum(32 <= c < 127 or c in (9, 10, 13) for c in decoded) >= len(decoded) - 2
