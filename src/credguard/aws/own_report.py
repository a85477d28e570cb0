"""Key IDs that a report of credguard names: the report is no place where a key is kept."""

from __future__ import annotations

import re

# The message of a finding (`aws.credential`), which every format has, each with its own escapes behind the ID.
_MESSAGE = (
    rb"AWS access key ID %s(?:(?:, |%%2C )(?:secret access key|session token) \S{1,24}(?:\*|&#42;)"
    rb"| \\?\((?:long\\?-lived|temporary|old-format|unknown-format|canary|example-account)\b)"
)


def is_named_in_report(data: bytes, key_id: bytes) -> bool:
    """True where the text has the message of a finding on this key ID, of this version or another.

    This is about the ID alone: whatever else stands in such a text, a secret above all, is found as anywhere.
    """
    return re.search(_MESSAGE % re.escape(key_id), data) is not None
