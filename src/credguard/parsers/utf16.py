"""Text in UTF-16: the one place that knows its byte order marks and decodes it."""

from __future__ import annotations

_CODECS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


def has_mark(data: bytes) -> bool:
    """True for text that begins with a byte order mark of UTF-16."""
    return data[:2] in _CODECS


def recode_marked(data: bytes) -> bytes:
    """UTF-16 with a byte order mark as UTF-8, anything else unchanged; line numbers stay the same."""
    codec = _CODECS.get(data[:2])
    return recode(data[2:], codec) if codec else data


def recode(data: bytes, codec: str) -> bytes:
    """Text without a mark, in `utf-16-le` or `utf-16-be`, as UTF-8; what is invalid becomes U+FFFD."""
    return data.decode(codec, "replace").encode("utf-8", "replace")
