"""Containers with given bytes in them, in the many ways that formats allow; made here, by no program."""

from __future__ import annotations

import gzip
import io
import lzma
import sqlite3
import struct
import sys
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import Literal

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["zstd"]
FRAME = b"\x5a\x2a\x4d\x18" + struct.pack("<I", 5) + b"skip\n"


def tarred(
    data: bytes, kind: bytes = b"0", name: str = "a.env", form: Literal[0, 1, 2] = tarfile.GNU_FORMAT, **more: object
) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size, entry.type = len(data), kind
    for key, value in more.items():
        setattr(entry, key, value)
    header = entry.tobuf(form)
    return header + data + b"\0" * (-len(data) % 512) + b"\0" * 1024


def summed(header: bytes) -> bytes:
    """The header of a member with its sum."""
    total = sum(header[:148]) + 8 * 32 + sum(header[156:512])
    return header[:148] + b"%06o\0 " % total + header[156:]


def without_magic(data: bytes) -> bytes:
    tar = tarred(data)
    return summed(tar[:257] + bytes(255)) + tar[512:]


def pax(value: str, kind: bytes = b"x") -> bytes:
    words = f" comment={value}\n"
    record = f"{len(words) + 3}{words}".encode()
    return tarred(record, kind, "pax")[: 512 + 512] + tarred(b"x", name="plain")


def with_base256_size(data: bytes) -> bytes:
    tar = tarred(data)
    return summed(tar[:124] + b"\x80" + len(data).to_bytes(11, "big") + tar[136:512]) + tar[512:]


def with_wrong_sum(data: bytes) -> bytes:
    tar = tarred(data)
    return tar[:148] + b"000001\0 " + tar[156:]


def zipped(data: bytes, name: str = "a.env", method: int = zipfile.ZIP_DEFLATED, **more: object) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        entry = zipfile.ZipInfo(name)
        entry.compress_type = method
        for key, value in more.items():
            setattr(entry, key, value)
        archive.writestr(entry, data)
    return out.getvalue()


def zip_entry(data: bytes, method: int, packed: bytes, flags: int = 0, listed: int | None = None) -> bytes:
    """A zip of one member that is packed by any method."""
    name = b"a.env"
    shape = struct.pack("<HHHHIIIHH", flags, method, 0, 33, zlib.crc32(data), len(packed), len(data), len(name), 0)
    local = b"PK\x03\x04" + struct.pack("<H", 63) + shape + name + packed
    size = len(packed) if listed is None else listed
    full = len(data) if listed is None else listed
    shape = struct.pack("<HHHHIIIHH", flags, method, 0, 33, zlib.crc32(data[:full]), size, full, len(name), 0)
    central = b"PK\x01\x02" + struct.pack("<HH", 63, 63) + shape + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(central), len(local), 0)
    return local + central + end


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def unlisted(data: bytes) -> bytes:
    """A member between two that the directory lists."""
    one = zipped(b"hello", "hello")
    directory = one.find(b"PK\x01\x02")
    hidden = zip_entry(data, 8, deflated(data))
    hidden = hidden[: hidden.find(b"PK\x01\x02")]
    tail = bytearray(one[directory:])
    struct.pack_into("<I", tail, len(tail) - 6, directory + len(hidden))
    return one[:directory] + hidden + bytes(tail)


def lzip(data: bytes) -> bytes:
    alone = lzma.compress(data, lzma.FORMAT_ALONE, filters=[{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16}])
    body = alone[13:]
    return b"LZIP\x01\x10" + body + struct.pack("<IQQ", zlib.crc32(data), len(data), len(body) + 26)


def lzw(data: bytes, *, for_pdf: bool = False) -> bytes:
    """As `compress` writes it, or a PDF, with codes of nine bits only."""
    codes: list[int] = [256] if for_pdf else []
    for at, byte in enumerate(data):
        codes += [byte, 256] if at % 200 == 199 else [byte]  # cleared before ten bits are needed
    if for_pdf:
        codes.append(257)
        bits = "".join(f"{code:09b}" for code in codes)
        bits += "0" * (-len(bits) % 8)
        return int(bits, 2).to_bytes(len(bits) // 8, "big")
    number = place = 0
    for code in codes:
        number, place = number | code << place, place + 9
        if code == 256:
            place = -(-place // 72) * 72  # a group of eight codes is filled up
    return b"\x1f\x9d\x90" + number.to_bytes(-(-place // 8), "little")


def ar(*members: tuple[bytes, bytes]) -> bytes:
    body = b"".join(
        name.ljust(16) + b"0".ljust(12) + b"0     0     100644  " + str(len(data)).encode().ljust(10) + b"`\n"
        + data + b"\n" * (len(data) % 2)
        for name, data in members
    )  # fmt: skip
    return b"!<arch>\n" + body


def cpio(data: bytes) -> bytes:
    def one(name: bytes, content: bytes) -> bytes:
        fields = (1, 0o100644, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08x" % field for field in fields) + name + b"\0"
        return head + b"\0" * (-len(head) % 4) + content + b"\0" * (-len(content) % 4)

    return one(b"a.gz", gzip.compress(data)) + one(b"TRAILER!!!", b"")


def rpm(data: bytes) -> bytes:
    lead = b"\xed\xab\xee\xdb\x03\x00" + bytes(90)
    header = b"\x8e\xad\xe8\x01" + bytes(4) + struct.pack(">II", 1, 8) + bytes(16) + bytes(8)
    return lead + header + header + lzma.compress(cpio(data))


def pdf(content: bytes, words: bytes = b"/Filter /FlateDecode", packed: bytes | None = None) -> bytes:
    stream = zlib.compress(content) if packed is None else packed
    return b"%PDF-1.7\n4 0 obj\n<< /Length " + str(len(stream)).encode() + b" " + words + b" >>\nstream\n" + stream + (
        b"\nendstream\nendobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"
    )  # fmt: skip


def rows_of_png(data: bytes, columns: int = 40) -> bytes:
    """With the predictor that takes the byte above off."""
    data = data.ljust(-(-len(data) // columns) * columns)
    above, out = bytes(columns), b""
    for at in range(0, len(data), columns):
        row = data[at : at + columns]
        out += b"\2" + bytes((one - up) & 0xFF for one, up in zip(row, above, strict=True))
        above = row
    return out


Row = tuple[str, tuple[object, ...]]


def row(table: str, *values: object) -> Row:
    """The statement that adds a row, with its values."""
    return f"INSERT INTO {table} VALUES ({', '.join('?' * len(values))})", values  # noqa: S608 - a test's own words


def database(*statements: str | Row, setting: str = "") -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "base")
        base = sqlite3.connect(path)
        if setting:
            base.execute(setting)
        for statement in statements:
            base.execute(*((statement,) if isinstance(statement, str) else statement))
        base.commit()
        base.close()
        return path.read_bytes()
