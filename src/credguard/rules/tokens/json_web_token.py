"""A signed JSON web token, which authenticates anyone until it expires.

What it does
    Finds tokens of three parts, decodes header and claims, and reports the issuer and the expiry. Expired tokens are
    low. Tutorial tokens (John Doe, 1234567890, the Supabase demo) and unsigned ones are not reported; a token with an
    unregistered algorithm has medium confidence.

Why it matters
    The bearer is not checked. A token without an expiry, such as an API key in this form, works until the signing key
    is replaced.

How to fix
    Revoke the session or the key at the issuer; if tokens cannot be revoked, replace the signing key. Issue tokens that
    are valid for minutes.

References
    https://www.rfc-editor.org/rfc/rfc7519
    https://www.rfc-editor.org/rfc/rfc8725
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from binascii import Error
from typing import TYPE_CHECKING

from credguard.heuristics.expiry import parse_epoch
from credguard.heuristics.placeholders import compute_entropy, is_placeholder
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence, Severity
from credguard.rules.tokens._token_rule import Grade, TokenKind, build_token_detection, build_token_rule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob, Detection

_CLAIMS = Pattern("json-web-token", rb"\.(?:eyJ|ewog|eyAi|ew0K)[A-Za-z0-9_\-]{6}")
_HEADER = compile_lazily(rb"[A-Za-z0-9_\-]{8,4000}")
_PAYLOAD = compile_lazily(rb"[A-Za-z0-9_\-]{9,16000}")
_SIGNATURE = compile_lazily(rb"\.([A-Za-z0-9_\-]{16,1400})")
_ALGORITHMS = frozenset(
    "HS256 HS384 HS512 RS256 RS384 RS512 ES256 ES384 ES512 ES256K PS256 PS384 PS512 EdDSA Ed25519 Ed448".split()
)
_TUTORIAL = frozenset(("1234567890", "John Doe", "supabase-demo", "Joe Coder", "jwt.io", "Jane Doe", "joe"))
# Made by hand to test a parser.
_TRIVIAL = ({"a", "b", "c"}, {"foo"}, {"hello"}, {"test"}, {"some"}, {"data"})
_KIND = TokenKind("json-web-token", "JSON web token", _CLAIMS, 0, _PAYLOAD)


def _check(blob: Blob, hits: Hits) -> Iterator[Detection]:
    data, done = blob.data, 0
    for end in hits.get(_CLAIMS.name, ()):
        if end <= done:
            continue
        dot = data.rfind(b".", max(0, end - 11), end)
        lead = _HEADER.match(data[max(done, dot - 4001) : dot][::-1])
        start = data.find(b"ey", dot - lead.end(), dot) if lead else -1
        payload = _PAYLOAD.match(data, dot + 1) if start >= 0 else None
        signature = _SIGNATURE.match(data, payload.end()) if payload else None
        if not payload or not signature:
            continue
        done = signature.end()
        grade = _grade(_decode_part(data[start:dot]), _decode_part(payload[0]), signature[1])
        if grade:
            yield build_token_detection(_KIND, data, start, done, grade, Severity.HIGH)


def _decode_part(text: bytes) -> dict[str, object] | None:
    """The JSON object in a part of the token."""
    try:
        value = json.loads(urlsafe_b64decode(text + b"=" * (-len(text) % 4)))
    except (Error, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _grade(header: dict[str, object] | None, claims: dict[str, object] | None, signature: bytes) -> Grade | None:
    if header is None or claims is None or not isinstance(header.get("alg"), str) or header["alg"] == "none":
        return None
    if _is_from_tutorial(claims) or is_placeholder(signature) or compute_entropy(signature) < 3.5:
        return None
    expires = claims.get("exp")
    known = header["alg"] in _ALGORITHMS
    return Grade(
        confidence=None if known else Confidence.MEDIUM,
        note="" if expires else "it never expires",
        attributes={"algorithm": header["alg"]} if known else {},
        expires=_read_expiry(expires),
    )


def _read_expiry(value: object) -> datetime | None:
    return parse_epoch(b"%d" % value) if isinstance(value, (int, float)) and 0 < value < 1e11 else None


def _is_from_tutorial(claims: dict[str, object]) -> bool:
    words = {value for value in claims.values() if isinstance(value, str)}
    return not claims or not words.isdisjoint(_TUTORIAL) or set(claims) in _TRIVIAL


RULE = build_token_rule(
    183,
    "json-web-token",
    "A signed JSON web token",
    (),
    more=(_CLAIMS,),
    also=_check,
    revoke="revoke the session at the issuer, or replace the signing key",
    references=("https://www.rfc-editor.org/rfc/rfc7519", "https://www.rfc-editor.org/rfc/rfc8725"),
)
