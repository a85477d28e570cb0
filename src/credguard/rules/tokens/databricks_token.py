"""A personal access token of Databricks.

What it does
    Finds `dapi` and `dose` tokens: 32 hexadecimal digits, with or without a number at the end.

Why it matters
    Anyone with it can run code on the workspace's clusters and read its tables and secrets.

How to fix
    Revoke the token in the workspace's settings.

References
    https://docs.databricks.com/en/dev-tools/auth/pat.html
"""

from __future__ import annotations

from credguard.rules.tokens._token_rule import build_token_rule, make_kind

_KINDS = (
    make_kind("databricks", "Databricks token", rb"dapi", (rb"[0-9a-f]", 32), rb"(?:-\d{1,2})?"),
    make_kind("databricks-oauth", "Databricks OAuth secret", rb"dose", (rb"[0-9a-f]", 32)),
)
RULE = build_token_rule(
    173,
    "databricks-token",
    "A Databricks token",
    _KINDS,
    revoke="Databricks > Settings > Developer > Access tokens > Revoke",
    references=("https://docs.databricks.com/en/dev-tools/auth/pat.html",),
)
