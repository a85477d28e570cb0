"""An IBM Cloud credential: an IAM key, an object storage key, Cloudant or SoftLayer.

What it does
    Finds values of the right length with an IBM Cloud name: 44 characters for an IBM or Watson API key, 48 hexadecimal
    digits for a COS secret key, 64 for a Cloudant password or SoftLayer key.

Why it matters
    An API key signs in as its user or service, at the account's expense.

How to fix
    Delete the key under Manage, Access (IAM), API keys; create a new one for a service ID with minimal permissions.

References
    https://cloud.ibm.com/docs/account?topic=account-manapikey
"""

from __future__ import annotations

from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.rules.tokens._token_rule import AFTER_DASH, TokenKind, build_token_rule

_GIVEN = rb"[\"'\])]{0,3}\s{0,4}(?:=>|:=|[=:])\s{0,4}[\"']?"


def _make_named_kind(name: str, called: str, keyword: bytes, value: bytes) -> TokenKind:
    """A kind that is recognized only by the name before it."""
    pattern = Pattern(f"token-{name}", keyword, caseless=True)
    return TokenKind(name, called, pattern, 0, compile_lazily(_GIVEN + rb"(" + value + rb")" + AFTER_DASH))


_KINDS = (
    _make_named_kind(
        "ibm-iam",
        "IBM Cloud API key",
        rb"(?:ibm|bluemix|watson)[a-z_\-]{0,20}(?:api_?-?key|iam_?-?key|apikey|token|password)",
        rb"[A-Za-z0-9_\-]{44}",
    ),
    _make_named_kind(
        "ibm-cos",
        "IBM Cloud Object Storage key",
        rb"cos[a-z_\-]{0,12}secret[_\-]?(?:access)?[_\-]?key",
        rb"[0-9a-f]{48}",
    ),
    _make_named_kind(
        "ibm-cloudant", "Cloudant password", rb"cloudant[a-z_\-]{0,12}(?:key|pwd|pass|password|token)", rb"[0-9a-f]{64}"
    ),
    _make_named_kind(
        "ibm-softlayer",
        "SoftLayer API key",
        rb"softlayer[a-z_\-]{0,12}(?:key|pwd|pass|password|token)",
        rb"[0-9a-z]{64}",
    ),
)
RULE = build_token_rule(
    187,
    "ibm-cloud-key",
    "An IBM Cloud credential",
    _KINDS,
    revoke="ibmcloud iam api-key-delete NAME",
    references=("https://cloud.ibm.com/docs/account?topic=account-manapikey",),
)
