"""Text armor of private keys: extracts PEM-like blocks from any quoting and classifies the body."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from hashlib import blake2b

from credguard.heuristics.boundaries import decode_base64
from credguard.heuristics.placeholders import compute_entropy
from credguard.lazy_re import compile_lazily
from credguard.rules.tokens._openpgp import is_protected, parse_secret_packet

SHORTEST_BODY = 60
"""Base64 characters: the smallest real key, Ed25519 in PKCS #8, has 64."""
_MIN_ENTROPY = 4.0
_LINE_END = compile_lazily(
    rb"\\{1,4}[rn]|\r\n|\r|&#(?:10|x[Aa]);|%0[Aa]"
    rb"|(?:<|\\{1,4}u003[cC])\\{0,4}/?[a-z]{1,10}(?:[ /\\][^<>]{0,80}?)?(?:>|\\{1,4}u003[eE])"  # an HTML tag
)
_ESCAPED = compile_lazily(
    rb"(?:%(?:25)?|\\{1,4}u00|&#[xX])(?:(2[Bb])|(2[Ff])|3[Dd]);?|&(?:(#43|plus)|(#47|sol)|#61|equals);|\\{1,4}([/=])"
)
# The seam of a continued string literal: `" +`, `",`, `" \`, `" & _` at the end of a line.
_SEAM = compile_lazily(rb"\\{0,3}[\"'`][ \t]{0,8}[+.,&\\_ \t]{0,8}\n|\\\n")
_SEAM_IN_LINE = compile_lazily(rb"\\{0,3}[\"'`][ \t]{0,4}[+.,&]?[ \t]{0,4}[rbuf@]?\\{0,3}[\"'`]")
# What may come before a line's own text: spaces, a comment or quotation mark, an operator and an opening quote.
_LINE_START = compile_lazily(
    rb"^[ \t]*(?:(?:#+|//+|\*|>|;|--|\||-)[ \t]+)?(?:[+.&]?[ \t]{0,4}[rbuf@]?\\{0,3}[\"'`])?", re.MULTILINE
)
_DIFF_START = compile_lazily(rb"^\+", re.MULTILINE)
_HEADER = compile_lazily(rb"^[A-Za-z][A-Za-z0-9\-]{1,40}:[ \t]?[^\n]*", re.MULTILINE)
_BASE64 = compile_lazily(rb"[A-Za-z0-9+/]+={0,3}")
_CHECKSUM = compile_lazily(rb"=[A-Za-z0-9+/]{4}\Z")
# The headers of an encrypted key, also if everything is on one line (RFC 1421).
_CIPHER = compile_lazily(
    rb"Proc-Type:\s?4,\s?ENCRYPTED[\s\"',]{0,12}DEK-Info:\s?(?:AES-\d{3}-[A-Z]{3},[0-9A-F]{32}|DES[A-Z0-9\-]{0,12},[0-9A-F]{16})"
)
_ENCRYPTED = compile_lazily(rb"Proc-Type:\s*4,\s*ENCRYPTED")
_OPENSSH = b"openssh-key-v1\0"
_WORD_ON_HEADER_LINE = 16
_STUB = 5
"""A body with less than a fifth of its stated length is an excerpt in a document."""
_LARGEST = 16_384
"""More bytes than any key has: a larger length field is not a length."""
_DOCUMENTED = b"EXAMPLE"
# Publicly known keys: digests of their bodies.
_PUBLISHED = frozenset((
    "b0b0f2588e70b50aae0a6c229aac5d31",  # Vagrant's insecure RSA key (hashicorp/vagrant, keys/)
    "e13f86b1630167284ab5082de4465087",  # Vagrant's insecure Ed25519 key
    "e0ca58304250c75b36633fc841e75dc6",  # the RS256 sample key of jwt.io
))  # fmt: skip


class BodyState(Enum):
    """What the body of a key block shows."""

    WHOLE = "whole"
    UNCHECKED = "unchecked"
    TRUNCATED = "truncated"


@dataclass(frozen=True, slots=True)
class Body:
    """The base64 text of a key without its line breaks and headers."""

    text: bytes
    encrypted: bool
    state: BodyState


def read_body(raw: bytes, label: bytes) -> Body | None:
    """The key between a BEGIN and an END line; None if that is not a key: code, a placeholder, a stub."""
    flat = _unquote_lines(raw)
    text = _join_lines(_HEADER.sub(b"", _CIPHER.sub(b"\n", flat)))
    if label.startswith(b"PGP"):
        text = _CHECKSUM.sub(b"", text)
    if not is_likely_key(text):
        return None
    encrypted, (have, claimed) = _parse_structure(decode_base64(text), label)
    encrypted = encrypted or label.startswith(b"ENCRYPTED") or _ENCRYPTED.search(flat) is not None
    if claimed > _LARGEST:
        claimed = 0
    if have * _STUB < claimed:
        return None
    if claimed and have != claimed:
        return Body(text, encrypted, BodyState.TRUNCATED if have < claimed else BodyState.UNCHECKED)
    return Body(text, encrypted, BodyState.WHOLE if claimed else BodyState.UNCHECKED)


def is_likely_key(text: bytes, least: int = SHORTEST_BODY) -> bool:
    """True for base64 that is long (`least` characters) and random enough to contain a key."""
    if len(text) < least or not _BASE64.fullmatch(text) or compute_entropy(text) < _MIN_ENTROPY:
        return False
    if _DOCUMENTED in text or blake2b(text, digest_size=16).hexdigest() in _PUBLISHED:
        return False
    return any(48 <= c <= 57 for c in text) and text.upper() != text and text.lower() != text


def _unquote_lines(raw: bytes) -> bytes:
    """The lines as they would be in a separate file, whatever string, comment or patch contains them."""
    text = _LINE_END.sub(b"\n", raw)
    text = _ESCAPED.sub(_decode_sign, text)
    text = _SEAM_IN_LINE.sub(b"", text)
    text = _SEAM.sub(b"\n", text)
    lines = [line for line in text.split(b"\n")[1:-1] if line.strip()]
    if lines and all(line.startswith(b"+") for line in lines):  # an added block in a patch
        text = _DIFF_START.sub(b"", text)
    return _LINE_START.sub(b"", text)


def _decode_sign(match: re.Match[bytes]) -> bytes:
    """The base64 character that an escape stands for."""
    return match[5] or (b"+" if match[1] or match[3] else b"/" if match[2] or match[4] else b"=")


def _join_lines(text: bytes) -> bytes:
    """The lines as one; a word left on the header's line ("fake") is not part of the body."""
    first, _, rest = text.partition(b"\n")
    if len(first.strip()) < _WORD_ON_HEADER_LINE and rest.strip():
        text = rest
    return b"".join(text.split())


def _parse_structure(key: bytes, label: bytes) -> tuple[bool, tuple[int, int]]:
    """Whether the key is marked as encrypted, and its actual and stated length in bytes; (n, 0) if it states none."""
    if key.startswith(_OPENSSH):
        return not key[15:].startswith(b"\0\0\0\x04none"), _read_openssh_length(key)
    if label.startswith(b"PGP"):
        packet = parse_secret_packet(key)
        return (is_protected(packet[0]), (len(packet[0]), packet[1])) if packet else (False, (len(key), 0))
    return False, _read_der_length(key)


def _read_der_length(key: bytes) -> tuple[int, int]:
    """The actual and the stated length of the outermost ASN.1 SEQUENCE."""
    if len(key) < 4 or key[0] != 0x30:
        return len(key), 0
    size, head = key[1], 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 3:
            return len(key), 0
        size, head = int.from_bytes(key[2 : 2 + count], "big"), 2 + count
    return len(key), head + size


def _read_openssh_length(key: bytes) -> tuple[int, int]:
    """Walks through cipher, KDF, KDF options, number of keys, public key and private section."""
    at = len(_OPENSSH)
    for field in range(6):
        at += 4 if field == 3 else 4 + int.from_bytes(key[at : at + 4], "big")
        if at > len(key):
            break
    return len(key), at
