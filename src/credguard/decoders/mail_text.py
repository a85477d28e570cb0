"""Decodes the text of mail: encoded words in headers (RFC 2047) and flowed lines that split words (RFC 3676)."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import TYPE_CHECKING

from credguard.decoders.view import iter_windows, rewrite
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Sequence

    from credguard.decoders.view import View

ENCODED_WORD = Pattern("encoded-word", rb"=\?[A-Za-z0-9_\-]{2,20}(?:\*[A-Za-z\-]{2,8})?\?[BbQq]\?[!-~]{8}")
_WORD = compile_lazily(rb"=\?([A-Za-z0-9_\-]{2,20})(?:\*[A-Za-z\-]{2,8})?\?([BbQq])\?([!->@-~]{0,200})\?=")
_BETWEEN = compile_lazily(rb"\?=\r?\n?[ \t]{1,8}=\?")
"""White space between two encoded words is not text (section 6.2)."""
FLOWED = Pattern("flowed-text", rb"delsp ?= ?\"?yes", caseless=True)
"""The parameter of a text whose lines may end within a word, with a space that is not part of it."""
_BLANK_LINE = compile_lazily(rb"\r?\n[ \t]*\r?\n")
_SOFT_BREAK = compile_lazily(rb" \r?\n(?:>{1,9} ?)?")
_HEADERS, _LONGEST_TEXT = 1 << 13, 1 << 20
_QUOTED = compile_lazily(rb"=([0-9A-Fa-f]{2})")


def decode_header_words(data: bytes, ends: Sequence[int]) -> Iterator[View]:
    """The area around each hit with its encoded words decoded, adjacent ones as one."""
    for start, stop in iter_windows(data, ends):
        changes = [(*match.span(), _decode_word(match)) for match in _WORD.finditer(data, start, stop)]
        if changes:
            gaps = [(match.start() + 2, match.end() - 2, b"") for match in _BETWEEN.finditer(data, start, stop)]
            yield rewrite(data, start, stop, [*changes, *gaps], "in an encoded mail header")


def join_flowed_lines(data: bytes, ends: Sequence[int]) -> Iterator[View]:
    """Each such text with its lines joined, up to 1 MiB of it."""
    done = 0
    for end in ends:
        blank = _BLANK_LINE.search(data, end, end + _HEADERS) if end > done else None
        if blank:
            done = min(len(data), blank.end() + _LONGEST_TEXT)
            breaks = [(*match.span(), b"") for match in _SOFT_BREAK.finditer(data, blank.end(), done)]
            if breaks:
                yield rewrite(data, blank.end(), done, breaks, "in flowed lines")


def _decode_word(match: re.Match[bytes]) -> bytes:
    """The text of one word as UTF-8; unchanged if its encoding or charset is unknown."""
    charset, encoding, text = match.groups()
    if encoding in b"Qq":
        raw = _QUOTED.sub(lambda one: bytes((int(one[1], 16),)), text.replace(b"_", b" "))
    else:
        try:
            raw = b64decode(text + b"=" * (-len(text) % 4))
        except (binascii.Error, ValueError):
            return match[0]
    try:
        return raw.decode(charset.decode(), "replace").encode("utf-8", "replace")
    except (LookupError, ValueError):
        return raw
