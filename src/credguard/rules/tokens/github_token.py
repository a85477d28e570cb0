"""A GitHub token: classic, fine-grained, of an app, an installation, a user or a refresh.

What it does
    Finds `ghp_`, `gho_`, `ghu_`, `ghs_`, `ghr_` and `github_pat_` tokens. Their last six characters are a checksum: if
    it is correct, the finding is certain; a classic token with a wrong checksum was not issued by GitHub, or was
    changed since, and is low.

Why it matters
    Anyone with the token can read and write the repositories, packages and workflows that its owner can access.

How to fix
    Delete the token in the settings; GitHub automatically revokes those that it finds in public repositories. Use the
    workflow's own GITHUB_TOKEN, an app, or a fine-grained token with a short lifetime.

References
    https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
    https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/token-expiration-and-revocation
"""

from __future__ import annotations

import re

from credguard.heuristics.checksums import has_valid_crc32
from credguard.model.findings import Confidence, Severity
from credguard.rules.tokens._token_rule import PLAIN, Grade, build_token_rule, grade_opaque, make_kind


def _grade_classic(value: bytes) -> Grade | None:
    body = value[4:]
    if has_valid_crc32(body):
        return PLAIN
    return Grade(Severity.LOW, Confidence.LOW, "its checksum is wrong") if grade_opaque(body) else None


def _grade_refresh(value: bytes) -> Grade | None:
    """GitHub's documentation contains one of hexadecimal digits."""
    if has_valid_crc32(value[4:]):
        return PLAIN
    return Grade(confidence=Confidence.MEDIUM) if grade_opaque(value) and re.search(rb"[g-zG-Z]", value[4:]) else None


def _grade_fine_grained(value: bytes) -> Grade | None:
    return Grade(confidence=Confidence.MEDIUM) if grade_opaque(value[11:]) else None


_KINDS = (
    make_kind("github", "GitHub token", rb"gh[pours]_", (rb"[A-Za-z0-9]", 36), judge=_grade_classic),
    make_kind("github-refresh", "GitHub refresh token", rb"ghr_", (rb"[A-Za-z0-9]", 76), judge=_grade_refresh),
    make_kind(
        "github-fine-grained",
        "GitHub fine-grained token",
        rb"github_pat_",
        (rb"[A-Za-z0-9]", 22),
        rb"_[A-Za-z0-9]{59}",
        judge=_grade_fine_grained,
    ),
)
RULE = build_token_rule(
    160,
    "github-token",
    "A GitHub token",
    _KINDS,
    revoke="https://github.com/settings/tokens > Delete",
    references=(
        "https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/",
        "https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/token-expiration-and-revocation",
    ),
)
