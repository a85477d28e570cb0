"""Decompresses data: all of it, or the part before it is damaged, within a limit."""

from __future__ import annotations

import bz2
import lzma
import sys
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator
    from typing import IO

MEMORY = 128 << 20
"""The most memory that a dictionary or window may take."""
_WINDOW = 27
"""The logarithm of that, as zstd takes it."""
_LEAST = 64 << 20
_RATIO = 100
_MOST_IN_ALL = 8 << 30
_PIECE, _FINE = 1 << 16, 1 << 6
"""Bytes requested at a time, and fewer where an error may occur: the output of a failed call is lost."""
_CARE = 1 << 8
MOST_MEMBERS = 100_000
TOO_MANY = f"contains more than {MOST_MEMBERS} files; unpack it and scan its files"
DAMAGED = "is damaged or truncated: only the part before that was scanned; replace it with a complete one"
_PIECE_READ = 1 << 20
DAMAGE = (zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)
"""The exceptions for damaged data."""
_ZEROS = compile_lazily(rb"\0*")


@dataclass(slots=True)
class UnpackBudget:
    """`depth` archives or encodings may be nested, and this many bytes may still be unpacked in this run."""

    depth: int = 5
    left: int = _MOST_IN_ALL


class SpentError(Exception):
    """The budget is used up."""


class MemoryLimitError(Exception):
    """Decompressing it takes more memory than allowed."""


class Meter:
    """Counts the unpacked bytes of one file: at most 64 MiB and a hundred times its size, and the rest of the run's
    budget."""

    def __init__(self, size: int, budget: UnpackBudget) -> None:
        self._budget = budget
        self.left = min(_LEAST + _RATIO * size, budget.left)

    def take(self, count: int) -> None:
        """Counts these bytes; raises SpentError."""
        self.left -= count
        self._budget.left -= count
        if self.left < 0:
            raise SpentError


def read(handle: IO[bytes], meter: Meter) -> bytes:
    """Everything there is, in pieces, so that no member is unpacked beyond the budget. Raises SpentError."""
    pieces = []
    while piece := handle.read(min(_PIECE_READ, max(meter.left + 1, 1))):
        meter.take(len(piece))
        pieces.append(piece)
    return b"".join(pieces)


class Stream(Protocol):
    """Unpacks one stream, as the objects of the standard library do."""

    @property
    def eof(self) -> bool:
        """True after the stream's end."""

    @property
    def needs_input(self) -> bool:
        """True if there is no more output without further input."""

    @property
    def unused_data(self) -> bytes:
        """The input after the end."""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """The next output."""


class _Inflate:
    """A zlib stream, whose object hides its unread input."""

    def __init__(self, bits: int) -> None:
        self._one = zlib.decompressobj(bits)

    @property
    def eof(self) -> bool:
        return self._one.eof

    @property
    def needs_input(self) -> bool:
        return not self._one.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._one.unused_data

    def decompress(self, data: bytes, most: int) -> bytes:
        return self._one.decompress(self._one.unconsumed_tail + data, most)


class _Zstd:
    """A zstd frame, whose object raises errors of its own."""

    def __init__(self) -> None:
        if sys.version_info >= (3, 14):
            from compression import zstd
        else:
            from backports import zstd

        self._error = zstd.ZstdError
        limit: dict[int, int] = {zstd.DecompressionParameter.window_log_max: _WINDOW}
        self._one: Stream = zstd.ZstdDecompressor(options=limit)

    @property
    def eof(self) -> bool:
        return self._one.eof

    @property
    def needs_input(self) -> bool:
        return self._one.needs_input

    @property
    def unused_data(self) -> bytes:
        return self._one.unused_data

    def decompress(self, data: bytes, most: int) -> bytes:
        try:
            return self._one.decompress(data, most)
        except self._error as error:
            if "memory" in str(error):
                raise MemoryLimitError from None
            raise ValueError from error


class _Lzma:
    """An LZMA stream whose header of `length` bytes is not supported by the library; `header` converts it."""

    def __init__(self, length: int, header: Callable[[bytes], bytes]) -> None:
        self._length, self._header, self._lead = length, header, b""
        self._one = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=MEMORY)

    @property
    def eof(self) -> bool:
        return self._one.eof

    @property
    def needs_input(self) -> bool:
        return self._one.needs_input

    @property
    def unused_data(self) -> bytes:
        return self._one.unused_data

    def decompress(self, data: bytes, most: int) -> bytes:
        if len(self._lead) < self._length:
            wanted = self._length - len(self._lead)
            self._lead, data = self._lead + data[:wanted], data[wanted:]
            if len(self._lead) < self._length:
                return b""
            data = self._header(self._lead) + data
        return self._one.decompress(data, most)


_UNKNOWN_SIZE = b"\xff" * 8


def _convert_lzip_header(lead: bytes) -> bytes:
    """lzip manual, File format: the power of two, less so many sixteenths of it; lc 3, lp 0, pb 2."""
    size = 1 << (lead[5] & 31)
    return b"\x5d" + (size - (size >> 4) * (lead[5] >> 5)).to_bytes(4, "little") + _UNKNOWN_SIZE


@dataclass(frozen=True, slots=True)
class Format:
    """A compression format: `begin` creates the object for one stream, `again` matches if another one follows, `step`
    bytes of input are passed at a time, `tail` more follow the end of each stream."""

    begin: Callable[[], Stream]
    again: re.Pattern[bytes] | None = None
    step: int = 1 << 14
    tail: int = 0


GZIP = Format(lambda: _Inflate(31), compile_lazily(rb"\x1f\x8b\x08"))
ZLIB = Format(lambda: _Inflate(15))
DEFLATE = Format(lambda: _Inflate(-15))
LZMA = Format(lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=MEMORY))
LZMA_OF_ZIP = Format(lambda: _Lzma(9, lambda lead: lead[4:] + _UNKNOWN_SIZE))
"""PKWARE APPNOTE, 5.8.8: version, size of the properties, and these."""
LZIP = Format(lambda: _Lzma(6, _convert_lzip_header), compile_lazily(rb"LZIP\x01"), tail=20)
BZIP2 = Format(bz2.BZ2Decompressor, compile_lazily(rb"BZh[1-9]"))
XZ = Format(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MEMORY), compile_lazily(rb"\xfd7zXZ\x00"))
ZSTD = Format(_Zstd, compile_lazily(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"), 1 << 8)


@dataclass(frozen=True, slots=True)
class Decompressed:
    """`data` is the output of the input up to `end`; `whole` is False if it is damaged or truncated."""

    data: bytes
    end: int
    whole: bool


def is_zlib(data: bytes) -> bool:
    """True for the header of a zlib stream without a dictionary (RFC 1950)."""
    return data[:1] == b"x" and len(data) > 8 and not int.from_bytes(data[:2], "big") % 31 and not data[1] & 0x20


def decompress(data: bytes, form: Format, meter: Meter, start: int = 0, stop: int | None = None) -> Decompressed:
    """The output of the streams in a range of `data`, up to the first damage.

    Raises SpentError, and MemoryLimitError for a dictionary beyond the limit.
    """
    stop = len(data) if stop is None else min(stop, len(data))
    pieces: list[bytes] = []
    at, whole = _stream(data, start, stop, form, meter, pieces)
    while whole and form.again:
        zeros = _ZEROS.match(data, at, stop)
        following = zeros.end() if zeros else at
        if following == stop or not form.again.match(data, following, stop):
            at = following
            break
        at, whole = _stream(data, following, stop, form, meter, pieces)
    return Decompressed(b"".join(pieces), at, whole)


def _stream(data: bytes, start: int, stop: int, form: Format, meter: Meter, pieces: list[bytes]) -> tuple[int, bool]:
    """Adds the output of one stream to `pieces`; returns its end and whether it is complete. After an error it is read
    again, twice, with smaller steps near the error: an object does not return the output before an error."""
    good, careful = 0, stop
    for care in (form.step, _CARE, 1):
        stream, seen, before, at = form.begin(), 0, start, start
        try:
            for piece, position in _iter_pieces(stream, data, start, stop, form.step, careful, care):
                before, at = (at, position) if position > at else (before, at)
                seen += len(piece)
                if seen > good:
                    meter.take(seen - good)
                    pieces.append(piece[len(piece) - (seen - good) :])
                    good = seen
            end = at - len(stream.unused_data) + (form.tail if stream.eof else 0)
            return min(end, stop), stream.eof and end <= stop
        except DAMAGE as error:
            if str(error).startswith("Memory usage limit"):  # the message of lzma
                raise MemoryLimitError from None
            careful = before
    return max(before, start), False


def _iter_pieces(
    stream: Stream, data: bytes, at: int, stop: int, step: int, careful: int, care: int
) -> Iterator[tuple[bytes, int]]:
    """The output piece by piece, and how much input was passed; from `careful` on, `care` bytes at once."""
    while not stream.eof:
        fine = at >= careful
        end = min(at + care, stop) if fine else min(at + step, careful)
        fresh = data[at:end] if stream.needs_input else b""
        at += len(fresh)
        piece = stream.decompress(fresh, _FINE * care if fine else _PIECE)
        yield piece, at
        if not piece and stream.needs_input and at >= stop and not fresh:
            return
