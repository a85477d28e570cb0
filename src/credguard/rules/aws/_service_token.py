"""Service tokens that a single string identifies: EKS, AppSync, MWS, Cognito, container credentials."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from datetime import timedelta
from typing import TYPE_CHECKING

from credguard.aws.key_id import decode_account
from credguard.aws.signed_request import find_embedded_request
from credguard.heuristics.assigned_value import find_assigned_value, is_opaque
from credguard.heuristics.boundaries import LEFT, RIGHT
from credguard.heuristics.expiry import parse_epoch, parse_iso_time
from credguard.heuristics.placeholders import compute_entropy, is_placeholder
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence, Severity
from credguard.rules.aws._service_finding import build_service_detection, make_secret_part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob, Detection

_EKS = Pattern("eks-token", rb"k8s-aws-v1\.[A-Za-z0-9_\-]{60}")
_APPSYNC = Pattern("appsync-api-key", rb"da2-[a-z0-9]{26}")
_MWS = Pattern("mws-auth-token", rb"amzn\.mws\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", caseless=True)
_COGNITO = Pattern("cognito-client-secret-name", rb"cognito[A-Za-z0-9_.\-]{0,40}client[_.\-]{0,2}secret", caseless=True)
_CONTAINER = Pattern("container-token-name", rb"AWS_CONTAINER_AUTHORIZATION_TOKEN[^_A-Za-z0-9]")
PATTERNS = (_EKS, _APPSYNC, _MWS, _COGNITO, _CONTAINER)

_EKS_TOKEN = compile_lazily(rb"k8s-aws-v1\.([A-Za-z0-9_\-]{60,8000})")
_APPSYNC_KEY = compile_lazily(LEFT + rb"da2-[a-z0-9]{26}" + RIGHT)
_MWS_TOKEN = compile_lazily(rb"(?i:amzn\.mws\.[0-9a-f\-]{36})(?![0-9A-Za-z\-])")
_MWS_DOCUMENTED = b"4ea38b7b-f563-7709-4bae-87aea"
_NAME_REST = compile_lazily(rb"[A-Za-z0-9]{0,12}")
_COGNITO_SECRET = compile_lazily(rb"[a-z0-9]{45,60}")
_OTHER_SECRET = compile_lazily(rb"[A-Za-z0-9+_]{24,64}")
_JWT = compile_lazily(rb"eyJ[A-Za-z0-9_\-]+\.([A-Za-z0-9_\-]+)\.")
_JWT_EXPIRES = compile_lazily(rb"\"exp\"\s*:\s*(\d{9,11})")
_DIGIT = compile_lazily(rb"\d")
_SIGNED_AT = compile_lazily(rb"X-Amz-Date=(\d{8}T\d{6}Z)")
_EKS_LIFE = timedelta(minutes=15)


def detect_service_token(blob: Blob, hits: Hits) -> Iterator[Detection]:
    """Every such token of the blob."""
    for kind in (_find_eks, _find_appsync, _find_mws, _find_cognito, _find_container):
        yield from kind(blob.data, hits)


def _find_eks(data: bytes, hits: Hits) -> Iterator[Detection]:
    """A pre-signed sts:GetCallerIdentity URL in base64, valid for 15 minutes regardless of the expiry it states."""
    done = 0
    for end in hits.get(_EKS.name, ()):
        match = _EKS_TOKEN.match(data, end - 71) if end > done else None
        done = match.end() if match else done
        request = find_embedded_request(_decode_base64(match[1])) if match else None
        if match and request and not is_placeholder(request[0]):
            key_id, signed = request
            attributes = {"access_key_id": key_id.decode(), "account": decode_account(key_id), "region": signed.region}
            part = make_secret_part("eks_token", data, *match.span())
            signed_at = _SIGNED_AT.search(_decode_base64(match[1]))
            expires = parse_iso_time(signed_at[1], _EKS_LIFE) if signed_at else signed.expires
            yield build_service_detection("eks", "Amazon EKS cluster token", (part,), attributes, expires=expires)


def _find_appsync(data: bytes, hits: Hits) -> Iterator[Detection]:
    """An API key is often meant for browsers, so it is medium; it is valid for at most a year."""
    for end in hits.get(_APPSYNC.name, ()):
        match = _APPSYNC_KEY.match(data, end - 30)
        if (
            match
            and compute_entropy(match[0][4:]) > 3.0
            and _DIGIT.search(match[0], 4)
            and not is_placeholder(match[0])
        ):
            part = make_secret_part("appsync_api_key", data, *match.span())
            yield build_service_detection("appsync", "AWS AppSync API key", (part,), alive=Severity.MEDIUM)


def _find_mws(data: bytes, hits: Hits) -> Iterator[Detection]:
    """Marketplace Web Service was shut down in 2024; Amazon Pay accepted the same tokens, so it is medium."""
    for end in hits.get(_MWS.name, ()):
        match = _MWS_TOKEN.match(data, end - 45)
        value = match[0][9:] if match else b""
        if match and _MWS_DOCUMENTED not in value and not is_placeholder(value):
            part = make_secret_part("mws_auth_token", data, *match.span())
            yield build_service_detection("mws", "Amazon MWS auth token", (part,), alive=Severity.MEDIUM)


def _find_cognito(data: bytes, hits: Hits) -> Iterator[Detection]:
    done = 0
    for end in hits.get(_COGNITO.name, ()):
        rest = _NAME_REST.match(data, end)
        place = find_assigned_value(data, rest.end() if rest else end) if end > done else None
        done = place[1] if place else done
        value = data[slice(*place)] if place else b""
        if place and _OTHER_SECRET.fullmatch(value) and is_opaque(value, 24):
            confidence = Confidence.HIGH if _COGNITO_SECRET.fullmatch(value) else Confidence.MEDIUM
            part = make_secret_part("client_secret", data, *place)
            yield build_service_detection("cognito", "Amazon Cognito app client secret", (part,), confidence=confidence)


def _find_container(data: bytes, hits: Hits) -> Iterator[Detection]:
    """The token with which a container requests its credentials from the local endpoint."""
    done = 0
    for end in hits.get(_CONTAINER.name, ()):
        place = find_assigned_value(data, end - 1) if end > done else None
        done = place[1] if place else done
        value = data[slice(*place)] if place else b""
        if place and is_opaque(value, 20):
            part = make_secret_part("authorization_token", data, *place)
            called = "AWS container credentials token"
            expires = _read_jwt_expiry(value)
            confidence = Confidence.MEDIUM
            yield build_service_detection("container", called, (part,), expires=expires, confidence=confidence)


def _read_jwt_expiry(value: bytes) -> datetime | None:
    token = _JWT.match(value)
    match = _JWT_EXPIRES.search(_decode_base64(token[1])) if token else None
    return parse_epoch(match[1]) if match else None


def _decode_base64(text: bytes) -> bytes:
    return urlsafe_b64decode(text + b"A" * (-len(text) % 4))
