"""What archives and compressed files hold: their members as blobs, within a budget of depth and bytes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.model import Blob, Skip
from credguard.rule import Pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

CONTAINER = Pattern("container", rb"PK\x03\x04|\x1f\x8b\x08|BZh[1-9]1AY&SY|\xfd7zXZ\x00|\x28\xb5\x2f\xfd|ustar[\x00 ]")
"""Bytes that every archive and compressed file known here holds (PKWARE APPNOTE, RFC 1952, RFC 8878, POSIX ustar)."""
DEPTH = 5
_PIECE = 1 << 20
_LEAST = 64 << 20
_RATIO = 100
_MOST_IN_ALL = 8 << 30
_MOST_MEMBERS = 100_000
_XZ_MEMORY = 128 << 20


@dataclass(slots=True)
class Budget:
    """`depth` archives may stand in each other, and so many bytes may still be unpacked in this run."""

    depth: int = DEPTH
    left: int = _MOST_IN_ALL


class _SpentError(Exception):
    """The budget is used up."""


class _Meter:
    """Counts what one file unpacks to: at most 64 MiB and a hundred times its size, and what the run has left."""

    def __init__(self, size: int, budget: Budget) -> None:
        self._budget = budget
        self.left = min(_LEAST + _RATIO * size, budget.left)

    def take(self, count: int) -> None:
        self.left -= count
        self._budget.left -= count
        if self.left < 0:
            raise _SpentError


def members(blob: Blob, budget: Budget, depth: int = 0) -> Iterator[Blob | Skip | str]:
    """The files in an archive, each as `archive!member`, or what a compressed file holds; `depth`
    archives stand around it.

    A Skip says that the budget ended the reading, a note (str) that a member is encrypted or the
    archive damaged, which leaves it closed to everybody. Anything else than an archive gives nothing.
    """
    opened = _opener(blob.data)
    if opened is None:
        return
    if depth >= budget.depth:
        yield Skip(blob.path, "stands in more archives than limits.depth allows; unpack it, or raise that limit")
        return
    meter = _Meter(len(blob.data), budget)
    try:
        yield from opened(blob, meter)
    except _SpentError:
        yield Skip(blob.path, "unpacks to more than the limit; unpack it and look at its files")
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError) as error:
        yield f"{blob.path} is a damaged archive ({type(error).__name__}): what can be unpacked was looked at"
    except (NotImplementedError, RuntimeError) as error:
        yield f"{blob.path} is an archive of a kind that is not read ({type(error).__name__})"


def _opener(data: bytes) -> Callable[[Blob, _Meter], Iterator[Blob | Skip | str]] | None:
    for magic, opened in _STREAMS.items():
        if data.startswith(magic):
            return opened
    if data[257:262] == b"ustar":
        return _tar
    if data.startswith(b"PK\x03\x04") or (b"PK\x05\x06" in data[-65_557:] and zipfile.is_zipfile(io.BytesIO(data))):
        return _zip
    return None


def _zip(blob: Blob, meter: _Meter) -> Iterator[Blob | Skip | str]:
    with zipfile.ZipFile(io.BytesIO(blob.data)) as archive:
        entries = archive.infolist()
        for entry in entries[:_MOST_MEMBERS]:
            path = f"{blob.path}!{entry.filename}"
            if entry.flag_bits & 0x1:
                yield f"{path} is encrypted: nobody can look at it without its password"
            elif not entry.is_dir():
                try:
                    with archive.open(entry) as handle:
                        data = _read(handle, meter)
                except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
                    yield f"{path} is damaged or packed in a way that is not read ({type(error).__name__})"
                else:
                    yield Blob(data, path, blob.kind)
    if len(entries) > _MOST_MEMBERS:
        yield Skip(blob.path, f"holds more than {_MOST_MEMBERS} files; unpack it and look at its files")


def _tar(blob: Blob, meter: _Meter) -> Iterator[Blob | Skip | str]:
    with tarfile.open(fileobj=io.BytesIO(blob.data), mode="r:", errorlevel=1) as archive:
        for number, entry in enumerate(archive):
            if number >= _MOST_MEMBERS:
                yield Skip(blob.path, f"holds more than {_MOST_MEMBERS} files; unpack it and look at its files")
                return
            path = f"{blob.path}!{entry.name}"
            if entry.issym() or entry.islnk():
                yield Blob(entry.linkname.encode("utf-8", "surrogateescape"), path, "symlink")
                continue
            handle = archive.extractfile(entry) if entry.isreg() else None
            if handle:
                yield Blob(_read(handle, meter), path, blob.kind)


def _read(handle: IO[bytes] | gzip.GzipFile | bz2.BZ2File, meter: _Meter) -> bytes:
    """All that is there, in pieces, so that no member is unpacked beyond the budget."""
    pieces = []
    while piece := handle.read(min(_PIECE, max(meter.left + 1, 1))):
        meter.take(len(piece))
        pieces.append(piece)
    return b"".join(pieces)


def _compressed(unpack: Callable[[bytes, _Meter], bytes]) -> Callable[[Blob, _Meter], Iterator[Blob | Skip | str]]:
    """A reader of what a compressed file holds; of a compressed tar, its members follow at once."""

    def opened(blob: Blob, meter: _Meter) -> Iterator[Blob | Skip | str]:
        data = unpack(blob.data, meter)
        if data[257:262] == b"ustar":
            yield from _tar(Blob(data, blob.path, blob.kind), meter)
        else:
            name = blob.path.rpartition("/")[2].rpartition("!")[2]
            yield Blob(data, f"{blob.path}!{name.rpartition('.')[0] or name}", blob.kind)

    return opened


def _gzip(data: bytes, meter: _Meter) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as handle:
        return _read(handle, meter)


def _bz2(data: bytes, meter: _Meter) -> bytes:
    with bz2.BZ2File(io.BytesIO(data)) as handle:
        return _read(handle, meter)


def _xz(data: bytes, meter: _Meter) -> bytes:
    """Each stream in turn, with the memory that a dictionary may take bounded."""
    pieces = []
    while data:
        stream = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
        while not stream.eof:
            piece = stream.decompress(data, _PIECE)
            data = b""
            if not piece and stream.needs_input and not stream.eof:
                raise EOFError
            meter.take(len(piece))
            pieces.append(piece)
        data = stream.unused_data.lstrip(b"\0")
    return b"".join(pieces)


def _zstd(data: bytes, meter: _Meter) -> bytes:
    import zstandard

    unpacker = zstandard.ZstdDecompressor(max_window_size=_XZ_MEMORY)
    try:
        with unpacker.stream_reader(io.BytesIO(data), read_across_frames=True) as handle:
            return _read(handle, meter)
    except zstandard.ZstdError as error:
        raise ValueError from error


_STREAMS = {
    b"\x1f\x8b\x08": _compressed(_gzip),
    b"BZh": _compressed(_bz2),
    b"\xfd7zXZ\x00": _compressed(_xz),
    b"\x28\xb5\x2f\xfd": _compressed(_zstd),
}
