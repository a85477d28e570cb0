"""An API or administration key of Anthropic.

What it does
    Finds `sk-ant-api03-`, `sk-ant-admin01-` keys and OAuth tokens (`sk-ant-oat01-`, `sk-ant-ort01-`, `sk-ant-sid01-`).

Why it matters
    Requests are charged to the owner; an administration key manages members and other keys.

How to fix
    Delete the key in the Console under API keys.

References
    https://support.anthropic.com/en/articles/9767949-api-key-best-practices-keeping-your-keys-safe-and-secure
"""

from __future__ import annotations

from credguard.rules.tokens._token_rule import AFTER_DASH, build_token_rule, make_kind

_KINDS = (
    make_kind(
        "anthropic",
        "Anthropic key",
        rb"sk-ant-",
        (rb"[a-z0-9]", 5),
        rb"[a-z0-9]{0,3}-[A-Za-z0-9_\-]{80,130}",
        AFTER_DASH,
    ),
)
RULE = build_token_rule(
    167,
    "anthropic-key",
    "An Anthropic API key",
    _KINDS,
    revoke="https://console.anthropic.com/settings/keys > Delete",
    references=(
        "https://support.anthropic.com/en/articles/9767949-api-key-best-practices-keeping-your-keys-safe-and-secure",
    ),
)
