"""A Mailchimp, Mandrill or Mailgun key.

What it does
    Finds Mailchimp's 32 hexadecimal digits with `-us` and the data centre's number, Mandrill's `md-` with 22 random
    characters, also those without it beside the name, and Mailgun's `key-` with 32 hexadecimal digits, the newer form
    (32, 8 and 8 digits) beside its name.

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
from credguard.rules._provider import AFTER_DASH, BEFORE, Grade, Kind, kind, opaque, token_rule


def _random(value: bytes) -> Grade | None:
    """The name of a style sheet's class is of one case, and of words."""
    key = value.removeprefix(b"md-")
    capitals, digits = sum(65 <= byte <= 90 for byte in key), sum(48 <= byte <= 57 for byte in key)
    in_words = sum(map(len, _WORDS.findall(key)))
    return opaque(key) if key.upper() != key and capitals >= 3 and digits and in_words < len(key) // 2 else None


_WORDS = regex(rb"[A-Z]?[a-z]{3,}")
_GIVEN = rb"[a-z0-9_.\-]{0,24}(?:key|password|secret|token)\\{0,3}[\"']?\s{0,3}(?:=>|[:=,])\s{0,3}\\{0,3}[\"']?"
_KINDS = (
    Kind(
        "mailchimp",
        "Mailchimp API key",
        Pattern("token-mailchimp", rb"[0-9a-f]{32}-us[0-9]"),
        36,
        regex(BEFORE + rb"[0-9a-f]{32}-us[0-9]{1,2}" + AFTER_DASH),
    ),
    kind("mailgun", "Mailgun private key", rb"key-", (rb"[0-9a-f]", 32), after=AFTER_DASH),
    Kind(
        "mailgun-key",
        "Mailgun key",
        Pattern("token-mailgun-name", rb"mailgun" + _GIVEN + rb"[0-9a-f]{32}-", caseless=True),
        33,
        regex(rb"([0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8})" + AFTER_DASH),
    ),
    kind("mandrill", "Mandrill key", rb"md-", (rb"[A-Za-z0-9_\-]", 22), after=AFTER_DASH, judge=_random),
    Kind(
        "mandrill-old",
        "Mandrill key",
        Pattern("token-mandrill-name", rb"mandrill" + _GIVEN + rb"[A-Za-z0-9_\-]{22}", caseless=True),
        22,
        regex(rb"([A-Za-z0-9_\-]{22})" + AFTER_DASH),
        _random,
    ),
)
RULE = token_rule(
    184,
    "mailchimp-key",
    "A Mailchimp, Mandrill or Mailgun key",
    _KINDS,
    revoke="Mailchimp > Account > Extras > API keys > Revoke; Mandrill > Settings > SMTP & API info > Revoke;"
    " Mailgun > API Security > delete",
    references=("https://mailchimp.com/help/about-api-keys/",),
)
