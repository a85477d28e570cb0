"""Decodes text in a blob that is encoded, escaped or split.

Each kind has a pattern that locates it, and a reader that yields views: the decoded text, with the location in the blob
of each of its bytes.
"""

from __future__ import annotations

import binascii
import os
from base64 import b64decode
from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

from credguard.decoders.kubernetes import MANIFEST, decode_secret_values
from credguard.decoders.mail_text import ENCODED_WORD, FLOWED, decode_header_words, join_flowed_lines
from credguard.decoders.split_strings import SPLIT, SPLIT_TOKEN, SPLIT_TOKEN_LINE, join_tokens, join_values
from credguard.decoders.view import View, iter_windows, rewrite
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.parsers.utf16 import recode

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator, Sequence

    from credguard.matching.pattern import Hits

_REACH, _NEAR, _FURTHEST = 1 << 16, 1 << 8, 1 << 24
_BASE64_MIN = 24
_SAMPLE = 400
_BACK = compile_lazily(rb"(?:(?:[BbFf]2|[Dd]3)%|[BbFf]200u\\{1,4}|/\\{1,4}|[A-Za-z0-9+/_\-]){0,65536}")
_AHEAD = compile_lazily(rb"(?:%(?:2[BbFf]|3[Dd])|\\{1,4}(?:u002[BbFf]|/)|[A-Za-z0-9+/_\-]){0,16777216}={0,2}")
"""A run of base64, backwards and forwards, whose characters may be percent-encoded or escaped."""
_SIGN = compile_lazily(rb"%(?:2([Bb])|(2[Ff])|3[Dd])|\\{1,4}(?:u002(?:([Bb])|[Ff])|/)")
_ESCAPE_BEFORE = compile_lazily(rb"\\(?:[nrt]|x[0-9A-Fa-f]{2}|u00[0-9A-Fa-f]{2})|%[0-9A-Fa-f]{2}")
_LINE_BACK = compile_lazily(
    rb"(?:[ \t>|#*/\"']{0,40}\r?\n|(?:[ \t]{0,40}\"[\s,+]{1,24}\")?n\\{1,4}(?:r\\{1,4})?)"
    rb"((?:[A-Za-z0-9+]|/\\{0,4}){40,160})(?![A-Za-z0-9+/=])"
)
_LINE_AHEAD = compile_lazily(
    rb"(?:\r?\n(?:[ \t]{0,20}//[ \t]|[ \t>|#*\"']{0,40})|(?:\\{1,4}r)?\\{1,4}n(?:\"[\s,+]{1,24}\")?[ \t]{0,40})"
    rb"((?:[A-Za-z0-9+]|\\{0,4}/){4,160}={0,2}|[A-Za-z0-9+/]{2,3}={1,2})(?![A-Za-z0-9+/=])"
)


def _decode_base64(data: bytes, ends: Sequence[int]) -> Iterator[View]:
    """Each run around a hit, from 64 KiB before it to 16 MiB after it, across the line breaks of wrapped text."""
    done = -1
    for end in ends:
        if end <= done:
            continue
        pieces = _find_pieces(data, end)
        done = pieces[-1][1]
        text = _SIGN.sub(_sign, b"".join(data[start:stop] for start, stop in pieces)).partition(b"=")[0]
        if len(text) < _BASE64_MIN or len(text) % 4 == 1:
            continue
        if b"-" in text or b"_" in text:
            text = text.replace(b"-", b"+").replace(b"_", b"/")
        decoded = b64decode(text + b"=" * (-len(text) % 4))
        yield View(decoded, _Spread(pieces, len(decoded)), "base64-encoded")
        if decoded[1:_SAMPLE:2].count(0) * 4 > min(len(decoded), _SAMPLE):  # PowerShell encodes its commands as UTF-16
            plain = recode(decoded, "utf-16-le")
            yield View(plain, _Spread(pieces, len(plain)), "base64-encoded")


def _sign(match: re.Match[bytes]) -> bytes:
    """The base64 character that an escape stands for."""
    return b"+" if match[1] or match[3] else b"/" if match[2] or match[0][:1] == b"\\" else b"="


def _find_pieces(data: bytes, end: int) -> list[tuple[int, int]]:
    """The pieces of the run that contains the end of a hit."""
    lead = _BACK.match(data[max(0, end - _NEAR) : end][::-1])
    if lead and lead.end() > _NEAR // 2:
        lead = _BACK.match(data[max(0, end - _REACH) : end][::-1])
    ahead = _AHEAD.match(data, end)
    begin = end - (len(lead[0]) if lead else 0)
    for back in (1, 2):  # the run may include the rest of an escape
        escape = _ESCAPE_BEFORE.match(data, begin - back) if begin >= back else None
        if escape and begin < escape.end() <= end:
            begin = escape.end()
    pieces = [(begin, ahead.end() if ahead else end)]
    before = data[max(0, pieces[0][0] - _NEAR) : pieces[0][0]][::-1]
    if _LINE_BACK.match(before):
        before = data[max(0, pieces[0][0] - _REACH) : pieces[0][0]][::-1]
    position, offset = 0, pieces[0][0]
    while match := _LINE_BACK.match(before, position):
        if _count_characters(match[1]) % 4:
            break
        pieces.insert(0, (offset - match.end(1), offset - match.start(1)))
        position = match.end(1)
    while pieces[-1][1] - end < _FURTHEST and (after := _LINE_AHEAD.match(data, pieces[-1][1])):
        if _count_characters(data[slice(*pieces[-1])]) % 4:
            break
        pieces.append(after.span(1))
    return pieces


def _count_characters(line: bytes) -> int:
    """How many base64 characters a line has, with escapes decoded."""
    return len(_SIGN.sub(b"+", line)) if b"\\" in line or b"%" in line else len(line)


def _is_long(data: bytes, end: int) -> bool:
    """True for a run around a hit that may be long enough to decode, or continue in another line."""
    lead = _BACK.match(data[max(0, end - _BASE64_MIN) : end][::-1])
    start = end - (lead.end() if lead else 0)
    ahead = _AHEAD.match(data, end, end + _BASE64_MIN)
    stop = ahead.end() if ahead else end
    if stop - start >= _BASE64_MIN or data[max(0, start - 1) : start] in (b"\\", b"%"):
        return True
    before = data[max(0, start - _NEAR) : start][::-1]
    return bool(_LINE_BACK.match(before) or _LINE_AHEAD.match(data, stop))


with open(os.path.join(os.path.dirname(__file__), "keyword_patterns.txt"), "rb") as _file:
    _EXPRESSIONS = _file.read().splitlines()
"""Generated by tools/keyword_patterns.py from its words: for three kinds of numbers, then for base64."""
BASE64 = tuple(
    Pattern(f"base64-words-{number}", words, is_worth=_is_long) for number, words in enumerate(_EXPRESSIONS[3:])
)
"""Key IDs, tokens and words near secrets, in base64 and in base64 of base64; archives in base64."""


class _Spread:
    """Locations of decoded bytes: the complete piece of the run that a byte comes from."""

    def __init__(self, pieces: list[tuple[int, int]], length: int) -> None:
        self._pieces, self._length = pieces, length
        self._sums = list(accumulate(stop - start for start, stop in pieces))

    def __getitem__(self, index: int) -> int:
        left = index * self._sums[-1] // max(self._length, 1)
        number = min(bisect_left(self._sums, left), len(self._sums) - 1)
        return self._pieces[number][1] - (self._sums[number] - left)


ESCAPED = tuple(
    Pattern(name, expression, caseless=True)
    for name, expression in zip(("hexadecimal-words", "escaped-words", "decimal-words"), _EXPRESSIONS[:3], strict=True)
)
"""The bytes of such words written as hexadecimal, decimal or octal numbers or escapes."""
_NUMBERS: tuple[tuple[re.Pattern[bytes], int], ...] = (
    (compile_lazily(rb"(?:\\{1,4}x[0-9A-Fa-f]{2}){4,4096}"), 16),
    (compile_lazily(rb"(?:\\{1,4}u00[0-9A-Fa-f]{2}){4,4096}"), 16),
    (compile_lazily(rb"(?:%(?:25)?[0-9A-Fa-f]{2}){4,4096}"), 16),
    (compile_lazily(rb"(?:&#x0{0,4}[0-9A-Fa-f]{1,2};){4,4096}"), 16),
    (compile_lazily(rb"(?:&#[0-9]{1,3};){4,4096}"), 10),
    (compile_lazily(rb"(?:\\[0-7]{3}){4,4096}"), 8),
    (compile_lazily(rb"0x[0-9A-Fa-f]{2}(?:,?\s{0,20}0x[0-9A-Fa-f]{2}){15,4096}"), 16),
    (
        compile_lazily(
            rb"(?<![0-9A-Fa-f])[0-9A-Fa-f]{2}(?:(?:[ :]|\r?\n[ \t]{0,20})[0-9A-Fa-f]{2}){15,4096}(?![0-9A-Fa-f])"
        ),
        16,
    ),
    (compile_lazily(rb"(?<![0-9])[0-9]{1,3}(?:,\s{0,20}[0-9]{1,3}){15,4096}(?![0-9])"), 10),
    (
        compile_lazily(
            rb"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}|\r?\n[ \t]{0,20}(?=[0-9A-Fa-f]{2})){16,65536}(?![0-9A-Fa-f])"
        ),
        0,
    ),
)
_NUMBERS_REACH = 1 << 14
_TEXT = compile_lazily(rb"[\t\n\r\x20-\x7e]+")
_DIGITS = {
    16: compile_lazily(rb"[0-9A-Fa-f]{1,2}(?![0-9A-Fa-fx])"),
    10: compile_lazily(rb"[0-9]{1,3}"),
    8: compile_lazily(rb"[0-7]{3}"),
}


def _decode_numbers(data: bytes, ends: Sequence[int]) -> Iterator[View]:
    """The area around each hit with its runs of numbers decoded."""
    for start, stop in iter_windows(data, ends, _NUMBERS_REACH):
        changes = []
        for pattern, base in _NUMBERS:
            for match in pattern.finditer(data, start, stop):
                text = _parse_numbers(match[0], base)
                if text is not None:
                    changes.append((match.start(), match.end(), text))
        if changes:
            yield rewrite(data, start, stop, changes, "escaped or in numbers")


def _parse_numbers(run: bytes, base: int) -> bytes | None:
    """The text of a run of numbers, None if it is not text."""
    if base == 0:
        text = binascii.unhexlify(b"".join(run.split()))
    else:
        values = [int(digits, base) for digits in _DIGITS[base].findall(run)]
        if max(values) > 255:
            return None
        text = bytes(values)
    return text if _TEXT.fullmatch(text) else None


_COLON = rb"(?::|%(?:25)?3a|&#58;|&#x3a;|&colon;|\\{1,4}u003a)"
_SLASH = rb"(?:(?:\\{1,4}|%(?:25)?5c)/|(?:%(?:25)?5c)?%(?:25)?2f|&#x2f;|&#47;|&sol;|\\{1,4}u002f)"
_AT = rb"(?:@|%(?:25)?40|&#64;|&#x40;|&commat;|\\{1,4}u0040)"
SOFT = Pattern(
    "soft-escapes",
    b"|".join([
        rb"%25(?:2[BF]|3D)",
        rb"&(?:sol|plus|equals|colon|lowbar|commat);",
        rb"BEGIN(?:%(?:25)?20[A-Z]{2,9}){1,3}%(?:25)?20KEY",
        rb"AccountKey(?:=[A-Za-z0-9+/]{0,86}\\{1,4}/|%(?:25)?3d|\\{1,4}u003d|&#61;|&#x3d;|\\=)",
        _COLON + _SLASH + _SLASH + rb"[^\s\"'<>]{1,80}" + _COLON + rb"[^\s\"'<>]{3,120}" + _AT,
    ]),
    caseless=True,
)  # fmt: skip
"""Escapes of base64 characters in a text that was escaped twice or for HTML, and escaped URLs with a password."""
_SOFT = compile_lazily(
    rb"%([0-9A-Fa-f]{2})|\\{1,4}(?:u00([0-9A-Fa-f]{2})|([/=]))|&#[xX]([0-9A-Fa-f]{2});|&#([0-9]{2,3});|&([a-z]{3,6});"
)
_REACH_OF_ESCAPES = 1 << 13
_SIGNS = {
    b"sol": b"/", b"plus": b"+", b"equals": b"=", b"colon": b":", b"lowbar": b"_", b"commat": b"@", b"period": b".",
    b"amp": b"&", b"quot": b'"', b"apos": b"'", b"lt": b"<", b"gt": b">",
}  # fmt: skip


def _decode_escapes(data: bytes, ends: Sequence[int]) -> Iterator[View]:
    """The area around each hit with its escapes decoded once."""
    for start, stop in iter_windows(data, ends, _REACH_OF_ESCAPES):
        undone = ((*match.span(), _unescape(match), match[0]) for match in _SOFT.finditer(data, start, stop))
        changes = [(begin, end, new) for begin, end, new, old in undone if new != old]
        if changes:
            yield rewrite(data, start, stop, changes, "escaped")


def _unescape(match: re.Match[bytes]) -> bytes:
    hexadecimal = match[1] or match[2] or match[4]
    if hexadecimal:
        return bytes((int(hexadecimal, 16),))
    if match[5]:
        number = int(match[5])
        return bytes((number,)) if number < 256 else match[0]
    return match[3] or _SIGNS.get(match[6], match[0])


_READERS: tuple[tuple[tuple[Pattern, ...], Callable[[bytes, Sequence[int]], Iterator[View]]], ...] = (
    ((MANIFEST,), decode_secret_values),
    (BASE64, _decode_base64),
    (ESCAPED, _decode_numbers),
    ((SOFT,), _decode_escapes),
    ((SPLIT,), join_values),
    ((SPLIT_TOKEN, SPLIT_TOKEN_LINE), join_tokens),
    ((ENCODED_WORD,), decode_header_words),
    ((FLOWED,), join_flowed_lines),
)
PATTERNS = tuple(pattern for patterns, _ in _READERS for pattern in patterns)
"""The patterns that locate encoded text."""


def iter_views(data: bytes, hits: Hits) -> Iterator[View]:
    """Every view of a blob, given its hits of PATTERNS."""
    for patterns, read in _READERS:
        ends = sorted(end for pattern in patterns for end in hits.get(pattern.name, ()))
        if ends:
            yield from read(data, ends)


def has_base64(data: bytes, hits: Hits) -> bool:
    """True if there is base64 to decode."""
    ends = sorted(end for pattern in BASE64 for end in hits.get(pattern.name, ()))
    return next(_decode_base64(data, ends), None) is not None
