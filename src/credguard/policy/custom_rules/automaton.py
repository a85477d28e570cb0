"""Locates a pattern's match and its captured value by following all alternatives at once, byte by byte.

Hyperscan reports in linear time that a pattern matches, but not its groups. This locates them in time linear in the
bytes read, for any pattern (Thompson's construction with the priorities of a backtracking matcher). Python's own
matcher, which gives the same result and is faster, is used first if it has few ways to try, and only within a time
limit.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

from credguard.policy.custom_rules.syntax_tree import LONGEST, MOST_WAYS, WORD, collect_bytes, count_ways, parse_pattern

if TYPE_CHECKING:
    from collections.abc import Sequence

_TAKE, _FORK, _NOTE, _ASSERT, _MATCH = range(5)


_Thread = tuple[int, tuple[int, int, int, int]]
"""The number of a step, and the positions of a match: its start, its value, and the open group."""


@dataclass(frozen=True, slots=True)
class CapturedMatch:
    """A match and the location of the captured value in it."""

    start: int
    end: int
    value: tuple[int, int]


@dataclass(slots=True)
class MatchBudget:
    """Remaining steps, and remaining seconds of Python's matcher."""

    left: int
    seconds: float = 0.5


@dataclass(slots=True)
class Automaton:
    """`code` are (kind, argument) pairs that continue with the next one; `first` the bytes that a match may begin with,
    None if it may be empty; `longest` limits the bytes of a match. `plain` is the pattern for Python's matcher, if that
    has few ways to try, and `group` the group of the value, -1 for the first non-empty one."""

    code: list[tuple[int, Any]] = field(default_factory=list)
    first: frozenset[int] | None = None
    longest: int = LONGEST
    plain: re.Pattern[bytes] | None = None
    group: int = -1

    def search(self, data: bytes, start: int, last: int, budget: MatchBudget) -> CapturedMatch | None:
        """The first match that begins from `start` to `last`; None also if the budget is exhausted."""
        if self.plain is None or budget.seconds <= 0:
            return self._simulate(data, start, last, budget)
        began = perf_counter()
        match = self.plain.search(data, start, last + self.longest + 1)
        budget.seconds -= perf_counter() - began
        if match is None or match.start() > last:
            return None
        groups = range(1, self.plain.groups + 1) if self.group < 0 else (self.group,)
        value = next((span for span in map(match.span, groups) if span[1] > span[0]), match.span())
        return CapturedMatch(match.start(), match.end(), value)

    def _simulate(self, data: bytes, start: int, last: int, budget: MatchBudget) -> CapturedMatch | None:
        stop = min(len(data), last + self.longest)
        pending: list[_Thread] = []
        best: CapturedMatch | None = None
        position = start
        while budget.left > 0:
            if not pending:
                if best or position > last:
                    break
                if self.first is not None and (position >= stop or data[position] not in self.first):
                    position += 1
                    continue
            if not best and position <= last:
                pending.append((0, (position, -1, -1, 0)))
            threads, reached = self._compute_closure(pending, data, position, budget)
            if reached:
                begin, left, right, _ = reached
                best = CapturedMatch(begin, position, (left, right) if right >= 0 else (begin, position))
            if position >= stop:
                break
            byte = data[position]
            pending = [(number + 1, places) for number, places in threads if byte in self.code[number][1]]
            position += 1
        return best

    def _compute_closure(
        self, pending: list[_Thread], data: bytes, position: int, budget: MatchBudget
    ) -> tuple[list[_Thread], tuple[int, int, int, int] | None]:
        """The threads that wait for a byte, best first, up to one that has matched, and its captures."""
        seen: set[int] = set()
        threads: list[_Thread] = []
        stack = pending[::-1]
        while stack:
            number, places = stack.pop()
            if number in seen:
                continue
            seen.add(number)
            kind, argument = self.code[number]
            if kind == _TAKE:
                threads.append((number, places))
            elif kind == _FORK:
                stack += [(target, places) for target in reversed(argument)]
            elif kind == _NOTE:
                stack.append((number + 1, _update_captures(places, argument, position)))
            elif kind == _ASSERT:
                if _is_assertion_met(argument, data, position):
                    stack.append((number + 1, places))
            else:
                budget.left -= len(seen)
                return threads, places
        budget.left -= len(seen)
        return threads, None


def _update_captures(places: tuple[int, int, int, int], group: int, position: int) -> tuple[int, int, int, int]:
    """The location of the value at a group's start (its number) or end (the number, negative): of the first non-empty
    group."""
    begin, left, right, inside = places
    if group > 0:
        return places if inside or right >= 0 else (begin, position, -1, group)
    if inside != -group:
        return places
    return (begin, left, position, 0) if position > left else (begin, -1, -1, 0)


def _is_assertion_met(what: str, data: bytes, position: int) -> bool:
    if what == "BEGINNING_STRING":
        return position == 0
    if what == "END_STRING":
        return position == len(data)
    if what == "BEGINNING_LINE":
        return position == 0 or data[position - 1] == 10
    if what == "END_LINE":
        return position == len(data) or data[position] == 10
    if what == "END":
        return position >= len(data) - 1 and data[position:] in (b"", b"\n")
    left = position > 0 and data[position - 1] in WORD
    right = position < len(data) and data[position] in WORD
    return (left != right) == (what == "BOUNDARY")


def build_automaton(pattern: str, capture: str = "") -> Automaton:
    """The automaton of a pattern in Python's syntax, for the value of a group ("" for the first, or the whole).

    Raises PatternError for what `checked` rejects.
    """
    tree, number = parse_pattern(pattern, capture)
    made = _AutomatonBuilder(number)
    made.add_sequence(tree, tree.state.flags)
    made.code.append((_MATCH, None))
    plain = None
    if count_ways(tree) <= MOST_WAYS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plain = re.compile(pattern.encode())
    return Automaton(made.code, _find_first_bytes(made.code), min(int(tree.getwidth()[1]) + 1, LONGEST), plain, number)


class _AutomatonBuilder:
    """Builds the code, node by node of Python's parse tree."""

    def __init__(self, group: int) -> None:
        self.code: list[tuple[int, Any]] = []
        self._group = group

    def add_sequence(self, tree: Any, flags: int) -> None:  # noqa: ANN401 - Python's parse trees have no public type
        for operation, argument in tree:
            self._add_node(str(operation), argument, flags)

    def _add_node(self, name: str, argument: Any, flags: int) -> None:  # noqa: ANN401 - as above
        if name in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            self.code.append((_TAKE, collect_bytes(name, argument, flags)))
        elif name == "BRANCH":
            self._add_branch(argument[1], flags)
        elif name == "SUBPATTERN":
            group, added, removed, inner = argument
            self._add_group(group, inner, (flags | added) & ~removed)
        elif name in ("MAX_REPEAT", "MIN_REPEAT"):
            self._add_repeat(argument, flags, greedy=name == "MAX_REPEAT")
        else:
            where = str(argument).removeprefix("AT_")
            line = where in ("BEGINNING", "END") and flags & re.MULTILINE
            where = f"{where}_LINE" if line else "BEGINNING_STRING" if where == "BEGINNING" else where
            self.code.append((_ASSERT, where))

    def _add_group(self, group: int | None, inner: Any, flags: int) -> None:  # noqa: ANN401 - as above
        noted = group if group and self._group in (-1, group) else 0
        if noted:
            self.code.append((_NOTE, noted))
        self.add_sequence(inner, flags)
        if noted:
            self.code.append((_NOTE, -noted))

    def _add_branch(self, branches: Sequence[Any], flags: int) -> None:
        fork = len(self.code)
        self.code.append((_FORK, ()))
        starts, ends = [], []
        for branch in branches:
            starts.append(len(self.code))
            self.add_sequence(branch, flags)
            ends.append(len(self.code))
            self.code.append((_FORK, ()))
        self.code[fork] = (_FORK, tuple(starts))
        for end in ends:
            self.code[end] = (_FORK, (len(self.code),))

    def _add_repeat(self, argument: Any, flags: int, *, greedy: bool) -> None:  # noqa: ANN401 - as above
        least, most, inner = argument
        for _ in range(least):
            self.add_sequence(inner, flags)
        forks = []
        endless = str(most) == "MAXREPEAT"
        for _ in range(1 if endless else int(most) - least):
            forks.append(len(self.code))
            self.code.append((_FORK, ()))
            self.add_sequence(inner, flags)
        if endless:
            self.code.append((_FORK, (forks[0],)))
        for fork in forks:
            ways = (fork + 1, len(self.code))
            self.code[fork] = (_FORK, ways if greedy else ways[::-1])


def _find_first_bytes(code: list[tuple[int, Any]]) -> frozenset[int] | None:
    seen, stack, found = set(), [0], set()
    while stack:
        number = stack.pop()
        if number in seen:
            continue
        seen.add(number)
        kind, argument = code[number]
        if kind == _MATCH:
            return None
        if kind == _TAKE:
            found |= argument
        elif kind == _FORK:
            stack += argument
        else:
            stack.append(number + 1)
    return frozenset(found)
