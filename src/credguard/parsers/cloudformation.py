"""Puts the defaults of a CloudFormation template's parameters where the template refers to them, and splits texts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.parsers.node import Node

if TYPE_CHECKING:
    import re

_DEEPEST = 80
_LONGEST = 4000
_STEPS = 100_000
_REFERENCE = compile_lazily(r"\$\{([A-Za-z0-9]{1,255})\}")


def resolve_parameters(document: Node) -> Node:
    """The template with the defaults of its parameters; any other document, and empty defaults, as they are."""
    parameters, resources = document.get("Parameters"), document.get("Resources")
    if parameters is None or resources is None or not parameters.pairs:
        return document
    known: dict[str, Node] = {}
    for name, body in parameters.pairs:
        default, kind = body.get("Default"), body.get("Type")
        if default is not None and default.kind == "scalar" and 0 < len(default.text) <= _LONGEST:
            listed = kind is not None and ("List" in kind.text)
            known[name.text] = split_text(default, ",") if listed else default
    if not known:
        return document
    resolver = _Resolver(known)
    pairs = tuple((k, v if v is parameters else resolver.resolve(v, 0)) for k, v in document.pairs)
    return replace(document, pairs=pairs)


def split_text(node: Node, separator: str) -> Node:
    """A scalar's text as a sequence of its parts."""
    parts = node.text.split(separator)[:256]
    return Node("sequence", node.line, node.column, items=tuple(replace(node, text=one.strip()) for one in parts))


class _Resolver:
    def __init__(self, known: dict[str, Node]) -> None:
        self.known = known
        self.left = _STEPS

    def resolve(self, node: Node, depth: int) -> Node:
        """The node with defaults in place of references."""
        if depth > _DEEPEST or self.left < 0:
            return node
        if node.kind == "scalar":
            return self._resolve_text(node)
        name = node.pairs[0][0].text if len(node.pairs) == 1 else ""
        if name == "Ref" and node.pairs[0][1].text in self.known:
            return self._place(self.known[node.pairs[0][1].text])
        items = tuple(self.resolve(one, depth + 1) for one in node.items)
        pairs = tuple((key, self.resolve(value, depth + 1)) for key, value in node.pairs)
        same = all(a is b for a, b in zip(items, node.items, strict=True)) and all(
            a[1] is b[1] for a, b in zip(pairs, node.pairs, strict=True)
        )
        return node if same else replace(node, items=items, pairs=pairs)

    def _resolve_text(self, node: Node) -> Node:
        if node.tag == "Ref":
            return self._place(self.known[node.text]) if node.text in self.known else node
        if "${" not in node.text or len(node.text) > _LONGEST:
            return node
        text = _REFERENCE.sub(self._fill, node.text)
        self.left -= 1 + len(text) // 32
        return node if text == node.text or len(text) > 4 * _LONGEST else replace(node, text=text)

    def _place(self, value: Node) -> Node:
        self.left -= 1 + len(value.items)
        return value

    def _fill(self, found: re.Match[str]) -> str:
        value = self.known.get(found[1])
        return value.text if value is not None and value.kind == "scalar" else found[0]
