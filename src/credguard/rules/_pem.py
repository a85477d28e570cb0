"""Text armour of private keys: takes PEM-like blocks apart, in whatever quoting they stand, and judges the body."""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import dataclass
from enum import Enum

from credguard.rules._placeholder import entropy

SHORTEST_BODY = 60
"""Base64 characters: the smallest real key, Ed25519 in PKCS #8, has 64."""
_MIN_ENTROPY = 4.0
_LINE_END = re.compile(rb"\\{1,4}[rn]|\r\n|\r|<br ?/?>|&#(?:10|x[Aa]);|%0[Aa]")
_ESCAPED = re.compile(rb"%2[BbFf]|%3[Dd]|\\{1,2}u002[BbFf]|\\{1,2}u003[Dd]|\\{1,2}/")
_SIGNS = {b"b": b"+", b"f": b"/", b"/": b"/", b"d": b"="}
# The seam of a string literal that goes on: `" +`, `",`, `" \`, `" & _` at the end of a line.
_SEAM = re.compile(rb"\\{0,3}[\"'`][ \t]{0,8}[+.,&\\_ \t]{0,8}\n|\\\n")
# What stands before a line's own text: blanks, a comment mark or quotation mark, an operator and an opening quote.
_LINE_START = re.compile(
    rb"^[ \t]*(?:(?:#+|//+|\*|>|;|--|\||-)[ \t]+)?(?:[+.&]?[ \t]{0,4}[rbuf@]?\\{0,3}[\"'`])?", re.MULTILINE
)
_DIFF_START = re.compile(rb"^\+", re.MULTILINE)
_HEADER = re.compile(rb"^[A-Za-z][A-Za-z0-9\-]{1,40}:[ \t]?[^\n]*", re.MULTILINE)
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,3}")
_CHECKSUM = re.compile(rb"=[A-Za-z0-9+/]{4}\Z")
_ENCRYPTED = re.compile(rb"Proc-Type:\s*4,\s*ENCRYPTED")
_OPENSSH = b"openssh-key-v1\0"
_WORD_ON_HEADER_LINE = 16


class State(Enum):
    """What the body of a key block says of it."""

    WHOLE = "whole"
    UNCHECKED = "unchecked"
    TRUNCATED = "truncated"


@dataclass(frozen=True, slots=True)
class Body:
    """The base64 text of a key without its line breaks and headers."""

    text: bytes
    encrypted: bool
    state: State


def read_body(raw: bytes, label: bytes) -> Body | None:
    """The key between a BEGIN and an END line; None where that is no key: code, a placeholder, a stub."""
    flat = _unquoted(raw)
    text = _joined(_HEADER.sub(b"", flat))
    if label.startswith(b"PGP"):
        text = _CHECKSUM.sub(b"", text)
    if not looks_like_key(text):
        return None
    decoded = decode(text)
    if decoded.startswith(_OPENSSH):
        return Body(text, decoded[15:23] != b"\0\0\0\x04none", _openssh_state(decoded))
    if _ENCRYPTED.search(flat):
        return Body(text, True, State.UNCHECKED)
    return Body(text, label.startswith(b"ENCRYPTED"), _der_state(decoded))


def looks_like_key(text: bytes) -> bool:
    """True for base64 long and random enough to hold a key."""
    if len(text) < SHORTEST_BODY or not _BASE64.fullmatch(text) or entropy(text) < _MIN_ENTROPY:
        return False
    return any(48 <= c <= 57 for c in text) and text.upper() != text and text.lower() != text


def decode(text: bytes) -> bytes:
    """The bytes of a base64 text, padded or not."""
    plain = text.rstrip(b"=")
    return b64decode(plain + b"A" * (-len(plain) % 4))[: len(plain) * 3 // 4]


def _unquoted(raw: bytes) -> bytes:
    """The lines as they would be in a file of their own, whatever string, comment or patch they stand in."""
    text = _LINE_END.sub(b"\n", raw)
    text = _ESCAPED.sub(lambda match: _SIGNS[match[0][-1:].lower()], text)
    text = _SEAM.sub(b"\n", text)
    lines = [line for line in text.split(b"\n")[1:-1] if line.strip()]
    if lines and all(line.startswith(b"+") for line in lines):  # an added block in a patch
        text = _DIFF_START.sub(b"", text)
    return _LINE_START.sub(b"", text)


def _joined(text: bytes) -> bytes:
    """The lines as one; a word left on the header's line ("fake") is not part of the body."""
    first, _, rest = text.partition(b"\n")
    if len(first.strip()) < _WORD_ON_HEADER_LINE and rest.strip():
        text = rest
    return b"".join(text.split())


def _der_state(decoded: bytes) -> State:
    """Whether the outermost ASN.1 SEQUENCE is all there; other formats cannot be told."""
    if len(decoded) < 4 or decoded[0] != 0x30:
        return State.UNCHECKED
    size, head = decoded[1], 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 3:
            return State.UNCHECKED
        size, head = int.from_bytes(decoded[2 : 2 + count], "big"), 2 + count
    if head + size > len(decoded):
        return State.TRUNCATED
    return State.WHOLE if head + size == len(decoded) else State.UNCHECKED


def _openssh_state(decoded: bytes) -> State:
    """Walks cipher, KDF, KDF options, the count of keys, the public keys and the private section."""
    at = 15
    for field in range(6):
        size = 4 if field == 3 else 4 + int.from_bytes(decoded[at : at + 4], "big")
        at += size
        if at > len(decoded):
            return State.TRUNCATED
    return State.WHOLE
