"""A token of another service, recognized by its prefix; the message names the service.

What it does
    Finds NATS seeds, age secret keys, and tokens of New Relic, Grafana, Postman, Linear, Doppler, Atlassian, Sentry,
    Heroku, Mapbox, PlanetScale, Fly.io, Notion, Figma, Pulumi, RubyGems, crates.io, Supabase, Replicate, Groq, xAI,
    Tailscale, Dynatrace, SonarQube, Buildkite, Airtable, NuGet, NVIDIA, CircleCI, 1Password and other services with a
    fixed prefix and length, and webhooks of Microsoft Teams. A seed with a wrong checksum has low confidence.

Why it matters
    Each gives access to its service as the owner.

How to fix
    Revoke it at the service that the message names, then create a new one with fewer permissions.

References
    https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth
    https://github.com/C2SP/C2SP/blob/main/age.md
"""

from __future__ import annotations

from credguard.heuristics.boundaries import SLASH
from credguard.heuristics.checksums import has_valid_crc16
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence
from credguard.rules.tokens._token_rule import (
    AFTER,
    AFTER_DASH,
    PLAIN,
    Grade,
    TokenKind,
    build_token_rule,
    grade_opaque,
    make_kind,
)

_DASHES = str.maketrans(" .", "--")
_WORD, _URL, _HEX, _LOWER = rb"[A-Za-z0-9]", rb"[A-Za-z0-9_\-]", rb"[0-9a-f]", rb"[0-9a-z]"


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


_UUID = rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
# Service, prefix, the class of what follows, its minimum length, and the optional rest.
_FORMS: tuple[tuple[str, bytes, bytes, int, bytes], ...] = (
    ("New Relic", rb"NRAK-", rb"[A-Z0-9]", 27, b""),
    ("Grafana service account", rb"glsa_", _WORD, 32, rb"_[0-9a-fA-F]{8}"),
    ("Grafana Cloud", rb"glc_eyJ", rb"[A-Za-z0-9+/]", 40, rb"[A-Za-z0-9+/=]{0,400}"),
    ("Postman", rb"PMAK-", _HEX, 24, rb"-[0-9a-f]{34}"),
    ("Linear", rb"lin_api_", _WORD, 40, b""),
    ("Doppler", rb"dp\.[cps][ta]\.", _WORD, 40, rb"[A-Za-z0-9]{0,6}"),
    ("Atlassian", rb"ATATT3", rb"[A-Za-z0-9_\-=]", 180, rb"[A-Za-z0-9_\-=]{0,60}"),
    ("Bitbucket", rb"ATBB", _WORD, 32, b""),
    ("Sentry organization", rb"sntrys_eyJ", rb"[A-Za-z0-9+/=_]", 60, rb"[A-Za-z0-9+/=_]{0,400}"),
    ("Sentry user", rb"sntryu_", _HEX, 64, b""),
    ("Heroku", rb"HRKU-", _URL, 36, rb"[A-Za-z0-9_\-]{0,40}"),
    ("Mapbox", rb"sk\.eyJ", _URL, 40, rb"[A-Za-z0-9_\-]{0,200}\.[A-Za-z0-9_\-]{20,30}"),
    ("PlanetScale", rb"pscale_tkn_", _URL, 32, rb"[A-Za-z0-9_\-]{0,32}"),
    ("PlanetScale password", rb"pscale_pw_", _URL, 32, rb"[A-Za-z0-9_\-]{0,32}"),
    ("Fly.io", rb"FlyV1 fm[12]", rb"[A-Za-z0-9+/_]", 60, rb"[A-Za-z0-9+/=]{0,2000}"),
    ("Notion", rb"ntn_", _WORD, 46, b""),
    ("Figma", rb"figd_", _URL, 38, rb"[A-Za-z0-9_\-]{0,10}"),
    ("Pulumi", rb"pul-", _HEX, 40, b""),
    ("RubyGems", rb"rubygems_", _HEX, 48, b""),
    ("crates.io", rb"cio", _WORD, 32, b""),
    ("Supabase", rb"sbp_", _HEX, 40, b""),
    ("Replicate", rb"r8_", _WORD, 37, b""),
    ("Groq", rb"gsk_", _WORD, 52, b""),
    ("xAI", rb"xai-", _WORD, 80, b""),
    ("Perplexity", rb"pplx-", _WORD, 48, b""),
    ("Tailscale", rb"tskey-[a-z]", rb"[a-z\-]", 3, rb"[a-z\-]{0,10}-[A-Za-z0-9]{10,24}-[A-Za-z0-9]{20,40}"),
    ("Dynatrace", rb"dt0[a-z]01\.", rb"[A-Z0-9]", 24, rb"\.[A-Z0-9]{64}"),
    ("SonarQube", rb"sq[pua]_", _HEX, 40, b""),
    ("Buildkite", rb"bkua_", _HEX, 40, b""),
    ("Prefect", rb"pn[ub]_", _WORD, 36, b""),
    ("EasyPost", rb"EZAK", _WORD, 54, b""),
    ("Shippo", rb"shippo_live_", _HEX, 40, b""),
    ("Duffel", rb"duffel_live_", _URL, 43, b""),
    ("Frame.io", rb"fio-u-", _URL, 64, b""),
    ("Typeform", rb"tfp_", _URL, 40, rb"[A-Za-z0-9_\-.]{0,30}"),
    ("ReadMe", rb"rdme_", _LOWER, 70, b""),
    ("Infracost", rb"ico-", _WORD, 32, b""),
    ("Sendinblue", rb"xkeysib-", _HEX, 64, rb"-[A-Za-z0-9]{16}"),
    ("OpenRouter", rb"sk-or-v1-", _HEX, 64, b""),
    ("LangSmith", rb"lsv2_[ps][tk]_", _HEX, 32, rb"_[0-9a-f]{10}"),
    ("Brevo SMTP", rb"xsmtpsib-", _HEX, 64, rb"-[A-Za-z0-9]{16}"),
    ("Airtable", rb"pat" + _WORD * 14 + rb"\.", _HEX, 64, b""),
    ("NuGet", rb"oy2", _LOWER, 43, b""),
    ("NVIDIA", rb"nvapi-", _URL, 60, rb"[A-Za-z0-9_\-]{0,20}"),
    ("CircleCI", rb"CCIP[AR][TJ]_", _WORD, 22, rb"_[0-9a-f]{40}"),
    ("Vercel Blob", rb"vercel_blob_rw_", _WORD, 16, rb"_[A-Za-z0-9]{28,40}"),
    ("1Password service account", rb"ops_eyJ", rb"[A-Za-z0-9+/_\-]", 200, rb"[A-Za-z0-9+/_\-]{0,2000}={0,2}"),
    ("Contentful", rb"CFPAT-", _URL, 43, b""),
    ("Pinecone", rb"pcsk_", _WORD, 5, rb"[A-Za-z0-9]{0,3}_[A-Za-z0-9]{60,66}"),
)
_KINDS = (
    make_kind("nats-seed", "NATS seed", rb"S[AUONCX]", (rb"[A-Z2-7]", 56), judge=_grade_seed),
    make_kind("age", "age secret key", rb"AGE-SECRET-KEY-1", (rb"[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]", 58)),
    *(
        make_kind(service.lower().translate(_DASHES), f"{service} token", prefix, (of, least), rest, AFTER_DASH)
        for service, prefix, of, least, rest in _FORMS
    ),
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
RULE = build_token_rule(
    188,
    "service-token",
    "A token of another service, recognized by its prefix",
    _KINDS,
    revoke="at the service that the message names, under API keys, tokens or security",
    references=(
        "https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth",
        "https://github.com/C2SP/C2SP/blob/main/age.md",
    ),
)
