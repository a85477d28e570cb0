"""Other encodings of text: UTF-16, and base64 with a key ID inside, found by what they say."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING

from credguard.regex import regex
from credguard.rule import Pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def _wide(word: bytes) -> bytes:
    return rb"\x00".join(word[i : i + 1] for i in range(len(word)))


_WIDE_WORDS = (
    b"secret token private absk bedrock-api-key k8s-aws putty starturl amz- amzn password da2- -at- arn:aws root smtp "
    b"cognito"
).split()
# The words that every candidate pattern holds, with a zero byte between their letters. Each ends in
# an ASCII letter, so the place of that letter tells the alignment.
WIDE = Pattern(
    "utf-16",
    b"|".join([rb"a\x00[ks]\x00i\x00a\x00[a-z2-7]", *map(_wide, _WIDE_WORDS)]),
    caseless=True,
)


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


# "AKIA" and "ASIA" at the three places that base64 can cut them.
BASE64 = Pattern("base64-key-id", rb"Q(?:UtJ|VNJ)Q[TUV]|B[SU]0lB|F[LT]SU[EF]")
_BASE64_MIN = 60
_BASE64_REACH = 1 << 16
_RUN_BACK = regex(rb"[A-Za-z0-9+/]{0,65536}")
_RUN_AHEAD = regex(rb"[A-Za-z0-9+/]{0,65536}={0,2}")


def base64_texts(data: bytes, ends: Sequence[int]) -> Iterator[tuple[int, int, bytes]]:
    """Start, end and decoded bytes of each base64 run around BASE64's hits that holds more than an
    ID; a run is read 64 KiB to either side."""
    done = -1
    for end in ends:
        if end <= done:
            continue
        lead = _RUN_BACK.match(data[max(0, end - _BASE64_REACH) : end][::-1])
        ahead = _RUN_AHEAD.match(data, end)
        start, done = end - (len(lead[0]) if lead else 0), ahead.end() if ahead else end
        text = data[start:done].rstrip(b"=")
        if done - start >= _BASE64_MIN and len(text) % 4 != 1:
            yield start, done, b64decode(text + b"=" * (-len(text) % 4))
