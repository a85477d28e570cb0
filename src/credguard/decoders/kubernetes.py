"""Kubernetes Secrets: manifests, lists and Terraform's resources, with each base64 value decoded in place."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING

from credguard.decoders.view import iter_windows, rewrite
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Sequence

    from credguard.decoders.view import View

MANIFEST = Pattern(
    "kubernetes-secret",
    rb"\bkind\\{0,4}[\"']?\s{0,4}:\s{0,4}\\{0,4}[\"']?Secret(?:[\"'\s,}#\\]|\z)|\"kubernetes_secret(?:_v1)?(?:_data)?\"",
)
"""The patterns that locate secrets in base64, of any kind."""
_REACH = 1 << 20
_VALUE = compile_lazily(
    rb"(?<=[\s\"':=])[A-Za-z0-9+/]{8,}={0,2}(?:\r?\n[ \t]{1,40}[A-Za-z0-9+/]{4,}={0,2}(?=\s|\Z))*(?=[\s\"',}\\]|\Z)"
)


def decode_secret_values(data: bytes, ends: Sequence[int]) -> Iterator[View]:
    """The text up to 1 MiB around each hit, with all base64 of text decoded."""
    for start, stop in iter_windows(data, ends, _REACH):
        changes = []
        for match in _VALUE.finditer(data, start, stop):
            text = _decode_text(match)
            if text:
                changes.append((*match.span(), text))
        if changes:
            yield rewrite(data, start, stop, changes, "base64-encoded")


def _decode_text(match: re.Match[bytes]) -> bytes:
    """The decoded value, empty if it is not text."""
    written = b"".join(match[0].split())
    if len(written) % 4 or b"=" in written[:-2]:
        return b""
    try:
        text = b64decode(written)
    except ValueError:
        return b""
    printable = text.translate(None, _CONTROL)
    try:
        return text if len(printable) == len(text) and text.decode() else b""
    except UnicodeDecodeError:
        return b""


_CONTROL = bytes(set(range(32)) - set(b"\t\n\r")) + b"\x7f"
