"""Unpacks package files: archives of `ar` (.deb, .a), of `cpio`, and RPM packages, which are a compressed cpio."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from credguard.decoders.containers import AR
from credguard.decoders.decompress import DAMAGED, MOST_MEMBERS, TOO_MANY
from credguard.lazy_re import compile_lazily
from credguard.model.findings import Blob, Skip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.decoders.decompress import Meter

RPM = b"\xed\xab\xee\xdb"
CPIO = (b"070701", b"070702", b"070707", b"\xc7\x71", b"\x71\xc7")
_ENTRY = compile_lazily(rb"(?s)(.{16}).{12}.{6}.{6}.{8}([0-9]{1,10}) *`\n")
_AR_LEAST, _LONGEST_NAME = 60, 4_096
_NEWC = compile_lazily(rb"07070[12](?:[0-9A-Fa-f]{8}){13}")
_ODC = compile_lazily(rb"070707[0-7]{70}")
_TRAILER = b"TRAILER!!!"
_RPM_LEAD, _RPM_HEAD = 96, b"\x8e\xad\xe8"


def iter_ar_members(blob: Blob, meter: Meter) -> Iterator[Blob | Skip | str]:
    """The members of an archive of `ar` (ar(5)): control and data of a Debian package, objects of a library."""
    data, at, number, names = blob.data, len(AR), 0, b""
    while at < len(data):
        entry = _ENTRY.match(data, at, at + _AR_LEAST)
        if not entry or number >= MOST_MEMBERS:
            yield Blob(data[at:], f"{blob.path}!rest", blob.kind)
            yield Skip(blob.path, DAMAGED if not entry else TOO_MANY)
            return
        number += 1
        size, start = int(entry[2]), at + _AR_LEAST
        name = entry[1].rstrip()
        content = data[start : start + size]
        if name == b"//":
            names = content
        elif name[:1] == b"/" and name[1:].isdigit():  # GNU's long names are in a separate member
            begin = int(name[1:])
            name = names[begin : begin + _LONGEST_NAME].partition(b"\n")[0]
        elif name.startswith(b"#1/") and name[3:].isdigit():  # BSD's before the content
            name, content = content[: int(name[3:])].rstrip(b"\0"), content[int(name[3:]) :]
        meter.take(len(content))
        text = name.rstrip(b"/").decode("utf-8", "surrogateescape") or "names"
        yield Blob(content, f"{blob.path}!{text}", blob.kind)
        if start + size > len(data):
            yield Skip(f"{blob.path}!{text}", DAMAGED)
        at = start + size + size % 2


def is_cpio(data: bytes) -> bool:
    """True for an archive of cpio in any of its formats (cpio(5))."""
    return _parse_cpio_header(data, 0) is not None


def iter_cpio_members(blob: Blob, meter: Meter) -> Iterator[Blob | Skip | str]:
    """The members of an archive of cpio."""
    data, at = blob.data, 0
    for _ in range(MOST_MEMBERS):
        header = _parse_cpio_header(data, at)
        if header is None:
            break
        named, start, stop, following = header
        name = data[named:start].partition(b"\0")[0]
        at = following
        if name == _TRAILER:
            break
        meter.take(stop - start)
        path = f"{blob.path}!{name.decode('utf-8', 'surrogateescape')}"
        yield Blob(data[start:stop], path, blob.kind)
        if stop > len(data):
            yield Skip(path, DAMAGED)
            return
    else:
        yield Skip(blob.path, TOO_MANY)
    rest = data[at:].lstrip(b"\0")
    if rest:
        yield Blob(rest, f"{blob.path}!rest", blob.kind)
        yield f"{blob.path} has data after its end" if name == _TRAILER else Skip(blob.path, DAMAGED)


def _parse_cpio_header(data: bytes, at: int) -> tuple[int, int, int, int] | None:
    """The offsets of the name, the content, its end and the next header."""
    if _NEWC.match(data, at):
        size, length = int(data[at + 54 : at + 62], 16), int(data[at + 94 : at + 102], 16)
        start = -(-(at + 110 + length) // 4) * 4
        return at + 110, start, start + size, -(-(start + size) // 4) * 4
    if _ODC.match(data, at):
        length, size = int(data[at + 59 : at + 65], 8), int(data[at + 65 : at + 76], 8)
        start = at + 76 + length
        return at + 76, start, start + size, start + size
    if data[at : at + 2] in CPIO and len(data) >= at + 26:
        order = "<" if data[at : at + 2] == CPIO[3] else ">"
        length, high, low = struct.unpack_from(order + "HHH", data, at + 20)
        size = high << 16 | low
        start = at + 26 + length + length % 2
        if 1 < length <= 4096 and data[at + 26 + length - 1 : at + 26 + length] == b"\0":
            return at + 26, start, start + size, start + size + size % 2
    return None


def iter_rpm_members(blob: Blob, meter: Meter) -> Iterator[Blob | Skip | str]:
    """The payload of an RPM package (rpm.org, Package Format): after a lead and two headers, a compressed cpio."""
    at = _find_header_end(blob.data, _RPM_LEAD)
    at = _find_header_end(blob.data, -(-at // 8) * 8) if at else 0
    payload = blob.data[at:] if at else b""
    if not payload:
        yield Skip(blob.path, DAMAGED)
        return
    meter.take(len(payload))
    yield Blob(payload, f"{blob.path}!payload", blob.kind)


def _find_header_end(data: bytes, at: int) -> int:
    """The end of a header of RPM, 0 for none."""
    if data[at : at + 3] != _RPM_HEAD or len(data) < at + 16:
        return 0
    entries, size = struct.unpack_from(">II", data, at + 8)
    end = at + 16 + 16 * int(entries) + int(size)
    return end if end <= len(data) else 0
