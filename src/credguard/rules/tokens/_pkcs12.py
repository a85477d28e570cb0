"""PKCS #12 files (RFC 7292) that an empty or a customary password opens."""

from __future__ import annotations

import hmac
from base64 import b64encode
from hashlib import new
from typing import TYPE_CHECKING

from credguard.heuristics.boundaries import decode_base64
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.rules.tokens._bare_key import read_element
from credguard.rules.tokens._pem import Body, BodyState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits

_DATA = rb"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0"
_FILE = Pattern("pkcs12", rb"\x30\x82..\x02\x01\x03\x30\x82.." + _DATA)
_TEXT = Pattern("pkcs12-base64", rb"MII[A-Za-z0-9+/]{3}IBAzCC[A-Za-z0-9+/]{3}GCSqGSIb3DQEHAa")
PATTERNS = (_FILE, _TEXT)
_FILE_HEAD, _TEXT_HEAD = 23, 30
_RUN = compile_lazily(rb"[A-Za-z0-9+/\r\n]{200,200000}={0,2}")
_BAGS = (bytes.fromhex("060b2a864886f70d010c0a0101"), bytes.fromhex("060b2a864886f70d010c0a0102"))
"""A key as it is, and one in a shroud."""
_DIGESTS = {
    bytes.fromhex("06052b0e03021a"): ("sha1", 64),
    bytes.fromhex("0609608648016503040201"): ("sha256", 64),
    bytes.fromhex("0609608648016503040202"): ("sha384", 128),
    bytes.fromhex("0609608648016503040203"): ("sha512", 128),
}
_CUSTOMARY = ("", "changeit", "password", "notasecret")
_MOST_ROUNDS = 100_000
_MANY_ROUNDS = 12_000
_LARGEST = 1 << 20
_MOST = 50


def find_open_files(data: bytes, hits: Hits) -> Iterator[tuple[int, int, str, Body]]:
    """Start, end, kind and body of each file that holds a key and opens with one of these passwords."""
    for end in hits.get(_FILE.name, ())[:_MOST]:
        start = end - _FILE_HEAD
        outer = read_element(data, start)
        if outer and outer[2] - start <= _LARGEST and (opened := _find_password(data[start : outer[2]])):
            text = b64encode(data[start : outer[2]])
            yield start, min(outer[2], len(data)), opened, Body(text, encrypted=False, state=BodyState.WHOLE)
    for end in hits.get(_TEXT.name, ())[:_MOST]:
        run = _RUN.match(data, end - _TEXT_HEAD)
        text = b"".join(run[0].split()) if run else b""
        if run and (opened := _find_password(decode_base64(text))):
            yield run.start(), run.end(), opened, Body(text, encrypted=False, state=BodyState.WHOLE)


def _find_password(file: bytes) -> str:
    """What the file is, where it holds a key that needs no secret to be read; empty where it does not."""
    if not any(bag in file for bag in _BAGS):
        return ""
    parts = _read_parts(file)
    if parts is None:
        return "PKCS #12 file without encryption" if _BAGS[0] in file else ""
    content, name, block, wanted, salt, rounds = parts
    if not 0 < rounds <= _MOST_ROUNDS:
        return ""
    for password in _CUSTOMARY if rounds <= _MANY_ROUNDS else _CUSTOMARY[:1]:
        for text in (password.encode("utf-16-be") + b"\0\0", *((b"",) if not password else ())):
            key = _derive_key(text, salt, rounds, name, block)
            if hmac.compare_digest(hmac.new(key, content, name).digest(), wanted):
                return f"PKCS #12 file with {'the customary' if password else 'an empty'} password"
    return ""


def _read_parts(file: bytes) -> tuple[bytes, str, int, bytes, bytes, int] | None:
    """The content that is authenticated, the digest's name and block size, then value, salt and rounds of the MAC."""
    outer = read_element(file, 0)
    version = read_element(file, outer[1]) if outer else None
    safe = read_element(file, version[2]) if version else None
    kind = read_element(file, safe[1]) if safe else None
    wrapper = read_element(file, kind[2]) if kind else None
    content = read_element(file, wrapper[1]) if wrapper else None
    mac = read_element(file, safe[2]) if safe and outer and safe[2] < outer[2] else None
    info = read_element(file, mac[1]) if mac else None
    algorithm = read_element(file, info[1]) if info else None
    digest = read_element(file, algorithm[2]) if algorithm else None
    salt = read_element(file, info[2]) if info else None
    if not (content and mac and algorithm and digest and salt) or mac[2] > len(file):
        return None
    oid = read_element(file, algorithm[1])
    known = _DIGESTS.get(file[algorithm[1] : oid[2]]) if oid else None
    if not known:
        return None
    count = read_element(file, salt[2]) if salt[2] < mac[2] else None
    rounds = int.from_bytes(file[count[1] : count[2]], "big") if count else 1
    return file[content[1] : content[2]], *known, file[digest[1] : digest[2]], file[salt[1] : salt[2]], rounds


def _derive_key(password: bytes, salt: bytes, rounds: int, name: str, block: int) -> bytes:
    """The MAC's key (RFC 7292, appendix B.2, with 3 for its purpose)."""
    value = b"\3" * block + _fill(salt, block) + _fill(password, block)
    for _ in range(rounds):
        value = new(name, value).digest()
    return value


def _fill(text: bytes, block: int) -> bytes:
    """The text again and again, up to whole blocks."""
    size = -(-len(text) // block) * block
    return (text * (size // max(1, len(text)) + 1))[:size]
