"""The first packet of an OpenPGP secret key: whether it is complete, and whether a passphrase protects it."""

from __future__ import annotations

SECRET_KEY_TAG = 5
# How many multiprecision integers the public half of each algorithm has (RFC 9580, section 5.5.5); elliptic curves have
# an object identifier and a point, and ECDH the parameters of its key derivation.
_INTEGERS = {1: 2, 2: 2, 3: 2, 16: 3, 17: 4}
_ON_CURVES = {18: True, 19: False, 22: False}
_VERSION, _FIRST_FIELD = 4, 6


def parse_secret_packet(decoded: bytes) -> tuple[bytes, int] | None:
    """The body of the first packet, as far as present, and the length it should have; None for another packet."""
    first = decoded[:1]
    if not first or not first[0] & 0x80:
        return None
    if first[0] & 0x40:
        tag, (size, head) = first[0] & 0x3F, _parse_new_length(decoded)
    else:
        width = (1, 2, 4, 0)[first[0] & 3]
        tag, size, head = (first[0] >> 2) & 0xF, int.from_bytes(decoded[1 : 1 + width], "big"), 1 + width
    return (decoded[head : head + size], size) if tag == SECRET_KEY_TAG else None


def _parse_new_length(decoded: bytes) -> tuple[int, int]:
    one = decoded[1] if len(decoded) > 1 else 0
    if one < 192:
        return one, 2
    if one < 224:
        return ((one - 192) << 8) + (decoded[2] if len(decoded) > 2 else 0) + 192, 3
    return int.from_bytes(decoded[2:6], "big"), 6


def is_protected(body: bytes) -> bool:
    """True if the octet after the public half marks the secret half as encrypted; version 4 packets only."""
    if len(body) <= _FIRST_FIELD or body[0] != _VERSION:
        return False
    algorithm, at = body[5], _FIRST_FIELD
    if algorithm in _ON_CURVES:
        at = _skip_integer(body, at + 1 + body[at])
        if _ON_CURVES[algorithm] and at < len(body):
            at += 1 + body[at]
    elif algorithm in _INTEGERS:
        for _ in range(_INTEGERS[algorithm]):
            at = _skip_integer(body, at)
    else:
        return False
    return at < len(body) and body[at] != 0


def _skip_integer(body: bytes, at: int) -> int:
    return at + 2 + (int.from_bytes(body[at : at + 2], "big") + 7) // 8
