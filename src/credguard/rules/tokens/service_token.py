"""A token of another service, recognized by its prefix or by its name; the message names the service.

What it does
    Finds NATS seeds, age secret keys, webhooks of Microsoft Teams, Feishu and WeCom, keys of Firebase Cloud
    Messaging, MaxMind and New Relic, Matrix access tokens, and the tokens of some 150 services with a fixed prefix
    and length: hosting and infrastructure (Cloudflare, Netlify, Vercel, Render, Fly.io, Heroku, Deno, Docker Swarm,
    OpenShift, Tailscale, Pulumi, Doppler), models and search (OpenAI-compatible, Groq, xAI, Perplexity, Together,
    Replicate, ElevenLabs, Brave), databases (Neon, PlanetScale, Supabase, MongoDB Atlas, Astra, CockroachDB),
    builds and packages (Buildkite, CircleCI, Harness, Octopus, NuGet, RubyGems, crates.io, Clojars), monitoring
    (New Relic, Grafana, Sentry, Dynatrace, Honeycomb, Axiom), work and mail (Atlassian, Notion, Linear, Figma,
    HubSpot, Salesforce, Resend, Brevo), money and people (Plaid, Braintree, Adyen, Flutterwave, Facebook, LinkedIn,
    Amazon). Also finds the keys of a hundred services without a prefix, such as Datadog, Algolia, Okta, Cloudflare,
    Twitter, Heroku, Snyk and Alibaba Cloud, where the service's word is in the name of the key and the value has
    the service's form. A seed or Matrix token with a wrong checksum has low confidence; what a service's pages
    show, and words, are not reported.

Why it matters
    Each gives access to its service as the owner.

How to fix
    Revoke it at the service that the message names, then create a new one with fewer permissions.

References
    https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth
    https://github.com/C2SP/C2SP/blob/main/age.md
"""

from __future__ import annotations

from zlib import crc32

from credguard.heuristics.boundaries import SLASH
from credguard.heuristics.checksums import encode_base62, has_valid_crc16
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence
from credguard.rules.tokens import _named_services, _prefix_services
from credguard.rules.tokens._token_rule import (
    AFTER,
    AFTER_DASH,
    BEFORE,
    PLAIN,
    Grade,
    TokenKind,
    build_token_rule,
    grade_opaque,
    make_kind,
)


def _grade_seed(value: bytes) -> Grade | None:
    if has_valid_crc16(value):
        return PLAIN
    return (
        Grade(confidence=Confidence.LOW, note="its checksum is wrong")
        if grade_opaque(value) and _has_digits(value)
        else None
    )


def _has_digits(value: bytes) -> bool:
    """A word in capitals has no digits."""
    return sum(50 <= byte <= 55 for byte in value) >= 3


def _grade_matrix(value: bytes) -> Grade | None:
    """The last six characters are the CRC-32 of what is before them."""
    if encode_base62(crc32(value[:-7])) == value[-6:]:
        return PLAIN
    return Grade(confidence=Confidence.LOW, note="its checksum is wrong") if grade_opaque(value) else None


_UUID = rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_HOOK = rb"(?:%s|%s)" % (
    SLASH.join((rb"open-apis", rb"bot", rb"v2", rb"hook", b"")),
    rb"webhook" + SLASH + rb"send\?key=",
)
_KINDS = (
    make_kind("nats-seed", "NATS seed", rb"S[AUONCX]", (rb"[A-Z2-7]", 56), judge=_grade_seed),
    make_kind("age", "age secret key", rb"AGE-SECRET-KEY-1", (rb"[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]", 58)),
    make_kind(
        "matrix",
        "Matrix access token",
        rb"syt_",
        (rb"[A-Za-z0-9+/=]", 2),
        rb"[A-Za-z0-9+/=]{0,300}_[A-Za-z]{20}_[0-9A-Za-z]{6}",
        judge=_grade_matrix,
    ),
    TokenKind(
        "firebase-messaging",
        "Firebase Cloud Messaging server key",
        Pattern("token-firebase-messaging", rb":APA91b[A-Za-z0-9_\-]{31}"),
        38,
        compile_lazily(BEFORE + rb"AAAA[A-Za-z0-9_\-]{7}:APA91b[A-Za-z0-9_\-]{134}" + AFTER_DASH),
        back=11,
    ),
    TokenKind(
        "maxmind",
        "MaxMind license key",
        Pattern("token-maxmind", rb"_[A-Za-z0-9]{29}_mmk"),
        34,
        compile_lazily(BEFORE + rb"[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk" + AFTER_DASH),
        back=6,
    ),
    TokenKind(
        "new-relic-license",
        "New Relic license key",
        Pattern("token-new-relic-license", rb"[0-9a-f]{28}NRAL"),
        32,
        compile_lazily(BEFORE + rb"(?:[0-9a-f]{36}|eu01xx[0-9a-f]{30})NRAL" + AFTER_DASH),
        back=8,
    ),
    TokenKind(
        "chat-webhook",
        "webhook of Feishu, Lark or WeCom",
        Pattern("token-chat-webhook", _HOOK + rb"[0-9a-f]{8}-", caseless=True),
        9,
        compile_lazily(rb"(" + _UUID + rb")" + AFTER_DASH),
    ),
    *_prefix_services.KINDS,
    TokenKind(
        "teams-webhook",
        "Microsoft Teams webhook",
        Pattern("token-teams-webhook", rb"\.office\.com" + SLASH + rb"webhook(?:b2)?" + SLASH + rb"[0-9a-f]{8}-"),
        9,
        compile_lazily(
            _UUID + rb"(?:@|%40)" + _UUID + SLASH + rb"IncomingWebhook" + SLASH + rb"([0-9a-f]{32})" + AFTER
        ),
    ),
)
_NAMED = _named_services.KINDS
RULE = build_token_rule(
    188,
    "service-token",
    "A token of another service, recognized by its prefix or by its name",
    _KINDS,
    more=_named_services.PATTERNS,
    also=_named_services.find_named,
    revoke="at the service that the message names, under API keys, tokens or security",
    references=(
        "https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth",
        "https://github.com/C2SP/C2SP/blob/main/age.md",
    ),
)
