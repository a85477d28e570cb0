"""Private keys without their armour: base64 of DER alone, as settings and environment variables hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.heuristics.boundaries import decode_base64
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.rules.tokens._pem import Body, BodyState, is_likely_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits

_ANY = rb"[A-Za-z0-9+/]"
# A SEQUENCE and its length, the version, then what tells the kind: a modulus, or an algorithm.
_RSA = Pattern("bare-key-rsa", rb"MII[A-P]" + _ANY + rb"{2}IBAA(?:K[BC]|JB)" + _ANY + rb"{30}")
_PKCS8 = Pattern("bare-key-pkcs8", rb"MII[A-P]" + _ANY + rb"{2}IBADANBgkqhkiG9w0BAQEFAAS")
_EC = Pattern("bare-key-ec", rb"M(?:HcCAQEE|IGkAgEBB|IHcAgEBB)" + _ANY + rb"{30}")
_EC_PKCS8 = Pattern("bare-key-ec-pkcs8", rb"M(?:I[GH]" + _ANY + rb"AgEAMB[AM]GByqGSM49|EECAQAwEwYHKoZIzj0)")
_EDWARDS = Pattern("bare-key-edwards", rb"M(?:C4|E[Yc])CAQAwBQYDK2V" + _ANY + rb"{30}")
PATTERNS = (_RSA, _PKCS8, _EC, _EC_PKCS8, _EDWARDS)
_KINDS = (
    (_RSA, "RSA private key"),
    (_PKCS8, "PKCS #8 private key"),
    (_EC, "EC private key"),
    (_EC_PKCS8, "PKCS #8 private key"),
    (_EDWARDS, "PKCS #8 private key"),
)
_START = compile_lazily(rb"M[IHEC]" + _ANY + rb"{2}" + _ANY + rb"*")
# What parts the pieces of one literal: line ends, also escaped ones, and quotes with an operator between.
_SEAM = (
    rb"(?:(?:\\{1,3}[rn]){1,2}[ \t]{0,40}|\\?\s{1,60}"
    rb"|\\{0,3}[\"'`][ \t]{0,8}[+.&,]?[ \t\\_]{0,8}\r?\n?[+.&]?[ \t]{0,60}[+.&]?[ \t]{0,4}[rbuf@]?\\{0,3}[\"'`])"
)
_PIECES = compile_lazily(_ANY + rb"+={0,2}(?:" + _SEAM + _ANY + rb"+={0,2}){0,400}")
_PIECE = compile_lazily(rb"(" + _ANY + rb"+={0,2})(?:" + _SEAM + rb")?")
_LONGEST = 16_000
_ARMOUR = (b"-----", b"Lines:", b"DEK-Info")
_NEAR = 60
_MOST = 2_000
_INTEGER, _OCTETS, _SEQUENCE = 0x02, 0x04, 0x30


def find_bare_keys(data: bytes, hits: Hits) -> Iterator[tuple[int, int, str, Body]]:
    """Start, end, kind and body of each key that stands in no block of PEM."""
    done = 0
    for end, kind in sorted((end, kind) for pattern, kind in _KINDS for end in hits.get(pattern.name, ())[:_MOST]):
        match = _find_start(data, end) if end > done else None
        found = _read_key(data, match) if match is not None else None
        if match is not None and found:
            done, body = found
            yield match, done, kind, body


def _find_start(data: bytes, end: int) -> int | None:
    """Where the run begins that a pattern has seen, unless armour stands around it or it is cut from a longer one."""
    match = _START.search(data, max(0, end - 60), end)
    while match and match.end() < end:
        match = _START.search(data, match.start() + 1, end)
    if not match or any(mark in data[max(0, match.start() - _NEAR) : match.start()] for mark in _ARMOUR):
        return None
    before = data[max(0, match.start() - 2) : match.start()]
    joined = before[-1:].isalnum() or before[-1:] in (b"+", b"/")
    return match.start() if not joined or before in (b"\\n", b"\\t", b"\\r") else None


def _read_key(data: bytes, start: int) -> tuple[int, Body] | None:
    """Where the key ends, and its body, if it is as long as it says and has the parts of a key."""
    pieces = _PIECES.match(data, start, start + _LONGEST)
    head = read_element(decode_base64(data[start : start + 12]), 0)
    if not pieces or not head:
        return None
    wanted = -(-head[2] // 3) * 4
    text, stop = b"", start
    for piece in _PIECE.finditer(pieces[0]):
        rest = wanted - len(text)
        text += piece[1][:rest]
        stop = start + piece.start() + min(len(piece[1]), rest)
        if len(text) >= wanted:
            break
    whole = len(text) >= wanted or len(text.rstrip(b"=")) * 3 // 4 == head[2]
    key = decode_base64(text)
    if not whole or not is_likely_key(text) or not _has_parts(key):
        return None
    return stop, Body(text, encrypted=False, state=BodyState.WHOLE)


def _has_parts(key: bytes) -> bool:
    """A version below two, then an INTEGER that is a modulus, an OCTET STRING, or an algorithm and an OCTET STRING."""
    outer = read_element(key, 0)
    version = read_element(key, outer[1]) if outer else None
    if not version or version[0] != _INTEGER or key[version[1] : version[2]] not in (b"\0", b"\1"):
        return False
    second = read_element(key, version[2])
    if not second or second[2] > len(key):
        return False
    third = read_element(key, second[2]) if second[0] in (_INTEGER, _SEQUENCE) else None
    if second[0] == _SEQUENCE:
        return third is not None and third[0] == _OCTETS
    return second[0] == _OCTETS or (second[0] == _INTEGER and third is not None and third[0] == _INTEGER)


def read_element(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Tag of an ASN.1 element, where its contents begin, and where it ends."""
    if at + 2 > len(data):
        return None
    size, begin = data[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 3:
            return None
        size, begin = int.from_bytes(data[begin : begin + count], "big"), begin + count
    return data[at], begin, begin + size
