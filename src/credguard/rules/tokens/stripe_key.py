"""A secret or restricted key of Stripe's live mode, or the signing secret of a webhook.

What it does
    Finds `sk_live_` and `rk_live_` keys and webhook secrets (`whsec_`). Test-mode keys (`sk_test_`, `rk_test_`) are
    low: they move no money, but give access to the account's test data. Publishable keys (`pk_`) are not secrets.

Why it matters
    A live key can charge cards, make payouts and read customers' data. A webhook secret lets anyone forge events.

How to fix
    Roll the key in the Dashboard; the old one can expire immediately. Use restricted keys.

References
    https://docs.stripe.com/keys
    https://docs.stripe.com/keys-best-practices
"""

from __future__ import annotations

from credguard.model.findings import Severity
from credguard.rules.tokens._token_rule import Grade, build_token_rule, grade_opaque, make_kind

_DOCUMENTED = (b"4eC39HqLyjWDarjtT1zdp7dc", b"BQokikJOvBiI2HlWgH4olfQ2", b"tR3PYbcVNZZ796tH88S4VQ2u")


def _grade_test(value: bytes) -> Grade | None:
    if value[8:32] in _DOCUMENTED or not grade_opaque(value):
        return None
    return Grade(Severity.LOW, note="test mode")


def _grade_org(value: bytes) -> Grade | None:
    return grade_opaque(value) if sum(48 <= byte <= 57 for byte in value) > 3 else None


_KINDS = (
    make_kind("stripe-live", "Stripe live key", rb"[rs]k_live_", (rb"[A-Za-z0-9]", 24), rb"[A-Za-z0-9]{0,90}"),
    make_kind(
        "stripe-test",
        "Stripe test key",
        rb"[rs]k_test_",
        (rb"[A-Za-z0-9]", 24),
        rb"[A-Za-z0-9]{0,90}",
        judge=_grade_test,
    ),
    make_kind(
        "stripe-webhook", "Stripe webhook secret", rb"whsec_", (rb"[A-Za-z0-9+/]", 32), rb"[A-Za-z0-9+/]{0,40}={0,2}"
    ),
    make_kind(
        "stripe-org",
        "Stripe organization key",
        rb"sk_org_",
        (rb"[A-Za-z0-9_]", 24),
        rb"[A-Za-z0-9]{0,120}",
        judge=_grade_org,
    ),
)
RULE = build_token_rule(
    163,
    "stripe-key",
    "A Stripe live key",
    _KINDS,
    revoke="https://dashboard.stripe.com/apikeys > Roll key",
    references=(
        "https://docs.stripe.com/keys",
        "https://docs.stripe.com/keys-best-practices",
    ),
)
