"""A user, team or organization token of HCP Terraform or Terraform Enterprise.

What it does
    Finds tokens with `.atlasv1.` after 14 characters.

Why it matters
    Anyone with it can read state, which contains secrets, and start runs with the workspace's cloud permissions.

How to fix
    Delete the token in the user's, team's or organization's settings.

References
    https://developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/api-tokens
"""

from __future__ import annotations

from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.rules.tokens._token_rule import BEFORE, TokenKind, build_token_rule

_KINDS = (
    TokenKind(
        "terraform-cloud",
        "Terraform Cloud token",
        Pattern("token-terraform-cloud", rb"\.atlasv1\.[A-Za-z0-9_\-=]{40}"),
        49,
        compile_lazily(BEFORE + rb"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_\-=]{60,80}"),
        back=14,
    ),
)
RULE = build_token_rule(
    175,
    "terraform-cloud-token",
    "A Terraform Cloud token",
    _KINDS,
    revoke="https://app.terraform.io/app/settings/tokens > Delete",
    references=("https://developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/api-tokens",),
)
