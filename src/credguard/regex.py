"""Regular expressions that are compiled when first used, so that starting costs nothing for them."""

from __future__ import annotations

import re
from typing import cast


class _Lazy:
    """Stands for `re.compile(pattern, flags)` until one of its methods is asked for."""

    def __init__(self, pattern: bytes, flags: int) -> None:
        self._made_of = (pattern, flags)

    def __getattr__(self, name: str) -> object:
        compiled = re.compile(*self._made_of)
        for method in ("search", "match", "fullmatch", "finditer", "findall", "sub", "split", "pattern"):
            setattr(self, method, getattr(compiled, method))
        answer: object = getattr(compiled, name)
        return answer


def regex(pattern: bytes, flags: int = 0) -> re.Pattern[bytes]:
    """A bytes pattern as `re.compile` would give it, compiled at its first use."""
    return cast("re.Pattern[bytes]", _Lazy(pattern, flags))
