"""Parses YAML, every document of a file, with CloudFormation's tags and without constructing objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from credguard.parsers.node import MAX_DEPTH, Node, NodeBudget, make_depth_error, make_syntax_error

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    Loader: TypeAlias = yaml.SafeLoader | yaml.CSafeLoader

_LOADER: type[Loader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TYPES = {"bool", "int", "float", "null"}
_STANDARD = "tag:yaml.org,2002:"


def read(text: str) -> tuple[Node, ...]:
    """The documents of a text, in order. Raises UnreadableError for invalid YAML, and for aliases that contain
    themselves or expand to a large document."""
    loader = _LOADER(text)
    try:
        return _Reader(loader).read_documents()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        tab = (text.splitlines()[line : line + 1] or [""])[0][column : column + 1] == "\t"
        problem = "found a tab" if tab else str(error.problem).partition("'")[0].strip()  # without the quoted content
        raise make_syntax_error("YAML", line + 1, column + 1, problem) from None
    except yaml.YAMLError as error:  # a character that YAML does not allow
        at = getattr(error, "position", 0) or 0
        raise _make_character_error(text.count("\n", 0, at) + 1) from None
    finally:
        loader.dispose()


def _make_character_error(line: int) -> Exception:
    return make_syntax_error("YAML", line, 1, "found a character that may not stand in YAML")


class _OpenCollection:
    """A mapping or sequence whose end is not reached yet."""

    __slots__ = ("anchor", "children", "left", "mapping", "place", "tag")

    def __init__(self, event: yaml.CollectionStartEvent, mapping: bool, left: int) -> None:
        self.anchor, self.tag, self.mapping, self.left = event.anchor, _clean_tag(event.tag), mapping, left
        self.place = _locate_event(event)
        self.children: list[Node] = []

    def build_node(self) -> Node:
        if not self.mapping:
            return Node("sequence", *self.place, tag=self.tag, items=tuple(self.children))
        return Node("mapping", *self.place, tag=self.tag, pairs=_merge_pairs(self.children))


class _Reader:
    """Builds nodes from a parser's events; its own stack avoids deep recursion."""

    def __init__(self, loader: Loader) -> None:
        self.loader = loader
        self.budget = NodeBudget()
        self.open: list[_OpenCollection] = []
        self.anchors: dict[str, tuple[Node, int]] = {}  # and how many nodes each adds
        self.found: list[Node] = []

    def read_documents(self) -> tuple[Node, ...]:
        """Every document."""
        while self.loader.check_event():
            event = self.loader.get_event()
            if isinstance(event, yaml.ScalarEvent):
                self._put(event.anchor, self._make_scalar(event), 1)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._begin(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                top = self.open.pop()
                self._put(top.anchor, top.build_node(), top.left - self.budget.left + 1)
            elif isinstance(event, yaml.AliasEvent):
                self._expand_alias(event)
            elif isinstance(event, yaml.DocumentStartEvent):
                self.anchors.clear()
        return tuple(self.found)

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        self.open.append(_OpenCollection(event, isinstance(event, yaml.MappingStartEvent), self.budget.left))
        if len(self.open) > MAX_DEPTH:
            raise make_depth_error("YAML", self.open[-1].place[0])
        if event.anchor:
            self.anchors.pop(event.anchor, None)

    def _put(self, anchor: str | None, node: Node, nodes: int) -> None:
        self.budget.spend()
        if anchor:
            self.anchors[anchor] = (node, nodes)
        (self.open[-1].children if self.open else self.found).append(node)

    def _expand_alias(self, event: yaml.AliasEvent) -> None:
        known = self.anchors.get(event.anchor or "")
        if not known:
            raise make_syntax_error("YAML", *_locate_event(event), "found an alias of what is not there, or of itself")
        self.budget.spend(known[1])
        self.open[-1].children.append(known[0])

    def _make_scalar(self, event: yaml.ScalarEvent) -> Node:
        kind, tag = "str", _clean_tag(event.tag)
        if event.implicit[0]:
            kind = _resolve_type(self.loader, event.value)
        elif event.tag and event.tag.startswith(_STANDARD) and event.tag[len(_STANDARD) :] in _TYPES:
            kind = event.tag[len(_STANDARD) :]
        return Node(
            "scalar", *_locate_event(event), text=event.value, tag=tag, type=kind, literal=event.style in ("|", ">")
        )


def _locate_event(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _resolve_type(loader: Loader, value: str) -> str:
    """The type of a plain scalar."""
    found = str(loader.resolve(yaml.ScalarNode, value, (True, False))).rpartition(":")[2]  # type: ignore[no-untyped-call]
    return found if found in _TYPES else "str"


def _clean_tag(tag: str | None) -> str:
    if not tag or tag.startswith(_STANDARD):
        return ""
    return tag.lstrip("!")


def _merge_pairs(children: Sequence[Node]) -> tuple[tuple[Node, Node], ...]:
    """The pairs of a mapping, followed by those that it merges."""
    pairs = tuple(zip(children[::2], children[1::2], strict=True))
    if not any(key.text == "<<" for key, _ in pairs):
        return pairs
    sources = [source for key, value in pairs if key.text == "<<" for source in (value.items or (value,))]
    return (
        *(pair for pair in pairs if pair[0].text != "<<"),
        *(pair for source in sources for pair in source.pairs),
    )
