"""A user or organization token of Hugging Face.

What it does
    Finds `hf_` tokens of 34 letters and `api_org_` tokens.

Why it matters
    Anyone with it can read private models and data sets and, with write scope, replace models that others load.

How to fix
    Invalidate the token in the account's settings.

References
    https://huggingface.co/docs/hub/security-tokens
"""

from __future__ import annotations

from credguard.rules.tokens._token_rule import build_token_rule, make_kind

_KINDS = (
    make_kind("hugging-face", "Hugging Face token", rb"hf_", (rb"[A-Za-z]", 34)),
    make_kind("hugging-face-org", "Hugging Face organization token", rb"api_org_", (rb"[A-Za-z]", 34)),
)
RULE = build_token_rule(
    172,
    "hugging-face-token",
    "A Hugging Face token",
    _KINDS,
    revoke="https://huggingface.co/settings/tokens > Invalidate and refresh, or delete",
    references=("https://huggingface.co/docs/hub/security-tokens",),
)
