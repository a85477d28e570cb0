"""Packs and loose objects whose names are not what git would call their contents (gitformat-pack(5))."""

from __future__ import annotations

import zlib
from hashlib import sha1
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_KINDS = ("", "commit", "tree", "blob", "tag")


class Packed(NamedTuple):
    """A whole object for a pack; `oid` (hex) is its name in the index, by default the right one."""

    content: bytes
    oid: str = ""
    kind: str = "blob"

    @property
    def name(self) -> bytes:
        """The name in bytes."""
        return bytes.fromhex(self.oid) or _sha1(self._head + self.content)

    @property
    def _head(self) -> bytes:
        return f"{self.kind} {len(self.content)}".encode() + b"\0"

    def loose(self) -> bytes:
        """The file of the loose object."""
        return zlib.compress(self._head + self.content)

    def packed(self) -> bytes:
        """The object as it stands in a pack."""
        size = len(self.content)
        head = bytearray([_KINDS.index(self.kind) << 4 | size & 15])
        size >>= 4
        while size:
            head[-1] |= 128
            head.append(size & 127)
            size >>= 7
        return bytes(head) + zlib.compress(self.content)


def write_loose(objects: Path, one: Packed) -> Path:
    """Writes a loose object under its name into an object folder; gives the file."""
    path = objects / one.name.hex()[:2] / one.name.hex()[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(one.loose())
    return path


def write_pack(objects: Path, several: Sequence[Packed]) -> Path:
    """Writes a pack with its index, both with right checksums, into an object folder; gives the pack."""
    pack, entries = bytearray(b"PACK" + (2).to_bytes(4, "big") + len(several).to_bytes(4, "big")), []
    for one in several:
        data = one.packed()
        entries.append((one.name, zlib.crc32(data), len(pack)))
        pack += data
    pack += _sha1(pack)
    entries.sort()
    fan = b"".join(sum(name[0] <= byte for name, _, _ in entries).to_bytes(4, "big") for byte in range(256))
    numbers = [check for _, check, _ in entries] + [place for _, _, place in entries]
    names = b"".join(name for name, _, _ in entries)
    index = b"\xfftOc\0\0\0\2" + fan + names + b"".join(n.to_bytes(4, "big") for n in numbers) + pack[-20:]
    path = objects / "pack" / f"pack-{pack[-20:].hex()}.pack"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pack)
    path.with_suffix(".idx").write_bytes(index + _sha1(index))
    return path


def _sha1(data: bytes | bytearray) -> bytes:
    return sha1(data, usedforsecurity=False).digest()
