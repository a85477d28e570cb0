"""A personal or organization access token of Docker Hub.

What it does
    Finds `dckr_pat_` and `dckr_oat_` tokens.

Why it matters
    With it anybody pulls private images and, with write scope, pushes images that others run.

How to fix
    Deactivate, then delete the token in the account's settings; look at the tags pushed since.

References
    https://docs.docker.com/security/for-developers/access-tokens/
"""

from __future__ import annotations

from credguard.rules._provider import AFTER_DASH, kind, token_rule

_KINDS = (
    kind(
        "docker-hub",
        "Docker Hub token",
        rb"dckr_[op]at_",
        (rb"[A-Za-z0-9_\-]", 27),
        rb"[A-Za-z0-9_\-]{0,20}",
        AFTER_DASH,
    ),
)
RULE = token_rule(
    171,
    "docker-hub-token",
    "A Docker Hub token",
    _KINDS,
    revoke="https://app.docker.com/settings/personal-access-tokens > Delete",
    references=("https://docs.docker.com/security/for-developers/access-tokens/",),
)
