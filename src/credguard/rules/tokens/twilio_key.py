"""A Twilio API key, or an account's SID with its auth token.

What it does
    Finds the auth token next to an account SID (`AC` and 32 hexadecimal digits), and the secret next to an API key's
    SID (`SK` and 32 hexadecimal digits). A SID alone is not a secret: that of a key is low if Twilio is mentioned
    nearby, others are not reported.

Why it matters
    Anyone with the token can send messages and make calls at the account's expense and read its logs.

How to fix
    Promote a secondary auth token and delete the old one; delete API keys in the Console.

References
    https://www.twilio.com/docs/iam/access-tokens
    https://help.twilio.com/articles/223136027
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Severity
from credguard.rules.tokens._token_rule import (
    AFTER,
    BEFORE,
    PLAIN,
    Grade,
    TokenKind,
    build_token_detection,
    build_token_rule,
    grade_opaque,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob, Detection

_SIDS = Pattern("token-twilio", rb"(?:AC|SK)[0-9a-f]{32}")
_SID = compile_lazily(BEFORE + rb"(AC|SK)[0-9a-f]{32}" + AFTER)
_TOKEN = compile_lazily(
    rb"(?:token|secret|password|auth)[\"'\])]{0,3}[ \t]{0,4}(?:=>|[:=,])[ \t]{0,4}[\"']?([0-9a-f]{32})(?![0-9A-Za-z])",
    re.I,
)
_SECRET = compile_lazily(
    rb"(?:token|secret|password|auth)[\"'\])]{0,3}[ \t]{0,4}(?:=>|[:=,])[ \t]{0,4}[\"']?([0-9a-z]{32})(?![0-9a-z])",
    re.I,
)
_NEXT = compile_lazily(rb"[\"' ]{0,2}[:,][\"' ]{0,3}([0-9A-Za-z]{32})(?![0-9A-Za-z])")
_AGAIN = compile_lazily(rb"[\"' ]{0,2}[:,][\"' ]{0,3}([0-9a-f]{32})(?![0-9A-Za-z])")
_TWILIO = compile_lazily(rb"twilio", re.IGNORECASE)
_NEAR = 250
_AUTH = TokenKind("twilio-auth-token", "Twilio auth token", _SIDS, 34, _SID)
_KEY = TokenKind("twilio-api-key", "SID of a Twilio API key", _SIDS, 34, _SID)
_KEY_SECRET = TokenKind("twilio-api-key-secret", "secret of a Twilio API key", _SIDS, 34, _SID)
_ALONE = Grade(Severity.LOW, note="its secret is what authenticates")


def _check(blob: Blob, hits: Hits) -> Iterator[Detection]:
    data, told = blob.data, set()
    for end in hits.get(_SIDS.name, ())[:1000]:
        sid = _SID.match(data, end - 34)
        if not sid or not grade_opaque(sid[0]):
            continue
        found = _find_beside(data, sid, _AGAIN, _TOKEN) if sid[1] == b"AC" else _find_beside(data, sid, _NEXT, _SECRET)
        kind, grade = (_AUTH if sid[1] == b"AC" else _KEY_SECRET), PLAIN
        if not found and sid[1] == b"SK" and _is_twilio_near(data, sid):
            found, kind, grade = sid.span(), _KEY, _ALONE
        if found and found not in told:
            told.add(found)
            yield build_token_detection(kind, data, *found, grade, Severity.HIGH)


def _find_beside(
    data: bytes, sid: re.Match[bytes], at_once: re.Pattern[bytes], named: re.Pattern[bytes]
) -> tuple[int, int] | None:
    """The auth token or secret after a SID, directly or with a name, or just before it."""
    start, end = sid.span()
    match = (
        at_once.match(data, end)
        or named.search(data, end, end + _NEAR)
        or named.search(data, max(0, start - _NEAR), start)
    )
    return match.span(1) if match and grade_opaque(match[1]) else None


def _is_twilio_near(data: bytes, sid: re.Match[bytes]) -> bool:
    return _TWILIO.search(data, max(0, sid.start() - _NEAR), sid.end() + _NEAR) is not None


RULE = build_token_rule(
    178,
    "twilio-key",
    "A Twilio API key or auth token",
    (),
    more=(_SIDS,),
    also=_check,
    revoke="https://console.twilio.com > Account > API keys & tokens > delete, or promote the secondary token",
    references=("https://www.twilio.com/docs/iam/access-tokens", "https://help.twilio.com/articles/223136027"),
)
