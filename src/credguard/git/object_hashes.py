"""Whether bytes of an object store match their name or their checksum (gitformat-pack(5), SHA-1 or SHA-256)."""

from __future__ import annotations

from hashlib import sha1, sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from hashlib import _Hash as HASH

_PIECE = 1 << 20
_SHA1 = 20


def object_id(kind: str, content: bytes, width: int) -> bytes:
    """The ID, `width` bytes (20 or 32), of an object of this type with this content."""
    return _checksum(width, b"%s %d\0%s" % (kind.encode(), len(content), content)).digest()


def is_called(kind: str, content: bytes, oid: str) -> bool:
    """True if an object of this type with this content has this ID (in hex)."""
    return object_id(kind, content, len(oid) // 2).hex() == oid


def ends_with_checksum(data: bytes, width: int) -> bool:
    """True for bytes that end with the checksum of those before."""
    return _checksum(width, memoryview(data)[:-width]).digest() == data[-width:]


def has_checksum(read: Callable[[int, int], bytes], size: int, width: int) -> bool:
    """The same for a file: `read` returns a number of bytes from an offset, `size` are those before the checksum.
    Raises OSError."""
    checksum = _checksum(width)
    for start in range(0, size, _PIECE):
        checksum.update(read(min(_PIECE, size - start), start))
    return checksum.digest() == read(width + 1, size)


def _checksum(width: int, data: bytes | memoryview = b"") -> HASH:
    return (sha1 if width == _SHA1 else sha256)(data, usedforsecurity=False)
