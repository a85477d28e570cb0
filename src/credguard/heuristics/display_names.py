"""User-defined names (users, profiles): shown in a message only if they cannot be secrets."""

from __future__ import annotations

import re

from credguard.heuristics.secret_key_shape import is_secret_shaped

_NAME = r"[A-Za-z0-9_+=,.@:/ -]{1,64}"
_RANDOM = r"[A-Za-z0-9+/=]{32,}"


def sanitize_display_name(name: str) -> str:
    """The name as it may be shown; empty for one that is too long, has other characters, or looks like a secret."""
    if not re.fullmatch(_NAME, name):
        return ""
    for match in re.finditer(_RANDOM, name):
        if is_secret_shaped(match[0].encode(), named=True) or len(set(match[0])) > 20:
            return ""
    return name
