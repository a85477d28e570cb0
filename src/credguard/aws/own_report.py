"""Key IDs that a report of credguard names: the report is no place where a key is kept."""

from __future__ import annotations

from credguard.lazy_re import compile_lazily

# The message of a finding (`aws.credential`), which every format has, each with its own escapes behind the ID.
_NAMED = compile_lazily(
    rb"AWS access key ID ([A-Z0-9]{20})"
    rb"(?=(?:, |%2C )(?:secret access key|session token) \S{1,24}(?:\*|&#42;)"
    rb"| \\?\((?:long\\?-lived|temporary|old-format|unknown-format|canary|example-account)\b)"
)


def list_named_ids(data: bytes) -> frozenset[bytes]:
    """The key IDs of which the text has the message of a finding, of this version or another.

    This is about the IDs alone: whatever else stands in such a text, a secret above all, is found as anywhere.
    """
    return frozenset(_NAMED.findall(data))
