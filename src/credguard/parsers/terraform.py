"""Follows the names of a Terraform file to their values: locals, variables' defaults, `for_each`, `for`, functions.

Only what the file itself holds is known, and nothing is computed that a reader would not see at a glance. A name with
several values (`each.value`, a map with an unknown key) is a list of all of them. Every value keeps its own location.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

from credguard.errors import UnreadableError
from credguard.lazy_re import compile_lazily
from credguard.parsers import hcl
from credguard.parsers.node import Node
from credguard.parsers.terraform_functions import FUNCTIONS, flatten_lists, list_values

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Names = Mapping[str, Node]

_STEPS = 200_000  # nodes that are visited or copied, and 32 characters that are made count as one
_LONGEST = 20_000
_DEEPEST = 24
_MOST_VALUES = 32
_REFERENCE = compile_lazily(r"([A-Za-z_][\w-]*)((?:\.[\w-]+|\[[^\[\]]{0,100}\])*)(?:\.\.\.)?")
_STEP = compile_lazily(r"\.([\w-]+)|\[([^\[\]]*)\]")
_FILLED = compile_lazily(r"\$\{([^{}]{1,300})\}")
_FOR = compile_lazily(r"[\[{]\s*for\s+([\w-]+)(?:\s*,\s*([\w-]+))?\s+in\b")
_SECTIONS = {"resource", "data", "module", "locals", "variable", "provider", "terraform", "output", "inputs"}


def resolve_terraform(document: Node, *, defaults: bool = True) -> Node:
    """The document with what its names stand for; without `defaults`, variables stay what they are.

    Another document is given back as it is. Names that depend on themselves, and everything after many steps, stay.
    """
    if not _SECTIONS & {key.text for key, _ in document.pairs}:
        return document
    return _Resolver(document, defaults=defaults).resolve(document, {}, 0)


class _Resolver:
    def __init__(self, document: Node, *, defaults: bool) -> None:
        self.left = _STEPS
        self.open: set[str] = set()
        self.known: dict[str, Node | None] = {}
        self.given: dict[str, Node] = {}
        for block in document.get_all("locals"):
            self.given.update({f"local.{key.text}": value for key, value in block.pairs})
        for block in document.get_all("variable") if defaults else ():
            for name, body in block.pairs:
                default = body.get("default")
                if default is not None and default.type != "null" and (default.text or default.kind != "scalar"):
                    self.given[f"var.{name.text}"] = default

    def resolve(self, node: Node, names: Names, depth: int) -> Node:
        """The node with what the names in it stand for."""
        self.left -= 1
        if self.left < 0 or depth > _DEEPEST:
            return node
        if node.kind == "scalar":
            return self._fill(node, names, depth) if "${" in node.text else node
        if node.kind == "call":
            return self._evaluate(node, names, depth)
        if node.kind == "sequence":
            items = tuple(self.resolve(item, names, depth + 1) for item in node.items)
            return node if all(a is b for a, b in zip(items, node.items, strict=True)) else replace(node, items=items)
        return self._resolve_mapping(node, names, depth)

    def _resolve_mapping(self, node: Node, names: Names, depth: int) -> Node:
        each = node.get("for_each")
        if each is not None and "content" not in {key.text for key, _ in node.pairs}:
            names = {**names, **self._bind(each, "each.key", "each.value", names, depth)}
        pairs: list[tuple[Node, Node]] = []
        for key, value in node.pairs:
            if key.text == "dynamic" and value.tag == "label":
                pairs += self._repeat(value, names, depth)
            else:
                pairs.append((key, self.resolve(value, names, depth + 1)))
        same = len(pairs) == len(node.pairs) and all(a[1] is b[1] for a, b in zip(pairs, node.pairs, strict=True))
        return node if same else replace(node, pairs=tuple(pairs))

    def _repeat(self, label: Node, names: Names, depth: int) -> Iterable[tuple[Node, Node]]:
        """A dynamic block, once for each value that it is made for; as it is when those are unknown."""
        name, body = label.pairs[0]
        content, each = body.get("content"), body.get("for_each")
        iterator = body.get("iterator")
        word = iterator.text if iterator is not None else name.text
        values = list_values(self.resolve(each, names, depth + 1)) if each is not None and content is not None else []
        if not values or content is None:
            yield name, self.resolve(content if content is not None else body, names, depth + 1)
        for _, value in values[:_MOST_VALUES]:
            if content is not None and value is not None and self.left > 0:
                yield name, self.resolve(content, {**names, f"{word}.value": value}, depth + 1)

    def _bind(self, source: Node, key: str, value: str, names: Names, depth: int) -> dict[str, Node]:
        """What the names of a loop stand for: all keys, and all values."""
        found = list_values(self.resolve(source, names, depth + 1))
        keys = tuple(one for one, _ in found if one is not None)
        values = tuple(one for _, one in found if one is not None)
        bound = {}
        if keys:
            bound[key] = replace(source, kind="sequence", tag="", text="", items=keys, pairs=())
        if values:
            bound[value] = replace(source, kind="sequence", tag="", text="", items=values, pairs=())
        return bound

    def _evaluate(self, node: Node, names: Names, depth: int) -> Node:
        """What an expression stands for; itself, with its values resolved, when that is unknown."""
        if not node.items and not node.tag:
            found = self._look_up(node.text, names, depth)
            return node if found is None else found
        if node.tag == "for":
            return self._evaluate_for(node, names, depth)
        items = tuple(self.resolve(item, names, depth + 1) for item in node.items)
        if not node.tag and (found := self._look_up(node.text, names, depth)) is not None:
            return found  # a reference with an index
        evaluate = FUNCTIONS.get(node.tag)
        found = evaluate(node, items) if evaluate else None
        if found is not None and self._can_spend(found):
            return found
        return node if all(a is b for a, b in zip(items, node.items, strict=True)) else replace(node, items=items)

    def _evaluate_for(self, node: Node, names: Names, depth: int) -> Node:
        words = _FOR.match(node.text)
        if not words or len(node.items) < 2:
            return node
        source = self.resolve(node.items[0], names, depth + 1)
        alone = words[2] is None
        made: list[Node] = []
        for key, value in list_values(source)[:_MOST_VALUES]:
            inner = dict(names)
            if value is not None:
                inner[words[1] if alone else words[2]] = value
            if key is not None and not alone:
                inner[words[1]] = key
            if self.left < 0:
                return node
            made.append(self.resolve(node.items[-1 if node.text[:1] == "{" else 1], inner, depth + 1))
        if not made:
            return replace(node, items=(source, *(self.resolve(one, names, depth + 1) for one in node.items[1:])))
        return Node("sequence", node.line, node.column, items=tuple(made))

    def _look_up(self, text: str, names: Names, depth: int) -> Node | None:
        """The value of a reference; None if it is unknown."""
        found = _REFERENCE.fullmatch(text)
        if not found:
            return None
        steps = [step[1] if step[1] is not None else step[2].strip("\"'") for step in _STEP.finditer(found[2])]
        start = found[1] if found[1] in names or not steps else f"{found[1]}.{steps.pop(0)}"
        value = names.get(start) or self._resolve_name(start, depth)
        if value is None or (value := self._descend(value, steps)) is None:
            return None
        return value if self._can_spend(value) else None

    def _can_spend(self, value: Node) -> bool:
        """True if the value may be put where its name is: no small file becomes a large document."""
        for one in value.walk():
            self.left -= 1 + len(one.text) // 32
            if self.left < 0:
                return False
        return True

    def _resolve_name(self, name: str, depth: int) -> Node | None:
        if name not in self.known and name in self.given:
            if name in self.open:
                return None
            self.open.add(name)
            found = self.resolve(self.given[name], {}, depth + 1)
            self.open.discard(name)
            self.known[name] = found
        return self.known.get(name)

    def _descend(self, value: Node | None, steps: list[str]) -> Node | None:
        """The value below keys and indices; of a list of values that of each."""
        for step in steps:
            if value is None:
                return None
            if value.kind == "mapping":
                inner = value.get(step)
                value = inner if inner is not None or step.isidentifier() else _gather(value)
            elif value.kind == "sequence":
                below = [one for item in value.items if (one := self._descend(item, [step])) is not None]
                value = replace(value, items=tuple(below)) if below else None if step.isidentifier() else value
            else:
                return None
        return value

    def _fill(self, node: Node, names: Names, depth: int) -> Node:
        """A text with its references filled in: a list of texts where one has several values."""
        parts = _FILLED.split(node.text)
        choices: list[list[str]] = []
        for place, part in enumerate(parts):
            known = self._read_texts(part, names, depth) if place % 2 else [part]
            choices.append(known or [f"${{{part}}}"])
        alone = len(parts) == 3 and not parts[0] and not parts[2]
        if alone and (whole := self._read_part(parts[1], names, depth)) is not None and whole.kind != "call":
            return whole
        count = 1
        for texts in choices:
            count = min(count * len(texts), _MOST_VALUES + 1)
        if count > _MOST_VALUES or count * sum(max(map(len, texts)) for texts in choices) > _LONGEST:
            return node
        made = tuple(replace(node, text="".join(texts)) for texts in product(*choices))
        if len(made) == 1:
            return node if made[0].text == node.text else made[0]
        return Node("sequence", node.line, node.column, items=made)

    def _read_texts(self, part: str, names: Names, depth: int) -> list[str]:
        value = self._read_part(part, names, depth)
        found = flatten_lists((value,)) if value is not None else ()
        if not found or any(one.kind != "scalar" for one in found):
            return []
        return list(dict.fromkeys(one.text for one in found))

    def _read_part(self, part: str, names: Names, depth: int) -> Node | None:
        """The value of the expression in a `${ }`; None if it is unknown."""
        part = part.strip().strip("~").strip()
        if _REFERENCE.fullmatch(part):
            return self._look_up(part, names, depth)
        self.left -= 8 + len(part) // 4
        if ("(" not in part and "?" not in part) or self.left < 0:
            return None
        try:
            found = self.resolve(hcl.read_expression(part), names, depth + 1)
        except UnreadableError:
            return None
        return found if found.kind != "call" or found.tag == "if" else None


def _gather(value: Node) -> Node:
    """All values of a map whose key is unknown."""
    return Node("sequence", value.line, value.column, items=tuple(one for _, one in value.pairs))
