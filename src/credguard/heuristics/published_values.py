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
    "be46cec26ef43b30",  # OpenID Connect Core, an access token
    "a197cbc20c85999c",  # OpenID Connect Core, a refresh token
    "20e88191d76dc156",  # Azurite's account key
    "76449d3eb6d5ca57",  # the key of the Cosmos DB emulator
    "2893bbb23f2ed79f",  # RFC 5849, OAuth 1.0
    "dfb766681cef5205",  # RFC 5849, OAuth 1.0
    "37738809b2d5b75c",  # RFC 5849, OAuth 1.0
    "c92204355aa1c098",  # RFC 5849, OAuth 1.0
    "8c5321fdc8fcf422",  # RFC 5849, OAuth 1.0
    "5ccf5a9d7a9ab802",  # RFC 5849, OAuth 1.0
    "6eb9aafb1f177f7c",  # RFC 5849, OAuth 1.0
    "eb764dd303d29e47",  # RFC 5849, OAuth 1.0
    "b3b1b085bcd9fd99",  # RFC 5849, OAuth 1.0
    "81ebb7bf259aa1f9",  # RFC 5849, OAuth 1.0
    "ad4a61cabb595d3a",  # RFC 5849, OAuth 1.0
    "2d1b75f3aac2ca2a",  # RFC 5849, OAuth 1.0
    "bf040639ec1b9a10",  # RFC 6749, a password
    "fe29400357ab5967",  # RFC 7009, a token
    "1b0759b472701a60",  # the draft on MAC tokens
    "97ce4ce6b9406644",  # RFC 4226 and 6238, one-time passwords
    "5424f992a340c225",  # RFC 4226 and 6238, one-time passwords
    "e3c25c994ea97357",  # RFC 4226 and 6238, one-time passwords
    "29046caa9f097042",  # Google's page on the form of one-time password URLs
    "5a81f4edf8e2cb78",  # Slack's page on verifying requests
    "6db51966fdaa8a59",  # MD5 of abc
    "2d44e7f2c398bf13",  # the NT hash of an empty password
    "d873fb9139f98c87",  # the LM hash of an empty password
    "af6b5734ed866a85",  # MD5 of nothing
    "bae8313677eb8754",  # SHA-1 of nothing
    "0e8cef8f7e3f79f1",  # SHA-256 of nothing
    "595eb577ef33023b",  # MD5 of the word password
    "92bea8d6aa343c06",  # SHA-1 of it
    "c50b7e0a3ef2ba45",  # SHA-256 of it
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
