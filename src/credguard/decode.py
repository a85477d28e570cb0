"""Other encodings of text: UTF-16 content as UTF-8, found by what it says rather than by a mark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.rule import Pattern

if TYPE_CHECKING:
    from collections.abc import Sequence


def _wide(word: bytes) -> bytes:
    return rb"\x00".join(word[i : i + 1] for i in range(len(word)))


# The words that every candidate pattern holds, with a zero byte between their letters. Each ends in
# an ASCII letter, so the place of that letter tells the alignment.
WIDE = Pattern(
    "utf-16",
    b"|".join([
        rb"a\x00[ks]\x00i\x00a\x00[a-z2-7]", *map(_wide, (b"secret", b"token", b"private", b"absk", b"bedrock-api-key")),
        *map(_wide, (b"amz-", b"amzn", b"password", b"da2-", b"-at-", b"arn:aws", b"root")),
    ]),
    caseless=True,
)  # fmt: skip


def utf16_as_utf8(data: bytes, ends: Sequence[int]) -> bytes:
    """The text of `data` as UTF-8, read as UTF-16 in the byte order that WIDE's first hit shows.

    Lines stay what they are; what is no valid UTF-16 becomes U+FFFD.
    """
    letter = ends[0] - 1
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        codec, offset = ("utf-16-le" if data[0] == 0xFF else "utf-16-be"), 2
    elif letter % 2 == 0:
        codec, offset = "utf-16-le", 0
    elif data[letter - 2 : letter - 1] == b"\0" and data[letter + 1 : letter + 2] == b"\0" and data[:1] != b"\0":
        codec, offset = "utf-16-le", 1
    else:
        codec, offset = "utf-16-be", 0
    return data[offset:].decode(codec, "replace").encode("utf-8", "replace")
