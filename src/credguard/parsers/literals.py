"""Parses object, list and argument literals of program text (Python, JavaScript, Java, Go, shell …) as nodes.

Nothing is executed and no language is parsed completely: from an opening bracket on, strings, brackets, commas and
separators (`:`, `=`, `=>`) are distinguished, and everything else is an unknown expression.
"""

from __future__ import annotations

import re

from credguard.lazy_re import compile_lazily
from credguard.parsers.document import Node

LITERAL_WINDOW = 6000
_DEPTH = 40
_TOKEN = compile_lazily(
    r"(?:[\s]|\\(?![\"'`]))*(?:(?P<blank>//[^\n]*|\#[^\n]*|/\*(?:[^*]|\*(?!/)){0,2000}\*/|\Z)"
    r"|(?P<prefix>[rfbuRFBU]{0,2})(?P<quote>\\{0,3}(?:\"\"\"|'''|[\"'`]))"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<comma>[,;])|(?P<separator>=>|:=|::|[:=](?![=:]))"
    r"|(?P<word>[^\W\d][\w.$]*|[$@&]\w[\w.$]*)|(?P<other>.))",
    re.DOTALL,
)
_CALL = compile_lazily(r"\s*(?:\?|&)?\.\s*(\w+)\s*\(")
_BRACKET = compile_lazily(r"[(\[{}\])]")
_CLOSES = {"(": ")", "[": "]", "{": "}"}


def parse_group(text: str, offset: int, line: int) -> tuple[Node, int] | None:
    """The literal whose bracket opens at `offset`, with its end; `line` is its line.

    A group with keys is a mapping, another a sequence. None if it does not close within WINDOW characters.
    """
    reader = _Reader(text[offset : offset + LITERAL_WINDOW], line)
    try:
        return reader.read_group(), offset + reader.offset
    except _UnclosedError:
        return None


def parse_chain(text: str, offset: int, line: int) -> tuple[Node, int] | None:
    """The calls chained from `offset` on (`.actions("a").resources("b")`) as a mapping of their names."""
    reader = _Reader(text[offset : offset + LITERAL_WINDOW], line)
    try:
        return reader.read_chain(), offset + reader.offset
    except _UnclosedError:
        return None


def find_opening(text: str, offset: int) -> int:
    """The position of the innermost opening brace or parenthesis around `offset`, -1 if it is not near."""
    start = max(0, offset - LITERAL_WINDOW // 2)
    closed = 0
    for bracket in reversed(list(_BRACKET.finditer(text, start, offset))):
        if bracket[0] in ")]}":
            closed += 1
        elif closed:
            closed -= 1
        else:
            return bracket.start() if bracket[0] != "[" else -1
    return -1


class _UnclosedError(Exception):
    pass


class _Reader:
    def __init__(self, text: str, line: int) -> None:
        self.text = text
        self.offset = 0
        self.line = line
        self.depth = 0

    def read_group(self) -> Node:
        """The group that opens here."""
        return self._read_members(self._next())

    def read_chain(self) -> Node:
        """The calls that follow each other from here."""
        line, pairs = self.line, []
        while call := _CALL.match(self.text, self.offset):
            self.line += call[0].count("\n")
            name = Node("scalar", self.line, 1, text=call[1])
            self.offset = call.end() - 1
            arguments = self._read_members(self._next())
            one = len(arguments.items) == 1 and not arguments.pairs
            pairs.append((name, arguments.items[0] if one else arguments))
        return Node("mapping", line, 1, pairs=tuple(pairs))

    def _next(self) -> re.Match[str]:
        found = _TOKEN.match(self.text, self.offset)
        if not found or found.end() == self.offset:
            raise _UnclosedError
        self.offset = found.end()
        self.line += found[0].count("\n")
        return found

    def _read_members(self, opening: re.Match[str]) -> Node:
        self.depth += 1
        if self.depth > _DEPTH:
            raise _UnclosedError
        line, closing = self.line, _CLOSES[opening["open"]]
        items: list[Node] = []
        pairs: list[tuple[Node, Node]] = []
        key: Node | None = None
        found: list[Node] = []
        while True:
            token = self._next()
            kind = token.lastgroup
            if kind == "separator" and key is None and len(found) == 1 and token["separator"] != "::":
                key, found = found[0], []
            elif kind in {"comma", "close"}:
                if key is not None and found:
                    pairs.append((key, _combine_nodes(found)))
                elif found:
                    items.append(_combine_nodes(found))
                key, found = None, []
                if kind == "close":
                    if token["close"] != closing:
                        raise _UnclosedError
                    break
            elif kind != "blank":
                found.append(self._read_value(token, kind))
        self.depth -= 1
        if pairs:
            return Node("mapping", line, 1, pairs=tuple(pairs), items=tuple(items))
        return Node("sequence", line, 1, items=tuple(items))

    def _read_value(self, token: re.Match[str], kind: str | None) -> Node:
        if kind == "open":
            return self._read_members(token)
        if kind == "quote":
            return self._read_string(token["quote"])
        return Node("call", self.line, 1, text=str(token[token.lastgroup or 0]), tag="word" if kind == "word" else "")

    def _read_string(self, quote: str) -> Node:
        line, start = self.line, self.offset
        end = self.text.find(quote, start)
        while end > 0 and len(quote) == 1 and self._is_escaped(start, end):
            end = self.text.find(quote, end + 1)
        if end < 0:
            raise _UnclosedError
        self.offset = end + len(quote)
        value = self.text[start:end]
        self.line += value.count("\n")
        filled = quote == "`" and "${" in value
        return Node("scalar", line, 1, text=value, type="template" if filled else "str")

    def _is_escaped(self, start: int, at: int) -> bool:
        before = self.text[max(start, at - 8) : at]
        return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _combine_nodes(found: list[Node]) -> Node:
    """One value, or an expression of several parts: `new X(...)`, `List.of(...)`, `a + 'b'`."""
    if len(found) == 1:
        return found[0]
    if all(node.kind == "scalar" for node in found):  # adjacent strings are one
        return Node("scalar", found[0].line, 1, text="".join(node.text for node in found))
    text = "".join(
        node.text + ("[]" if node.kind == "sequence" and not node.items else "") + " "
        for node in found
        if node.kind in {"call", "sequence"}
    )
    groups = [node for node in found if node.kind in {"sequence", "mapping"}]
    items = tuple(item for node in groups for item in (node.items if node.kind == "sequence" else (node,)))
    plain = tuple(node for node in found if node.kind == "scalar")
    return Node("call", found[0].line, 1, text=text.strip()[:200], items=plain + items)
