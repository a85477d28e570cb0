"""A user name and password in base64, as in Basic authentication, docker and npm settings."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error

from credguard.heuristics.passwords import is_real_password
from credguard.heuristics.published_values import is_no_secret
from credguard.model.findings import Confidence
from credguard.rules.tokens._token_rule import Grade, grade_opaque

_REGISTRY_OF_AWS = b"AWS"


def grade_login(value: bytes) -> Grade | None:
    """The grade of base64 that contains `user:password`; None if the password is not a real one."""
    user, colon, password = _decode_base64(value).partition(b":")
    if is_no_secret(value) or not colon or not _is_printable(user + password):
        return None
    real = is_real_password(password, user) or (len(user) > 16 and len(password) < 16 and grade_opaque(user))
    return Grade(confidence=Confidence.MEDIUM) if real else None


def grade_registry_login(value: bytes) -> Grade | None:
    """The same for a container registry; Amazon's has its own rule."""
    return None if _decode_base64(value).startswith(_REGISTRY_OF_AWS + b":") else grade_login(value)


def grade_encoded_password(value: bytes) -> Grade | None:
    """The grade of base64 that contains only a password."""
    password = _decode_base64(value)
    return Grade(confidence=Confidence.MEDIUM) if _is_printable(password) and is_real_password(password) else None


def _decode_base64(value: bytes) -> bytes:
    try:
        return b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except (Error, ValueError):
        return b""


def _is_printable(text: bytes) -> bool:
    return text.isascii() and text.decode("ascii").isprintable()
