"""A Discord bot token or webhook.

What it does
    Finds bot tokens, whose first part is the bot's number in base64 (which is decoded), and webhook URLs.

Why it matters
    Anyone with the token can act as the bot, with all its permissions on every server; a webhook lets anyone post in
    the channel.

How to fix
    Reset the token in the developer portal; delete the webhook in the channel's settings.

References
    https://discord.com/developers/docs/reference#authentication
    https://discord.com/developers/docs/resources/webhook
"""

from __future__ import annotations

from credguard.heuristics.boundaries import SLASH, decode_base64
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.rules.tokens._token_rule import (
    AFTER_DASH,
    BEFORE,
    Grade,
    TokenKind,
    build_token_rule,
    grade_opaque,
    make_kind,
)


def _grade_bot(value: bytes) -> Grade | None:
    number, _, rest = value.partition(b".")
    return grade_opaque(rest) if decode_base64(number).isdigit() and grade_opaque(number) else None


_API = SLASH + rb"api" + SLASH
_KINDS = (
    TokenKind(
        "discord",
        "Discord bot token",
        Pattern("token-discord", rb"[MNO][DTjz][AEIMQUYcgk][w-z0-5][MNO][DTjz][AEIMQUYcgk][A-Za-z0-9]{16}"),
        23,
        compile_lazily(BEFORE + rb"[MNO][A-Za-z0-9]{22,26}\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{27,40}" + AFTER_DASH),
        _grade_bot,
    ),
    make_kind("discord-user", "Discord user token", rb"mfa\.", (rb"[A-Za-z0-9_\-]", 84), after=AFTER_DASH),
    TokenKind(
        "discord-webhook",
        "Discord webhook",
        Pattern("token-discord-webhook", _API + rb"(?:v[0-9]{1,2}" + SLASH + rb")?webhooks" + SLASH + rb"[0-9]{17}"),
        17,
        compile_lazily(rb"[0-9]{17,20}" + SLASH + rb"([A-Za-z0-9_\-]{60,80})" + AFTER_DASH),
    ),
)
RULE = build_token_rule(
    179,
    "discord-token",
    "A Discord bot token or webhook",
    _KINDS,
    judge=_grade_bot,
    revoke="https://discord.com/developers/applications > Bot > Reset Token; webhooks: channel > Integrations > Delete",
    references=(
        "https://discord.com/developers/docs/reference#authentication",
        "https://discord.com/developers/docs/resources/webhook",
    ),
)
