"""An npm access token.

What it does
    Finds `npm_` tokens, whose last six characters are a checksum: if it is wrong, the finding is low. Older tokens,
    which are UUIDs, are found after `:_authToken=` in an .npmrc file, users and passwords in base64 after `_auth=` and
    `:_password=`.

Why it matters
    Anyone with it can publish a release of the owner's packages, which the next install of every user runs.

How to fix
    Revoke the token, check the releases, and publish from CI with OIDC (trusted publishing) instead.

References
    https://github.blog/security/announcing-npms-new-access-token-format/
    https://docs.npmjs.com/revoking-access-tokens
"""

from __future__ import annotations

from credguard.heuristics.checksums import has_valid_crc32
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence, Severity
from credguard.rules.tokens._basic_auth import grade_encoded_password, grade_login
from credguard.rules.tokens._token_rule import (
    AFTER_DASH,
    PLAIN,
    Grade,
    TokenKind,
    build_token_rule,
    grade_opaque,
    make_kind,
)


def _grade_token(value: bytes) -> Grade | None:
    body = value[4:]
    if has_valid_crc32(body):
        return PLAIN
    return Grade(Severity.LOW, Confidence.LOW, "its checksum is wrong") if grade_opaque(body) else None


_BASE64 = rb"([A-Za-z0-9+/]{8,400}={0,2})(?![A-Za-z0-9+/=_.\-])"
_KINDS = (
    make_kind("npm", "npm token", rb"npm_", (rb"[A-Za-z0-9]", 36), judge=_grade_token),
    TokenKind(
        "npm-legacy",
        "npm token of the old format",
        Pattern("token-npm-legacy", rb":_authToken ?= ?[\"']?[0-9a-fA-F]{8}-"),
        9,
        compile_lazily(rb"([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})" + AFTER_DASH),
    ),
    TokenKind(
        "npm-login",
        "npm user and password in base64",
        Pattern("npm-auth", rb"(?:^|[\s:\"'])_auth ?= ?[\"']?[A-Za-z0-9+/]{8}", multiline=True),
        8,
        compile_lazily(_BASE64),
        grade_login,
    ),
    TokenKind(
        "npm-password",
        "npm password in base64",
        Pattern("npm-password", rb":_password ?= ?[\"']?[A-Za-z0-9+/]{8}"),
        8,
        compile_lazily(_BASE64),
        grade_encoded_password,
    ),
)
RULE = build_token_rule(
    164,
    "npm-token",
    "An npm access token",
    _KINDS,
    revoke="npm token revoke ID (npm token list shows the IDs)",
    references=(
        "https://github.blog/security/announcing-npms-new-access-token-format/",
        "https://docs.npmjs.com/revoking-access-tokens",
    ),
)
