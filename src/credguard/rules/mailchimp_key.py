"""A Mailchimp API key or a Mailgun private key.

What it does
    Finds 32 hexadecimal digits with `-us` and the data centre's number, and Mailgun's `key-` with 32 hexadecimal
    digits.

Why it matters
    With it anybody reads the lists of subscribers and mails them.

How to fix
    Revoke the key in the account's extras.

References
    https://mailchimp.com/help/about-api-keys/
"""

from __future__ import annotations

from credguard.regex import regex
from credguard.rule import Pattern
from credguard.rules._provider import AFTER_DASH, BEFORE, Kind, kind, token_rule

_KINDS = (
    Kind(
        "mailchimp",
        "Mailchimp API key",
        Pattern("token-mailchimp", rb"[0-9a-f]{32}-us[0-9]"),
        36,
        regex(BEFORE + rb"[0-9a-f]{32}-us[0-9]{1,2}" + AFTER_DASH),
    ),
    kind("mailgun", "Mailgun private key", rb"key-", (rb"[0-9a-f]", 32), after=AFTER_DASH),
)
RULE = token_rule(
    184,
    "mailchimp-key",
    "A Mailchimp or Mailgun key",
    _KINDS,
    revoke="Mailchimp > Account > Extras > API keys > Revoke; Mailgun > API Security > delete",
    references=("https://mailchimp.com/help/about-api-keys/",),
)
