"""Strict YAML: a tree of plain values with the line and column of each, and nothing that surprises.

Scalars stay text, so that `off`, `012345678901` and `2027-01-31` mean what they say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from credguard.errors import PolicyError
from credguard.lazy_re import compile_lazily
from credguard.sources.snapshots import LARGEST_SETTING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

    from yaml import MarkedYAMLError
    from yaml.events import Event, NodeEvent

_DEEPEST = 20
_NOTHING = ("", "~", "null", "Null", "NULL")
_WORD = compile_lazily(r"[\w./*@:+-]{1,32}")


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a policy file: `mapping` (pairs), `list` (items), `text` or `nothing`."""

    kind: Literal["mapping", "list", "text", "nothing"]
    line: int
    column: int
    text: str = ""
    items: list[Value] = field(default_factory=list)
    pairs: list[tuple[Value, Value]] = field(default_factory=list)

    @property
    def excerpt(self) -> str:
        """The text as an error may quote it: whole where it is a short word, else how it begins."""
        return self.text if _WORD.fullmatch(self.text) else f"{self.text[:4]}…"


def parse_strict(data: bytes, path: str) -> Value:
    """The tree of a policy file; an empty file is `nothing`. Raises PolicyError for everything that is
    not one document of mappings, lists and scalars without tags, aliases and doubled keys."""
    import yaml

    if len(data) > LARGEST_SETTING:
        raise PolicyError(path, 0, 0, "is larger than 1 MiB, which no policy is", "make it smaller")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _build_tree(yaml.parse(_decode(data, path), Loader=loader), path)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark else (0, 0)
        raise PolicyError(
            path, line + 1, column + 1, f"is no valid YAML: {_describe_error(error, data, line)}"
        ) from None
    except yaml.YAMLError:
        raise PolicyError(path, 1, 1, "is no valid YAML: it holds a control character") from None


def _describe_error(error: MarkedYAMLError, data: bytes, line: int) -> str:
    """The parser's words without what they may quote of the file."""
    lines = data.split(b"\n")
    if line < len(lines) and b"\t" in lines[line][: len(lines[line]) - len(lines[line].lstrip())]:
        return "a tab where blanks belong"
    return re.sub(r"'[^']{5,}'", "a name", error.problem or "it ends too early")


def _decode(data: bytes, path: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise PolicyError(path, line, column, "is no UTF-8 text", "save it as UTF-8") from None


def _build_tree(events: Iterable[Event], path: str) -> Value:
    """Puts the parser's events together, without recursion."""
    from yaml import events as kinds

    root: Value | None = None
    opened: list[Value] = []
    keys: list[Value | None] = []
    for event in events:
        if isinstance(event, kinds.DocumentStartEvent) and root is not None:
            raise _make_error(event, path, "a second document begins here", "a policy is one document")
        if isinstance(event, kinds.CollectionEndEvent):
            opened.pop()
            keys.pop()
        elif isinstance(event, kinds.NodeEvent):
            value = _make_value(event, path)
            if opened:
                _attach(opened[-1], keys, value, path)
            root = root or value
            if value.kind in ("mapping", "list"):
                opened.append(value)
                keys.append(None)
            if len(opened) > _DEEPEST:
                raise _make_error(event, path, f"is nested more than {_DEEPEST} deep")
    return root or Value("nothing", 1, 1)


def _locate(event: Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _make_error(event: Event, path: str, text: str, hint: str = "") -> PolicyError:
    return PolicyError(path, *_locate(event), text, hint)


def _make_value(event: NodeEvent, path: str) -> Value:
    from yaml import events as kinds

    if event.anchor is not None:
        raise _make_error(event, path, "anchors (&) and aliases (*) have no place in a policy", "write the value out")
    if getattr(event, "tag", None) is not None:
        raise _make_error(event, path, "tags (!) have no place in a policy", "quote the value if it begins with !")
    if isinstance(event, kinds.ScalarEvent):
        nothing = not event.style and event.value in _NOTHING
        return Value("nothing" if nothing else "text", *_locate(event), event.value)
    return Value("mapping" if isinstance(event, kinds.MappingStartEvent) else "list", *_locate(event))


def _attach(parent: Value, keys: list[Value | None], value: Value, path: str) -> None:
    """Adds an item to a list, or a key or its value to a mapping; `keys` ends with the key that waits."""
    if parent.kind == "list":
        parent.items.append(value)
    elif keys[-1] is None:
        if value.kind != "text":
            raise PolicyError(path, value.line, value.column, "a key has to be a word")
        keys[-1] = value
    else:
        parent.pairs.append((keys[-1], value))
        keys[-1] = None


def find_duplicate_key(value: Value) -> Value | None:
    """The first key of a mapping that stood there before."""
    seen: set[str] = set()
    for key, _ in value.pairs:
        if key.text in seen:
            return key
        seen.add(key.text)
    return None
