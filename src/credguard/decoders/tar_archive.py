"""Unpacks tar files: members of every type, their extended headers, and data after the end."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

from credguard.decoders.decompress import DAMAGE, DAMAGED, MOST_MEMBERS, TOO_MANY, read
from credguard.lazy_re import compile_lazily
from credguard.model.findings import Blob, BlobKind, Skip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.decoders.decompress import Meter

_BLOCK = tarfile.BLOCKSIZE
_SUM = compile_lazily(rb"[ \0]{0,6}[0-7]{1,7}[ \0]")
_DAMAGE = (tarfile.TarError, *DAMAGE, OverflowError, AttributeError, IndexError, TypeError, KeyError)
"""The library's exceptions for hostile headers."""
_SIZE = compile_lazily(rb"(?s)[0-7 \0]{12}|[\x80\xff].{11}")


def is_tar(data: bytes) -> bool:
    """True for a tar, also one of Unix V7, which only the checksum in its first header identifies (pax, ustar)."""
    if data[257:262] == b"ustar":
        return True
    if len(data) < _BLOCK or not data[0] or not _SUM.match(data, 148, 156) or not _SIZE.match(data, 124, 136):
        return False
    try:
        told = tarfile.nti(data[148:156])  # type: ignore[attr-defined]
    except tarfile.TarError:
        return False
    return told in tarfile.calc_chksums(data[:_BLOCK])  # type: ignore[attr-defined]


def iter_tar_members(blob: Blob, meter: Meter) -> Iterator[Blob | Skip | str]:
    """The members of a tar. Raises SpentError."""
    end = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(blob.data), mode="r:", errorlevel=1) as archive:
            for number, entry in enumerate(archive):
                if number >= MOST_MEMBERS:
                    yield Skip(blob.path, TOO_MANY)
                    return
                begin, end = end, archive.offset
                yield from _read_member(blob, archive, entry, begin, meter)
    except _DAMAGE:
        yield from _read_rest(blob, end, is_damaged=True)
        return
    yield from _read_rest(blob, end)


def _read_member(
    blob: Blob, archive: tarfile.TarFile, entry: tarfile.TarInfo, begin: int, meter: Meter
) -> Iterator[Blob | Skip | str]:
    path = f"{blob.path}!{entry.name}"
    extended = blob.data[begin : entry.offset_data - _BLOCK]
    if extended:  # PAX headers, GNU's long names: scanned too; after a line end, so that it is no tar
        meter.take(len(extended))
        yield Blob(b"\n" + extended, f"{path}!header", blob.kind)
    if entry.issym() or entry.islnk():
        yield Blob(entry.linkname.encode("utf-8", "surrogateescape"), path, BlobKind.SYMLINK)
        return
    stored = blob.data[entry.offset_data : archive.offset]  # also for types of other programs
    handle = archive.extractfile(entry) if entry.issparse() else None
    if handle:
        yield Blob(read(handle, meter), path, blob.kind)
        if len(stored) - _BLOCK < _count_stored(entry) <= len(stored):
            return
        path += "!stored"
    elif entry.isreg():
        stored = blob.data[entry.offset_data : entry.offset_data + entry.size]
    meter.take(len(stored))
    yield Blob(stored, path, blob.kind)


def _count_stored(entry: tarfile.TarInfo) -> int:
    """The bytes of a sparse member that are stored."""
    pieces: list[tuple[int, int]] = entry.sparse or []  # type: ignore[assignment]  # the types know of it as a number
    return sum(size for _, size in pieces)


def _read_rest(blob: Blob, end: int, *, is_damaged: bool = False) -> Iterator[Blob | Skip | str]:
    """The data after the last member that could be read."""
    ended = not is_damaged and not blob.data[end : end + _BLOCK].strip(b"\0")
    if not end:  # otherwise it would be detected as a tar and fail again
        yield Blob(b"\n" + blob.data[:_BLOCK], f"{blob.path}!header", blob.kind)
        end = _BLOCK
    rest = blob.data[end:].lstrip(b"\0")
    if rest:
        yield Blob(rest, f"{blob.path}!rest", blob.kind)
        yield f"{blob.path} has data after its end" if ended else Skip(blob.path, DAMAGED)
    elif is_damaged:
        yield Skip(blob.path, DAMAGED)
