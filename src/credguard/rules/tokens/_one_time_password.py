"""Seeds of one-time passwords (RFC 4226, RFC 6238), where programs, commands and links are given them."""

from __future__ import annotations

from hashlib import blake2b

from credguard.heuristics.boundaries import is_base32_text
from credguard.heuristics.placeholders import is_placeholder
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Confidence
from credguard.rules.tokens._readable import is_in_words
from credguard.rules.tokens._token_rule import Grade, TokenKind

_SEEN = 16
_PATTERN = Pattern(
    "one-time-password",
    rb"(?:[th]otp|otpauth|oathtool|authenticator\.(?:generate|check|verify)|otp_?secret)[^\n]{0,80}[\"'= ][a-z2-7]{16}",
    caseless=True,
)
_SEED = compile_lazily(rb"([A-Z2-7]{16,64}|[a-z2-7]{16,64})={0,6}(?![A-Za-z0-9_+/.(\[\-])")
_DIGIT = compile_lazily(rb"[2-7]")
# Digests of seeds that the documentation of libraries shows: Google's authenticator and its key format, pyotp, otplib.
_PUBLISHED = frozenset((
    "29046caa9f097042",
    "d572b23ff8a9aaaf",
    "4c828a324ed6a423",
    "a70c3a527da0d4b2",
    "0058faa8216a0392",
    "d190e937afdf90a8",
))  # fmt: skip


def _grade_seed(value: bytes) -> Grade | None:
    """Base32 that a program drew: digits in it, no text when it is decoded, and not from a library's pages."""
    seed = value.upper()
    if len(_DIGIT.findall(seed)) < (1 if seed == value else 2) or is_placeholder(value) or is_in_words(value):
        return None
    if blake2b(seed, digest_size=8).hexdigest() in _PUBLISHED:
        return None
    return None if is_base32_text(seed) else Grade(confidence=Confidence.MEDIUM)


KIND = TokenKind("one-time-password", "seed of one-time passwords", _PATTERN, _SEEN, _SEED, _grade_seed)
