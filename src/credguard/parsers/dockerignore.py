"""Parses .dockerignore the way Docker does (moby/patternmatcher), without its regular expressions."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

_BOM = "\ufeff"
_SPECIAL = frozenset("*?[\\")
_BLANKS = " \t\r\n\v\f\x85\xa0"


class _Step(NamedTuple):
    """One step of a compiled pattern: the character `one`, `any` except `/`, one of a `class`, any number except `/`
    (`many`), anything (`rest`), or `perhaps` what follows: text up to a `/` (`folders`)."""

    kind: str
    text: str = ""
    ranges: tuple[tuple[str, str], ...] = ()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class IgnorePattern:
    """One line: its cleaned pattern, whether it re-includes (`!`), and its location."""

    text: str
    exception: bool = False
    line: int = 0

    def is_match(self, path: str) -> bool:
        """True if the pattern matches the path itself or a parent folder."""
        parts = path.split("/")
        return any(_is_match(self.text, "/".join(parts[: end + 1])) for end in range(len(parts)))


def parse_dockerignore(data: bytes) -> list[IgnorePattern]:
    """The patterns of a .dockerignore in order.

    A line that begins with `#` is a comment; spaces around a pattern and `/` before it are dropped, `.` and `..`
    resolved. What Docker rejects (`!` alone, a broken `[`) matches nothing.
    """
    patterns = []
    for number, line in enumerate(data.decode("utf-8", "replace").removeprefix(_BOM).split("\n"), 1):
        text = line.strip(_BLANKS)
        if not text or line.startswith("#"):
            continue
        exception = text.startswith("!")
        cleaned = clean(text[1:].strip(_BLANKS) if exception else text)
        if cleaned:
            patterns.append(IgnorePattern(cleaned, exception, number))
    return patterns


def clean(text: str) -> str:
    """A pattern or path after Go's `filepath.Clean` and Docker's trimming."""
    if not text:
        return ""
    cleaned = posixpath.normpath(text)
    return cleaned.lstrip("/") or "/"


def find_deciding_pattern(patterns: Iterable[IgnorePattern], path: str) -> IgnorePattern | None:
    """The pattern that decides about a path: the last that matches and changes the result; None if none does."""
    verdict: IgnorePattern | None = None
    for pattern in patterns:
        excluded = verdict is not None and not verdict.exception
        if pattern.exception == excluded and pattern.is_match(path):
            verdict = pattern
    return verdict


def is_excluded(patterns: Iterable[IgnorePattern], path: str) -> bool:
    """True if the path, relative to the context, is excluded from the build."""
    verdict = find_deciding_pattern(patterns, path)
    return verdict is not None and not verdict.exception


def _is_match(text: str, path: str) -> bool:
    if _SPECIAL.isdisjoint(text):
        return text == path
    # Docker compares suffixes here, which lets `**x` match `abcx` and `**/x` match `x`.
    ending = text[2:]
    if text.startswith("**") and _SPECIAL.isdisjoint(ending):
        return path.endswith(ending) or (ending.startswith("/") and path == ending[1:])
    steps = _compile(text)
    if steps is None:
        return False
    states = _close(steps, {0}, at_folder=True)
    for character in path:
        reached: set[int] = set()
        for state in states:
            reached.update(_advance(steps, state, character))
        states = _close(steps, reached, at_folder=character == "/")
        if not states:
            return False
    return len(steps) in states


def _close(steps: tuple[_Step, ...], states: set[int], *, at_folder: bool) -> set[int]:
    """The states plus those that need no character: `*` for nothing, `**/` for no folder."""
    pending = list(states)
    while pending:
        state = pending.pop()
        for free in _find_free_states(steps, state, at_folder=at_folder):
            if free not in states:
                states.add(free)
                pending.append(free)
    return states


def _find_free_states(steps: tuple[_Step, ...], state: int, *, at_folder: bool) -> tuple[int, ...]:
    kind = steps[state].kind if state < len(steps) else ""
    if kind == "perhaps":
        return (state + 1, state + 2)
    return (state + 1,) if kind in ("many", "rest") or (kind == "folders" and at_folder) else ()


def _advance(steps: tuple[_Step, ...], state: int, character: str) -> Iterable[int]:
    if state == len(steps):
        return ()
    step = steps[state]
    if step.kind in ("rest", "folders"):
        return (state,)
    if step.kind == "perhaps":
        return ()
    if step.kind == "many":
        return (state,) if character != "/" else ()
    return (state + 1,) if _is_accepted(step, character) else ()


def _is_accepted(step: _Step, character: str) -> bool:
    if step.kind == "any":
        return character != "/"
    if step.kind == "one":
        return character == step.text
    inside = any(low <= character <= high for low, high in step.ranges)
    return inside != step.negated


@lru_cache(maxsize=512)
def _compile(text: str) -> tuple[_Step, ...] | None:
    """The steps of a pattern, None for one that Docker rejects."""
    steps: list[_Step] = []
    position = 0
    while position < len(text):
        character = text[position]
        if text.startswith("**", position):
            position += 2
            if text.startswith("/", position):
                position += 1
            steps += [_Step("rest")] if position == len(text) else [_Step("perhaps"), _Step("folders")]
            continue
        if character == "[":
            found = _parse_class(text, position + 1)
            if found is None:
                return None
            step, position = found
            steps.append(step)
            continue
        if character == "\\":
            position += 1
            if position == len(text):
                return None
            steps.append(_Step("one", text[position]))
        else:
            steps.append({"*": _Step("many"), "?": _Step("any")}.get(character, _Step("one", character)))
        position += 1
    return tuple(steps)


def _parse_class(text: str, position: int) -> tuple[_Step, int] | None:
    """A `[…]` class that begins at `position`, and its end; None for an invalid one."""
    negated = text.startswith("^", position)
    position += negated
    ranges: list[tuple[str, str]] = []
    while position < len(text) and (text[position] != "]" or not ranges):
        low = _parse_member(text, position)
        if low is None:
            return None
        position = high_at = low[1]
        high = low
        if text.startswith("-", position):
            found = _parse_member(text, high_at + 1)
            if found is None:
                return None
            high = found
            position = high[1]
        ranges.append((low[0], high[0]))
    if position >= len(text):
        return None
    return _Step("class", ranges=tuple(ranges), negated=negated), position + 1


def _parse_member(text: str, position: int) -> tuple[str, int] | None:
    """A character of a class, unescaped, and the position after it; Go rejects `-` and `]` here."""
    if text.startswith("\\", position):
        position += 1
    elif text.startswith(("-", "]"), position):
        return None
    return (text[position], position + 1) if position < len(text) else None
