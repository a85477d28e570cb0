"""Text that stands disguised in a blob: encoded, escaped or cut in pieces, and how to read it.

Each kind has a pattern that says where to look, and a reader that gives views: the text as it
would be without the disguise, with the place in the blob that each byte of it comes from.
"""

from __future__ import annotations

import binascii
from array import array
from base64 import b64decode, b64encode
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from credguard.regex import regex
from credguard.rule import Pattern

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from credguard.rule import Hits


class Places(Protocol):
    """The place in the blob of each byte of a view, and of its end."""

    def __getitem__(self, index: int, /) -> int: ...


@dataclass(frozen=True, slots=True)
class View:
    """`text` as it reads, and for each of its bytes and its end the place in the blob; `how` ends a message."""

    text: bytes
    origin: Places
    how: str


_REACH = 1 << 16
_WINDOW = 1 << 12


def fragments(word: bytes) -> list[bytes]:
    """The characters that base64 makes of a word at the three places where it can cut it, less those
    that depend on the neighbours (RFC 4648, section 4)."""
    found = []
    for shift in range(3):
        encoded = b64encode(b"\0" * shift + word + b"\0" * 3)
        found.append(encoded[-(-shift * 8 // 6) : (shift + len(word)) * 8 // 6])
    return found


_IDS = (b"AKIA", b"ASIA")
_WORDS = (b"secret", b"SECRET", b"Secret", b"PRIVATE KEY")
_ONCE = [fragment for word in (*_IDS, *_WORDS) for fragment in fragments(word)]
_TWICE = [again for word in (*_IDS, *_WORDS) for one in fragments(word) for again in fragments(one) if len(again) > 4]
_PACKED = (b"H4sIA", b"UEsDB")
BASE64 = Pattern("base64-words", b"|".join(sorted({one.replace(b"+", rb"\+") for one in (*_ONCE, *_TWICE, *_PACKED)})))
"""Key IDs and words that stand beside secrets, in base64 and in base64 of base64; gzip and zip in base64."""
_BASE64_MIN = 40
_BACK = regex(rb"[A-Za-z0-9+/_\-]{0,65536}")
_AHEAD = regex(rb"[A-Za-z0-9+/_\-]{0,65536}={0,2}")
_LINE_BACK = regex(rb"[ \t>|#*/\"']{0,40}\r?\n([A-Za-z0-9+/]{40,160})(?![A-Za-z0-9+/=])")
_LINE_AHEAD = regex(rb"\r?\n[ \t>|#*/\"']{0,40}([A-Za-z0-9+/]{4,160}={0,2})(?![A-Za-z0-9+/=])")


def _base64(data: bytes, ends: Sequence[int]) -> Iterator[View]:
    """Each run around a hit, 64 KiB to either side, over the line breaks of wrapped text."""
    done = -1
    for end in ends:
        if end <= done:
            continue
        pieces = _wrapped(data, end)
        done = pieces[-1][1]
        text = b"".join(data[start:stop] for start, stop in pieces).rstrip(b"=")
        if len(text) < _BASE64_MIN or len(text) % 4 == 1:
            continue
        if b"-" in text or b"_" in text:
            text = text.replace(b"-", b"+").replace(b"_", b"/")
        decoded = b64decode(text + b"=" * (-len(text) % 4))
        yield View(decoded, _Spread(pieces, len(decoded)), "base64-encoded")


def _wrapped(data: bytes, end: int) -> list[tuple[int, int]]:
    """The pieces of the run that a hit ends in."""
    lead = _BACK.match(data[max(0, end - _REACH) : end][::-1])
    ahead = _AHEAD.match(data, end)
    pieces = [(end - (len(lead[0]) if lead else 0), ahead.end() if ahead else end)]
    before = data[max(0, pieces[0][0] - _REACH) : pieces[0][0]][::-1]
    position, offset = 0, pieces[0][0]
    while match := _LINE_BACK.match(before, position):
        if len(match[1]) % 4:
            break
        pieces.insert(0, (offset - match.end(1), offset - match.start(1)))
        position = match.end(1)
    while pieces[-1][1] - end < _REACH and (after := _LINE_AHEAD.match(data, pieces[-1][1])):
        if (pieces[-1][1] - pieces[-1][0]) % 4:
            break
        pieces.append(after.span(1))
    return pieces


class _Spread:
    """Places of decoded bytes: the piece of the run that a byte comes from, as a whole."""

    def __init__(self, pieces: list[tuple[int, int]], length: int) -> None:
        self._pieces, self._length = pieces, length
        self._total = sum(stop - start for start, stop in pieces)

    def __getitem__(self, index: int) -> int:
        left = index * self._total // max(self._length, 1)
        for start, stop in self._pieces:
            if left <= stop - start:
                return start + left
            left -= stop - start
        return self._pieces[-1][1]


_GAP = rb"(?:\\x|\\u00|%(?:25)?|[\s:]|,\s?0x|0x|;?&#x0{0,4})?"
_TEN = rb"(?:;&#|,\s?|\s)"
ESCAPED = Pattern(
    "escaped-words",
    b"|".join(
        [
            *(_GAP.join(b"%02x" % byte for byte in word) for word in (*_IDS, b"secret", b"SECRET", b"Secret")),
            *(_TEN.join(b"%d" % byte for byte in word) for word in _IDS),
            *(b"".join(rb"\\%03o" % byte for byte in word) for word in _IDS),
        ]
    ),
    caseless=True,
)
"""The bytes of key IDs and words written as hexadecimal, decimal or octal numbers or escapes."""
_NUMBERS: tuple[tuple[re.Pattern[bytes], int], ...] = (
    (regex(rb"(?:\\x[0-9A-Fa-f]{2}){4,4096}"), 16),
    (regex(rb"(?:\\u00[0-9A-Fa-f]{2}){4,4096}"), 16),
    (regex(rb"(?:%(?:25)?[0-9A-Fa-f]{2}){4,4096}"), 16),
    (regex(rb"(?:&#x0{0,4}[0-9A-Fa-f]{2};){4,4096}"), 16),
    (regex(rb"(?:&#[0-9]{2,3};){4,4096}"), 10),
    (regex(rb"(?:\\[0-7]{3}){4,4096}"), 8),
    (regex(rb"0x[0-9A-Fa-f]{2}(?:,\s{0,4}0x[0-9A-Fa-f]{2}){15,4096}"), 16),
    (regex(rb"(?<![0-9A-Fa-f])[0-9A-Fa-f]{2}(?:[ :][0-9A-Fa-f]{2}){15,4096}(?![0-9A-Fa-f])"), 16),
    (regex(rb"(?<![0-9])[0-9]{2,3}(?:,\s{0,4}[0-9]{2,3}){15,4096}(?![0-9])"), 10),
    (regex(rb"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{2}){16,65536}(?![0-9A-Fa-f])"), 0),
)
_TEXT = regex(rb"[\t\n\r\x20-\x7e]+")
_DIGITS = {
    16: regex(rb"[0-9A-Fa-f]{2}(?![0-9A-Fa-f])"),
    10: regex(rb"[0-9]{2,3}"),
    8: regex(rb"[0-7]{3}"),
}


def _escaped(data: bytes, ends: Sequence[int]) -> Iterator[View]:
    """The neighbourhood of each hit with its runs of numbers as the text that they stand for."""
    for start, stop in _windows(data, ends):
        changes = []
        for pattern, base in _NUMBERS:
            for match in pattern.finditer(data, start, stop):
                text = _numbers(match[0], base)
                if text is not None:
                    changes.append((match.start(), match.end(), text))
        if changes:
            yield _rewritten(data, start, stop, changes, "escaped or in numbers")


def _numbers(run: bytes, base: int) -> bytes | None:
    """The text of a run of numbers, None where it is no text."""
    if base == 0:
        text = binascii.unhexlify(run)
    else:
        values = [int(digits, base) for digits in _DIGITS[base].findall(run)]
        if max(values) > 255:
            return None
        text = bytes(values)
    return text if _TEXT.fullmatch(text) else None


SOFT = Pattern("soft-escapes", rb"%25(?:2[BF]|3D)|&(?:sol|plus);", caseless=True)
"""What stands for the three signs of base64 where a text was escaped twice or for HTML."""
_SOFT = regex(rb"%25(?=[0-9A-Fa-f]{2})|&(?:sol|plus|equals);")
_SIGNS = {b"%25": b"%", b"&sol;": b"/", b"&plus;": b"+", b"&equals;": b"="}


def _soft(data: bytes, ends: Sequence[int]) -> Iterator[View]:
    for start, stop in _windows(data, ends):
        changes = [(m.start(), m.end(), _SIGNS[m[0]]) for m in _SOFT.finditer(data, start, stop)]
        yield _rewritten(data, start, stop, changes, "escaped")


_JOINT = rb"[\s\\]{0,24}(?:\+|\.\.?|&|,|\|\||<>|~)?[\s\\]{0,24}"
_CUT = rb"(?:[\"'`]" + _JOINT + rb"[\"'`]|\\\r?\n|=\r?\n)"
SPLIT = Pattern(
    "split-words",
    rb"\bA[KS](?:I(?:A[A-Z2-7]{0,15})?)?[\"'`]" + _JOINT + rb"[\"'`][A-Z2-7]"
    rb"|\bA[KS]IA[A-Z2-7]{0,15}(?:\\|=)\r?\n"
    rb"|(?i:secret)[^\n]{0,40}[\"'`][A-Za-z0-9/+]{2,39}[\"'`]" + _JOINT + rb"[\"'`][A-Za-z0-9/+]{2}"
    rb"|(?i:secret)[^\n]{0,40}[=: \"'][A-Za-z0-9/+]{4,39}(?:\\|=)\r?\n",
)
"""A key ID, or what may be a secret beside its name, that goes on in another literal or on the next line."""
_PIECES = regex(rb"[\"'`]([A-Za-z0-9/+]{1,39})(?:[\"'`]" + _JOINT + rb"[\"'`][A-Za-z0-9/+]{1,39}){1,6}[\"'`]")
_LINES = regex(
    rb"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{1,39}(?:(?:\\|=)\r?\n[ \t]{0,40}[A-Za-z0-9/+]{1,39}){1,3}(?![A-Za-z0-9/+])"
)
_PIECE = regex(rb"[A-Za-z0-9/+]+")
_SIGN_OF_JOINT = regex(rb"[\"'`][\s\\]{0,24}\+[\s\\]{0,24}[\"'`]")
_WHOLE = regex(rb"A[KS]IA[A-Z2-7]{16}|[A-Za-z0-9/+]{40}")
_QUOTED = regex(rb"=3D")


def _split(data: bytes, ends: Sequence[int]) -> Iterator[View]:
    """The neighbourhood of each hit with those literals joined that make up a key ID or a secret's length."""
    for start, stop in _windows(data, ends):
        changes = []
        for pattern in (_PIECES, _LINES):
            for match in pattern.finditer(data, start, stop):
                changes += _joined(match)
        if changes:
            changes += [(m.start(), m.end(), b"=") for m in _QUOTED.finditer(data, start, stop)]
            yield _rewritten(data, start, stop, changes, "in pieces")


def _joined(match: re.Match[bytes]) -> list[tuple[int, int, bytes]]:
    """The cuts to take out, where the pieces of a match, or its first few, make up a whole."""
    literal = match[0][:1] in b"\"'`"
    pieces = _literals(match[0]) if literal else [(m.start(), m.end()) for m in _PIECE.finditer(match[0])]
    if not literal and match[0].startswith(b"3D") and match.string[match.start() - 1 : match.start()] == b"=":
        pieces[0] = (2, pieces[0][1])  # quoted-printable writes the sign before it as =3D
    for first in range(len(pieces) - 1):
        for last in range(len(pieces), first + 1, -1):
            chosen = pieces[first:last]
            text = b"".join(match[0][start:stop] for start, stop in chosen)
            if _WHOLE.fullmatch(text):
                place = match.start()
                return [(place + stop, place + start, b"") for (_, stop), (start, _) in pairwise(chosen)]
    return []


def _literals(run: bytes) -> list[tuple[int, int]]:
    """Where the contents of quoted literals stand in a run of them."""
    places, position = [], 0
    while position < len(run):
        quote = run[position : position + 1]
        end = run.find(quote, position + 1)
        if end < 0:
            break
        places.append((position + 1, end))
        following = _NEXT.search(run, end + 1)
        if not following:
            break
        position = following.start()
    return places


_NEXT = regex(rb"[\"'`]")
READERS: tuple[tuple[Pattern, Callable[[bytes, Sequence[int]], Iterator[View]]], ...] = (
    (BASE64, _base64), (ESCAPED, _escaped), (SOFT, _soft), (SPLIT, _split),
)  # fmt: skip


def views(data: bytes, hits: Hits) -> Iterator[View]:
    """Every view of a blob, given where the patterns of READERS were seen in it."""
    for pattern, read in READERS:
        if pattern.name in hits:
            yield from read(data, hits[pattern.name])


def _windows(data: bytes, ends: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Stretches of whole lines, or 4 KiB to either side, around the hits; none is given twice."""
    done = -1
    for end in ends:
        if end > done:
            start = max(data.rfind(b"\n", max(0, end - _WINDOW), max(0, end - _WINDOW // 2)) + 1, end - _WINDOW, 0)
            done = min(len(data), end + _WINDOW)
            yield start, done


def _rewritten(data: bytes, start: int, stop: int, changes: Iterable[tuple[int, int, bytes]], how: str) -> View:
    """The stretch with each (start, stop, text) put in; of changes that overlap the first counts."""
    text, origin, position = bytearray(), array("Q"), start
    for begin, end, new in sorted(changes):
        if begin >= position and end <= stop:
            text += data[position:begin] + new
            origin.extend(range(position, begin))
            origin.extend(begin + index * (end - begin) // max(len(new), 1) for index in range(len(new)))
            position = end
    text += data[position:stop]
    origin.extend(range(position, stop + 1))
    return View(bytes(text), origin, how)
