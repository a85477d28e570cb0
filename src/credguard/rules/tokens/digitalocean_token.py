"""An API, OAuth or refresh token of DigitalOcean.

What it does
    Finds `dop_v1_`, `doo_v1_` and `dor_v1_` tokens of 64 hexadecimal digits.

Why it matters
    Anyone with it can create, read and delete machines, databases and volumes of the account.

How to fix
    Delete the token in the control panel.

References
    https://docs.digitalocean.com/reference/api/create-personal-access-token/
"""

from __future__ import annotations

from credguard.rules.tokens._token_rule import build_token_rule, make_kind

_KINDS = (make_kind("digitalocean", "DigitalOcean token", rb"do[opr]_v1_", (rb"[0-9a-f]", 64)),)
RULE = build_token_rule(
    174,
    "digitalocean-token",
    "A DigitalOcean token",
    _KINDS,
    revoke="https://cloud.digitalocean.com/account/api/tokens > Delete",
    references=("https://docs.digitalocean.com/reference/api/create-personal-access-token/",),
)
