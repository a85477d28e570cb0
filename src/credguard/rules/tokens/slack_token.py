"""A Slack token, app-level token or incoming webhook.

What it does
    Finds bot, user, workspace and legacy tokens (`xoxb-`, `xoxp-`, `xoxa-`, `xoxs-`, `xoxr-`, `xoxe`), browser tokens
    (`xoxc-`, `xoxd-`), app-level tokens (`xapp-`), and webhook and workflow URLs of hooks.slack.com. Placeholders are
    not reported.

Why it matters
    Tokens can read and write channels, files and users. A webhook lets anyone post in the company's name, including
    links.

How to fix
    Revoke the token or delete the webhook in the app's settings, then install the app again.

References
    https://docs.slack.dev/authentication/tokens/
    https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/
"""

from __future__ import annotations

from credguard.heuristics.boundaries import SLASH
from credguard.heuristics.placeholders import is_placeholder, measure_step_run
from credguard.heuristics.published_values import is_no_secret
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.rules.tokens._token_rule import AFTER, PLAIN, Grade, TokenKind, build_token_rule, grade_opaque, make_kind


def _grade_structured(value: bytes) -> Grade | None:
    """Numbers and a random end; a sentence with dashes has neither."""
    if is_no_secret(value):
        return None
    parts = value.split(b"-")
    random = parts[-1]
    digits = sum(part.isdigit() for part in parts[1:-1])
    if len(random) < 10 or not (digits or len(random) >= 24) or measure_step_run(random) > 4:
        return None
    if len(random) >= 20 and is_placeholder(random):
        return None
    made_up = any(len(set(part)) < 3 or part.startswith(b"12345") for part in parts[1:-1] if len(part) > 1)
    return None if made_up else PLAIN


def _grade_webhook(value: bytes) -> Grade | None:
    return grade_opaque(_SLASHES.split(value)[-1])


_SLASHES = compile_lazily(SLASH)
_HOST = rb"hooks\.slack\.com" + SLASH
_KINDS = (
    make_kind(
        "slack",
        "Slack token",
        rb"xox[abcoprs]-",
        (rb"[A-Za-z0-9\-]", 10),
        rb"[A-Za-z0-9\-]{0,300}",
        judge=_grade_structured,
    ),
    make_kind(
        "slack-refresh", "Slack refresh token", rb"xoxe[.\-]", (rb"[A-Za-z0-9\-.]", 40), rb"[A-Za-z0-9\-.]{0,400}"
    ),
    TokenKind(
        "slack-trigger",
        "Slack workflow trigger",
        Pattern("token-slack-trigger", _HOST + rb"triggers" + SLASH + rb"[TE][A-Za-z0-9_]"),
        2,
        compile_lazily(rb"[TE][A-Za-z0-9_]{7,12}" + SLASH + rb"\d{8,20}" + SLASH + rb"([A-Za-z0-9]{20,80})" + AFTER),
    ),
    make_kind("slack-cookie", "Slack browser token", rb"xoxd-", (rb"[A-Za-z0-9%/+]", 40), rb"[A-Za-z0-9%/+=]{0,400}"),
    make_kind(
        "slack-app",
        "Slack app-level token",
        rb"xapp-\d-A",
        (rb"[A-Z0-9]", 8),
        rb"[A-Z0-9]{0,4}-\d{8,16}-[a-z0-9]{32,80}",
    ),
    TokenKind(
        "slack-webhook",
        "Slack webhook",
        Pattern("token-slack-webhook", _HOST + rb"[sw][a-z]{6,10}" + SLASH + rb"T[A-Za-z0-9_]"),
        2,
        compile_lazily(
            rb"(T[A-Za-z0-9_]{7,12}"
            + SLASH
            + rb"[AB][A-Za-z0-9_]{7,12}"
            + SLASH
            + rb"(?:\d{10,20}"
            + SLASH
            + rb")?[A-Za-z0-9_]{20,26})"
            + AFTER
        ),
        _grade_webhook,
    ),
)
RULE = build_token_rule(
    162,
    "slack-token",
    "A Slack token or webhook",
    _KINDS,
    revoke="https://api.slack.com/apps > OAuth & Permissions > Revoke, or auth.revoke;"
    " webhooks: Incoming Webhooks > remove",
    references=(
        "https://docs.slack.dev/authentication/tokens/",
        "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks/",
    ),
)
