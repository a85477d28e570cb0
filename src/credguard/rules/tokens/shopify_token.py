"""An access token or shared secret of a Shopify app.

What it does
    Finds `shpat_`, `shpca_`, `shppa_` access tokens and `shpss_` shared secrets of 32 hexadecimal digits.

Why it matters
    Anyone with it can read the shop's orders and customers and change prices and products.

How to fix
    Uninstall and reinstall the app, or rotate its secret in the partner dashboard.

References
    https://shopify.dev/docs/apps/build/authentication-authorization/client-secrets/rotate-revoke-client-credentials
"""

from __future__ import annotations

from credguard.rules.tokens._token_rule import build_token_rule, make_kind

_KINDS = (make_kind("shopify", "Shopify token", rb"shp[acpsu][ast]_", (rb"[0-9a-fA-F]", 32)),)
RULE = build_token_rule(
    181,
    "shopify-token",
    "A Shopify token",
    _KINDS,
    revoke="Shopify admin > Settings > Apps and sales channels > the app > API credentials > rotate",
    references=(
        "https://shopify.dev/docs/apps/build/authentication-authorization/client-secrets/rotate-revoke-client-credentials",
    ),
)
