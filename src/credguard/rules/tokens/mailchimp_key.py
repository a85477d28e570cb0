"""A Mailchimp, Mandrill or Mailgun key.

What it does
    Finds Mailchimp's 32 hexadecimal digits with `-us` and the data center's number; Mandrill's `md-` with 22 random
    characters, or without `md-` next to its name; and Mailgun's `key-` with 32 hexadecimal digits if Mailgun is
    mentioned nearby or `api:` is before it, and the newer form (32, 8 and 8 digits) after a name for a key. Names
    of files and rows with such digits are not reported.

Why it matters
    Anyone with it can read the lists of subscribers and send mail to them.

How to fix
    Revoke the key in the account's extras.

References
    https://mailchimp.com/help/about-api-keys/
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.heuristics.letter_pairs import is_unreadable
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Severity
from credguard.rules.tokens._token_rule import (
    AFTER_DASH,
    BEFORE,
    PLAIN,
    Grade,
    TokenKind,
    build_token_detection,
    build_token_rule,
    grade_opaque,
    make_kind,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob, Detection


def _grade_random(value: bytes) -> Grade | None:
    """The name of a CSS class has one case and consists of words."""
    key = value.removeprefix(b"md-")
    capitals, digits = sum(65 <= byte <= 90 for byte in key), sum(48 <= byte <= 57 for byte in key)
    in_words = sum(map(len, _WORDS.findall(key)))
    if key.upper() == key or capitals < 3 or (in_words >= len(key) // 2 and not is_unreadable(key)):
        return None
    return grade_opaque(key) if digits or _CHANGES.search(key) else None


_WORDS = compile_lazily(rb"[A-Z]?[a-z]{3,}")
_CHANGES = compile_lazily(rb"(?:[A-Z][a-z]?[A-Z]|[a-z][A-Z][^a-z])")
_GIVEN = rb"[a-z0-9_.\-]{0,24}(?:key|password|secret|token)\\{0,3}[\"']?\s{0,3}(?:=>|[:=,])\s{0,3}\\{0,3}[\"']?"
_NAMED = rb"(?:key|password|secret|token|api)\\{0,3}[\"']?\s{0,3}(?:=>|[:=,])\s{0,3}\\{0,3}[\"']?"
_KINDS = (
    TokenKind(
        "mailchimp",
        "Mailchimp API key",
        Pattern("token-mailchimp", rb"[0-9a-f]{32}-us[0-9]"),
        36,
        compile_lazily(
            BEFORE
            + rb"(?<![/\-])[0-9a-f]{32}-us[0-9]{1,2}"
            + AFTER_DASH
            + rb"(?!\\{0,3}/|%2[Ff]|\.[A-Za-z][A-Za-z0-9])"
        ),
    ),
    TokenKind(
        "mailgun-key",
        "Mailgun key",
        Pattern("token-mailgun-new", _NAMED + rb"[0-9a-f]{32}-[0-9a-f]{8}-", caseless=True),
        42,
        compile_lazily(rb"([0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8})" + AFTER_DASH),
    ),
    make_kind("mandrill", "Mandrill key", rb"md-", (rb"[A-Za-z0-9_\-]", 22), after=AFTER_DASH, judge=_grade_random),
    TokenKind(
        "mandrill-old",
        "Mandrill key",
        Pattern("token-mandrill-name", rb"mandrill" + _GIVEN + rb"[A-Za-z0-9_\-]{22}", caseless=True),
        22,
        compile_lazily(rb"([A-Za-z0-9_\-]{22})" + AFTER_DASH),
        _grade_random,
    ),
)
_MAILGUN = Pattern("token-mailgun", rb"key-[0-9a-f]{31}")
_MAILGUN_KEY = compile_lazily(BEFORE + rb"(?<!-)key-[0-9a-f]{32}" + AFTER_DASH)
_LOGIN = compile_lazily(rb"api(?::|%3[Aa]|[\"'],\s{0,2}[\"'])\Z", re.IGNORECASE)
_SPOKEN_OF = compile_lazily(rb"mailgun|(?<![a-z0-9])mg[_.]", re.IGNORECASE)
_OLD = TokenKind("mailgun", "Mailgun private key", _MAILGUN, 35, _MAILGUN_KEY)
_NEAR, _MOST = 300, 2_000


def _find_mailgun(blob: Blob, hits: Hits) -> Iterator[Detection]:
    """Keys of Mailgun's older form, which look like cache keys: reported only if Mailgun is mentioned nearby."""
    data = blob.data
    for end in hits.get(_MAILGUN.name, ())[:_MOST]:
        match = _MAILGUN_KEY.match(data, end - 35)
        if not match or not grade_opaque(match[0]):
            continue
        before = data[max(0, match.start() - _NEAR) : match.start()]
        if _LOGIN.search(before[-8:]) or _SPOKEN_OF.search(before + b" " + data[match.end() : match.end() + _NEAR]):
            yield build_token_detection(_OLD, data, *match.span(), PLAIN, Severity.HIGH)


RULE = build_token_rule(
    184,
    "mailchimp-key",
    "A Mailchimp, Mandrill or Mailgun key",
    _KINDS,
    more=(_MAILGUN,),
    also=_find_mailgun,
    revoke="Mailchimp > Account > Extras > API keys > Revoke; Mandrill > Settings > SMTP & API info > Revoke;"
    " Mailgun > API Security > delete",
    references=("https://mailchimp.com/help/about-api-keys/",),
)
