"""Path patterns as in `.gitignore`, matched in time linear in the path."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_LONGEST = 200
_MOST_WILDCARDS = 30
"""More make a pattern that is slow to compile, or too large."""


def problem(pattern: str) -> str:
    """Why the pattern is none, as words that go on after it; "" when it is one."""
    if not pattern.strip() or pattern.strip() in ("!", "/"):
        return "names no path"
    if len(pattern) > _LONGEST:
        return f"is longer than {_LONGEST} characters"
    if sum(map(pattern.count, "*?[")) > _MOST_WILDCARDS:
        return f"has more than {_MOST_WILDCARDS} wildcards"
    if pattern.startswith("#"):
        return "begins with #, which makes it a comment; write \\#"
    if any(part in (".", "..") for part in pattern.removeprefix("!").split("/")):
        return "holds . or ..; patterns start at the root of the repository"
    if pattern.endswith("**/"):
        return "ends with **/; write **, or / alone"
    if "\n" in pattern or pattern != pattern.strip():
        return "has blanks or line ends around it"
    if _unclosed(pattern):
        return "has a [ without its ]"
    try:
        _compiled((pattern,), "simple")  # which is fast to make; a whole policy is compiled when a finding asks
    except Exception:  # noqa: BLE001 - the library raises its own, re's and hyperscan's errors
        return "is no .gitignore pattern"
    return ""


def deciding(patterns: tuple[str, ...], path: str) -> str:
    """The pattern that selects the path (the last that speaks of it, unless it begins with `!`), or "".

    Bytes of the path that are no UTF-8 count as one unknown character each.
    """
    if not patterns:
        return ""
    known = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    result = _spec(patterns).check_file(known)
    return patterns[result.index] if result.include and result.index is not None else ""


def _unclosed(pattern: str) -> bool:
    plain = pattern.replace("\\\\", "").replace("\\[", "").replace("[!", "[").replace("[^", "[")
    at = plain.find("[")
    return at >= 0 and "]" not in plain[at + 2 :]


@cache
def _spec(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    return _compiled(patterns, "hyperscan")


def _compiled(patterns: tuple[str, ...], backend: str) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return GitIgnoreSpec.from_lines(patterns, backend=backend)
