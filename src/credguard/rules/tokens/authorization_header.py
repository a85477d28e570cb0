"""The value of an HTTP Authorization header, or what a command is given for it: a token, a user's password.

What it does
    Finds `Bearer`, `Authorization: token` (or `ApiKey`, `SSWS`, `GenieKey`, `OAuth`, `Splunk`) and headers such as
    `X-Api-Key` and `Private-Token` with an opaque value, as in recorded requests, curl commands and clients with a
    hard-coded header, and `Basic` with base64 of `user:password`, which is decoded; NTLM answers and hashes; seeds
    of one-time passwords (`TOTP.new('…')`, `otpauth://…`, `oathtool`). Also finds passwords and tokens of commands:
    `curl -u`, `sshpass -p`, `docker login -p`, `mysql -p…`, `redis-cli -a`, `openssl … pass:`, `--token`,
    `ConvertTo-SecureString … -AsPlainText`; and an opaque value of 16 characters or more with an OAuth name:
    `access_token`, `refresh_token`, `client_secret`, `token_secret`, `app_secret`. Placeholders, words and trivial
    passwords are not reported. Tokens of a known form are reported by the rule for that form.

Why it matters
    The header is all that a server requires.

How to fix
    Revoke the token or change the password; let the client read it at run time, and filter it from recordings.

References
    https://www.rfc-editor.org/rfc/rfc6750
    https://www.rfc-editor.org/rfc/rfc7617
"""

from __future__ import annotations

import re

from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence
from credguard.rule import Trait
from credguard.rules.tokens import _command_secret, _ntlm, _one_time_password
from credguard.rules.tokens._basic_auth import grade_login
from credguard.rules.tokens._readable import is_in_words
from credguard.rules.tokens._token_rule import Grade, TokenKind, build_token_rule, grade_opaque

_SIGNED = compile_lazily(rb"ey[A-Za-z0-9_\-]{6,}\.(?:eyJ|ewog|eyAi|ew0K)[A-Za-z0-9_\-]{6,}\.")
"""A JSON web token with claims, of which the rule on them says all that there is to say; encrypted ones have none."""
_FOR_THE_BROWSER = compile_lazily(rb"(?:pi|seti|cs|src|cuss)_(?:[A-Za-z0-9]{8,80}_|client_)?secret_")
"""The `client_secret` of a single payment at Stripe, made for the customer's browser."""
_SEALED = compile_lazily(rb"(?:encrypted|hashed|obscured|sealed)[\w\-]{0,30}[^\w]{1,12}\Z", re.IGNORECASE)
"""A name that says that its value is not the secret itself."""
_DIGIT = compile_lazily(rb"[0-9]")
_NAMED = rb"\\{0,3}[\"'\])]{0,3}\s{0,3}"
_GIVEN = rb"(?:\s{1,40}-\s|\s{0,3}\[\s{0,40}|\s{0,3})\\{0,3}[\"']{0,2}"
"""What leads to a header's value; recordings have the values in a list."""
_OPEN = rb"authorization" + _NAMED + rb"(?:=>|[:=,])" + _GIVEN
_TOKEN = compile_lazily(rb"([A-Za-z0-9_.~+/\-]{18,2000}={0,2})(?![A-Za-z0-9_(\[{<$])")
_SCHEME = rb"(?:token|api-?key|key|ssws|geniekey|oauth|splunk|bot) (?:token=)?\\{0,3}[\"']?"


def _grade_bearer(value: bytes) -> Grade | None:
    if _SIGNED.match(value) or _FOR_THE_BROWSER.match(value) or not _DIGIT.search(value) or is_in_words(value):
        return None
    return Grade(confidence=Confidence.MEDIUM) if grade_opaque(value) else None


_BASIC = rb"([A-Za-z0-9+/]{8,400}={0,2})(?![A-Za-z0-9+/=_.\-])"
_QUOTE = rb"(?:\\{0,3}[\"']|\\{1,2}u0022|&quot;|&#34;|%22)"
"""A quote, also as JSON, HTML and queries escape it."""
# The fields with OAuth tokens (RFC 6749, RFC 5849), and their names in headers and queries.
_FIELD = (
    rb"(?:(?:access|refresh|auth)_?token|(?:client|app)_?secret|(?:token|oauth)_secret|(?:private|api)[_\-]token)"
    rb"(?:" + _QUOTE + rb"|[\])]){0,3}\s{0,3}(?:=>|[:=]|%3[ad])\s{0,3}" + _QUOTE + rb"?"
)
_HEADER = (
    rb"(?:(?:api|subscription)-key|(?:auth|access|private|api|user|app)-token)" + _NAMED + rb"(?:=>|[:,])" + _GIVEN
)
"""Headers whose value is a key or token."""
_KINDS = (
    TokenKind(
        "oauth-token",
        "OAuth token or client secret",
        Pattern("oauth-value", _FIELD + rb"[A-Za-z0-9_.~+/\-]{16}", caseless=True),
        16,
        compile_lazily(rb"([A-Za-z0-9_.~+/\-]{16,2000}={0,2})(?![A-Za-z0-9_(\[{<$])"),
        _grade_bearer,
        unless=_SEALED,
    ),
    TokenKind(
        "bearer",
        "bearer token",
        Pattern("bearer-value", rb"bearer [A-Za-z0-9_.~+/\-]{18}", caseless=True),
        18,
        _TOKEN,
        _grade_bearer,
    ),
    TokenKind(
        "header-token",
        "token of an Authorization header",
        Pattern("authorization-token", _OPEN + _SCHEME + rb"[A-Za-z0-9_.~+/\-]{18}", caseless=True),
        18,
        _TOKEN,
        _grade_bearer,
    ),
    TokenKind(
        "header-key",
        "key or token of a header",
        Pattern("header-key", _HEADER + rb"[A-Za-z0-9_.~+/\-]{20}", caseless=True),
        20,
        compile_lazily(rb"([A-Za-z0-9_.~+/\-]{20,2000}={0,2})(?![A-Za-z0-9_(\[{<$])"),
        _grade_bearer,
    ),
    TokenKind(
        "basic",
        "user and password in base64",
        Pattern("authorization-basic", _OPEN + rb"basic [A-Za-z0-9+/]{8}", caseless=True),
        8,
        compile_lazily(_BASIC),
        grade_login,
    ),
    TokenKind(
        "basic",
        "user and password in base64",
        Pattern("basic-quoted", rb"[\"']basic [A-Za-z0-9+/]{8}", caseless=True),
        8,
        compile_lazily(_BASIC),
        grade_login,
    ),
    TokenKind(
        "basic",
        "user and password in base64",
        Pattern("basic-alone", rb"basic(?: |%20|\\ )[A-Za-z0-9+/]{16}", caseless=True),
        16,
        compile_lazily(_BASIC),
        grade_login,
    ),
    _one_time_password.KIND,
    *_ntlm.KINDS,
)
RULE = build_token_rule(
    189,
    "authorization-header",
    "A token or password of an HTTP Authorization header or a command",
    _KINDS,
    more=_command_secret.PATTERNS,
    also=_command_secret.find,
    confidence=Confidence.MEDIUM,
    traits=frozenset((Trait.GUESS,)),
    revoke="revoke the token or change the password at the server",
    references=("https://www.rfc-editor.org/rfc/rfc6750", "https://www.rfc-editor.org/rfc/rfc7617"),
)
