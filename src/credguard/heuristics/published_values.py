"""Public values in the shape of a secret: from other services' documentation, and ciphertext."""

from __future__ import annotations

from hashlib import blake2b

from credguard.lazy_re import compile_lazily

# The beginnings of documented values; the rest of them does not matter.
_OPENINGS = (
    b"czZCaGRSa3F0Mz",  # RFC 6749, the client s6BhdRkqt3 in Basic authentication
    b"ya29.AHES6",  # Google's OAuth 2.0 pages of 2012; tokens of that form ended long ago
    b"MTk4NjIyNDgzNDcxOTI1MjQ4",  # discord.py and the Discord developer documentation
    b"SG.ngeVfQFYQlKU0ufo8x5d1A.",  # SendGrid's API reference
    b"xoxb-17653672481-",  # Slack's token types
)
# Digests of complete values.
_PUBLISHED = frozenset((
    "e6d1b65208cb54f6",  # RFC 6749, an access token
    "9a119b06a213486f",  # RFC 6749, a refresh token
    "cd5b49fcc80a6e3d",  # RFC 6749, a client secret
    "11c38988238e0512",  # RFC 6749, a client secret
    "ffae33b34d08957f",  # Google's documentation of the Maps APIs
    "c2945bcd936cf1d3",  # RFC 6750, a bearer token
))  # fmt: skip
_SEALED = compile_lazily(rb"Ag[AB][A-Za-z0-9+/]{60,}={0,2}")
"""The output of kubeseal: the length of an RSA-encrypted key (256 or 512 bytes), then ciphertext."""
_FOR_THE_BROWSER = compile_lazily(rb"(?:pi|seti|cs|src|cuss)_[A-Za-z0-9_]{8,80}_secret_[A-Za-z0-9]{8,80}")
"""The `client_secret` of a single Stripe payment, made for the customer's browser."""


def is_no_secret(value: bytes) -> bool:
    """True for a value that is documented, sealed, or given to every visitor."""
    if value.startswith(_OPENINGS) or _SEALED.fullmatch(value) or _FOR_THE_BROWSER.fullmatch(value):
        return True
    return blake2b(value, digest_size=8).hexdigest() in _PUBLISHED
