"""Passwords that a program hands to a call which signs in, after the user's name and without a name of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.heuristics.generic_values import is_generic_secret
from credguard.heuristics.passwords import is_real_password
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence, Severity
from credguard.rules.tokens._token_rule import Grade, TokenKind, build_token_detection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob, Detection

_NEXT = rb"[\"'],\s{0,20}[\"']"
_USER = rb"[^\"'\n]{1,80}" + _NEXT
_SEEN = 4
_LOGIN = Pattern(
    "call-login",
    rb"(?:NetworkCredential|HTTPBasicAuth|HttpBasicAuth|UsernamePasswordCredentials|PasswordAuthentication|SetBasicAuth)"
    rb"\(\s{0,20}[\"']" + _USER + rb"[^\"'\n]{4}",
)
_CONNECT = Pattern(
    "call-connect",
    rb"(?:new \\?PDO|mysqli?_p?connect|new \\?mysqli|DriverManager\.getConnection|PlainAuth)"
    rb"\(\s{0,20}[\"'][^\"'\n]{0,160}" + _NEXT + _USER + rb"[^\"'\n]{4}",
)
PATTERNS = (_LOGIN, _CONNECT)
_BEFORE = compile_lazily(rb"[\"']([^\"'\n]{1,80})" + _NEXT + rb"\Z")
_VALUE = compile_lazily(rb"([^\"'\n]{4,120})[\"']\s{0,20}[,)]")
_REACH, _MOST = 130, 2_000
_KIND = TokenKind("call-password", "password in a call that signs in", _LOGIN, _SEEN, _VALUE)
_GRADE = Grade(confidence=Confidence.MEDIUM)


def detect_call_password(blob: Blob, hits: Hits) -> Iterator[Detection]:
    """Every password of such a call."""
    done = 0
    for end in sorted(end for pattern in PATTERNS for end in hits.get(pattern.name, ())[:_MOST]):
        value = _VALUE.match(blob.data, end - _SEEN) if end - _SEEN >= done else None
        user = _BEFORE.search(blob.data, max(0, end - _SEEN - _REACH), end - _SEEN) if value else None
        if value and user:
            done = value.end(1)
            if is_real_password(value[1], user[1]) and is_generic_secret(value[1], b"password", password=True):
                yield build_token_detection(_KIND, blob.data, *value.span(1), _GRADE, Severity.HIGH)
