"""The terms on which hook settings and CI steps call credguard: conditions, filters and options around a call."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from credguard.regex import regex

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Term = tuple[str, str]  # what it is, in a word, and as it is written

_MOST = 20
"""Calls of one file that are looked at; a file with more is made to cost time."""
_OPTION = regex(r"(?<![\w-])--(?:ignore|select|fail-on|policy-from|config|mode|baseline|max-file-size|help)(?![\w-])")
_HOOK_KEYS = r"exclude|files|stages|entry|args|types|types_or|exclude_types|default_stages|skip"
_CI_KEYS = (
    r"if|when|rules|only|except|branches|condition|filters|changes|"
    r"working-directory|path|mode|config|fail-on|baseline"
)
_KEY = r"^[ \t]*(?:-[ \t]+)?(?P<key>{})[ \t]*:(?P<value>.*)"
_HOOK_TERM, _CI_TERM = regex(_KEY.format(_HOOK_KEYS)), regex(_KEY.format(_CI_KEYS))
_ALWAYS = regex(r"[ \t]*(?:\$\{\{[ \t]*)?(?:always\(\)|!cancelled\(\)|true)[ \t]*(?:\}\})?[ \t]*")
_SKIP = regex(r"\bskip\b[\"']?[ \t]*[:=]", re.IGNORECASE)
_BACKGROUND = regex(r"credguard[^|&;]{0,300}&[ \t]*$")
_PIPE = regex(r"credguard[^|&;]{0,300}\|(?!\|)")
_ON = regex(r"^[\"']?on[\"']?[ \t]*:")
_EVENTS = ("push", "pull_request", "merge_group")
_FILTERS = ("branches", "branches-ignore", "paths", "paths-ignore", "tags", "types")


def terms(path: str, lines: Sequence[str], calls: Sequence[int], around: Sequence[Sequence[int]]) -> Counter[Term]:
    """The terms of the calls at the lines `calls`; `around` names for each the lines that belong to it: its step
    and what stands beside that on each level above."""
    found: Counter[Term] = Counter()
    hooks = not path.startswith((".github/", ".gitlab", ".circleci/")) and "pre-commit" in path
    told: set[int] = set()
    for number, near in zip(calls[:_MOST], around, strict=False):
        told.update(near)
        found.update(_at(lines[number]))
    for index in sorted(told):
        found.update(_around(lines, index, _HOOK_TERM if hooks else _CI_TERM))
    if calls and path.startswith(".github/workflows/"):
        found.update(_events(lines))
    return found


def skipped(lines: Sequence[str], number: int) -> bool:
    """True where the line does not call credguard but says that it is to be left out."""
    line = lines[number]
    if _SKIP.search(line.partition("credguard")[0]):
        return True
    if not line.lstrip().startswith("- "):
        return False
    above = (one for one in reversed(lines[max(0, number - 40) : number]) if not one.lstrip().startswith("- "))
    return _SKIP.search(next(above, "")) is not None


def _at(line: str) -> Iterator[Term]:
    if _BACKGROUND.search(line):
        yield "background", ""
    if _PIPE.search(line):
        yield "pipe", ""


def _around(lines: Sequence[str], index: int, key: re.Pattern[str]) -> Iterator[Term]:
    line = lines[index]
    yield from ((option[0], line.strip()) for option in _OPTION.finditer(line))
    term = key.match(line)
    if term and not _ALWAYS.fullmatch(term["value"]):
        yield term["key"], " ".join(_block(lines, index))


def _block(lines: Sequence[str], index: int) -> Iterator[str]:
    """The words of a key's value, which may go on below it."""
    depth = _depth(lines[index])
    yield lines[index].strip()
    for line in lines[index + 1 : index + 40]:
        if line.strip() and (_depth(line) < depth or (_depth(line) == depth and not line.lstrip().startswith("- "))):
            return
        yield line.strip()


def _events(lines: Sequence[str]) -> Iterator[Term]:
    """Which of the usual events do not start a workflow, and the filters of those that do."""
    start = next((index for index, line in enumerate(lines) if _ON.match(line)), None)
    words = Counter(re.findall(r"[\w-]+", " ".join(_block(lines, start)))) if start is not None else Counter()
    yield from (("on", f"no {event}") for event in _EVENTS if not words[event])
    for name in _FILTERS:
        yield from (("on", name) for _ in range(words[name]))


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())
