"""Extracts PDF files: their decoded streams, and the text of their pages."""

from __future__ import annotations

import binascii
from base64 import a85decode
from typing import TYPE_CHECKING

from credguard.decoders.decompress import DAMAGED, MOST_MEMBERS, TOO_MANY, ZLIB, decompress, is_zlib
from credguard.decoders.lzw import decode_pdf_lzw
from credguard.decoders.pdf_text import GAP, extract_text, extract_wide_strings
from credguard.lazy_re import compile_lazily
from credguard.model.findings import Blob, Skip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.decoders.decompress import Meter

_HEAD = 1_024
_STREAM = compile_lazily(rb"(?<!end)stream(?:\r\n|\n|\r)")
_DICTIONARY = 1 << 13
_NUMBER = rb"\s{0,9}([0-9]{1,9})"
_FILTER = compile_lazily(
    rb"/(?:Filter|F)\s{0,9}(\[[^\]]{0,300}\]|/[^\s/<>\[\]()]{1,60}|[0-9]{1,9}\s{1,9}[0-9]{1,5}\s{1,9}R)"
)
_NAME = compile_lazily(rb"/([^\s/<>\[\]()]{1,60})")
_ESCAPE = compile_lazily(rb"#([0-9A-Fa-f]{2})")
_ENCRYPTED = compile_lazily(rb"/Encrypt(?:\s{1,9}[0-9]{1,9}\s{1,9}[0-9]{1,5}\s{1,9}R|\s{0,9}<<)")
_FILTERS = {
    b"Fl": b"FlateDecode", b"A85": b"ASCII85Decode", b"AHx": b"ASCIIHexDecode", b"LZW": b"LZWDecode",
    b"RL": b"RunLengthDecode",
}  # fmt: skip
"""The short names of filters (ISO 32000-1, table 94)."""
_PICTURES = (b"DCTDecode", b"JPXDecode", b"CCITTFaxDecode", b"JBIG2Decode", b"DCT", b"CCF")
_NO_HEX = compile_lazily(rb"[^0-9A-Fa-f]+")
_NO_85 = compile_lazily(rb"[^!-uz]+")
_MOST_PREDICTED = 8 << 20
_SLACK = 64
_PIECE = 1 << 20


def is_pdf(data: bytes) -> bool:
    """True for a PDF, which may begin anywhere in the first kilobyte."""
    return b"%PDF-" in data[:_HEAD]


def iter_pdf_streams(blob: Blob, meter: Meter) -> Iterator[Blob | Skip | str]:
    """Each decoded stream, and the text of all. Raises SpentError and MemoryLimitError."""
    data, at, text = blob.data, 0, bytearray()
    encrypted = _ENCRYPTED.search(data) is not None
    for number in range(1, MOST_MEMBERS):
        begin = _STREAM.search(data, at)
        if not begin:
            break
        at = begin.end()
        decoded = _decode_stream(data, begin.start(), at, meter)
        if decoded is None:
            continue
        content, end, whole, is_plain = decoded
        at = max(at, end)
        if not whole and not encrypted:
            yield Skip(f"{blob.path}!stream {number}", DAMAGED)
        visible, rest = extract_text(content)
        visible += extract_wide_strings(rest)
        text += visible
        if rest and not is_plain:
            yield Blob(rest, f"{blob.path}!stream {number}", blob.kind)
        if len(text) > _PIECE:
            yield Blob(bytes(text), f"{blob.path}!text", blob.kind)
            del text[: -len(visible) or None]
    else:
        yield Skip(blob.path, TOO_MANY)
    text += extract_wide_strings(data)
    if text:
        yield Blob(bytes(text), f"{blob.path}!text", blob.kind)
        if GAP in text:
            yield Blob(bytes(text).replace(GAP, b""), f"{blob.path}!text without gaps", blob.kind)
    if encrypted:
        yield Skip(
            blob.path, "is an encrypted PDF, which is not read; save it without encryption, or check it yourself"
        )


def _decode_stream(data: bytes, word: int, start: int, meter: Meter) -> tuple[bytes, int, bool, bool] | None:
    """A stream's content, its end, whether it is complete, and whether it is unencoded; None for an image."""
    before = data[max(0, word - _DICTIONARY) : word]
    opened = before.rfind(b"obj")
    about = _ESCAPE.sub(lambda match: bytes((int(match[1], 16),)), before[opened + 3 :] if opened >= 0 else before)
    filters = _parse_filters(about, data[start : start + 2])
    if any(name in _PICTURES for name in filters):
        return None
    stop = _stop(data, start, about)
    if not filters:
        packed = data[start:stop]
        if not is_zlib(packed):
            return packed, stop, True, True
        got = decompress(packed, ZLIB, meter)  # the name of the filter was not recognized
        return (got.data, stop, True, False) if got.whole else (packed, stop, True, True)
    content, end, whole = data[start:stop], stop, True
    for number, name in enumerate(filters):
        if name != b"FlateDecode":
            content = _apply_filter(name, content, about, meter)
            continue
        first = not number  # which ends by itself, whatever its stated length
        got = decompress(data, ZLIB, meter, start) if first else decompress(content, ZLIB, meter)
        near = got.end + _SLACK >= (stop if first else len(content))  # then it is only its checksum
        whole = whole and (got.whole or (near and data.find(b"endstream", stop, stop + _SLACK) >= 0))
        if first and got.whole:
            end = max(end, got.end)
        content = _reverse_prediction(got.data, about) if number == len(filters) - 1 else got.data
    return content, end, whole, False


def _parse_filters(about: bytes, first: bytes) -> list[bytes]:
    """The names of a stream's filters; if they are defined elsewhere, guessed from its first bytes."""
    said = _FILTER.search(about)
    if not said:
        return []
    if said[1][:1] not in b"[/":
        return [b"FlateDecode"] if first[:1] == b"x" else []
    return [_FILTERS.get(name, name) for name in _NAME.findall(said[1])]


def _stop(data: bytes, start: int, about: bytes) -> int:
    """The end of a stream: by its length, if that is correct, or before the next `endstream`."""
    length = _parse_value(about, b"Length", -1)
    if length >= 0 and data[start + length : start + length + 20].lstrip().startswith(b"endstream"):
        return start + length
    found = data.find(b"endstream", start)
    return found if found >= 0 else len(data)


def _parse_value(about: bytes, name: bytes, otherwise: int) -> int:
    found = compile_lazily(b"/" + name + _NUMBER + rb"(?!\s{1,9}[0-9]{1,5}\s{1,9}R)(?![0-9])").search(about)
    return int(found[1]) if found else otherwise


def _apply_filter(name: bytes, content: bytes, about: bytes, meter: Meter) -> bytes:
    """The output of one of the other filters; an unknown one leaves the content unchanged."""
    if name == b"ASCIIHexDecode":
        digits = _NO_HEX.sub(b"", content.partition(b">")[0])
        content = binascii.unhexlify(digits + b"0" * (len(digits) % 2))
    elif name == b"ASCII85Decode":
        digits = _NO_85.sub(b"", content.strip().removeprefix(b"<~").partition(b"~")[0])
        try:
            content = a85decode(digits)
        except ValueError:
            return content
    elif name == b"RunLengthDecode":
        content = _decode_run_length(content, meter)
    elif name == b"LZWDecode":
        content = _reverse_prediction(decode_pdf_lzw(content, _parse_value(about, b"EarlyChange", 1), meter), about)
    else:
        return content
    meter.take(len(content))
    return content


def _decode_run_length(content: bytes, meter: Meter) -> bytes:
    out, at = bytearray(), 0
    while at < len(content) and content[at] != 128:
        count = content[at]
        if count < 128:
            out += content[at + 1 : at + 2 + count]
            at += 2 + count
        else:
            out += content[at + 1 : at + 2] * (257 - count)
            at += 2
            meter.take(257 - count)
    return bytes(out)


def _reverse_prediction(content: bytes, about: bytes) -> bytes:
    """Reverses the predictors of PNG (RFC 2083, 6) and TIFF for samples of eight bits; images are left alone."""
    predictor = _parse_value(about, b"Predictor", 1)
    if predictor < 2 or b"/Image" in about or len(content) > _MOST_PREDICTED:
        return content
    colors, bits = _parse_value(about, b"Colors", 1), _parse_value(about, b"BitsPerComponent", 8)
    pixel = max(1, min(colors * bits // 8, 64))
    width = (_parse_value(about, b"Columns", 1) * colors * bits + 7) // 8
    if not 0 < width <= len(content):
        return content
    if predictor == 2:
        rows = bytearray(content)
        for start in range(0, len(rows), width):
            for at in range(start + pixel, min(start + width, len(rows))):
                rows[at] = (rows[at] + rows[at - pixel]) & 0xFF
        return bytes(rows)
    out, above = bytearray(), bytes(width)
    for start in range(0, len(content), width + 1):
        above = _decode_row(content[start], content[start + 1 : start + 1 + width].ljust(width, b"\0"), above, pixel)
        out += above
    return bytes(out)


def _decode_row(kind: int, row: bytes, above: bytes, pixel: int) -> bytes:
    if kind == 2:
        return bytes((one + up) & 0xFF for one, up in zip(row, above, strict=True))
    if kind not in (1, 3, 4):
        return row
    out = bytearray(row)
    for at in range(len(out)):
        left = out[at - pixel] if at >= pixel else 0
        up, corner = above[at], above[at - pixel] if at >= pixel else 0
        guess = left if kind == 1 else (left + up) // 2 if kind == 3 else _predict_paeth(left, up, corner)
        out[at] = (out[at] + guess) & 0xFF
    return bytes(out)


def _predict_paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    by_left, by_up, by_corner = abs(guess - left), abs(guess - up), abs(guess - corner)
    return left if by_left <= by_up and by_left <= by_corner else up if by_up <= by_corner else corner
