"""IAM Identity Center (SSO) tokens: cache files of the AWS CLI and `aoa…` / `aor…` tokens elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.heuristics.boundaries import LEFT
from credguard.heuristics.expiry import parse_iso_time
from credguard.heuristics.placeholders import compute_entropy, is_placeholder
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.rules.aws._service_finding import build_service_detection, make_secret_part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob, Detection, Part

_START_URL = Pattern("sso-start-url", rb"\"startUrl\\{0,3}\"")
_TOKEN = Pattern("sso-token", rb"ao[ar]AAAAA[A-Z][A-Za-z0-9_\-]{40}")
PATTERNS = (_START_URL, _TOKEN)

_SHAPE = compile_lazily(LEFT + rb"ao([ar])AAAAA[A-Za-z0-9_\-]{30,4000}(?::[A-Za-z0-9+/=_\-]{20,2000})?")
_FIELD = compile_lazily(
    rb"\"(accessToken|refreshToken|clientSecret)\\{0,3}\"\s{0,8}:\s{0,8}\\{0,3}\"([A-Za-z0-9+/=_:.~\-]{20,8000})\\{0,3}\""
)
_EXPIRES_AT = compile_lazily(rb"\"expiresAt\\{0,3}\"\s{0,8}:\s{0,8}\\{0,3}\"([0-9TZU:.+\-]{15,40})")
_REGISTRATION = compile_lazily(rb"\"registrationExpiresAt\\{0,3}\"\s{0,8}:\s{0,8}\\{0,3}\"([0-9TZU:.+\-]{15,40})")
_ROLES = {b"accessToken": "access_token", b"refreshToken": "refresh_token", b"clientSecret": "client_secret"}
_OBJECT = 12_000
_NEAR = 4_000


def detect_identity_center(blob: Blob, hits: Hits) -> Iterator[Detection]:
    """One finding per cache object, then one per token outside of them."""
    data, told, done = blob.data, set[int](), 0
    for end in hits.get(_START_URL.name, ()):
        if end > done:
            low, done = _locate_object(data, end, done)
            parts = list(_find_fields(data, low, done))
            if any(part.role != "client_secret" for part in parts):
                told.update(part.start for part in parts)
                yield _describe(parts, data, low, done)
    done = 0
    for end in hits.get(_TOKEN.name, ()):
        match = _SHAPE.match(data, end - 49) if end - 49 >= done else None
        done = match.end() if match else done
        if match and match.start() not in told and _is_token(match[0]):
            role = "access_token" if match[1] == b"a" else "refresh_token"
            low, high = max(0, match.start() - _NEAR), done + _NEAR
            yield _describe([make_secret_part(role, data, *match.span())], data, low, high)


def _locate_object(data: bytes, end: int, done: int) -> tuple[int, int]:
    """The flat JSON object around `end`: between the nearest braces, within bounds."""
    low = max(data.rfind(b"{", max(done, end - _OBJECT), end), done, end - _OBJECT)
    high = data.find(b"}", end, end + _OBJECT)
    return low, high if high >= 0 else min(len(data), end + _OBJECT)


def _find_fields(data: bytes, low: int, high: int) -> Iterator[Part]:
    """The secrets of a cache object, access token first."""
    found = [match for match in _FIELD.finditer(data, low, high) if _is_token(match[2])]
    for match in sorted(found, key=lambda one: (list(_ROLES).index(one[1]), one.start())):
        yield make_secret_part(_ROLES[match[1]], data, *match.span(2))


def _is_token(value: bytes) -> bool:
    # The first nine characters are the same for all: "aoaAAAAAG".
    return compute_entropy(value) > 4.0 and not is_placeholder(value[9:69])


def _describe(parts: list[Part], data: bytes, low: int, high: int) -> Detection:
    """An access token expires at `expiresAt` (hours); with a refresh token the client registration's expiry counts."""
    refresh = any(part.role == "refresh_token" for part in parts)
    match = (_REGISTRATION if refresh else _EXPIRES_AT).search(data, low, high)
    expires: datetime | None = parse_iso_time(match[1]) if match else None
    both = " and ".join(part.role.removesuffix("_token") for part in parts if part.role.endswith("_token"))
    return build_service_detection("sso", f"IAM Identity Center {both} token", parts, expires=expires)
