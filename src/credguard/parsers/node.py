"""The common structure of YAML, JSON and HCL: nodes with their locations, and the limits of parsing."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.errors import UnreadableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal, TypeAlias

    # Words and no enumeration: the loops of parsers and rules compare them for each node.
    NodeKind: TypeAlias = Literal["mapping", "sequence", "scalar", "call"]

MAX_BYTES = 4 << 20
MAX_DEPTH = 100
MAX_NODES = 250_000


class OverLimitError(UnreadableError):
    """A document too large or too deep to analyze in any way."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its location; lines and columns (in characters) count from 1.

    kind: `mapping`, `sequence`, `scalar`, or `call` for an expression that only the tool itself could evaluate (HCL
    functions, references and operators; bare words of a templated JSON file). text: a scalar's text, or the beginning
    of an expression's source. literal: the text is a heredoc or a block scalar, whose line n is n lines below `line`.
    tag: a YAML tag without `!`; for a call the function's name; `block` and `label` mark an HCL block's body and its
    labels: `resource "a" "b" {` is resource -> a -> b -> body, as in JSON. type: of a scalar `str`, `int`, `float`,
    `bool`, `null`, or `template`: a string that is filled in. items: a sequence's values, or the values in an
    expression. pairs: a mapping's keys and values, in order, including duplicate keys; what YAML merges (`<<`) comes
    last.
    """

    kind: NodeKind
    line: int
    column: int
    text: str = ""
    tag: str = ""
    type: str = "str"
    items: tuple[Node, ...] = ()
    pairs: tuple[tuple[Node, Node], ...] = ()
    literal: bool = False

    def get(self, *names: str, caseless: bool = False) -> Node | None:
        """The first value whose key is one of the names."""
        wanted = {name.lower() for name in names} if caseless else set(names)
        for key, value in self.pairs:
            if (key.text.lower() if caseless else key.text) in wanted:
                return value
        return None

    def get_all(self, name: str) -> tuple[Node, ...]:
        """Every value with that key: HCL repeats its blocks."""
        return tuple(value for key, value in self.pairs if key.text == name)

    def walk(self) -> Iterator[Node]:
        """This node and all below it, keys too, depth first."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            if node.pairs:
                waiting.extend(child for pair in reversed(node.pairs) for child in reversed(pair))
            if node.items:
                waiting.extend(reversed(node.items))


class Places:
    """Line and column of each offset of a text."""

    def __init__(self, text: str) -> None:
        self._starts = [0]
        at = text.find("\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = text.find("\n", at + 1)

    def locate(self, offset: int) -> tuple[int, int]:
        """Line and column, from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


class NodeBudget:
    """Counts the nodes of a document, so that no small file expands to a large one."""

    def __init__(self) -> None:
        self.left = MAX_NODES

    def spend(self, nodes: int = 1) -> None:
        """Counts that many; raises UnreadableError if none are left."""
        self.left -= nodes
        if self.left < 0:
            raise OverLimitError(f"has more than {MAX_NODES} values, too many to analyze")


def make_syntax_error(language: str, line: int, column: int, problem: str) -> UnreadableError:
    """The error for invalid text at that location."""
    return UnreadableError(f"is not valid {language}: line {line}, column {column}: {problem}")


def make_depth_error(language: str, line: int) -> UnreadableError:
    """The error for a document nested beyond MAX_DEPTH."""
    return OverLimitError(f"is {language} nested more than {MAX_DEPTH} deep at line {line}, too deep to analyze")
