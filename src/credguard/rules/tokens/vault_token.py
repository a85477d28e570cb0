"""A service, batch or recovery token of HashiCorp Vault.

What it does
    Finds `hvs.`, `hvb.` and `hvr.` tokens, and the older `s.` with 24 characters, also with a namespace, and `b.` and
    `r.` if they are assigned to a Vault name (`VAULT_TOKEN`, `X-Vault-Token`, `client_token`, root token).

Why it matters
    Anyone with it can read the secrets that its policies allow; a root token can read all of them.

How to fix
    Revoke the token and its leases.

References
    https://developer.hashicorp.com/vault/docs/concepts/tokens
"""

from __future__ import annotations

from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.rules.tokens._token_rule import (
    AFTER,
    AFTER_DASH,
    Grade,
    TokenKind,
    build_token_rule,
    grade_opaque,
    make_kind,
)


def _grade_mixed(value: bytes) -> Grade | None:
    """The name of a method has no digits."""
    return grade_opaque(value) if any(48 <= byte <= 57 for byte in value) else None


_NAME = rb"(?:VAULT[_\-]TOKEN|client_token|root[_ ]token)\\{0,3}[\"']?[ \t]{0,20}[:=,]?[ \t]{0,3}\\{0,3}[\"']?"
_KINDS = (
    make_kind(
        "vault", "HashiCorp Vault token", rb"hv[brs]\.", (rb"[A-Za-z0-9_\-]", 24), rb"[A-Za-z0-9_\-]{0,600}", AFTER_DASH
    ),
    TokenKind(
        "vault-old",
        "HashiCorp Vault token",
        Pattern("token-vault-name", _NAME + rb"[sbr]\.", caseless=True),
        2,
        compile_lazily(rb"([sbr]\.(?:[A-Za-z0-9]{24}(?:\.[A-Za-z0-9]{5})?|[A-Za-z0-9_\-]{90,600}))" + AFTER),
        _grade_mixed,
    ),
)
RULE = build_token_rule(
    176,
    "vault-token",
    "A HashiCorp Vault token",
    _KINDS,
    revoke="vault token revoke -accessor ACCESSOR, or vault token revoke TOKEN from a private shell",
    references=("https://developer.hashicorp.com/vault/docs/concepts/tokens",),
)
