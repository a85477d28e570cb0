"""Path patterns as in `.gitignore`, matched in time linear in the path."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from pathspec import GitIgnoreSpec

_LONGEST = 200
_MOST_WILDCARDS = 30
"""More make a pattern that is slow to compile, or too large."""


def find_glob_problem(pattern: str) -> str:
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
    if _has_unclosed_bracket(pattern):
        return "has a [ without its ]"
    try:
        _compile_spec((pattern,), "simple")  # which is fast to make; a whole policy is compiled when a finding asks
    except Exception:  # noqa: BLE001 - the library raises its own, re's and hyperscan's errors
        return "is no .gitignore pattern"
    return ""


def find_last_match(patterns: tuple[str, ...], path: str) -> str:
    """The pattern that selects the path (the last that speaks of it, unless it begins with `!`), or "".

    Bytes of the path that are no UTF-8 count as one unknown character each.
    """
    if not patterns:
        return ""
    known = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    result = _build_spec(patterns).check_file(known)
    return patterns[result.index] if result.include and result.index is not None else ""


def _has_unclosed_bracket(pattern: str) -> bool:
    plain = pattern.replace("\\\\", "").replace("\\[", "").replace("[!", "[").replace("[^", "[")
    at = plain.find("[")
    return at >= 0 and "]" not in plain[at + 2 :]


@cache
def _build_spec(patterns: tuple[str, ...]) -> GitIgnoreSpec:
    return _compile_spec(patterns, "hyperscan")


def _compile_spec(patterns: tuple[str, ...], backend: str) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return GitIgnoreSpec.from_lines(patterns, backend=backend)


def may_overlap(one: str, other: str) -> bool:
    """False where it is certain that no path fits both patterns, a leading `!` aside."""
    return _meet(_split_parts(one), _split_parts(other), _may_parts_meet)


@cache
def _split_parts(pattern: str) -> tuple[str, ...]:
    """The pattern part by part, `**` for any number of them; at least what the pattern selects."""
    plain = pattern.removeprefix("!").rstrip("/")
    parts = plain.lstrip("/").split("/")
    anchored = "/" in plain
    # What selects a folder selects all below it; two stars beside other signs count as any parts at all.
    return (*(() if anchored else ("**",)), *("**" if "**" in part else part for part in parts), "**")


def _may_parts_meet(one: str, other: str) -> bool:
    return one == other or _meet(_tokenize(one), _tokenize(other), lambda a, b: a == b or "?" in (a, b), any_number="*")


@cache
def _tokenize(part: str) -> tuple[str, ...]:
    """The signs of a part: `*`, `?` (also for a set of signs, of which it is at least that), or `\\` and a sign."""
    signs: list[str] = []
    at = 0
    while at < len(part):
        sign = part[at]
        closed = part.find("]", at + (3 if part[at + 1 : at + 2] in ("!", "^") else 2)) if sign == "[" else -1
        if sign == "\\" and at + 1 < len(part):
            at += 1
            signs.append("\\" + part[at])
        elif closed > 0:
            named = "[" in part[at + 1 : closed]  # as in [[:alpha:]], whose end is not sought
            signs.append("*" if named else "?")
            at = len(part) if named else closed
        else:
            signs.append(sign if sign in "*?" else "\\" + sign)
        at += 1
    return tuple(signs)


def _meet(
    one: tuple[str, ...], other: tuple[str, ...], fits: Callable[[str, str], bool], any_number: str = "**"
) -> bool:
    """True where two sequences, in which `any_number` stands for any number of items, may stand for the same one."""
    row = [True]
    for item in other:
        row.append(row[-1] and item == any_number)
    for left in one:
        above, row = row, [row[0] and left == any_number]
        for at, right in enumerate(other, 1):
            either = any_number in (left, right)
            row.append(above[at] or row[at - 1] if either else above[at - 1] and fits(left, right))
    return row[-1]
