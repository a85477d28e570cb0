"""The token of a Telegram bot.

What it does
    Finds the bot's number, a colon and 35 characters that begin with AA.

Why it matters
    Anyone with it can act as the bot, read what is sent to it and write in its chats.

How to fix
    Ask @BotFather for a new token; the old one is revoked immediately.

References
    https://core.telegram.org/bots/api#authorizing-your-bot
"""

from __future__ import annotations

from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.rules.tokens._token_rule import AFTER_DASH, Grade, TokenKind, build_token_rule, grade_opaque

_COLON = rb"(?:\\{0,3}:|%(?:25)?3[Aa])"
_NUMBER = compile_lazily(rb"[0-9]{8,10}" + _COLON)
_DOCUMENTED = b"AAHdqTcvCH1vGWJxfSeof"


def _grade_bot(value: bytes) -> Grade | None:
    secret = _NUMBER.sub(b"", value)
    return None if secret.startswith(_DOCUMENTED) else grade_opaque(secret)


_KINDS = (
    TokenKind(
        "telegram",
        "Telegram bot token",
        Pattern("token-telegram", rb"[0-9]{8}" + _COLON + rb"AA[A-Za-z0-9_\-]{29}"),
        31,
        compile_lazily(rb"(?<![0-9])[0-9]{8,10}" + _COLON + rb"AA[A-Za-z0-9_\-]{33}" + AFTER_DASH),
        _grade_bot,
        back=14,
    ),
)
RULE = build_token_rule(
    180,
    "telegram-bot-token",
    "A Telegram bot token",
    _KINDS,
    revoke="/revoke in the chat with @BotFather",
    references=("https://core.telegram.org/bots/api#authorizing-your-bot",),
)
