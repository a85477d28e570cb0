"""Text in UTF-16 and UTF-32, detected by its words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.heuristics.token_prefixes import list_beginnings
from credguard.matching.pattern import Pattern
from credguard.parsers.utf16 import has_mark, recode, recode_marked

if TYPE_CHECKING:
    from collections.abc import Sequence


def _encode_wide(word: bytes) -> bytes:
    return rb"\x00".join(word[i : i + 1] for i in range(len(word)))


_WIDE_WORDS = (
    b"secret token private absk bedrock-api-key k8s-aws putty starturl amz- amzn password da2- -at- arn:aws root smtp "
    b"cognito ghp_ github_pat glpat- xoxb- k_live_ sk-ant sk-proj aizasy postgres:// mongodb mysql:// accountkey "
    b"eyjhbgci"
).split()
# The words that every candidate pattern contains, with a zero byte between their letters. Each ends in an ASCII letter,
# so the location of that letter shows the alignment.
_LETTER = rb"[\t\r\n\x20-\x7e]"
_BEGINNINGS = (
    rb"^\xff\xfe" + _LETTER, rb"^\xfe\xff\x00" + _LETTER,
    rb"^(?:" + _LETTER + rb"\x00){4}" + _LETTER, rb"^(?:\x00" + _LETTER + rb"){4}",
)  # fmt: skip
WIDE = Pattern(
    "utf-16",
    b"|".join([rb"a\x00[ks]\x00i\x00a\x00[a-z2-7]", *_BEGINNINGS, *map(_encode_wide, _WIDE_WORDS)]),
    caseless=True,
)
"""The beginning of a UTF-16 text, with or without a byte order mark, and those words in the middle of something
else."""
WIDE_TOKEN = Pattern("utf-16-tokens", b"|".join(rb"\x00".join(characters) for characters in list_beginnings()))
"""The beginning of a token in UTF-16, in the middle of something else; it ends in an ASCII letter, sign or digit."""


def decode_utf16(data: bytes, ends: Sequence[int]) -> bytes:
    """The text of `data` as UTF-8, decoded as UTF-16 in the byte order of the first hit of WIDE or WIDE_TOKEN.

    Line numbers stay the same; invalid UTF-16 becomes U+FFFD.
    """
    letter = ends[0] - 1
    if has_mark(data):
        return recode_marked(data)
    if letter % 2 == 0:
        codec, offset = "utf-16-le", 0
    elif data[letter - 2 : letter - 1] == b"\0" and data[letter + 1 : letter + 2] == b"\0" and data[:1] != b"\0":
        codec, offset = "utf-16-le", 1
    else:
        codec, offset = "utf-16-be", 0
    return recode(data[offset:], codec)


UTF32 = Pattern(
    "utf-32",
    b"|".join(
        rb"\x00\x00\x00".join(b"%c" % byte for byte in word)
        for word in (b"AKIA", b"ASIA", b"secret", b"SECRET", b"token", b"TOKEN", b"PRIVATE")
    )
    + rb"|^\xff\xfe\x00\x00"
    + _LETTER
    + rb"|^\x00\x00\xfe\xff\x00\x00\x00"
    + _LETTER
    + rb"|^(?:"
    + _LETTER
    + rb"\x00\x00\x00){3}"
    + _LETTER
    + rb"|^(?:\x00\x00\x00"
    + _LETTER
    + rb"){3}",
)


def decode_utf32(data: bytes, ends: Sequence[int]) -> bytes:
    """The text of `data` as UTF-8, decoded as UTF-32 in the byte order of UTF32's first hit; line numbers stay the
    same."""
    letter = ends[0] - 1
    codec, offset = ("utf-32-le", letter % 4) if data[letter + 1 : letter + 4] == b"\0\0\0" else ("utf-32-be", 0)
    if data[letter + 1 : letter + 4] == b"\0\0\0" and data[letter - 3 : letter] == b"\0\0\0" and letter % 4 == 3:
        codec, offset = "utf-32-be", 0
    return data[offset:].decode(codec, "replace").lstrip("\ufeff").encode("utf-8", "replace")
