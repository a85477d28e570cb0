"""LZW: the format of `compress` (.Z), and a filter of PDF. Python has no decoder for it."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.decoders.decompress import Meter

_CLEAR, _END = 256, 257


def decode_compress(data: bytes, meter: Meter) -> tuple[bytes, bool]:
    """The content of a `compress` file up to its end or damage, and whether it is complete (compress.c of ncompress
    5.0). Raises SpentError."""
    most, blocks = (data[2] & 0x1F, bool(data[2] & 0x80)) if len(data) > 2 else (0, False)
    if not 9 <= most <= 16:
        return b"", False
    first = 257 if blocks else 256
    return _expand_codes(_iter_compress_codes(data, most, first), first, 1 << most, meter)


def decode_pdf_lzw(data: bytes, early: int, meter: Meter) -> bytes:
    """The output of LZWDecode for a stream (ISO 32000-1, 7.4.4), up to its end or damage. Raises SpentError."""
    return _expand_codes(_iter_pdf_codes(data, early), 258, 1 << 12, meter)[0]


def _iter_compress_codes(data: bytes, most: int, first: int) -> Iterator[int]:
    """Eight codes form a group, which is padded where their width changes."""
    at, width, known = 3, 9, first - 1
    while at < len(data):
        group = data[at : at + width]
        number = int.from_bytes(group, "little")
        at += width
        for place in range(0, len(group) * 8 - width + 1, width):
            code = number >> place & (1 << width) - 1
            yield code
            if code == _CLEAR < first:
                width, known = 9, first - 1
                break
            known = min(known + 1, 1 << most)
            if known >> width and width < most:
                width += 1
                break


def _iter_pdf_codes(data: bytes, early: int) -> Iterator[int]:
    number = bits = 0
    width, known = 9, 257
    for byte in data:
        number, bits = (number << 8 | byte) & 0xFFFFFF, bits + 8
        if bits < width:
            continue
        bits -= width
        code = number >> bits & (1 << width) - 1
        if code == _END:
            return
        yield code
        known = 257 if code == _CLEAR else min(known + 1, 4096)
        width = max(9, min(12, (known + early).bit_length()))


def _expand_codes(codes: Iterator[int], first: int, room: int, meter: Meter) -> tuple[bytes, bool]:
    """The output of the codes: `first` is the first code of a string that occurred before, so that the table needs only
    its position."""
    out = bytearray()
    starts, lengths = array("Q"), array("Q")
    start = length = 0  # of what the code before stood for
    for code in codes:
        if code == _CLEAR < first:
            del starts[:], lengths[:]
            length = 0
            continue
        place, number = len(out), code - first
        if code < 256:
            out.append(code)
        elif 0 <= number < len(starts):
            out += out[starts[number] : starts[number] + lengths[number]]
        elif number == len(starts) and length:
            out += out[start : start + length]
            out.append(out[start])
        else:
            return bytes(out), False
        meter.take(len(out) - place)
        if length and first + len(starts) < room:
            starts.append(start)
            lengths.append(length + 1)
        start, length = place, len(out) - place
    return bytes(out), True
