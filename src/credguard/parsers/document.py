"""Structured documents with line numbers: YAML, JSON and HCL as one kind of node."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from credguard.errors import UnreadableError
from credguard.parsers.node import MAX_BYTES, Node, OverLimitError
from credguard.parsers.utf16 import recode_marked

if TYPE_CHECKING:
    from collections.abc import Callable

    Reader = Callable[[str, bool], tuple[Node, ...]]

__all__ = ["Node", "is_structured", "parse_document", "parse_embedded"]

_HCL = (".tf", ".tofu", ".hcl")
_JSON = (".json", ".jsonc", ".tfstate")
_YAML = (".yaml", ".yml")
_EITHER = (".template", ".cfn")
_last: tuple[bytes, str, tuple[Node, ...] | UnreadableError] | None = None


def is_structured(path: str) -> bool:
    """True if the name says that `parse` can parse such a file."""
    return path.lower().endswith((*_HCL, *_JSON, *_YAML, *_EITHER))


def parse_document(data: bytes, path: str) -> tuple[Node, ...]:
    """The documents of a file, by its name and, for ambiguous names, its first character.

    A file whose text is a template (`{{ }}`, `{% %}`, `<% %>`, `${ }`) and cannot be parsed as it is is parsed once
    more with those parts blanked. The last result is cached, because several rules need it. Raises UnreadableError,
    without quoting content, for what is binary, too large, too deep, or invalid.
    """
    global _last  # noqa: PLW0603
    if _last is None or _last[1] != path or _last[0] != data:
        try:
            _last = (data, path, _parse_data(data, path.lower()))
        except UnreadableError as error:
            _last = (data, path, error)
    if isinstance(_last[2], UnreadableError):
        raise UnreadableError(_last[2].message)
    return _last[2]


def parse_embedded(node: Node) -> tuple[Node, ...]:
    """The documents of a JSON text in a scalar, with their lines in the file; none if it contains none."""
    text = node.text
    if node.kind != "scalar" or not text.lstrip().startswith(("{", "[")):
        return ()
    try:
        found = _read_with_fallback(_read_json, text)
    except UnreadableError:
        return ()
    return tuple(_shift_lines(one, node) for one in found)


def _shift_lines(found: Node, holder: Node) -> Node:
    """The node and all below it with lines of the file: those of a block follow, a quoted text has only one."""
    line = holder.line + found.line if holder.literal else holder.line
    return replace(
        found,
        line=line,
        items=tuple(_shift_lines(item, holder) for item in found.items),
        pairs=tuple((_shift_lines(key, holder), _shift_lines(value, holder)) for key, value in found.pairs),
    )


def _parse_data(data: bytes, path: str) -> tuple[Node, ...]:
    if len(data) > MAX_BYTES:
        raise UnreadableError(f"is larger than {MAX_BYTES >> 20} MiB, too large to analyze")
    text = _decode(data)
    first = text.lstrip("\ufeff \t\r\n")[:1]
    if path.endswith(_HCL):
        return _read_with_fallback(_read_hcl, text)
    if path.endswith(_JSON) or (path.endswith(_EITHER) and first in {"{", "["}):
        return _read_with_fallback(_read_json, text)
    try:
        return _read_with_fallback(_read_yaml, text)
    except OverLimitError:
        raise
    except UnreadableError:
        if first not in {"{", "["}:
            raise
        return _read_with_fallback(_read_json, text)


def _decode(data: bytes) -> str:
    data = recode_marked(data)
    if b"\0" in data:
        raise UnreadableError("is binary, not the text that its name suggests")
    return data.decode("utf-8-sig", "replace").replace("\r\n", "\n")


def _read_with_fallback(reader: Reader, text: str) -> tuple[Node, ...]:
    """As it is; otherwise with the parts of a template blanked."""
    try:
        return reader(text, False)
    except OverLimitError:
        raise
    except UnreadableError:
        from credguard.parsers.templates import blank_templates, is_template

        if not is_template(text):
            raise
        try:
            return reader(blank_templates(text), True)
        except UnreadableError:
            pass
        raise


def _read_hcl(text: str, _: bool) -> tuple[Node, ...]:
    from credguard.parsers import hcl

    return hcl.read(text)


def _read_json(text: str, blanked: bool) -> tuple[Node, ...]:
    from credguard.parsers import json

    return json.read(text, lenient=blanked)


def _read_yaml(text: str, _: bool) -> tuple[Node, ...]:
    from credguard.parsers import yaml

    return yaml.read(text)
