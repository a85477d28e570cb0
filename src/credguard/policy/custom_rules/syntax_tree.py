"""Python's parse tree of a pattern: which nodes are allowed, how large it is, and how many ways lead through it."""

from __future__ import annotations

import re
import sys
import warnings
from importlib import import_module
from typing import Any

_PARSER: Any = import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")
_MOST_STEPS = 20_000
MOST_WAYS = 10_000_000
LONGEST = 4096
"""How many bytes a match is followed back and ahead, if the pattern has no limit of its own."""
WORD = frozenset(b"0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_CATEGORIES = {"DIGIT": frozenset(b"0123456789"), "SPACE": frozenset(b" \t\n\r\f\v"), "WORD": WORD}
_ALL = frozenset(range(256))


class PatternError(Exception):
    """Why there is no automaton for a pattern."""


def parse_pattern(pattern: str, capture: str = "") -> tuple[Any, int]:
    """Python's parse tree of the pattern and the number of the captured group, -1 for the first one; raises
    PatternError for an invalid pattern, or one without an automaton."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = _PARSER.parse(pattern.encode("ascii"))
        size = _count_steps(tree)
    except UnicodeEncodeError:
        raise PatternError("it has non-ASCII characters; write such bytes as \\xNN") from None
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(getattr(error, "msg", "it is nested too deeply")) from None
    if size > _MOST_STEPS:
        raise PatternError("it is too large: its repetitions make it too long")
    groups = tree.state.groupdict
    if capture and not capture.isdigit() and capture not in groups:
        raise PatternError(f"it has no group {capture}")
    number = groups[capture] if capture in groups else int(capture) if capture else -1
    if number >= tree.state.groups:
        raise PatternError(f"it has no group {number}")
    return tree, number


def _count_steps(tree: Any) -> int:  # noqa: ANN401 - Python's parse trees have no public type
    """The approximate number of steps of a tree; raises PatternError for what cannot be matched in linear time."""
    size = 0
    for operation, argument in tree:
        name = str(operation)
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            least, most, inner = argument
            size += (least + 1 if str(most) == "MAXREPEAT" else int(most)) * (_count_steps(inner) + 1)
        elif name == "SUBPATTERN":
            size += _count_steps(argument[3]) + 2
        elif name == "BRANCH":
            size += sum(_count_steps(branch) + 1 for branch in argument[1]) + 1
        elif name in ("LITERAL", "NOT_LITERAL", "ANY", "IN", "AT"):
            size += 1
        else:
            raise PatternError(f"it cannot be matched in linear time ({name.lower().replace('_', ' ')})")
    return size


def count_ways(tree: Any, follow: frozenset[int] = frozenset()) -> int:  # noqa: ANN401 - as above
    """The approximate number of ways that a backtracking matcher may have to try from one position, at most MOST_WAYS +
    1; `follow` are the bytes that may come next. A repetition whose bytes are none of those can end in one way only."""
    count, nodes = 1, list(tree)
    for number, (operation, argument) in enumerate(nodes):
        name = str(operation)
        opening, empty = _find_opening_bytes(nodes[number + 1 :])
        after = opening | follow if empty else opening
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            count *= _count_repeat_ways(argument, after)
        elif name == "SUBPATTERN":
            count *= count_ways(argument[3], after)
        elif name == "BRANCH":
            count *= sum(count_ways(branch, after) for branch in argument[1])
        if count > MOST_WAYS:
            return MOST_WAYS + 1
    return count


def _count_repeat_ways(argument: Any, after: frozenset[int]) -> int:  # noqa: ANN401 - as above
    least, most, inner = argument
    most = LONGEST if str(most) == "MAXREPEAT" else min(int(most), LONGEST)
    opening, _ = _find_opening_bytes(inner)
    once = count_ways(inner, opening | after)
    lengths = 1 if opening.isdisjoint(after) else most - least + 1
    return lengths if once == 1 else lengths * int(once ** min(most, 64))


def _find_opening_bytes(nodes: Any) -> tuple[frozenset[int], bool]:  # noqa: ANN401 - as above
    """The bytes that nodes may begin with, in any case, and whether they may match nothing."""
    found: frozenset[int] = frozenset()
    for operation, argument in nodes:
        name = str(operation)
        if name in ("LITERAL", "NOT_LITERAL", "ANY", "IN"):
            return found | collect_bytes(name, argument, re.IGNORECASE | re.DOTALL), False
        parts = {"SUBPATTERN": 3, "MAX_REPEAT": 2, "MIN_REPEAT": 2}
        inner = argument[1] if name == "BRANCH" else [argument[parts[name]]] if name in parts else []
        openings = [_find_opening_bytes(part) for part in inner]
        found = found.union(*(one for one, _ in openings))
        optional = not inner or (name.endswith("REPEAT") and argument[0] == 0)
        if not optional and not any(empty for _, empty in openings):
            return found, False
    return found, True


def collect_bytes(name: str, argument: Any, flags: int) -> frozenset[int]:  # noqa: ANN401 - as above
    """The bytes that one item of a pattern matches."""
    if name == "ANY":
        return _ALL if flags & re.DOTALL else _ALL - {10}
    items = [("LITERAL", argument)] if name in ("LITERAL", "NOT_LITERAL") else [(str(op), arg) for op, arg in argument]
    found: set[int] = set()
    for kind, value in items:
        if kind == "LITERAL":
            found.add(value)
        elif kind == "RANGE":
            found.update(range(value[0], value[1] + 1))
        elif kind == "CATEGORY":
            word = str(value).removeprefix("CATEGORY_")
            known = _CATEGORIES[word.removeprefix("NOT_")]
            found |= _ALL - known if word.startswith("NOT_") else known
    if flags & re.IGNORECASE:
        found |= {ord(chr(byte).swapcase()) for byte in found if byte < 128}
    negated = name == "NOT_LITERAL" or (bool(items) and items[0][0] == "NEGATE")
    return _ALL - found if negated else frozenset(found)
