"""How much of a value is words: what people typed reads, what a program drew does not."""

from __future__ import annotations

import re

from credguard.heuristics.boundaries import decode_base64
from credguard.heuristics.letter_pairs import is_unreadable
from credguard.lazy_re import compile_lazily

_RUN = compile_lazily(rb"[A-Z]?[a-z]{3,}|[A-Z]{3,}")
_CONSTANT = compile_lazily(rb"[A-Z0-9]+(?:_[A-Z0-9]+)+")
_BASE64 = compile_lazily(rb"[A-Za-z0-9+/]{24,4096}={0,2}")
_PROSE = compile_lazily(rb"(?:[A-Za-z'\-]{1,20}[,.]? ){3}")
"""Three words in a row: what a program drew holds them never."""
_SHORT = 5
_SYLLABLE = compile_lazily(rb"[bcdfghklmnprstvwy]{0,2}[aeiou]{1,2}[bcdfghklmnprstvwxy]{0,2}(?:e|y|s)?", re.IGNORECASE)
"""As which most words of up to four letters can be read."""


def is_in_words(value: bytes) -> bool:
    """True for the name of a constant, for prose in base64, and where most of a value is runs of letters of which many
    read as words: of random values of 20 to 40 letters and digits, one in a hundred."""
    if _BASE64.fullmatch(value) and _PROSE.match(decode_base64(value)):
        return True
    runs = _RUN.findall(value)
    if sum(map(len, runs)) * 2 <= len(value):
        return _CONSTANT.fullmatch(value) is not None
    return sum(len(run) for run in runs if _reads(run)) * 3 > len(value)


def _reads(run: bytes) -> bool:
    return _SYLLABLE.fullmatch(run) is not None if len(run) < _SHORT else not is_unreadable(run)
