"""Locates access keys that a Dockerfile puts into an image or takes as build arguments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from credguard.aws.static_keys import Binding, KeyPart, classify_binding, has_foreign_endpoint, match_key_part
from credguard.lazy_re import compile_lazily
from credguard.parsers.dockerfile import iter_instructions

if TYPE_CHECKING:
    from collections.abc import Iterator

_INSTRUCTION = compile_lazily(rb"\s*(?:onbuild\s+)?(env|arg|run)\s+(.*)", re.IGNORECASE | re.DOTALL)
_ASSIGNED = compile_lazily(r"([A-Za-z_][\w.-]{0,100})=(\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s\"']*)")
_BARE = compile_lazily(r"[A-Za-z_]\w{0,100}")
_EMULATOR = compile_lazily(
    rb"^\s{0,8}FROM\s{1,8}(?:--\S{1,60}\s{1,4})?[^\s]{0,100}(?:localstack|minio|/moto|dynamodb-local|elasticmq|s3mock)",
    re.IGNORECASE | re.MULTILINE,
)


_FROM = compile_lazily(rb"^[ \t]{0,20}FROM[ \t]", re.IGNORECASE | re.MULTILINE)


class Variable(NamedTuple):
    """A variable of an image or of its build that contains half of a key."""

    line: int
    instruction: str
    name: str
    half: KeyPart
    given: Binding


def find_key_variables(data: bytes) -> list[Variable]:
    """Variables of keys set with ENV and ARG; none if the image emulates AWS or connects to an emulator."""
    if _EMULATOR.search(data) or has_foreign_endpoint(data.decode("utf-8", "replace")):
        return []
    return list(_iter_variables(data))


def has_later_stage(data: bytes, line: int) -> bool:
    """True if another stage begins below the line: what is above is not in the final image."""
    last = next(iter(reversed(list(_FROM.finditer(data)))), None)
    return last is not None and data.count(b"\n", 0, last.start()) + 1 > line


def _iter_variables(data: bytes) -> Iterator[Variable]:
    for line, name, arguments in iter_instructions(data, _INSTRUCTION):
        if name == b"run":
            continue
        kind = name.decode().upper()
        for variable, value in _parse_assignments(arguments.decode("utf-8", "replace").strip(), kind):
            half = match_key_part(variable)
            how = classify_binding(half, value) if half and value is not None else Binding.REFERENCE
            if half and (how or (kind == "ARG" and not (value or "").strip("\"'"))):
                yield Variable(line, kind, variable, half, how or Binding.REFERENCE)


def _parse_assignments(text: str, kind: str) -> Iterator[tuple[str, str | None]]:
    """`A=1 B="2"`, the old `ENV A 1`, and the bare names of ARG."""
    first = _BARE.match(text)
    if first and kind == "ENV" and text[first.end() : first.end() + 1].isspace():
        yield first[0], text[first.end() :].strip()
        return
    done = 0
    for found in _ASSIGNED.finditer(text[:20_000]):
        if kind == "ARG":
            yield from ((word, None) for word in _BARE.findall(text[done : found.start()]))
        done = found.end()
        yield found[1], found[2]
    if kind == "ARG":
        yield from ((word, None) for word in _BARE.findall(text[done:2000]))
