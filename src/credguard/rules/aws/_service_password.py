"""Service-specific passwords of IAM users (CodeCommit, Keyspaces) and git-codecommit URLs with a password."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

from credguard.heuristics.boundaries import LEFT, PAD, UNIT, unescape_base64
from credguard.heuristics.expiry import parse_iso_time
from credguard.heuristics.labels import label_before
from credguard.heuristics.placeholders import compute_entropy, is_placeholder
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence, Part, PartRole
from credguard.model.secret import Secret
from credguard.rules.aws._service_finding import build_service_detection, make_secret_part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob, Detection

_USER = Pattern("service-user-name", rb"-at-[0-9]{12}")
_HOST = Pattern("codecommit-url", rb"@git-codecommit")
PATTERNS = (_USER, _HOST)

_NAME = compile_lazily(rb"[A-Za-z0-9+._@\-]{1,64}")
_PASSWORD = compile_lazily(LEFT + UNIT + rb"{43}" + PAD + rb"(?![A-Za-z0-9+/=])")
_URL_PASSWORD = compile_lazily(rb":([^\s:/@\"'<>$&{}]{20,200})@")
_USERINFO = compile_lazily(rb"://([^\s:/@\"'<>]{1,2000}):([^\s/@\"'<>]{16,200})\Z")
_KEY_ID = compile_lazily(rb"A[KS]IA[A-Z2-7]{16}")
_SERVICE_USER = compile_lazily(rb"-at-\d{12}\Z")
_SIGNED_PASSWORD = compile_lazily(rb"(\d{8}T\d{6}Z)([0-9a-f]{64})")
_DIGEST = compile_lazily(rb"hash|sha\d|digest|checksum|integrity|etag|fingerprint|signature$")
_KEYSPACES = compile_lazily(rb"cassandra|keyspaces|cqlsh", re.IGNORECASE)
_CODECOMMIT = compile_lazily(rb"codecommit", re.IGNORECASE)
# AWS CLI reference, iam reset-service-specific-credential.
_DOCUMENTED = frozenset((b"+oaFsNk7tLco+C/obP9GhhcOzGcKOayTmE3LnAmAmH4=",))
_BEFORE, _AFTER, _CONTEXT = 200, 300, 400
_SIGNED_LIFE = timedelta(minutes=15)


def detect_service_password(blob: Blob, hits: Hits) -> Iterator[Detection]:
    """Passwords next to a `USER-at-ACCOUNT` name, then other passwords in git-codecommit URLs."""
    data, done = blob.data, 0
    for end in hits.get(_USER.name, ()):
        start = end - 16 - len(_match_text(_NAME, data[max(0, end - 80) : end - 16][::-1]))
        place = _find_password(data, max(done, start - _BEFORE), start, end)
        if place and start < end - 16 and not data[end : end + 1].isdigit():
            done = place[1]
            yield _build_detection(data, start, end, place)
    for end in hits.get(_HOST.name, ()):
        yield from _find_in_url(data, end - len(b"@git-codecommit"))


def _match_text(pattern: re.Pattern[bytes], text: bytes) -> bytes:
    match = pattern.match(text)
    return match[0] if match else b""


def _find_password(data: bytes, low: int, start: int, end: int) -> tuple[int, int] | None:
    """The location of the password for the user name data[start:end]: after it, else before it."""
    match = _URL_PASSWORD.match(data, end)
    if match:
        return match.span(1) if _is_password(match[1]) else None
    following = data.find(b"-at-", end, end + _AFTER)
    high = following if following >= 0 else end + _AFTER
    for candidate in (*_PASSWORD.finditer(data, end, high), *_PASSWORD.finditer(data, low, start)):
        if not _DIGEST.search(label_before(data, candidate.start())) and _is_password(unescape_base64(candidate[0])):
            return candidate.span()
    return None


def _is_password(value: bytes) -> bool:
    return (
        value not in _DOCUMENTED and compute_entropy(value) >= 3.5 and not is_placeholder(value) and not value.isalpha()
    )


def _build_detection(data: bytes, start: int, end: int, place: tuple[int, int]) -> Detection:
    user = data[start:end]
    around = data[max(0, start - _CONTEXT) : max(end, place[1]) + _CONTEXT]
    kind = "keyspaces" if _KEYSPACES.search(around) else "service-specific"
    kind = "codecommit" if _CODECOMMIT.search(around) else kind
    called = {"codecommit": "AWS CodeCommit HTTPS password", "keyspaces": "Amazon Keyspaces password"}
    password = Part(PartRole.PASSWORD, *place, Secret(unescape_base64(data[slice(*place)])))
    attributes = {"user": user[:-16].decode("ascii"), "account": user[-12:].decode("ascii")}
    confidence = Confidence.HIGH if kind in called else Confidence.MEDIUM
    return build_service_detection(
        kind, called.get(kind, "AWS service password"), (password,), attributes, confidence=confidence
    )


def _find_in_url(data: bytes, at: int) -> Iterator[Detection]:
    """`https://USER:PASSWORD@git-codecommit…` of another user: often a key ID and a 15-minute signature."""
    match = _USERINFO.search(data, max(0, at - 2300), at)
    signed = _SIGNED_PASSWORD.fullmatch(match[2]) if match else None
    if not match or _SERVICE_USER.search(match[1]) or is_placeholder(match[1].split(b"%")[0]):
        return
    if not _is_password(signed[2] if signed else match[2]):
        return
    expires: datetime | None = parse_iso_time(signed[1], _SIGNED_LIFE) if signed else None
    parts = [make_secret_part("password", data, *match.span(2))]
    key_id = _KEY_ID.match(match[1])
    if key_id:
        start = match.start(1)
        parts.append(Part(PartRole.ACCESS_KEY_ID, start, start + key_id.end(), Secret(key_id[0], public=True)))
    yield build_service_detection("codecommit", "AWS CodeCommit HTTPS password", parts, expires=expires)
