"""Values of a policy that are paths, or patterns of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.policy import globs
from credguard.policy.value_types import Text
from credguard.system.containment import is_plain

if TYPE_CHECKING:
    from credguard.policy.strict_yaml import Value
    from credguard.policy.value_types import ReadingContext

_MOST_PATTERNS, _WILDCARD_COST = 2_000, 4
"""To compile so many takes some five seconds: up to 7 ms each with wildcards, 2 ms without."""


class Glob(Text):
    """A pattern as in .gitignore, from the root of the repository."""

    def __init__(self) -> None:
        super().__init__("a pattern as in .gitignore")

    def _read(self, value: Value, reading: ReadingContext, at: str) -> object:
        text = str(super()._read(value, reading, at))
        problem = globs.find_glob_problem(text)
        if problem:
            raise reading.make_error(value, at, f"the pattern {value.excerpt} {problem}")
        reading.patterns[text] = _WILDCARD_COST if any(mark in text for mark in "*?[") else 1
        if sum(reading.patterns.values()) > _MOST_PATTERNS:
            most = f"a policy has at most {_MOST_PATTERNS} path patterns"
            words = f"{most}, and one with *, ? or [ counts as {_WILDCARD_COST}"
            raise reading.make_error(value, at, words, "name folders")
        return text


class InsidePath(Text):
    """A path inside the repository."""

    def __init__(self) -> None:
        super().__init__("a path inside the repository")

    def _read(self, value: Value, reading: ReadingContext, at: str) -> object:
        text = str(super()._read(value, reading, at))
        path = text.removeprefix("./")
        if not is_plain(path) or path.startswith("~") or "\\" in path:
            raise reading.make_error(value, at, f"wants {self.wanted}, not {value.excerpt}")
        return path
