"""Regular expressions that are compiled at first use, so that they do not slow down the start."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, AnyStr, cast

if TYPE_CHECKING:
    from collections.abc import Callable


class _Lazy:
    """A placeholder for `re.compile(pattern, flags)` until it is used."""

    def __init__(self, compile_it: Callable[[], re.Pattern[Any]]) -> None:
        self._compile = compile_it

    def __getattr__(self, name: str) -> object:
        compiled = self._compile()
        for method in ("search", "match", "fullmatch", "finditer", "findall", "sub", "split", "pattern"):
            setattr(self, method, getattr(compiled, method))
        answer: object = getattr(compiled, name)
        return answer


def compile_lazily(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """A pattern as `re.compile` would return it, compiled at first use."""
    return cast("re.Pattern[AnyStr]", _Lazy(partial(re.compile, pattern, flags)))
