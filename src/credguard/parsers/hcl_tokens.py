"""Splits HCL into tokens: words, numbers, strings and heredocs with their templates, marks and line ends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from credguard.lazy_re import compile_lazily
from credguard.parsers.node import MAX_DEPTH, Places, make_depth_error, make_syntax_error

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = compile_lazily(
    r"(?P<blank>[ \t\r\f\v\ufeff]+)|(?P<line>\n)|(?P<comment>(?:\#|//)[^\n]*)|(?P<long>/\*)"
    r"|<<(?P<indented>-?)(?P<heredoc>[^\W\d][\w-]*)[ \t\r]*\n|(?P<quote>\")"
    r"|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<word>[^\W\d][\w-]*)"
    r"|(?P<mark>\.\.\.|=>|==|!=|<=|>=|&&|\|\||::|[-+*/%<>!?:=.,(){}\[\]])"
)
_IN_STRING = compile_lazily(r"[^\"\\$%\n]+|\\[^\n]|\$\$\{|%%\{|[$%]\{|[$%]|\"|\n")
_IN_TEMPLATE = compile_lazily(r"[^\"{}]+|[\"{}]")
_ESCAPE = compile_lazily(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}


class HclToken(NamedTuple):
    """kind: `line`, `word`, `number`, `mark`, `string`, `heredoc` or `end`; text as meant, location as written."""

    kind: str
    text: str
    start: int
    end: int
    template: bool = False


def tokenize_hcl(text: str, places: Places) -> Iterator[HclToken]:
    """Every token except whitespace and comments, one line end for a run of them, and `end` last."""
    offset, broken = 0, False
    while offset < len(text):
        found = _TOKEN.match(text, offset)
        if not found:
            raise make_syntax_error("HCL", *places.locate(offset), "found a character that may not stand here")
        kind = str(found.lastgroup)
        if kind == "long":
            offset = text.find("*/", offset + 2) + 2
            if offset < 2:
                raise make_syntax_error("HCL", *places.locate(found.start()), "found a comment that does not end")
            continue
        token = _make_token(text, found, kind, places)
        offset = token.end
        if kind not in {"blank", "comment"} and not (kind == "line" and broken):
            yield token
            broken = kind == "line"
    yield HclToken("end", "", offset, offset)


def _make_token(text: str, found: re.Match[str], kind: str, places: Places) -> HclToken:
    if kind == "quote":
        return _read_string(text, found.start(), places)
    if kind == "heredoc":
        return _read_heredoc(text, found, places)
    return HclToken(kind, found[0], found.start(), found.end())


def _read_string(text: str, start: int, places: Places) -> HclToken:
    """The string that opens at `start`, with the strings inside its templates."""
    offset, template = start + 1, False
    depths: list[int] = [-1]  # of braces in each template that is open; -1 is a string
    while True:
        in_string = depths[-1] < 0
        found = (_IN_STRING if in_string else _IN_TEMPLATE).match(text, offset)
        if not found or (in_string and found[0] == "\n"):
            raise make_syntax_error("HCL", *places.locate(start), "found a string that does not end")
        offset, piece = found.end(), found[0]
        if piece == '"' and in_string:
            depths.pop()
            if not depths:
                return HclToken("string", _unescape(text[start + 1 : offset - 1]), start, offset, template)
        elif piece == '"':
            depths.append(-1)
        elif in_string and piece in {"${", "%{"}:
            template = True
            depths.append(0)
        elif not in_string and piece == "{":
            depths[-1] += 1
        elif not in_string and piece == "}":
            depths[-1] -= 1
            if depths[-1] < 0:
                depths.pop()
        if len(depths) > MAX_DEPTH:
            raise make_depth_error("HCL", places.locate(offset)[0])


def _read_heredoc(text: str, found: re.Match[str], places: Places) -> HclToken:
    start = found.end()
    end = re.compile(rf"^[ \t]*{re.escape(found['heredoc'])}[ \t\r]*$", re.MULTILINE).search(text, start)
    if not end:
        raise make_syntax_error("HCL", *places.locate(found.start()), "found a heredoc that does not end")
    body = text[start : end.start()]
    return HclToken("heredoc", body, found.start(), end.end(), "${" in body or "%{" in body)


def _unescape(text: str) -> str:
    return _ESCAPE.sub(_replace_escape, text) if "\\" in text else text


def _replace_escape(found: re.Match[str]) -> str:
    code = found[1] or found[2]
    if not code:
        return _ESCAPED.get(found[3], found[3])
    return chr(int(code, 16)) if int(code, 16) < 0x110000 else "\ufffd"
