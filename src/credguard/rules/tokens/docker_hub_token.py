"""A personal or organization access token of Docker Hub.

What it does
    Finds `dckr_pat_` and `dckr_oat_` tokens.

Why it matters
    Anyone with it can pull private images and, with write scope, push images that others run.

How to fix
    Deactivate, then delete the token in the account's settings; check the tags pushed since.

References
    https://docs.docker.com/security/for-developers/access-tokens/
"""

from __future__ import annotations

from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.rules.tokens._basic_auth import grade_registry_login
from credguard.rules.tokens._token_rule import AFTER_DASH, TokenKind, build_token_rule, make_kind

_KINDS = (
    make_kind(
        "docker-hub",
        "Docker Hub token",
        rb"dckr_[op]at_",
        (rb"[A-Za-z0-9_\-]", 27),
        rb"[A-Za-z0-9_\-]{0,20}",
        AFTER_DASH,
    ),
    TokenKind(
        "registry-login",
        "login of a container registry",
        Pattern("docker-auth", rb"\"auth\\{0,3}\"\s{0,9}:\s{0,9}\\{0,3}\"[A-Za-z0-9+/]{8}"),
        8,
        compile_lazily(rb"([A-Za-z0-9+/]{8,4000}={0,2})\\{0,3}\""),
        grade_registry_login,
    ),
)
RULE = build_token_rule(
    171,
    "docker-hub-token",
    "A Docker Hub token",
    _KINDS,
    revoke="https://app.docker.com/settings/personal-access-tokens > Delete",
    references=("https://docs.docker.com/security/for-developers/access-tokens/",),
)
