"""Puts the lists and texts of a program's constants where its statements name them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.parsers.literals import parse_group

if TYPE_CHECKING:
    from credguard.parsers.document import Node

_MOST_NAMES = 40
_DEEPEST = 4
_LONGEST = 1 << 20
_QUOTED = compile_lazily(r"([\"'`])[^\"'`\n]{0,400}\1")


class Constants:
    """The constants of one text, each looked up once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._known: dict[str, Node | None] = {}

    def fill(self, node: Node) -> Node:
        """A statement or its conditions with the values of the constants that they name."""
        return self._fill(node, 0) if len(self._text) <= _LONGEST else node

    def _fill(self, node: Node, depth: int) -> Node:
        if node.kind != "mapping" or depth > _DEEPEST:
            return self._find(node) or node
        pairs = tuple((key, self._fill(value, depth + 1)) for key, value in node.pairs)
        return node if all(a[1] is b[1] for a, b in zip(pairs, node.pairs, strict=True)) else replace(node, pairs=pairs)

    def _find(self, value: Node) -> Node | None:
        name = value.text.rpartition(".")[2]
        if value.kind != "call" or value.items or not name.isidentifier() or not name.isascii():
            return None
        if name not in self._known and len(self._known) < _MOST_NAMES:
            self._known[name] = self._look_up(name)
        return self._known.get(name)

    def _look_up(self, name: str) -> Node | None:
        """The list, tuple or text that is assigned to the name, if the name is assigned once."""
        pattern = rf"(?<![\w.]){name}\s{{0,4}}(?::[^=\n()]{{1,60}})?=\s{{0,8}}(?=[\[(\"'`])"
        found = list(re.finditer(pattern, self._text))
        if len(found) != 1:
            return None
        start, line = found[0].end(), self._text.count("\n", 0, found[0].end()) + 1
        if self._text[start] in "[(":
            read = parse_group(self._text, start, line)
        else:
            quoted = _QUOTED.match(self._text, start)
            read = parse_group(f"[{quoted[0]}]", 0, line) if quoted else None
        return read[0] if read else None
