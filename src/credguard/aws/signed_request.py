"""Signed AWS requests: pre-signed URLs, POST forms and Authorization headers around an access key ID."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from credguard.heuristics.expiry import build_datetime, parse_epoch, parse_iso_time
from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    from collections.abc import Iterator

_BACK, _RUN, _NEAR = 3000, 6000, 1500
_FEW_IDS = 2
_LINES = 600
"""The most bytes of a request that a document wraps over several lines."""

_SLASH = rb"(?:\\{0,2}/|%(?:25){0,3}2[Ff])"
_EQUAL = rb"(?:=>|[=:,]|%(?:25){0,3}3[Dd]|\\{1,3}u003[Dd]|&#(?:x3[Dd]|61);)"
# Between a parameter's name and its value: `=`, `": "`, an HTML form's `" value="`, `", "value": "` of a HAR file.
_ASSIGN = (
    rb"(?:\\{0,3}[\"'])?\s{0,4}" + _EQUAL + rb"\s{0,4}(?:\\{0,3}[\"'])?"
    rb"|\\{0,3}[\"']\s{1,40}value=\\{0,3}[\"']"
    rb"|\\{0,3}[\"']\s{0,20},\s{0,40}\\{0,3}[\"']value\\{0,3}[\"']\s{0,4}:\s{0,4}\\{0,3}[\"']"
)
_UNIT = rb"(?:[A-Za-z0-9+/]|%(?:25){0,3}2[BbFf]|\\{1,2}/|\\{1,2}u002[BbFf])"
_PAD = rb"(?:=|%(?:25){0,3}3[Dd]|\\{1,2}u003[Dd])?"

_REGION_AND_SERVICE = rb"(?:([a-z0-9*\-]{2,30})" + _SLASH + rb")?([A-Za-z0-9\-]{2,40})"
_SCOPE = compile_lazily(_SLASH + rb"(\d{8})" + _SLASH + _REGION_AND_SERVICE + _SLASH + rb"aws4_request")
_HEX_SIGNATURE = compile_lazily(rb"(?i:signature)(?:" + _ASSIGN + rb")([0-9a-fA-F]{64,150})(?![0-9A-Za-z])")
_BASE64_SIGNATURE = compile_lazily(
    rb"(?i:signature)(?:" + _ASSIGN + rb")(" + _UNIT + rb"{27}(?:" + _UNIT + rb"{16})?" + _PAD + rb")(?![0-9A-Za-z+/])"
)
_HEADER_SIGNATURE = compile_lazily(rb":(" + _UNIT + rb"{27}=)(?![0-9A-Za-z+/=])")
_V4_NAME = compile_lazily(rb"(?i:x-amz-credential)(?:" + _ASSIGN + rb")\Z")
_V2_NAME = compile_lazily(rb"(?i:AWSAccessKeyId)(?:" + _ASSIGN + rb")\Z")
_TOKEN_NAME = compile_lazily(rb"(?i:x-amz-security-token)(?:" + _ASSIGN + rb")\Z")
_AMZ_DATE = compile_lazily(rb"(?i:x-amz-date)(?:" + _ASSIGN + rb")(\d{8}T\d{6}Z)")
_AMZ_EXPIRES = compile_lazily(rb"(?i:x-amz-expires)(?:" + _ASSIGN + rb")(\d{1,7})(?!\d)")
_EXPIRES = compile_lazily(rb"(?<![A-Za-z\-])(?i:expires)(?:" + _ASSIGN + rb")(\d{9,11})(?!\d)")
_COLON = rb"(?:%(?:25)?3[Aa]|:)"
_TIMESTAMP = compile_lazily(
    rb"(?i:timestamp)(?:" + _ASSIGN + rb")(\d{4}-\d\d-\d\dT\d\d" + _COLON + rb"\d\d" + _COLON + rb"\d\d)"
)
_MAIL_DATE = compile_lazily(
    rb"(?i:date)(?:" + _ASSIGN + rb")"
    rb"([A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d (?:GMT|UTC|[+\-]\d{4}))"
)
_KEY_ID = compile_lazily(rb"A(?:KIA|SIA|3T[A-Z0-9])[A-Z2-7]{16}")
_RUN_OF_URL = compile_lazily(rb"[^\s\"'<>`\x00]*")

_HEADER_LIFE = timedelta(minutes=15)
_LONGEST_LIFE = timedelta(days=7)
"""A signing key, and so any request signed with it, is valid for at most seven days."""
_DAY = timedelta(days=1)
_FEWEST_DIGITS = 6


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A signed request: its extent, its signature's location, and its metadata.

    `method` is `v4`, `v2` or `header`; `expires` is the last moment at which it is valid.
    """

    start: int
    end: int
    signature: tuple[int, int]
    method: str
    expires: datetime | None
    region: str | None = None
    service: str | None = None


def find_signed_request(data: bytes, start: int, end: int) -> SignedRequest | None:
    """The signed request whose access key ID is data[start:end]; None if there is no signature for it."""
    scope = _SCOPE.match(data, end)
    if scope:
        return _parse_v4(data, start, scope)
    lead = data[max(0, start - 100) : start]
    if lead.endswith(b"AWS "):
        return _parse_v2_header(data, start, end)
    return _parse_v2_query(data, start, end) if _V2_NAME.search(lead) else None


def is_inside_signed_request(data: bytes, start: int, end: int) -> bool:
    """True if data[start:end] is a signed request's key ID, or a session token in one."""
    if _KEY_ID.fullmatch(data, start, end):
        return find_signed_request(data, start, end) is not None
    named = _TOKEN_NAME.search(data[max(0, start - 100) : start]) is not None
    for one, stop in _find_ids_around(data, start, end):
        request = find_signed_request(data, one, stop)
        if request and (named or (request.start <= start and end <= request.end)):
            return True
    return False


def find_embedded_request(data: bytes) -> tuple[bytes, SignedRequest] | None:
    """The first key ID with a signature in a decoded token, and its request."""
    for match in _KEY_ID.finditer(data):
        request = find_signed_request(data, *match.span())
        if request:
            return match[0], request
    return None


def _find_ids_around(data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    before = [m.span() for m in _KEY_ID.finditer(data, max(0, start - _BACK), start)]
    yield from reversed(before[-_FEW_IDS:])
    for number, match in enumerate(_KEY_ID.finditer(data, end, end + _NEAR)):
        if number == _FEW_IDS:
            return
        yield match.span()


def _find_run(data: bytes, start: int, end: int, limit: int) -> tuple[int, int]:
    """The text around data[start:end] without spaces and quotes: a URL and what is attached to it."""
    back = _RUN_OF_URL.match(data[max(0, start - _BACK) : start][::-1])
    ahead = _RUN_OF_URL.match(data, end, limit)
    return start - (len(back[0]) if back else 0), ahead.end() if ahead else end


def _find_signature(pattern: re.Pattern[bytes], data: bytes, start: int, end: int) -> tuple[int, int, int, int] | None:
    """Extent of the request around the key ID data[start:end] and its signature's location."""
    following = _KEY_ID.search(data, end, end + _RUN)
    limit = following.start() if following else end + _RUN
    low, high = _find_run(data, start, end, limit)
    low = max(low, data.rfind(b"AKIA", low, start) + 1, data.rfind(b"ASIA", low, start) + 1)
    match = pattern.search(data, end, min(limit, max(high, end + _NEAR)))
    if not match and data.rfind(b"ignature", low, start) >= 0:
        match = pattern.search(data, low, start)
    if not match or len(set(match[1])) < _FEWEST_DIGITS:
        return None
    return low, max(high, match.end(1)), *match.span(1)


def _parse_v4(data: bytes, start: int, scope: re.Match[bytes]) -> SignedRequest | None:
    place = _find_signature(_HEX_SIGNATURE, data, start, scope.end())
    if not place:
        return None
    low, high, begin, stop = place
    query = _V4_NAME.search(data[max(0, start - 100) : start]) is not None
    area = data[low:high] if query and low < begin < high else b""
    region, service = (part.decode() if part else None for part in scope.group(2, 3))
    expires = _compute_v4_expiry(area or data[max(0, start - _NEAR) : high + _NEAR], scope[1], query=query)
    return SignedRequest(low, high, (begin, stop), "v4" if query else "header", expires, region, service)


def _compute_v4_expiry(area: bytes, day: bytes, *, query: bool) -> datetime | None:
    """Signing time plus lifetime if both are there; otherwise the latest that the scope's date allows."""
    signed = next((m[1] for m in _AMZ_DATE.finditer(area) if m[1].startswith(day)), None)
    life = _AMZ_EXPIRES.search(area) if query else None
    longest = _LONGEST_LIFE if query else _HEADER_LIFE
    if signed:
        return parse_iso_time(signed, timedelta(seconds=int(life[1])) if life else longest)
    return parse_iso_time(day + b"T000000Z", longest + _DAY)


def _parse_v2_query(data: bytes, start: int, end: int) -> SignedRequest | None:
    place = _find_signature(_BASE64_SIGNATURE, data, start, end)
    if not place:
        return None
    low, high, begin, stop = place
    low = max(low, start - _NEAR)
    expires = _EXPIRES.search(data, low, high)
    stamp = None if expires else _TIMESTAMP.search(data, max(0, start - _LINES), high + _LINES)
    when = parse_epoch(expires[1]) if expires else None
    if stamp:
        when = parse_iso_time(re.sub(_COLON, b":", stamp[1]), _HEADER_LIFE)
    return SignedRequest(low, high, (begin, stop), "v2", when)


def _parse_v2_header(data: bytes, start: int, end: int) -> SignedRequest | None:
    match = _HEADER_SIGNATURE.match(data, end)
    if not match:
        return None
    from email.utils import parsedate_to_datetime  # rare, and slow to load

    date = _MAIL_DATE.search(data, max(0, start - _NEAR), match.end() + _NEAR)
    text = date[1].decode("ascii").replace("-0000", "+0000") if date else ""
    when = build_datetime(lambda: parsedate_to_datetime(text), _HEADER_LIFE) if date else None
    return SignedRequest(start, match.end(), match.span(1), "header", when)
