"""An API key, an OAuth client secret or an OAuth token of Google.

What it does
    Finds API keys (`AIza…`; Firebase keys are public by design, but must be restricted; `AQ.…`, bound to a service
    account), OAuth client secrets (`GOCSPX-`), access tokens (`ya29.`, medium: they are valid for an hour) and refresh
    tokens (`1//0…`).

Why it matters
    An unrestricted API key can use every enabled API at the owner's expense. A refresh token acts for the user until it
    is revoked.

How to fix
    Delete or restrict the key under APIs & Services, Credentials; reset the client's secret.

References
    https://cloud.google.com/docs/authentication/api-keys-best-practices
    https://firebase.google.com/docs/projects/api-keys
"""

from __future__ import annotations

from credguard.heuristics.boundaries import SLASH
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Severity
from credguard.rules.tokens._token_rule import (
    AFTER_DASH,
    BEFORE,
    Grade,
    TokenKind,
    build_token_rule,
    grade_opaque,
    make_kind,
)


def _grade_hourly(value: bytes) -> Grade | None:
    return Grade(Severity.MEDIUM, note="valid for an hour") if grade_opaque(value) else None


_SLASHES = SLASH + rb"{2}"
_KINDS = (
    make_kind("google-api", "Google API key", rb"AIza", (rb"[A-Za-z0-9_\-]", 35)),
    make_kind(
        "google-bound-key",
        "Google API key",
        rb"AQ\.Ab8RN6",
        (rb"[A-Za-z0-9_\-]", 40),
        rb"[A-Za-z0-9_\-]{0,20}",
        AFTER_DASH,
    ),
    make_kind(
        "google-oauth-secret", "Google OAuth client secret", rb"GOCSPX-", (rb"[A-Za-z0-9_\-]", 28), after=AFTER_DASH
    ),
    make_kind(
        "google-access-token",
        "Google access token",
        rb"ya29\.",
        (rb"[A-Za-z0-9_\-]", 40),
        rb"[A-Za-z0-9_\-.]{0,2000}",
        judge=_grade_hourly,
    ),
    TokenKind(
        "google-refresh-token",
        "Google refresh token",
        Pattern("token-google-refresh-token", rb"1" + _SLASHES + rb"0[A-Za-z0-9_\-]{30}"),
        31,
        compile_lazily(BEFORE + rb"1" + _SLASHES + rb"0[A-Za-z0-9_\-]{40,240}" + AFTER_DASH),
        back=13,
    ),
)
RULE = build_token_rule(
    168,
    "google-api-key",
    "A Google API key or OAuth secret",
    _KINDS,
    revoke="https://console.cloud.google.com/apis/credentials > delete, or restrict to APIs and referrers",
    references=(
        "https://cloud.google.com/docs/authentication/api-keys-best-practices",
        "https://firebase.google.com/docs/projects/api-keys",
    ),
)
