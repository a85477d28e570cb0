"""An access token or OAuth secret of Square.

What it does
    Finds `sq0atp-` access tokens, `EAAA` with 60 random characters that are quoted or assigned to a name, and `sq0csp-`
    application secrets.

Why it matters
    Anyone with it can take payments, issue refunds and read the seller's customers.

How to fix
    Replace the token in the developer console.

References
    https://developer.squareup.com/docs/build-basics/access-tokens
"""

from __future__ import annotations

from credguard.heuristics.placeholders import compute_entropy
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.rules.tokens._token_rule import AFTER_DASH, Grade, TokenKind, build_token_rule, grade_opaque, make_kind

_BEGINS = rb"(?:(?<=[\"'`=>(,:])|(?<=[=:] )|(?<=Bearer ))"


def _grade_random(value: bytes) -> Grade | None:
    """Base64 of an image has few distinct characters and repeats them."""
    return grade_opaque(value) if compute_entropy(value[4:]) > 4.4 and b"AAA" not in value[4:] else None


_KINDS = (
    make_kind(
        "square", "Square access token", rb"sq0atp-", (rb"[A-Za-z0-9_\-]", 22), rb"[A-Za-z0-9_\-]{0,40}", AFTER_DASH
    ),
    TokenKind(
        "square-new",
        "Square access token",
        Pattern("token-square-new", rb"EAAA[A-Za-z][A-Za-z0-9_\-]{59}"),
        64,
        compile_lazily(_BEGINS + rb"EAAA[A-Za-z0-9_\-]{60}(?![A-Za-z0-9_\-+/=])"),
        _grade_random,
    ),
    make_kind("square-secret", "Square application secret", rb"sq0csp-", (rb"[A-Za-z0-9_\-]", 43), after=AFTER_DASH),
)
RULE = build_token_rule(
    185,
    "square-token",
    "A Square token",
    _KINDS,
    revoke="https://developer.squareup.com/apps > Credentials > Replace",
    references=("https://developer.squareup.com/docs/build-basics/access-tokens",),
)
