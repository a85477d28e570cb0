"""Parses JSON: one value or several in a row; comments and trailing commas are accepted."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.parsers.node import MAX_DEPTH, Node, NodeBudget, Places, make_depth_error, make_syntax_error

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLANK = compile_lazily(r"[ \t\r\n\ufeff]*")
_TOKEN = compile_lazily(
    r'"(?P<string>[^"\\]*(?:\\.[^"\\]*)*)"|(?P<mark>[{}\[\],:])'
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<word>[A-Za-z_$][\w$.-]*)",
    re.DOTALL,
)
_TYPES = {"true": "bool", "false": "bool", "null": "null"}
_KEY, _COLON, _VALUE, _AFTER = range(4)  # what may come next


def read(text: str, *, lenient: bool = False) -> tuple[Node, ...]:
    """The values of a text, in order; `lenient` is for a text with blanked template parts: it accepts bare words as
    expressions and superfluous commas.

    Raises UnreadableError for anything but JSON.
    """
    return tuple(_Reader(text, lenient).read_values())


class _Reader:
    def __init__(self, text: str, lenient: bool) -> None:
        self.text = text
        self.lenient = lenient
        self.places = Places(text)
        self.budget = NodeBudget()
        self.open: list[tuple[str, tuple[int, int], list[Node]]] = []
        self.state = _VALUE

    def read_values(self) -> Iterator[Node]:
        """Every complete top-level value."""
        offset = self._skip_blanks(0)
        while offset < len(self.text):
            found = _TOKEN.match(self.text, offset)
            if not found:
                raise self._make_error(offset, "found what is no JSON value")
            node = self._read_mark(found[0], offset) if found["mark"] else self._read_scalar(found)
            if node and not self.open:
                yield node
                self.state = _VALUE
            offset = self._skip_blanks(found.end())
        if self.open:
            raise self._make_error(offset, f"the text ends inside what opened at line {self.open[-1][1][0]}")

    def _skip_blanks(self, offset: int) -> int:
        """The offset after whitespace and comments."""
        text = self.text
        while True:
            found = _BLANK.match(text, offset)
            offset = found.end() if found else offset
            if text.startswith("//", offset):
                end = text.find("\n", offset)
                offset = len(text) if end < 0 else end
            elif text.startswith("/*", offset):
                end = text.find("*/", offset + 2)
                if end < 0:
                    raise self._make_error(offset, "found a comment that does not end")
                offset = end + 2
            else:
                return offset

    def _read_scalar(self, found: re.Match[str]) -> Node | None:
        word, offset = found[0], found.start()
        if self.state == _AFTER and self.lenient:
            return None
        if self.state == _COLON and self.lenient:  # what was before is not a key
            self.open[-1][2].pop()
            self.state = _KEY
        place = self.places.locate(offset)
        if found["string"] is not None:
            node = Node("scalar", *place, text=_unescape(found["string"]))
        elif found["number"]:
            node = Node("scalar", *place, text=word, type="int" if word.lstrip("-").isdigit() else "float")
        elif word in _TYPES:
            node = Node("scalar", *place, text=word, type=_TYPES[word])
        elif self.lenient:
            node = Node("call", *place, text=word)
        else:
            raise self._make_error(offset, "found a bare word")
        key = self.state == _KEY and (found["string"] is not None or self.lenient)
        if not key and self.state != _VALUE:
            raise self._make_error(offset, "found what may not stand here")
        return self._add(node, _COLON if key else _AFTER)

    def _read_mark(self, mark: str, offset: int) -> Node | None:
        """What a bracket, comma or colon completes."""
        if self.lenient and self.state == _COLON and mark in ",}":
            self.open[-1][2].pop()
            self.state = _KEY
        top, state = self.open[-1][0] if self.open else "", self.state
        if mark in "{[" and state == _VALUE:
            self.open.append((mark, self.places.locate(offset), []))
            if len(self.open) > MAX_DEPTH:
                raise make_depth_error("JSON", self.open[-1][1][0])
            self.state = _KEY if mark == "{" else _VALUE
        elif mark == ":" and state == _COLON:
            self.state = _VALUE
        elif mark == "," and top and (state == _AFTER or (self.lenient and state != _COLON)):
            if top == "{" and len(self.open[-1][2]) % 2:
                self.open[-1][2].pop()  # a key whose value was only a template
            self.state = _KEY if top == "{" else _VALUE
        elif (top + mark == "{}" and state in {_KEY, _AFTER}) or (top + mark == "[]" and state in {_VALUE, _AFTER}):
            return self._close()
        else:
            raise self._make_error(offset, "found what may not stand here")
        return None

    def _close(self) -> Node:
        mark, place, children = self.open.pop()
        if mark == "[":
            return self._add(Node("sequence", *place, items=tuple(children)), _AFTER)
        pairs = tuple(zip(children[::2], children[1::2], strict=True))
        return self._add(Node("mapping", *place, pairs=pairs), _AFTER)

    def _add(self, node: Node, state: int) -> Node:
        self.budget.spend()
        if self.open:
            self.open[-1][2].append(node)
        self.state = state
        return node

    def _make_error(self, offset: int, problem: str) -> Exception:
        return make_syntax_error("JSON", *self.places.locate(offset), problem)


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    try:
        return str(json.loads(f'"{text}"', strict=False))
    except ValueError:
        return text
