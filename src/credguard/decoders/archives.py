"""Unpacks archives and compressed files: their members as blobs, within a budget of depth and bytes."""

from __future__ import annotations

import re
import tarfile
import zipfile
from typing import TYPE_CHECKING

from credguard.decoders.containers import AR
from credguard.decoders.decompress import (
    BZIP2,
    DAMAGE,
    DAMAGED,
    GZIP,
    LZIP,
    LZMA,
    XZ,
    ZLIB,
    ZSTD,
    Decompressed,
    Format,
    MemoryLimitError,
    Meter,
    SpentError,
    UnpackBudget,
    decompress,
    is_zlib,
)
from credguard.decoders.lzw import decode_compress
from credguard.decoders.package_files import RPM, is_cpio, iter_ar_members, iter_cpio_members, iter_rpm_members
from credguard.decoders.pdf import is_pdf, iter_pdf_streams
from credguard.decoders.sqlite import LOGS, SQLITE, iter_sqlite_pages, iter_sqlite_rows
from credguard.decoders.tar_archive import is_tar, iter_tar_members
from credguard.decoders.unsupported_formats import identify_unsupported
from credguard.decoders.zip_archive import is_zip, iter_zip_members
from credguard.lazy_re import compile_lazily
from credguard.model.findings import Blob, Skip
from credguard.model.limit_reasons import TOO_DEEP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Reader = Callable[[Blob, Meter], Iterator[Blob | Skip | str]]

DEPTH = UnpackBudget().depth
_SKIPPABLE = compile_lazily(rb"(?s)[\x50-\x5f]\x2a\x4d\x18(.{4})")
_ALONE = compile_lazily(rb"(?s)[\0-\xe0](?:\0\0[\0-\xff]{2}|\0[\x10\x20\x40\x80]\0\0)(?:\xff{8}|.{5}\0{3})\0")
"""liblzma's own test for what lzma wrote (alone_decoder.c): a power of two, or three quarters of one, no great size."""
_ANDROID = compile_lazily(rb"ANDROID BACKUP\n[1-9]\n([01])\n([^\n]{1,20})\n")
_BEHIND_SCRIPT = compile_lazily(
    rb"\n(?=\x1f\x8b\x08[\0-\x1f]|BZh[1-9]1AY&SY|\xfd7zXZ\0|\x28\xb5\x2f\xfd|LZIP\x01|\x5d\0\0.{10}\0)", re.S
)
_FURTHER = compile_lazily(rb"\x1f\x8b\x08[\0-\x1f]|BZh[1-9]1AY&SY|\xfd7zXZ\0|\x28\xb5\x2f\xfd|LZIP\x01")
_LEAST = 4


def iter_members(blob: Blob, budget: UnpackBudget, depth: int = 0) -> Iterator[Blob | Skip | str]:
    """The files in an archive, each as `archive!member`, or the content of a compressed file; `depth` is the number of
    archives around it.

    A Skip reports that a limit or damage ended the reading, or that the container format is not supported; a note (str)
    that a member is encrypted, which no one can read, or that something follows the end. Nothing for anything but an
    archive.
    """
    readers = _pick_readers(blob.data)
    if not readers:
        return
    if depth >= budget.depth:
        yield Skip(blob.path, TOO_DEEP)
        return
    meter = Meter(len(blob.data), budget)
    try:
        for read in readers:
            yield from read(blob, meter)
    except SpentError:
        yield Skip(blob.path, "unpacks to more than the limit; unpack it and scan its files")
    except MemoryLimitError:
        yield Skip(blob.path, "takes more memory to unpack than the limit of 128 MiB; unpack it and scan its files")
    except (zipfile.BadZipFile, tarfile.TarError, *DAMAGE):
        yield Skip(blob.path, DAMAGED)
    except (NotImplementedError, RuntimeError) as error:
        yield Skip(blob.path, f"is an archive of a kind that is not read ({type(error).__name__}); unpack it")


def _pick_readers(data: bytes) -> list[Reader]:
    """The readers of the file: one for all of it, or for each format that it may be at once."""
    for magic, form in _STREAMS.items():
        if data.startswith(magic) and (form is not BZIP2 or data[4:10] in (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")):
            return [_make_reader(form)]
    if is_tar(data):
        return [iter_tar_members]
    for word, read in _WHOLE:
        if data.startswith(word):
            return [read]
    if is_cpio(data):
        return [iter_cpio_members]
    zipped = is_zip(data)
    possible = (
        (_SKIPPABLE.match(data) is not None, _read_behind_frames),
        (_ALONE.match(data) is not None or is_zlib(data), _try_decompress),
        (data.startswith(b"#!") and not zipped, _read_behind_script),
        (data.startswith(SQLITE), iter_sqlite_rows),
        (data.startswith(LOGS), iter_sqlite_pages),
        (is_pdf(data), iter_pdf_streams),
        (zipped, iter_zip_members),
        (not zipped, _skip_closed),
    )
    return [read for applies, read in possible if applies]


def _skip_closed(blob: Blob, _meter: Meter) -> Iterator[Blob | Skip | str]:
    kind = identify_unsupported(blob.data)
    if kind:
        yield Skip(blob.path, f"is a container that is not read ({kind}); unpack it and scan its files")


def _read_behind_frames(blob: Blob, meter: Meter) -> Iterator[Blob | Skip | str]:
    """The content after the skippable frames of zstd or lz4 (RFC 8878, 3.1.2)."""
    at = 0
    while frame := _SKIPPABLE.match(blob.data, at):
        at += 8 + int.from_bytes(frame[1], "little")
    if blob.data.startswith(b"\x28\xb5\x2f\xfd", at):
        yield from _make_reader(ZSTD, at)(blob, meter)
    elif at < len(blob.data):
        yield Blob(blob.data[at:], f"{blob.path}!rest", blob.kind)


def _try_decompress(blob: Blob, meter: Meter) -> Iterator[Blob | Skip | str]:
    """Content of LZMA without a signature or of zlib; what cannot be decompressed at all is something else."""
    form = ZLIB if blob.data[:1] == b"x" else LZMA
    try:
        got = decompress(blob.data, form, meter)
    except MemoryLimitError:
        return
    if len(got.data) >= (1 if got.whole else _LEAST):
        yield from _iter_contents(blob, got, meter)


def _read_behind_script(blob: Blob, meter: Meter) -> Iterator[Blob | Skip | str]:
    """A script that unpacks the data after it."""
    found = _BEHIND_SCRIPT.search(blob.data)
    if found:
        packed = blob.data[found.end() :]
        meter.take(len(packed))
        yield Blob(packed, f"{blob.path}!behind", blob.kind)


def _read_android_backup(blob: Blob, meter: Meter) -> Iterator[Blob | Skip | str]:
    """An Android backup: four lines, and a tar that is compressed or not."""
    head = _ANDROID.match(blob.data)
    if not head:
        return
    if head[2] != b"none":
        yield f"{blob.path} is encrypted and cannot be scanned without its password"
    elif head[1] == b"1":
        yield from _make_reader(ZLIB, head.end())(blob, meter)
    else:
        yield from iter_tar_members(Blob(blob.data[head.end() :], blob.path, blob.kind), meter)


def _make_reader(form: Format, start: int = 0) -> Reader:
    """A reader of the content of a compressed file; for a compressed tar, of its members."""

    def read_stream(blob: Blob, meter: Meter) -> Iterator[Blob | Skip | str]:
        yield from _iter_contents(blob, decompress(blob.data, form, meter, start), meter)

    return read_stream


def _read_lzw(blob: Blob, meter: Meter) -> Iterator[Blob | Skip | str]:
    content, whole = decode_compress(blob.data, meter)
    yield from _iter_contents(blob, Decompressed(content, len(blob.data), whole), meter)


def _iter_contents(blob: Blob, got: Decompressed, meter: Meter) -> Iterator[Blob | Skip | str]:
    if is_tar(got.data):
        yield from iter_tar_members(Blob(got.data, blob.path, blob.kind), meter)
    else:
        name = blob.path.rpartition("/")[2].rpartition("!")[2]
        yield Blob(got.data, f"{blob.path}!{name.rpartition('.')[0] or name}", blob.kind)
    if not got.whole:
        yield Skip(blob.path, DAMAGED)
    elif rest := blob.data[got.end :].lstrip(b"\0"):
        yield Blob(rest, f"{blob.path}!rest", blob.kind)
        if further := _FURTHER.search(rest, 1):  # after something that is not a stream
            yield Blob(rest[further.start() :], f"{blob.path}!further", blob.kind)
        yield f"{blob.path} has data after its end, which was scanned as it is"


_STREAMS = {b"\x1f\x8b\x08": GZIP, b"BZh": BZIP2, b"\xfd7zXZ\x00": XZ, b"\x28\xb5\x2f\xfd": ZSTD, b"LZIP\x01": LZIP}
_WHOLE: tuple[tuple[bytes, Reader], ...] = (
    (AR, iter_ar_members), (RPM, iter_rpm_members), (b"\x1f\x9d", _read_lzw),
    (b"ANDROID BACKUP\n", _read_android_backup),
)  # fmt: skip
