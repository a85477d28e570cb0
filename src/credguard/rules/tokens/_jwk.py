"""Private keys in JSON (RFC 7517): the member `d`, or `k` of a key that is shared."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from credguard.heuristics.placeholders import compute_entropy, is_placeholder
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.rules.tokens._pem import Body, BodyState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits

_QUOTE = rb"\\{0,3}[\"'`]"
KEY_TYPE = Pattern(
    "jwk-type", rb"kty\\{0,3}[\"'`]?\s{0,8}(?:=>|[:=])\s{0,8}\\{0,3}[\"'`](?:RSA|EC|OKP|oct)\\{0,3}[\"'`]"
)
_TYPE = compile_lazily(rb"(RSA|EC|OKP|oct)" + _QUOTE)
_MEMBER = rb"\\{0,3}[\"'`]?\s{0,8}(?:=>|[:=])\s{0,8}" + _QUOTE
_EXPONENT = compile_lazily(rb"(?<![A-Za-z0-9_])d" + _MEMBER + rb"([A-Za-z0-9_\-]{42,1400})={0,2}" + _QUOTE)
_SHARED = compile_lazily(rb"(?<![A-Za-z0-9_])k" + _MEMBER + rb"([A-Za-z0-9_\-]{22,1400})={0,2}" + _QUOTE)
_REACH = 8_000
_MOST = 500
_NAMES = {
    b"RSA": "RSA JSON web key",
    b"EC": "EC JSON web key",
    b"OKP": "Ed25519 JSON web key",
    b"oct": "shared JSON web key",
}
_LENGTHS = {b"EC": (43, 64, 88), b"OKP": (43, 75, 76)}
# Digests of how the values begin that RFC 7515, 7517, 7520 and 8037 print.
_PUBLISHED = frozenset(
    "1ab1eb84fa66d60c 289c2603754f0323 31b81a3b1a17e6fe 355903a2d0e6dd0b 5daca4bd760fc722 63a19a7b042e3be7 "
    "6c28bfd8f199643a 71122c2b1b6a6471 947fe8b41bcebb1b 94fafc3e5290d0e4 98cef6e44467fe2b 9f73b02e9d95481d "
    "a546244f2e552c11 ce3a9240723acdff d3fb45f131dbc038".split()
)
_OPENING = 22


def find_web_keys(data: bytes, hits: Hits) -> Iterator[tuple[int, int, str, Body]]:
    """Start, end, kind and value of the private member of each key."""
    done = 0
    for end in hits.get(KEY_TYPE.name, ())[:_MOST]:
        kind = _TYPE.search(data, end - 8, end)
        found = _find_member(data, end, kind[1]) if kind else None
        if kind and found and found[0] >= done:
            start, done = found
            yield start, done, _NAMES[kind[1]], Body(data[start:done], encrypted=False, state=BodyState.UNCHECKED)


def _find_member(data: bytes, end: int, kind: bytes) -> tuple[int, int] | None:
    """The place of the private value in the braces around a key's type."""
    start = data.rfind(b"{", max(0, end - _REACH), end)
    stop = data.find(b"}", end, end + _REACH)
    if start < 0 or stop < 0:
        return None
    member = (_SHARED if kind == b"oct" else _EXPONENT).search(data, start, stop)
    return member.span(1) if member and _is_private(member[1], kind) else None


def _is_private(value: bytes, kind: bytes) -> bool:
    if kind in _LENGTHS and len(value) not in _LENGTHS[kind]:
        return False
    if is_placeholder(value) or compute_entropy(value) < 3.6:
        return False
    return blake2b(value[:_OPENING], digest_size=8).hexdigest() not in _PUBLISHED
