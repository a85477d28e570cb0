"""Puts values where a Serverless file refers to its own: `${self:custom.actions}`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    import re

    from credguard.parsers.node import Node

_SELF = compile_lazily(r"\$\{self:([\w.-]{1,200})(?:,[^{}]{0,200})?\}")
_DEEPEST = 60
_STEPS = 100_000
_LONGEST = 4000


def resolve_self(document: Node) -> Node:
    """The document with its own values in place of references to them; any other document as it is."""
    if document.get("provider") is None or document.get("service") is None:
        return document
    return _Resolver(document).resolve(document, 0)


class _Resolver:
    def __init__(self, document: Node) -> None:
        self.document = document
        self.left = _STEPS

    def resolve(self, node: Node, depth: int) -> Node:
        """The node with what its references stand for; those in what they stand for stay."""
        if depth > _DEEPEST or self.left < 0:
            return node
        if node.kind == "scalar":
            return self._resolve_text(node) if "${self:" in node.text else node
        items = tuple(self.resolve(one, depth + 1) for one in node.items)
        pairs = tuple((key, self.resolve(value, depth + 1)) for key, value in node.pairs)
        same = all(a is b for a, b in zip(items, node.items, strict=True)) and all(
            a[1] is b[1] for a, b in zip(pairs, node.pairs, strict=True)
        )
        return node if same else replace(node, items=items, pairs=pairs)

    def _resolve_text(self, node: Node) -> Node:
        alone = _SELF.fullmatch(node.text)
        found = self._look_up(alone[1]) if alone else None
        if found is not None and alone:
            for one in found.walk():
                self.left -= 1 + len(one.text) // 32
                if self.left < 0:
                    return node
            return found
        text = _SELF.sub(self._fill, node.text) if len(node.text) <= _LONGEST else node.text
        self.left -= 1 + len(text) // 32
        return node if text == node.text else replace(node, text=text)

    def _fill(self, found: re.Match[str]) -> str:
        value = self._look_up(found[1])
        return value.text if value is not None and value.kind == "scalar" and len(value.text) < 200 else found[0]

    def _look_up(self, path: str) -> Node | None:
        value: Node | None = self.document
        for name in path.split("."):
            value = value.get(name) if value is not None else None
        return value
