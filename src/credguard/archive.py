"""What archives and compressed files hold: their members as blobs, within a budget of depth and bytes."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from typing import TYPE_CHECKING

from credguard.model import Blob, Skip
from credguard.rule import Pattern
from credguard.unpack import (
    BZIP2,
    DAMAGE,
    DEFLATE,
    GZIP,
    XZ,
    ZSTD,
    Budget,
    Format,
    MemoryLimitError,
    Meter,
    SpentError,
    Unpacked,
    unpacked,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

CONTAINER = Pattern("container", rb"PK\x03\x04|\x1f\x8b\x08|BZh[1-9]1AY&SY|\xfd7zXZ\x00|\x28\xb5\x2f\xfd|ustar[\x00 ]")
"""Bytes that every archive and compressed file known here holds (PKWARE APPNOTE, RFC 1952, RFC 8878, POSIX ustar)."""
DEPTH = Budget().depth
_PIECE = 1 << 20
_MOST_MEMBERS = 100_000
_MOST_DAMAGED = 4_096
_METHODS = {8: DEFLATE, 12: BZIP2}
_LOCAL = struct.Struct("<6xHH8xI4xHH")
_DAMAGED = "is damaged or cut: only what comes out of it until there was looked at; replace it by a whole one"
_TOO_MANY = f"holds more than {_MOST_MEMBERS} files; unpack it and look at its files"


def members(blob: Blob, budget: Budget, depth: int = 0) -> Iterator[Blob | Skip | str]:
    """The files in an archive, each as `archive!member`, or what a compressed file holds; `depth`
    archives stand around it.

    A Skip says that a limit or damage ended the reading, a note (str) that a member is encrypted, which
    leaves it closed to everybody, or that something follows the end. Anything else than an archive gives nothing.
    """
    opened = _opener(blob.data)
    if opened is None:
        return
    if depth >= budget.depth:
        yield Skip(blob.path, "stands in more archives than limits.depth allows; unpack it, or raise that limit")
        return
    try:
        yield from opened(blob, Meter(len(blob.data), budget))
    except SpentError:
        yield Skip(blob.path, "unpacks to more than the limit; unpack it and look at its files")
    except MemoryLimitError:
        yield Skip(blob.path, "takes more memory to unpack than the limit of 128 MiB; unpack it and look at its files")
    except (zipfile.BadZipFile, tarfile.TarError, *DAMAGE):
        yield Skip(blob.path, _DAMAGED)
    except (NotImplementedError, RuntimeError) as error:
        yield Skip(blob.path, f"is an archive of a kind that is not read ({type(error).__name__}); unpack it")


def _opener(data: bytes) -> Callable[[Blob, Meter], Iterator[Blob | Skip | str]] | None:
    for magic, form in _STREAMS.items():
        if data.startswith(magic) and (form is not BZIP2 or data[4:10] in (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")):
            return _compressed(form)
    if data[257:262] == b"ustar":
        return _tar
    if data.startswith(b"PK\x03\x04") or (b"PK\x05\x06" in data[-65_557:] and zipfile.is_zipfile(io.BytesIO(data))):
        return _zip
    return None


def _zip(blob: Blob, meter: Meter) -> Iterator[Blob | Skip | str]:
    try:
        archive = zipfile.ZipFile(io.BytesIO(blob.data))
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
        yield from _without_directory(blob, meter)
        return
    with archive:
        entries = archive.infolist()
        for entry in entries[:_MOST_MEMBERS]:
            path = f"{blob.path}!{entry.filename}"
            if entry.flag_bits & 0x1:
                yield f"{path} is encrypted: nobody can look at it without its password"
            elif not entry.filename.endswith("/") or entry.file_size:
                got = _listed(blob.data, archive, entry, meter)
                if got is None:
                    yield Skip(path, "is damaged or packed in a way that is not read; unpack it and look at it")
                    continue
                yield Blob(got.data, path, blob.kind)
                if not got.whole or zlib.crc32(got.data) != entry.CRC:
                    yield Skip(path, _DAMAGED)
    if len(entries) > _MOST_MEMBERS:
        yield Skip(blob.path, _TOO_MANY)


def _listed(data: bytes, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, meter: Meter) -> Unpacked | None:
    """What a member that the directory lists holds, None where it cannot be read at all."""
    local = entry.header_offset
    if entry.compress_type in (0, *_METHODS):
        if data[local : local + 4] != b"PK\x03\x04" or len(data) < local + 30:
            return None
        start = local + 30 + sum(struct.unpack_from("<HH", data, local + 26))
        return _member(data, entry.compress_type, start, start + entry.compress_size, meter)
    try:
        with archive.open(entry) as handle:
            content = _read(handle, meter)
    except (zipfile.BadZipFile, *DAMAGE, NotImplementedError, RuntimeError):
        return None
    return Unpacked(content, 0, whole=True)


def _member(data: bytes, method: int, start: int, stop: int, meter: Meter) -> Unpacked:
    """What stands from `start` to `stop`, by a method that is read here."""
    if method:
        return unpacked(data, _METHODS[method], meter, start, stop)
    content = data[start:stop]
    meter.take(len(content))
    return Unpacked(content, stop, whole=stop <= len(data))


def _without_directory(blob: Blob, meter: Meter) -> Iterator[Blob | Skip | str]:
    """The members by the headers before them, of a file that was cut before its directory."""
    data, at, damaged, number = blob.data, 0, 0, 0
    while damaged < _MOST_DAMAGED and number < _MOST_MEMBERS:
        at = data.find(b"PK\x03\x04", at)
        if at < 0 or at + 30 > len(data):
            break
        number += 1
        flags, method, size, named, extra = _LOCAL.unpack_from(data, at)
        start = at + 30 + named + extra
        name = data[at + 30 : at + 30 + named].decode("utf-8" if flags & 0x800 else "cp437", "replace")
        at += 4
        if flags & 0x1:
            yield f"{blob.path}!{name} is encrypted: nobody can look at it without its password"
        elif method in (0, *_METHODS) and not name.endswith("/"):
            known = not flags & 0x8 and size != 0xFFFFFFFF
            after = start + size if known else data.find(b"PK\x07\x08", start) if not method else len(data)
            got = _member(data, method, start, after if after >= 0 else len(data), meter)
            yield Blob(got.data, f"{blob.path}!{name}", blob.kind)
            damaged += not got.whole
            at = max(at, min(got.end, len(data)))
    yield Skip(blob.path, "is cut or damaged: it has no directory, and only what its headers tell was looked at")


def _tar(blob: Blob, meter: Meter) -> Iterator[Blob | Skip | str]:
    with tarfile.open(fileobj=io.BytesIO(blob.data), mode="r:", errorlevel=1) as archive:
        for number, entry in enumerate(archive):
            if number >= _MOST_MEMBERS:
                yield Skip(blob.path, _TOO_MANY)
                return
            path = f"{blob.path}!{entry.name}"
            if entry.issym() or entry.islnk():
                yield Blob(entry.linkname.encode("utf-8", "surrogateescape"), path, "symlink")
                continue
            handle = archive.extractfile(entry) if entry.issparse() else None
            if handle:
                yield Blob(_read(handle, meter), path, blob.kind)
            elif entry.isreg():
                content = blob.data[entry.offset_data : entry.offset_data + entry.size]  # also where it is cut
                meter.take(len(content))
                yield Blob(content, path, blob.kind)
        yield from _after_tar(blob, archive.offset)


def _after_tar(blob: Blob, end: int) -> Iterator[Blob | Skip | str]:
    """What stands behind the last header that could be read."""
    ended = not blob.data[end : end + tarfile.BLOCKSIZE].strip(b"\0")
    rest = blob.data[end:].lstrip(b"\0")
    if rest:
        yield Blob(rest, f"{blob.path}!rest", blob.kind)
        yield f"{blob.path} goes on behind its end" if ended else Skip(blob.path, _DAMAGED)


def _read(handle: IO[bytes], meter: Meter) -> bytes:
    """All that is there, in pieces, so that no member is unpacked beyond the budget."""
    pieces = []
    while piece := handle.read(min(_PIECE, max(meter.left + 1, 1))):
        meter.take(len(piece))
        pieces.append(piece)
    return b"".join(pieces)


def _compressed(form: Format) -> Callable[[Blob, Meter], Iterator[Blob | Skip | str]]:
    """A reader of what a compressed file holds; of a compressed tar, its members follow at once."""

    def opened(blob: Blob, meter: Meter) -> Iterator[Blob | Skip | str]:
        got = unpacked(blob.data, form, meter)
        if got.data[257:262] == b"ustar":
            yield from _tar(Blob(got.data, blob.path, blob.kind), meter)
        else:
            name = blob.path.rpartition("/")[2].rpartition("!")[2]
            yield Blob(got.data, f"{blob.path}!{name.rpartition('.')[0] or name}", blob.kind)
        if not got.whole:
            yield Skip(blob.path, _DAMAGED)
        elif got.end < len(blob.data):
            yield f"{blob.path} goes on behind its end: what stands there was looked at as it is"

    return opened


_STREAMS = {b"\x1f\x8b\x08": GZIP, b"BZh": BZIP2, b"\xfd7zXZ\x00": XZ, b"\x28\xb5\x2f\xfd": ZSTD}
