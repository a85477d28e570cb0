"""Unsupported container formats, detected by their signature, and their names."""

from __future__ import annotations

import zlib
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    import re


class _Kind(NamedTuple):
    """A format that begins, at `offset`, with a match of `signature`; `anywhere` is for the matcher, which is slow for
    some signatures at the beginning of a line."""

    name: str
    signature: bytes
    offset: int = 0
    anywhere: bool = False


_KINDS = (
    _Kind("7z archive", rb"7z\xbc\xaf\x27\x1c"),
    _Kind("RAR archive", rb"Rar!\x1a\x07"),
    _Kind("RAR archive", rb"RE~\^"),
    _Kind("lz4 file", rb"\x04\x22\x4d\x18|\x02\x21\x4c\x18|mozLz40\0|\x03\x21\x4c\x18"),
    _Kind("zstd file of an early version", rb"[\x1e\x22-\x27]\xb5\x2f\xfd"),
    _Kind("lzop file", rb"\x89LZO\0\r\n\x1a\n"),
    _Kind("snappy file", rb"\xff\x06\0\0sNaPpY"),
    _Kind("lzfse file", rb"bvx[12n-][^\n\r\t -~]"),
    _Kind("lrzip file", rb"LRZI[\0-\x0f]"),
    _Kind("pack file", rb"\x1f[\x1e\xa0\xa1][\0-\xff]"),
    _Kind("cabinet", rb"MSCF\0\0\0\0.{4}\0\0\0\0"),
    _Kind("InstallShield cabinet", rb"ISc\(.{3}[\0-\x08]"),
    _Kind("ISO 9660 image", rb"[\x01\0]CD001[\x01\x02]", 32_768),
    _Kind("squashfs image", rb"hsqs.{24}[\x01-\x04]\0\0\0|sqsh.{24}\0\0\0[\x01-\x04]|hsqs.{16}[\x01-\x06]\0"),
    _Kind("cramfs image", rb"\x45\x3d\xcd\x28|\x28\xcd\x3d\x45"),
    _Kind("WIM image", rb"MSWIM\0\0\0"),
    _Kind("disk image of QEMU", rb"QFI\xfb\0\0\0[\x01-\x03]"),
    _Kind("disk image of VMware", rb"KDMV[\x01-\x03]\0\0\0"),
    _Kind("xar archive", rb"xar!\0[\x10-\xff]"),
    _Kind("LHA archive", rb"-(?:lh[0-9a-hx]|lz[s45]|pm[0-2])-", 2),
    _Kind("ARJ archive", rb"\x60\xea.[\0-\x0a][\x1c-\x2f]", anywhere=True),
    _Kind("ACE archive", rb"\*\*ACE\*\*", 7),
    _Kind("zoo archive", rb"ZOO [0-9]\.[0-9]{2} Archive"),
    _Kind("StuffIt archive", rb"SIT!.{6}rLau|StuffIt \(c\)1997"),
    _Kind("ALZ archive", rb"ALZ\x01"),
    _Kind("EGG archive", rb"EGGA"),
    _Kind("zpaq archive", rb"7kSt\xa01\x83\xd3|zPQ[\x01\x02]\x01"),
    _Kind("compiled help (CHM)", rb"ITSF[\x02-\x04]\0\0\0"),
    _Kind("TNEF mail", rb"\x78\x9f\x3e\x22"),
    _Kind("Outlook folder", rb"!BDN.{4}SM"),
    _Kind("git pack", rb"PACK\0\0\0[\x02\x03]"),
    _Kind("git bundle", rb"# v[23] git bundle\n"),
    _Kind("Parquet file", rb"PAR[1E]"),
    _Kind("ORC file", rb"ORC[^ -~\n\r\t]"),
    _Kind("Avro file", rb"Obj\x01[^\0]"),
    _Kind("PostgreSQL dump", rb"PGDMP[\x01-\x1f]"),
    _Kind("Redis database", rb"REDIS\d{4}"),
    _Kind("HDF5 file", rb"\x89HDF\r\n\x1a\n"),
    _Kind("MATLAB file", rb"MATLAB 5\.0 MAT-file"),
    _Kind("Arrow file", rb"ARROW1\0\0"),
    _Kind("Mercurial bundle", rb"HG10(?:GZ|BZ)|HG20\0\0"),
    _Kind("Subversion delta", rb"SVN[\x01\x02]"),
    _Kind("thin or AIX ar archive", rb"!<thin>\n|<(?:bigaf|aiaff)>\n"),
    _Kind("Mobipocket book", rb"BOOKMOBI", 60),
    _Kind("disk image of VirtualBox", rb"\x7f\x10\xda\xbe", 64),
    _Kind("disk image of Hyper-V", rb"vhdxfile"),
    _Kind("AppImage", rb"\x7fELF.{4}AI[\x01\x02]"),
)
_BY_OFFSET = [(kind.name, kind.offset, compile_lazily(rb"(?s)" + kind.signature)) for kind in _KINDS]
_ENDS = (("disk image of macOS", 512, b"koly\0\0\0\x04"), ("LevelDB table", 8, b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"))
_FOLLOWING = ((b"PAR1", b"PAR1"), (b"PARE", b"PARE"))
_MOST_INSIDE = 100
_PROGRAMS = (b"MZ", b"\x7fELF", b"#!", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
_INSIDE = compile_lazily(
    rb"(?s)7z\xbc\xaf\x27\x1c\0[\x02-\x04](.{4})(.{20})|Rar!\x1a\x07(?:\0\xcf\x90s|\x01\0(.{4})[\x01-\x7f])"
    rb"|MSCF\0{4}.{4}\0{4}.{4}\0{4}\x03\x01"
)
"""Signatures that a program may contain, with enough bytes after them that a program which only knows them does not
match."""


def _build_expression(kind: _Kind) -> bytes:
    """For the matcher, for which the beginning of a line may be that of a file."""
    return (b"" if kind.offset or kind.anywhere else b"^") + rb"(?:" + kind.signature + rb")"


SIGNATURES = (
    *map(_build_expression, _KINDS),
    *(rb"".join(rb"\x%02x" % byte for byte in word) for _, _, word in _ENDS),
    rb"7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|MSCF\0{4}.{4}\0{4}",
)
"""Expressions that locate candidates."""


def identify_unsupported(data: bytes) -> str:
    """The name of an unsupported container, "" for anything else."""
    for name, offset, signature in _BY_OFFSET:
        if signature.match(data, offset):
            if data[:3] == b"PAR" and (data[:4], data[-4:]) not in _FOLLOWING:
                continue
            return name
    for name, distance, word in _ENDS:
        if data[-distance:].startswith(word):
            return name
    if data.startswith(_PROGRAMS) and any(map(_is_inside, islice(_INSIDE.finditer(data), _MOST_INSIDE))):
        return "program with an archive in it"
    return ""


def _is_inside(found: re.Match[bytes]) -> bool:
    """True if a valid header follows the signature: for 7z and RAR 5 one with a correct checksum."""
    if found[1]:
        return zlib.crc32(found[2]) == int.from_bytes(found[1], "little")
    if found[3]:
        size = found.end() - 1  # the checksum covers the size and the data of that size
        header = found.string[size : size + 1 + found.string[size]]
        return zlib.crc32(header) == int.from_bytes(found[3], "little")
    return True
