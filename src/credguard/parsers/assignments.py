"""Parses `name = value` in dotenv, shell, ini, YAML, JSON, TOML and tfvars text, with its location."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    from collections.abc import Iterator

ASSIGNMENTS_LIMIT = 1 << 20
"""The most bytes of a file that are parsed for assignments: hand-written settings are far smaller."""
_QUOTED_LIMIT = 1 << 14
# A commented-out assignment with a `=` counts: its value is committed all the same.
_DOTENV = compile_lazily(
    rb"^[ \t]{0,40}(?:(#)[# \t]{0,8})?"
    rb"(?:(?:export|set|setx|setenv|declare -x|readonly)[ \t]{1,8}(?:-[a-z]{1,3}[ \t]{1,4})?)?"
    rb"([A-Za-z_][A-Za-z0-9_.\-]{0,120})(?:[ \t]{0,8}([=:])[ \t]{0,8}|[ \t]{1,4}(?=\S))",
    re.MULTILINE,
)
_LINE_END = compile_lazily(rb"[\r\n]|\Z")
_COMMENT = compile_lazily(rb"[ \t]#")
_PAIR = compile_lazily(
    rb"(?<![\w.$-])[\"']?([A-Za-z_][\w.\-]{0,120})[\"']?[ \t]{0,40}(?:=>|:=|[:=])[ \t]{0,40}"
    rb"(?:\"((?:[^\"\\\n]|\\.){0,4000})\"|'([^'\n]{0,4000})'|([^\s\"',;#\[\]{}()][^\s\"',;\[\]{}()]{0,4000}))"
)


@dataclass(frozen=True, slots=True)
class Assignment:
    """A name and its unquoted value; `start` and `end` are the value's offsets."""

    name: bytes
    value: bytes
    start: int
    end: int


def parse_dotenv(data: bytes) -> Iterator[Assignment]:
    """The assignments of dotenv or shell text: `export` or not, quoted or not, over several lines
    inside quotes, with CRLF, a byte order mark and trailing comments; commented-out ones too."""
    data = data[:ASSIGNMENTS_LIMIT]
    if data.startswith(b"\xef\xbb\xbf"):
        data = b"   " + data[3:]
    position = 0
    while match := _DOTENV.search(data, position):
        start = match.end()
        commented, name, operator = match.groups()
        start, end = _find_extent(data, start, multiline=not commented)
        position = max(end, match.end())
        bare = not operator and match[0].lstrip().startswith(b"set")
        if bare or operator == b"=" or (operator and not commented):
            yield Assignment(name, data[start:end], start, end)


def parse_pairs(data: bytes) -> Iterator[Assignment]:
    """The assignments on one line, in any syntax with `=`, `:` or `=>`."""
    for match in _PAIR.finditer(data[:ASSIGNMENTS_LIMIT]):
        group = match.lastindex or 4
        if group > 1:
            yield Assignment(match[1], match[group], *match.span(group))


def locate_line(data: bytes, offset: int) -> int:
    """The line, from 1, of the offset."""
    return data.count(b"\n", 0, offset) + 1


def _find_extent(data: bytes, start: int, *, multiline: bool) -> tuple[int, int]:
    """The extent of the value that begins at `start`, without its quotes."""
    stop = _find_line_end(data, start)
    quote = data[start : start + 1]
    if quote in (b'"', b"'", b"`") and start < stop:
        limit = start + _QUOTED_LIMIT if multiline else stop
        close = _find_closing(data, quote, start + 1, min(limit, len(data)))
        if close >= 0:
            return start + 1, close
    comment = _COMMENT.search(data, start, stop)
    end = comment.start() if comment else stop
    while end > start and data[end - 1 : end] in (b" ", b"\t", b";"):
        end -= 1
    return start, end


def _find_closing(data: bytes, quote: bytes, start: int, limit: int) -> int:
    close = data.find(quote, start, limit)
    while close > 0 and quote == b'"' and data[close - 1 : close] == b"\\" and data[close - 2 : close - 1] != b"\\":
        close = data.find(quote, close + 1, limit)
    return close


def _find_line_end(data: bytes, start: int) -> int:
    match = _LINE_END.search(data, start)
    return match.start() if match else len(data)
