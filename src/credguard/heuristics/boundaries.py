"""What may be next to a token, so that a part of a longer text is never mistaken for one."""

from __future__ import annotations

from base64 import b32decode, b64decode

from credguard.lazy_re import compile_lazily

# Not part of a longer token; a letter only if it ends an escape: \n, \x22, \u0022, %3D, %3A, %2C, %20, %26; a
# dash where the default value of a shell variable begins: ${NAME:-…}.
LEFT = (
    rb"(?:(?<![A-Za-z0-9+/_\-])|(?<=\\[nrt])|(?<=\\x[0-9A-Fa-f]{2})|(?<=\\u00[0-9A-Fa-f]{2})|(?<=%3[ADad])|"
    rb"(?<=%2[026Cc7])|(?<=:-))"
)
RIGHT = rb"(?![A-Za-z0-9+/_=\-])"
COLOUR = rb"(?<=\[m)|(?<=[\[;][0-9]m)|(?<=[\[;][0-9]{2}m)|(?<=;[0-9]{3}m)|(?<=\[K)|(?<=\[[0-9]K)"
"""The end of a sequence that switches a terminal's color or clears its line; its first byte may be escaped."""
EMPHASIS = rb"(?<=\A_)|(?<=[^A-Za-z0-9_]_)"
"""An underscore that sets a word of Markdown in italics."""
SLASH = rb"(?:\\{0,3}/|%(?:25)?2[Ff]|&#(?:x2[Ff]|47);|\\{1,3}u002[Ff]|\\x2[Ff])"
"""A slash in plain text, percent-encoded, or escaped in JSON, HTML and scripts."""
# One character of standard base64, in plain text, percent-encoded or escaped in JSON.
UNIT = rb"(?:[A-Za-z0-9+/]|%2[BbFf]|\\{1,2}/|\\{1,2}u002[BbFf])"
PAD = rb"(?:=|%3[Dd]|\\{1,2}u003[Dd])"
_ESCAPED = compile_lazily(rb"%2[BbFf]|%3[Dd]|\\{1,2}/|\\{1,2}u002[BbFf]|\\{1,2}u003[Dd]")
_RUN = compile_lazily(rb"[A-Za-z0-9+/]*")
_PRINTABLE = compile_lazily(rb"[\x20-\x7e]+")
_SIGNS = {b"b": b"+", b"f": b"/", b"/": b"/", b"d": b"="}


def unescape_base64(text: bytes) -> bytes:
    """Base64 with its percent and JSON escapes decoded."""
    return _ESCAPED.sub(lambda match: _SIGNS[match[0][-1:].lower()], text)


def decode_base64(text: bytes) -> bytes:
    """The bytes of a standard base64 text, padded or truncated: as many as its characters encode. Never raises."""
    run = _RUN.match(text)
    plain = run[0] if run else b""
    return b64decode(plain + b"A" * (-len(plain) % 4))[: len(plain) * 3 // 4]


def is_base32_text(text: bytes) -> bool:
    """True for capitals and digits of base32 that encode printable text, which a person made up: of the seeds that a
    program drew, one in 20,000."""
    return _PRINTABLE.fullmatch(b32decode(text.rstrip(b"=")[: len(text) // 8 * 8])) is not None
