"""Amazon ECR registry passwords: docker's `auths` entry and `docker login -u AWS -p`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.heuristics.boundaries import decoded
from credguard.heuristics.expiry import from_epoch
from credguard.heuristics.placeholders import entropy, is_example
from credguard.lazy_re import regex
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence
from credguard.rules.aws._service_finding import secret_part, service_credential

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob, Detection

_AUTH = Pattern("ecr-docker-auth", rb"QVdTO[A-Za-z0-9+/]{60}")  # base64 of "AWS:"
_PASSWORD = Pattern("ecr-password", rb"eyJwYXlsb2FkIjoi[A-Za-z0-9+/]{60}")  # base64 of {"payload":"
_LOGIN = Pattern("ecr-docker-login", rb"(?:-u|--username)[ =]AWS (?:-p|--password)[ =]")
PATTERNS = (_AUTH, _PASSWORD, _LOGIN)

_RUN = regex(rb"[A-Za-z0-9+/]{60,16000}={0,2}")
_INNER = regex(rb"AWS:[A-Za-z0-9+/]{100,16000}={0,2}")
_OLD_PASSWORD = regex(rb"[\"']?([A-Za-z0-9+/]{200,8000}={0,2})")
_EXPIRATION = regex(rb"\"expiration\"\s*:\s*(\d{9,11})(?!\d)")
_REGISTRY = regex(rb"(\d{12})\.dkr\.ecr\.([a-z0-9\-]{6,30})\.amazonaws")
_NEAR = 400
_SHORTEST, _MIN_ENTROPY = 200, 4.5


def find(blob: Blob, hits: Hits) -> Iterator[Detection]:
    """Every registry password of the blob, once."""
    data, done = blob.data, 0
    places = [(end - 65, True) for end in hits.get(_AUTH.name, ())]
    places += [(end - 76, False) for end in hits.get(_PASSWORD.name, ())]
    for start, doubly in sorted(places):
        match = _RUN.match(data, start) if start >= done else None
        done = match.end() if match else done
        if match and _is_password(match[0], doubly=doubly):
            yield _describe(data, start, done, _expiry(match[0], doubly=doubly))
    for end in hits.get(_LOGIN.name, ()):
        match = _OLD_PASSWORD.match(data, end)
        if (
            match
            and not match[1].startswith(b"eyJwYXlsb2FkIjoi")
            and entropy(match[1]) > 4.5
            and not is_example(match[1])
        ):
            yield _describe(data, *match.span(1), None)


def _is_password(text: bytes, *, doubly: bool) -> bool:
    if len(text) < _SHORTEST or is_example(text) or entropy(text) < _MIN_ENTROPY:
        return False
    return not doubly or _INNER.fullmatch(decoded(text)) is not None


def _expiry(text: bytes, *, doubly: bool) -> datetime | None:
    token = decoded(text)
    match = _EXPIRATION.search(decoded(token[len(b"AWS:") :]) if doubly else token)
    return from_epoch(match[1]) if match else None


def _describe(data: bytes, start: int, end: int, expires: datetime | None) -> Detection:
    before = list(_REGISTRY.finditer(data, max(0, start - _NEAR), start))
    registry = before[-1] if before else _REGISTRY.search(data, end, end + _NEAR)
    attributes = {"account": registry[1].decode(), "region": registry[2].decode()} if registry else {}
    part = secret_part("registry_password", data, start, end)
    confidence = Confidence.HIGH if expires or registry else Confidence.MEDIUM
    called = "Amazon ECR registry password (valid 12 hours)"
    return service_credential("ecr", called, (part,), attributes, expires=expires, confidence=confidence)
