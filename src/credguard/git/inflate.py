"""Decompresses git's objects, with isal where it is installed: it takes half the time of Python's own zlib."""

from __future__ import annotations

try:
    from isal import isal_zlib as library
    from isal.igzip_lib import IsalError as DamageError
except ImportError:  # it has no wheel for Windows on ARM
    import zlib as library  # type: ignore[no-redef]

    DamageError = library.error

_RATIO = 1032
"""The most bytes that one compressed byte becomes (zlib's technical details)."""


def inflate(data: bytes, most: int) -> bytes | None:
    """The decompressed beginning of the bytes; None if it is damaged or over `most` bytes."""
    try:
        if len(data) <= most // _RATIO:
            return library.decompress(data)
        inflater = library.decompressobj()
        content = inflater.decompress(data, most)
    except DamageError:  # type: ignore[misc]  # its stub says `Any`
        return None
    return content if inflater.eof else None
