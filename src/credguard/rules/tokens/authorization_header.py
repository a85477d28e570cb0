"""The value of an HTTP Authorization header: a bearer token, or a user and password.

What it does
    Finds `Bearer` and `Authorization: token` with an opaque value, as recorded requests, curl commands and clients
    with the header written in have them, and `Basic` with base64 of `user:password`, which is decoded. Placeholders,
    words and trivial passwords are silent. Tokens of a known form are told by the rule on that form.
    So is an opaque value of 20 characters or more that is named as OAuth names its own: `access_token`,
    `refresh_token`, `client_secret`, `oauth_token_secret`.

Why it matters
    The header is all that a server asks for.

How to fix
    Revoke the token or change the password; let the client read it when it runs, and filter it from recordings.

References
    https://www.rfc-editor.org/rfc/rfc6750
    https://www.rfc-editor.org/rfc/rfc7617
"""

from __future__ import annotations

from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence
from credguard.rules.tokens._basic_auth import grade_login
from credguard.rules.tokens._token_rule import Grade, TokenKind, build_token_rule, grade_opaque

# What a rule of its own speaks of.
_KNOWN = (
    b"eyJ",
    b"gh",
    b"glpat-",
    b"xox",
    b"sk-",
    b"sk_",
    b"ya29.",
    b"hf_",
    b"dop_v1_",
    b"hvs.",
    b"npm_",
    b"SG.",
    b"ABSK",
)
_WORDS = compile_lazily(rb"[A-Z]?[a-z]{3,}|[A-Z]{3,}")
_DIGIT = compile_lazily(rb"[0-9]")
_OPEN = rb"authorization\\{0,3}[\"'\])]{0,3}\s{0,3}(?:=>|[:=,])\s{0,3}\\{0,3}[\"']{0,2}"


def _grade_bearer(value: bytes) -> Grade | None:
    in_words = sum(map(len, _WORDS.findall(value)))
    if value.startswith(_KNOWN) or not _DIGIT.search(value) or in_words > len(value) // 2:
        return None
    return Grade(confidence=Confidence.MEDIUM) if grade_opaque(value) else None


_BASIC = rb"([A-Za-z0-9+/]{8,400}={0,2})(?![A-Za-z0-9+/=_.\-])"
# The fields in which OAuth hands over tokens (RFC 6749, RFC 5849), and the header's and query's own names for them.
_FIELD = (
    rb"(?:access_?token|refresh_?token|client_?secret|oauth_token_secret|auth_?token|private[_\-]token|api[_\-]token)"
    rb"\\{0,3}[\"'\])]{0,3}\s{0,3}(?:=>|[:=])\s{0,3}\\{0,3}[\"']?"
)
_KINDS = (
    TokenKind(
        "oauth-token",
        "OAuth token or client secret",
        Pattern("oauth-value", _FIELD + rb"[A-Za-z0-9_.~+/\-]{20}", caseless=True),
        20,
        compile_lazily(rb"([A-Za-z0-9_.~+/\-]{20,2000}={0,2})(?![A-Za-z0-9_(\[{<$])"),
        _grade_bearer,
    ),
    TokenKind(
        "bearer",
        "bearer token",
        Pattern("bearer-value", rb"bearer [A-Za-z0-9_.~+/\-]{18}", caseless=True),
        18,
        compile_lazily(rb"([A-Za-z0-9_.~+/\-]{18,2000}={0,2})(?![A-Za-z0-9_(\[{<$])"),
        _grade_bearer,
    ),
    TokenKind(
        "header-token",
        "token of an Authorization header",
        Pattern("authorization-token", _OPEN + rb"token [A-Za-z0-9_.~+/\-]{18}", caseless=True),
        18,
        compile_lazily(rb"([A-Za-z0-9_.~+/\-]{18,2000}={0,2})(?![A-Za-z0-9_(\[{<$])"),
        _grade_bearer,
    ),
    TokenKind(
        "basic",
        "user and password in base64",
        Pattern("authorization-basic", _OPEN + rb"basic [A-Za-z0-9+/]{8}", caseless=True),
        8,
        compile_lazily(_BASIC),
        grade_login,
    ),
    TokenKind(
        "basic",
        "user and password in base64",
        Pattern("basic-quoted", rb"[\"']basic [A-Za-z0-9+/]{8}", caseless=True),
        8,
        compile_lazily(_BASIC),
        grade_login,
    ),
)
RULE = build_token_rule(
    189,
    "authorization-header",
    "A token or password of an HTTP Authorization header",
    _KINDS,
    confidence=Confidence.MEDIUM,
    revoke="end the token or change the password at the server",
    references=("https://www.rfc-editor.org/rfc/rfc6750", "https://www.rfc-editor.org/rfc/rfc7617"),
)
