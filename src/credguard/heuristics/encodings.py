"""The encodings in which a secret value may appear: plain, percent-encoded, escaped in JSON, inside base64."""

from __future__ import annotations

from base64 import b64encode

TYPE_CHECKING = False  # as in typing, whose import the hook would wait for
if TYPE_CHECKING:
    from collections.abc import Iterator

_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~")


def iter_encodings(value: bytes) -> Iterator[tuple[str, bytes]]:
    """Each encoding's name and text, each text once."""
    yield "plain", value
    upper, lower = _encode_percent(value, b"%%%02X"), _encode_percent(value, b"%%%02x")
    if upper != value:
        yield "percent-encoded", upper
        yield "percent-encoded", lower
    if b"/" in value:
        yield "escaped", value.replace(b"/", b"\\/")
    for shift in range(3):
        # The characters at both ends also encode bits of the neighbors.
        whole = b64encode(bytes(shift) + value).rstrip(b"=")
        yield "base64", whole[(0, 2, 3)[shift] : len(whole) - (1 if (shift + len(value)) % 3 else 0)]


def _encode_percent(value: bytes, form: bytes) -> bytes:
    return b"".join(bytes((byte,)) if byte in _UNRESERVED else form % byte for byte in value)
