"""An API key or a reference token of JFrog Artifactory.

What it does
    Finds API keys (`AKCp` and 69 characters), reference tokens (`cmVmdGtu…`, base64 of reftkn) and, with low
    confidence, encrypted passwords (`AP`, a version, base 58).

Why it matters
    Anyone with it can download the company's packages and, with deploy permissions, replace them.

How to fix
    Revoke the key in the user's profile.

References
    https://jfrog.com/help/r/jfrog-platform-administration-documentation/access-tokens
"""

from __future__ import annotations

from credguard.lazy_re import compile_lazily
from credguard.rules.tokens._token_rule import build_token_rule, is_generated, make_kind

_ENCRYPTED = compile_lazily(rb"AP[0-9A-F][1-9A-HJ-NP-Za-km-z]{20,200}")


def _is_password(value: bytes) -> bool:
    """An encrypted password is base 58; other services' tokens with the same beginning are not."""
    return bool(_ENCRYPTED.fullmatch(value)) and is_generated(value)


_KINDS = (
    make_kind("artifactory", "Artifactory API key", rb"AKC[a-z]", (rb"[A-Za-z0-9]", 60), rb"[A-Za-z0-9]{0,20}"),
    make_kind(
        "artifactory-reference",
        "Artifactory reference token",
        rb"cmVmdGtu",
        (rb"[A-Za-z0-9]", 56),
        rb"[A-Za-z0-9=]{0,30}",
    ),
)
RULE = build_token_rule(
    186,
    "artifactory-token",
    "An Artifactory token",
    _KINDS,
    judge=_is_password,
    revoke="JFrog > User profile > API key or identity tokens > Revoke",
    references=("https://jfrog.com/help/r/jfrog-platform-administration-documentation/access-tokens",),
)
