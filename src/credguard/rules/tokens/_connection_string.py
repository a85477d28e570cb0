"""Passwords in connection strings of databases and brokers that are not URLs with a user before the host."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.heuristics.passwords import is_real_encoded
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence, Severity
from credguard.rules.tokens._token_rule import Grade, TokenKind, build_token_detection

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob, Detection

_NAME = rb"(?:password|pwd)"
_SETTING = Pattern(
    "connection-setting", rb"(?:[?&;](?:amp;)?|u0026|x26)[ ]?" + _NAME + rb" ?\\?= ?[^\s&\"'<>;]{4}", caseless=True
)
_WORDS = Pattern("connection-words", rb"[a-z0-9_.'\-] " + _NAME + rb"='?[^\s\"'&;<>]{4}", caseless=True)
_ORACLE = Pattern("connection-oracle", rb"jdbc:oracle:(?:thin|oci8?):[A-Za-z0-9_$#.\-]{1,60}/", caseless=True)
_GO = Pattern("connection-go", rb"@(?:tcp|unix)\(")
_JAAS = Pattern("connection-jaas", rb"LoginModule\s{1,4}(?:required|requisite|sufficient|optional)")
PATTERNS = (_SETTING, _WORDS, _ORACLE, _GO, _JAAS)

_VALUE = compile_lazily(_NAME + rb" ?\\?= ?(?:\{([^}\s\"']{4,120})\}|([^\s&\"'<>;\\]{4,120}))", re.IGNORECASE)
_QUOTED = compile_lazily(_NAME + rb"='([^'\s\\]{4,120})'|" + _NAME + rb"=([^\s\"'&;<>\\]{4,120})", re.IGNORECASE)
_PLACE = compile_lazily(
    rb"(?:server|data ?source|host(?:name)?|addr(?:ess)?|initial catalog|database(?:name)?|driver|dsn) ?\\?=|jdbc\\?:"
    rb"|(?:postgres(?:ql)?|mysql|mariadb|mongodb|redis|rediss|amqps?|sqlserver|mssql)[a-z0-9+]{0,20}://",
    re.IGNORECASE,
)
_USER = compile_lazily(rb"(?:user id|userid|uid|user ?name|user) ?\\?= ?([^\s;&\"'<>\\]{1,80})", re.IGNORECASE)
_LIBPQ = compile_lazily(rb"\b(?:host(?:addr)?|dbname|sslmode) ?= ?[^\s\"']", re.IGNORECASE)
_ORACLE_LOGIN = compile_lazily(rb":([A-Za-z0-9_$#.\-]{1,60})/([^\s@\"'<>/\\]{4,80})@", re.IGNORECASE)
_GO_LOGIN = compile_lazily(rb"([A-Za-z0-9_.\-]{1,60}):([^\s\"'`@/]{4,80})@(?:tcp|unix)\(\Z")
_JAAS_LOGIN = compile_lazily(
    rb"[^;]{0,300}?\busername ?= ?\\{0,3}\"([^\"\\\s]{1,80})\\{0,3}\"\s{1,40}password ?= ?\\{0,3}\"([^\"\\\s]{4,120})"
)
_ENDS = (b"\n", b'"', b"'", b"<", b">", b"`")
_AROUND = 400
_MOST = 2_000
_KIND = TokenKind("connection-string", "password in a connection string", _SETTING, 0, _VALUE)


def detect_connection_string(blob: Blob, hits: Hits) -> Iterator[Detection]:
    """Every password of such a string."""
    places: set[tuple[int, int]] = set()
    for pattern, read in _READERS:
        for end in hits.get(pattern.name, ())[:_MOST]:
            found = read(blob.data, end)
            user, place = found if found else (b"", (0, 0))
            value = blob.data[slice(*place)]
            if place not in places and is_real_encoded(value, user):
                places.add(place)
                grade = Grade(Severity.HIGH, Confidence.MEDIUM)
                yield build_token_detection(_KIND, blob.data, *place, grade, Severity.HIGH)


def _read_setting(data: bytes, end: int) -> tuple[bytes, tuple[int, int]] | None:
    """`Server=…;User ID=…;Password=…`, or a URL's query, if the text identifies a database."""
    text, offset = _find_literal(data, end)
    return _match_login(text, offset, end, _VALUE) if _PLACE.search(text) else None


def _read_words(data: bytes, end: int) -> tuple[bytes, tuple[int, int]] | None:
    """`host=… user=… password=…` of libpq."""
    text, offset = _find_literal(data, end, ends=_ENDS[:2])
    return _match_login(text, offset, end, _QUOTED) if _LIBPQ.search(text) else None


def _find_literal(data: bytes, end: int, ends: tuple[bytes, ...] = _ENDS) -> tuple[bytes, int]:
    """The literal or line around an offset, and its start."""
    low, high = max(0, end - _AROUND), min(len(data), end + _AROUND)
    start = max(low, *(data.rfind(sign, low, end) + 1 for sign in ends))
    stops = [place for sign in ends if (place := data.find(sign, end, high)) >= 0]
    return data[start : min(stops, default=high)], start


def _match_login(text: bytes, offset: int, end: int, value: re.Pattern[bytes]) -> tuple[bytes, tuple[int, int]] | None:
    user = _USER.search(text)
    for match in value.finditer(text):
        if match.end() + offset >= end and user:
            group = 1 if match[1] is not None else 2
            return user[1], (match.start(group) + offset, match.end(group) + offset)
    return None


def _read_oracle(data: bytes, end: int) -> tuple[bytes, tuple[int, int]] | None:
    match = _ORACLE_LOGIN.search(data, max(0, end - 62), end + 90)
    return (match[1], match.span(2)) if match else None


def _read_go(data: bytes, end: int) -> tuple[bytes, tuple[int, int]] | None:
    low = max(0, end - 160)
    match = _GO_LOGIN.search(data[low:end])
    return (match[1], (match.start(2) + low, match.end(2) + low)) if match else None


def _read_jaas(data: bytes, end: int) -> tuple[bytes, tuple[int, int]] | None:
    match = _JAAS_LOGIN.match(data, end)
    return (match[1], match.span(2)) if match else None


_READERS = (
    (_SETTING, _read_setting),
    (_WORDS, _read_words),
    (_ORACLE, _read_oracle),
    (_GO, _read_go),
    (_JAAS, _read_jaas),
)
