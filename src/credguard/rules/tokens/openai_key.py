"""An API key of OpenAI: of a user, a project, a service account or an administrator.

What it does
    Finds `sk-`, `sk-proj-`, `sk-svcacct-` and `sk-admin-` keys by the marker T3BlbkFJ (base64 of OpenAI) in the middle.

Why it matters
    Requests are charged to the owner; files and fine-tuned models can be read.

How to fix
    Delete the key on the platform's API keys page.

References
    https://help.openai.com/en/articles/5112595-best-practices-for-api-key-safety
"""

from __future__ import annotations

from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.rules.tokens._token_rule import AFTER_DASH, BEFORE, TokenKind, build_token_rule

_KINDS = (
    TokenKind(
        "openai",
        "OpenAI API key",
        Pattern("token-openai", rb"T3BlbkFJ[A-Za-z0-9_\-]{20}"),
        28,
        compile_lazily(BEFORE + rb"sk-[A-Za-z0-9_\-]{20,120}T3BlbkFJ[A-Za-z0-9_\-]{20,120}" + AFTER_DASH),
        back=140,
    ),
)
RULE = build_token_rule(
    166,
    "openai-key",
    "An OpenAI API key",
    _KINDS,
    revoke="https://platform.openai.com/api-keys > Revoke",
    references=("https://help.openai.com/en/articles/5112595-best-practices-for-api-key-safety",),
)
