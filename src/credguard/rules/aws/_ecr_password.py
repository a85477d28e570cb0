"""Amazon ECR registry passwords: docker's `auths` entry and `docker login -u AWS -p`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.heuristics.boundaries import decode_base64
from credguard.heuristics.expiry import parse_epoch
from credguard.heuristics.placeholders import compute_entropy, is_example
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence
from credguard.rules.aws._service_finding import build_service_detection, make_secret_part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob, Detection

_AUTH = Pattern("ecr-docker-auth", rb"QVdTO[A-Za-z0-9+/]{60}")  # base64 of "AWS:"
_PASSWORD = Pattern("ecr-password", rb"eyJwYXlsb2FkIjoi[A-Za-z0-9+/]{60}")  # base64 of {"payload":"
_LOGIN = Pattern("ecr-docker-login", rb"(?:-u|--username)[ =]AWS (?:-p|--password)[ =]")
PATTERNS = (_AUTH, _PASSWORD, _LOGIN)

_RUN = compile_lazily(rb"[A-Za-z0-9+/]{60,16000}={0,2}")
_INNER = compile_lazily(rb"AWS:[A-Za-z0-9+/]{100,16000}={0,2}")
_OLD_PASSWORD = compile_lazily(rb"[\"']?([A-Za-z0-9+/]{200,8000}={0,2})")
_EXPIRATION = compile_lazily(rb"\"expiration\"\s*:\s*(\d{9,11})(?!\d)")
_REGISTRY = compile_lazily(rb"(\d{12})\.dkr\.ecr\.([a-z0-9\-]{6,30})\.amazonaws")
_NEAR = 400
_SHORTEST, _MIN_ENTROPY = 200, 4.5


def detect_ecr_password(blob: Blob, hits: Hits) -> Iterator[Detection]:
    """Every registry password of the blob, once."""
    data, done = blob.data, 0
    places = [(end - 65, True) for end in hits.get(_AUTH.name, ())]
    places += [(end - 76, False) for end in hits.get(_PASSWORD.name, ())]
    for start, doubly in sorted(places):
        match = _RUN.match(data, start) if start >= done else None
        done = match.end() if match else done
        if match and _is_password(match[0], doubly=doubly):
            yield _describe(data, start, done, _read_expiry(match[0], doubly=doubly))
    for end in hits.get(_LOGIN.name, ()):
        match = _OLD_PASSWORD.match(data, end)
        if (
            match
            and not match[1].startswith(b"eyJwYXlsb2FkIjoi")
            and compute_entropy(match[1]) > 4.5
            and not is_example(match[1])
        ):
            yield _describe(data, *match.span(1), None)


def _is_password(text: bytes, *, doubly: bool) -> bool:
    if len(text) < _SHORTEST or is_example(text) or compute_entropy(text) < _MIN_ENTROPY:
        return False
    return not doubly or _INNER.fullmatch(decode_base64(text)) is not None


def _read_expiry(text: bytes, *, doubly: bool) -> datetime | None:
    token = decode_base64(text)
    match = _EXPIRATION.search(decode_base64(token[len(b"AWS:") :]) if doubly else token)
    return parse_epoch(match[1]) if match else None


def _describe(data: bytes, start: int, end: int, expires: datetime | None) -> Detection:
    before = list(_REGISTRY.finditer(data, max(0, start - _NEAR), start))
    registry = before[-1] if before else _REGISTRY.search(data, end, end + _NEAR)
    attributes = {"account": registry[1].decode(), "region": registry[2].decode()} if registry else {}
    part = make_secret_part("registry_password", data, start, end)
    confidence = Confidence.HIGH if expires or registry else Confidence.MEDIUM
    called = "Amazon ECR registry password (valid 12 hours)"
    return build_service_detection("ecr", called, (part,), attributes, expires=expires, confidence=confidence)
