"""Targets of a Makefile or a justfile, and the names by which they and scripts of other tools are run."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    from collections.abc import Collection

MAKEFILES = ("makefile", "gnumakefile", "justfile", ".justfile")
_RULE = compile_lazily(r"(?P<names>[^\s#:=][^#:=\n]{0,500}?)\s{0,20}::?(?![=:])(?P<needs>[^\n]*)")
_WORD = compile_lazily(r"[\w.:/@%-]+")
_EVALUATED = compile_lazily(r"\$[({](?:eval|shell|call|file|guile)\b")
_BARE = compile_lazily(r"\b(?:g?make|just)\b(?:[ \t]+-\S+)*[ \t]*(?=$|[;&|\n)])", re.MULTILINE)


@dataclass(slots=True)
class _Rule:
    names: tuple[str, ...]
    needs: tuple[str, ...]
    lines: list[tuple[int, str]] = field(default_factory=list)

    def find_words(self) -> set[str]:
        """The words of its recipe."""
        return {word for _, line in self.lines[1:] for word in _WORD.findall(line)}


class Targets:
    """The rules of a file, and which of them lead to credguard; `every` is set if that is unknown."""

    def __init__(self, code: Collection[tuple[int, str]], text: str) -> None:
        """`code` are the relevant lines, by number; `text` is the whole file."""
        self._rules: list[_Rule] = []
        self._rest: list[tuple[int, str]] = []
        self._read(code, text.split("\n"))
        calling = {name for rule in self._rules if _has_call(rule.lines) for name in rule.names}
        self.leading = self._add_dependents(calling)
        self.every = not calling or _has_call(self._rest)

    def _read(self, code: Collection[tuple[int, str]], raw: list[str]) -> None:
        current: _Rule | None = None
        for number, line in code:
            found = _RULE.match(line) if not raw[number][:1].isspace() else None
            if raw[number][:1].isspace() and current:
                current.lines.append((number, line))
            elif found:
                names = tuple(word.lstrip("@") for word in found["names"].split())
                current = _Rule(names, tuple(_WORD.findall(found["needs"])), [(number, line)])
                self._rules.append(current)
            else:
                current = None
                self._rest.append((number, line))

    def _add_dependents(self, names: set[str]) -> set[str]:
        """The names, and those of rules that depend on one of them or run it."""
        more = True
        while more:
            more = False
            for rule in self._rules:
                if not names.issuperset(rule.names) and not names.isdisjoint((*rule.needs, *_find_requested(rule))):
                    if rule.names[0].startswith("."):
                        continue
                    names.update(rule.names)
                    more = True
        return names

    def list_lines(self) -> list[tuple[int, str]]:
        """The lines on which the leading targets depend: theirs, those of their dependencies, and those outside of
        targets."""
        if self.every:
            return sorted([*self._rest, *(line for rule in self._rules for line in rule.lines)])
        kept = set(self.leading)
        for _ in range(20):
            before = len(kept)
            for rule in self._rules:
                if kept.intersection(rule.names):
                    kept.update((*rule.needs, *_find_requested(rule)))
            if len(kept) == before:
                break
        found = list(self._rest)
        for rule in self._rules:
            if rule.names == (".PHONY",):
                found.append((rule.lines[0][0], " ".join([".PHONY:", *sorted(kept.intersection(rule.needs))])))
            elif (
                kept.intersection(rule.names)
                or _EVALUATED.search(rule.lines[0][1])
                or any(mark in name for name in rule.names for mark in ".%$")
            ):
                found += rule.lines
        return sorted(found)

    def is_requested_by(self, text: str) -> bool:
        """True if a command may run one of the leading targets."""
        if self.every or not self.leading.isdisjoint(_WORD.findall(text)) or "$" in text:
            return True
        first = next((rule.names for rule in self._rules if not rule.names[0].startswith(".")), ())
        return _BARE.search(text) is not None and not self.leading.isdisjoint(first)


def _has_call(lines: list[tuple[int, str]]) -> bool:
    return any("credguard" in line for _, line in lines)


def _find_requested(rule: _Rule) -> set[str]:
    """The targets that a recipe runs."""
    again = any(re.search(r"\$[({]MAKE[)}]|\bg?make\b|\bjust\b", line) for _, line in rule.lines[1:])
    return rule.find_words() if again else set()
