"""Terraform's functions on literal values: those that only arrange texts, lists and maps."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

from credguard.parsers.node import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Values = tuple[Node, ...]

_MOST = 64
_LONGEST = 20_000


def flatten_lists(values: Iterable[Node]) -> tuple[Node, ...]:
    """The values with those of lists in their place."""
    found: list[Node] = []
    waiting = list(values)[::-1]
    while waiting and len(found) < _MOST:
        one = waiting.pop()
        if (one.kind == "sequence" and not one.tag) or one.tag == "if":
            waiting.extend(reversed(one.items))
        else:
            found.append(one)
    return tuple(found)


def list_values(node: Node) -> list[tuple[Node | None, Node | None]]:
    """Key and value of each entry of a list or a map; none for what is unknown."""
    if node.kind == "mapping":
        return [(key, value) for key, value in node.pairs]
    if node.kind == "sequence":
        return [(one, one) for one in flatten_lists((node,)) if one.kind != "call"]
    return []


def _list(node: Node, items: Iterable[Node]) -> Node:
    return Node("sequence", node.line, node.column, items=tuple(items))


def _arrange(node: Node, items: Values) -> Node:
    return _list(node, flatten_lists(items))


def _pick_first(_node: Node, items: Values) -> Node | None:
    return items[0] if items else None


def _split(node: Node, items: Values) -> Node | None:
    if len(items) != 2 or any(one.kind != "scalar" for one in items) or not items[0].text:
        return None
    text = items[1]
    return _list(node, (replace(text, text=part.strip()) for part in text.text.split(items[0].text)[:_MOST]))


def _join(_node: Node, items: Values) -> Node | None:
    parts = flatten_lists(items[1:])
    if not items or items[0].kind != "scalar" or not parts or any(one.kind != "scalar" for one in parts):
        return None
    return replace(parts[0], text=items[0].text.join(one.text for one in parts)[:_LONGEST], literal=False)


def _format(node: Node, items: Values) -> Node | None:
    """The texts of a format, with `${…}` for values that are unknown; several where an argument has several."""
    if not items or items[0].kind != "scalar":
        return None
    form, arguments = items[0], items[1:]
    choices = [
        [one.text if one.kind == "scalar" else "${unknown}" for one in flatten_lists((item,))] for item in arguments
    ]
    longest = len(form.text) + sum(max(map(len, one), default=0) for one in choices)
    if not all(choices) or _count(choices) > _MOST or _count(choices) * longest > _LONGEST:
        return None
    made = [replace(form, text=_fill(form.text, given), type="template") for given in product(*choices)]
    return made[0] if len(made) == 1 and node.tag == "format" else _list(node, made)


def _count(choices: list[list[str]]) -> int:
    count = 1
    for one in choices:
        count = min(count * len(one), _MOST + 1)
    return count


def _fill(form: str, given: tuple[str, ...]) -> str:
    waiting = iter(given)
    return re.sub(r"%[-+# 0]{0,3}\d{0,3}[a-zA-Z]", lambda _: next(waiting, ""), form)


def _merge(node: Node, items: Values) -> Node | None:
    """One map of all; what is unknown stays among its items."""
    maps = flatten_lists(items)
    pairs: dict[str, tuple[Node, Node]] = {}
    for one in maps:
        pairs.update({key.text: (key, value) for key, value in one.pairs})
    if not pairs:
        return None
    unknown = tuple(one for one in maps if one.kind != "mapping")
    return Node("mapping", node.line, node.column, pairs=tuple(pairs.values()), items=unknown)


def _look_up(node: Node, items: Values) -> Node | None:
    """The value of a key; all values if the key is unknown."""
    if len(items) < 2 or items[0].kind != "mapping":
        return None
    found = items[0].get(items[1].text) if items[1].kind == "scalar" else None
    return found or _list(node, (*(value for _, value in items[0].pairs), *items[2:]))


def _list_entries(node: Node, items: Values) -> Node | None:
    entries = list_values(items[0]) if items else []
    chosen = [key if node.tag == "keys" else value for key, value in entries]
    return _list(node, (one for one in chosen if one is not None)) if chosen else None


_PLAIN = "concat flatten distinct compact toset tolist sort reverse setunion coalesce coalescelist try list tuple"
_SAME = "tostring trimspace chomp sensitive nonsensitive tomap one element slice"
FUNCTIONS: dict[str, Callable[[Node, Values], Node | None]] = {
    **dict.fromkeys(_PLAIN.split(), _arrange),
    **dict.fromkeys(_SAME.split(), _pick_first),
    **dict.fromkeys(("format", "formatlist"), _format),
    **dict.fromkeys(("keys", "values"), _list_entries),
    "split": _split,
    "join": _join,
    "merge": _merge,
    "lookup": _look_up,
}
"""By name; each gives None where the value is unknown."""
