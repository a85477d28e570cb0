"""An access token or OAuth secret of Square.

What it does
    Finds `sq0atp-` access tokens and `sq0csp-` application secrets.

Why it matters
    With it anybody takes payments, refunds and reads customers of the seller.

How to fix
    Replace the token in the developer console.

References
    https://developer.squareup.com/docs/build-basics/access-tokens
"""

from __future__ import annotations

from credguard.rules._provider import AFTER_DASH, kind, token_rule

_KINDS = (
    kind("square", "Square access token", rb"sq0atp-", (rb"[A-Za-z0-9_\-]", 22), rb"[A-Za-z0-9_\-]{0,40}", AFTER_DASH),
    kind("square-secret", "Square application secret", rb"sq0csp-", (rb"[A-Za-z0-9_\-]", 43), after=AFTER_DASH),
)
RULE = token_rule(
    185,
    "square-token",
    "A Square token",
    _KINDS,
    revoke="https://developer.squareup.com/apps > Credentials > Replace",
    references=("https://developer.squareup.com/docs/build-basics/access-tokens",),
)
