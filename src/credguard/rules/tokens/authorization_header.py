"""The value of an HTTP Authorization header, or what a command is given for it: a token, a user's password.

What it does
    Finds `Bearer` and `Authorization: token` with an opaque value, as in recorded requests, curl commands and
    clients with a hard-coded header, and `Basic` with base64 of `user:password`, which is decoded; NTLM answers and
    hashes. Also finds passwords and tokens of commands: `curl -u`, `sshpass -p`, `docker login -p`, `mysql -p…`,
    `redis-cli -a`, `openssl … pass:`, `--token`, `ConvertTo-SecureString … -AsPlainText`; and an opaque value of 20
    characters or more with an OAuth name: `access_token`, `refresh_token`, `client_secret`, `oauth_token_secret`.
    Placeholders, words and trivial passwords are not reported. Tokens of a known form are reported by the rule for
    that form.

Why it matters
    The header is all that a server requires.

How to fix
    Revoke the token or change the password; let the client read it at run time, and filter it from recordings.

References
    https://www.rfc-editor.org/rfc/rfc6750
    https://www.rfc-editor.org/rfc/rfc7617
"""

from __future__ import annotations

from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence
from credguard.rule import Trait
from credguard.rules.tokens import _command_secret, _ntlm
from credguard.rules.tokens._basic_auth import grade_login
from credguard.rules.tokens._token_rule import Grade, TokenKind, build_token_rule, grade_opaque

_SIGNED = compile_lazily(rb"ey[A-Za-z0-9_\-]{6,}\.(?:eyJ|ewog|eyAi|ew0K)[A-Za-z0-9_\-]{6,}\.")
"""A JSON web token with claims, of which the rule on them says all that there is to say; encrypted ones have none."""
_WORDS = compile_lazily(rb"[A-Z]?[a-z]{3,}|[A-Z]{3,}")
_DIGIT = compile_lazily(rb"[0-9]")
_OPEN = (
    rb"authorization\\{0,3}[\"'\])]{0,3}\s{0,3}(?:=>|[:=,])"
    rb"(?:\s{1,40}-\s|\s{0,3}\[\s{0,40}|\s{0,3})\\{0,3}[\"']{0,2}"
)
"""The header's name and what leads to its value; recordings have the values in a list."""


def _grade_bearer(value: bytes) -> Grade | None:
    in_words = sum(map(len, _WORDS.findall(value)))
    if _SIGNED.match(value) or not _DIGIT.search(value) or in_words > len(value) // 2:
        return None
    return Grade(confidence=Confidence.MEDIUM) if grade_opaque(value) else None


_BASIC = rb"([A-Za-z0-9+/]{8,400}={0,2})(?![A-Za-z0-9+/=_.\-])"
# The fields with OAuth tokens (RFC 6749, RFC 5849), and their names in headers and queries.
_FIELD = (
    rb"(?:access_?token|refresh_?token|client_?secret|oauth_token_secret|auth_?token|private[_\-]token|api[_\-]token)"
    rb"\\{0,3}[\"'\])]{0,3}\s{0,3}(?:=>|[:=])\s{0,3}\\{0,3}[\"']?"
)
_KINDS = (
    TokenKind(
        "oauth-token",
        "OAuth token or client secret",
        Pattern("oauth-value", _FIELD + rb"[A-Za-z0-9_.~+/\-]{20}", caseless=True),
        20,
        compile_lazily(rb"([A-Za-z0-9_.~+/\-]{20,2000}={0,2})(?![A-Za-z0-9_(\[{<$])"),
        _grade_bearer,
    ),
    TokenKind(
        "bearer",
        "bearer token",
        Pattern("bearer-value", rb"bearer [A-Za-z0-9_.~+/\-]{18}", caseless=True),
        18,
        compile_lazily(rb"([A-Za-z0-9_.~+/\-]{18,2000}={0,2})(?![A-Za-z0-9_(\[{<$])"),
        _grade_bearer,
    ),
    TokenKind(
        "header-token",
        "token of an Authorization header",
        Pattern("authorization-token", _OPEN + rb"token [A-Za-z0-9_.~+/\-]{18}", caseless=True),
        18,
        compile_lazily(rb"([A-Za-z0-9_.~+/\-]{18,2000}={0,2})(?![A-Za-z0-9_(\[{<$])"),
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
