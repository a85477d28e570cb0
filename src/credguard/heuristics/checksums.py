"""Checksums inside tokens: CRC-32 in base 62 of GitHub and npm and in base 36 of GitLab, CRC-16 of NATS."""

from __future__ import annotations

from base64 import b32decode
from binascii import Error, crc_hqx
from zlib import crc32

_BASE62 = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def encode_base62(number: int, width: int = 6) -> bytes:
    """The number in base 62, digits first, then capitals; padded with zeros."""
    digits = bytearray()
    while number:
        number, rest = divmod(number, 62)
        digits.append(_BASE62[rest])
    return bytes(reversed(digits)).rjust(width, b"0")


def has_valid_crc32(body: bytes) -> bool:
    """True if the last six characters are the checksum of those before."""
    return encode_base62(crc32(body[:-6])) == body[-6:]


def has_valid_routable_crc(token: bytes) -> bool:
    """True if the last seven characters of a routable GitLab token are the CRC-32 of those before, in base 36."""
    return int(token[-7:], 36) == crc32(token[:-7])


def has_valid_crc16(text: bytes) -> bool:
    """True for base32 whose last two bytes are the CRC-16 (XMODEM) of the rest, low byte first; never raises."""
    try:
        raw = b32decode(text + b"=" * (-len(text) % 8))
    except (Error, ValueError):
        return False
    return crc_hqx(raw[:-2], 0) == int.from_bytes(raw[-2:], "little")
