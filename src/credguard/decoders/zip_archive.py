"""Unpacks zip files: the members in the directory, and those that only have local headers."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

from credguard.decoders.decompress import (
    BZIP2,
    DAMAGED,
    DEFLATE,
    LZMA_OF_ZIP,
    MOST_MEMBERS,
    TOO_MANY,
    XZ,
    ZSTD,
    Decompressed,
    decompress,
)
from credguard.lazy_re import compile_lazily
from credguard.model.findings import Blob, Skip

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from credguard.decoders.decompress import Meter

_MOST_DAMAGED = 4_096
_METHODS = {8: DEFLATE, 12: BZIP2, 14: LZMA_OF_ZIP, 20: ZSTD, 93: ZSTD, 95: XZ}
"""PKWARE APPNOTE 6.3.10, 4.4.5; a stored member has method 0."""
_LOCAL = struct.Struct("<6xHH4xIIIHH")
_HEAD = b"PK\x03\x04"
_NEXT = compile_lazily(rb"PK(?:\x07\x08|\x03\x04|\x01\x02)")
_NO_DIRECTORY = "is truncated or damaged: it has no directory, and only the members with intact headers were scanned"
_PLAUSIBLE = compile_lazily(rb"(?s)PK\x03\x04[\0-\x7f].{3}[\0-\x14\x5d-\x63]\0.{17}\0.{2}[^\0]")
"""A header with an existing method, and a short name."""
_TAIL, _MOST_PLACES = 65_557, 100


def is_zip(data: bytes) -> bool:
    """True for a zip, also with other data before or after it."""
    if data.startswith(_HEAD) or (b"PK\x05\x06" in data[-_TAIL:] and zipfile.is_zipfile(io.BytesIO(data))):
        return True
    at = data.rfind(b"PK\x01\x02")
    if at < 0 or at + 46 > len(data):
        return False
    name = data[at + 46 : at + 46 + int.from_bytes(data[at + 28 : at + 30], "little")]
    place = at
    for _ in range(
        _MOST_PLACES if name and b"\0" not in name else 0
    ):  # a program may contain the signatures, but no member with a listed name
        place = data.rfind(name, 0, place)
        if place < 30:
            return False
        if _PLAUSIBLE.match(data, place - 30):
            return True
    return False


def iter_zip_members(blob: Blob, meter: Meter) -> Iterator[Blob | Skip | str]:
    """The members of a zip. Raises SpentError and MemoryLimitError."""
    try:
        with zipfile.ZipFile(io.BytesIO(blob.data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
        yield from _scan_headers(blob, (), meter)
        yield Skip(blob.path, _NO_DIRECTORY)
        return
    if len(entries) > MOST_MEMBERS:
        yield Skip(blob.path, TOO_MANY)
    read: list[tuple[int, int]] = []
    for entry in entries[:MOST_MEMBERS]:
        yield from _read_listed(blob, entry, meter, read)
    yield from _scan_headers(blob, sorted(read), meter)


def _read_listed(
    blob: Blob, entry: zipfile.ZipInfo, meter: Meter, read: list[tuple[int, int]]
) -> Iterator[Blob | Skip | str]:
    """A member of the directory; `read` gets its range if the local header matches."""
    data, local = blob.data, entry.header_offset
    path = f"{blob.path}!{entry.filename}"
    if data[local : local + 4] != _HEAD or len(data) < local + 30:
        yield Skip(path, DAMAGED)
        return
    flags, method, _, size, _, named, extra = _LOCAL.unpack_from(data, local)
    start = local + 30 + named + extra
    stop = start + entry.compress_size
    end = yield from _read_content(path, blob, entry.compress_type, entry.flag_bits, entry.CRC, start, stop, meter)
    if method == entry.compress_type and (flags & 0x8 or size in (entry.compress_size, 0xFFFFFFFF)):
        read.append((local, end))


def _scan_headers(blob: Blob, read: Sequence[tuple[int, int]], meter: Meter) -> Iterator[Blob | Skip | str]:
    """The members by their local headers, outside of the ranges that were read."""
    data, at, damaged, number = blob.data, 0, 0, 0
    stretches = iter([*read, (len(data), len(data))])
    begin, stretch_end = next(stretches)
    while damaged < _MOST_DAMAGED and number < MOST_MEMBERS:
        at = data.find(_HEAD, at)
        if at < 0 or at + 30 > len(data):
            return
        while stretch_end <= at:
            begin, stretch_end = next(stretches)
        if begin <= at:
            at = stretch_end
            continue
        if not _PLAUSIBLE.match(data, at):
            at += 4
            continue
        number += 1
        flags, method, crc, size, _, named, extra = _LOCAL.unpack_from(data, at)
        start = at + 30 + named + extra
        name = data[at + 30 : at + 30 + named].decode("utf-8" if flags & 0x800 else "cp437", "surrogateescape")
        stop = start + size
        if flags & 0x8 or size == 0xFFFFFFFF:
            following = None if method else _NEXT.search(data, start)
            stop, crc = following.start() if following else len(data), 0
        end = yield from _read_content(f"{blob.path}!{name}", blob, method, flags, crc, start, stop, meter)
        damaged += end <= start
        at = max(at + 4, end)
    yield Skip(blob.path, TOO_MANY)


def _read_content(
    path: str, blob: Blob, method: int, flags: int, crc: int, start: int, stop: int, meter: Meter
) -> Generator[Blob | Skip | str, None, int]:
    """The content of a member; returns its end. One that is marked as encrypted may still contain plain text."""
    encrypted = f"{path} is encrypted and cannot be scanned without its password"
    got = _decompress_member(blob.data, method, start, stop, meter)
    if got is None:
        reason = f"is a member of a zip compressed with method {method}, which is not supported; unpack it and scan it"
        yield encrypted if flags & 0x1 else Skip(path, reason)
        return min(stop, len(blob.data))
    if got.data or not flags & 0x1:
        yield Blob(got.data, path, blob.kind)
    is_right = got.whole and crc in (0, zlib.crc32(got.data))
    if flags & 0x1:
        yield encrypted
    elif not is_right:
        yield Skip(path, DAMAGED)
    return min(got.end, len(blob.data)) if is_right else start


def _decompress_member(data: bytes, method: int, start: int, stop: int, meter: Meter) -> Decompressed | None:
    """The data from `start` to `stop`, None for an unsupported method."""
    if method in _METHODS:
        return decompress(data, _METHODS[method], meter, start, stop)
    if method:
        return None
    content = data[start:stop]
    meter.take(len(content))
    return Decompressed(content, stop, whole=stop <= len(data))
