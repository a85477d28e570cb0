"""Finds where the elements of a language end: each finder reads every byte a bounded number of times."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.parsers.comments import detect_language

if TYPE_CHECKING:
    from collections.abc import Callable

    End = Callable[[bytes, re.Match[bytes], int], tuple[int, int, str]]

COMMENT = "comment"
_EVEN = r"(?<!\\)(?:\\\\){0,4096}"
"""Prefix of a character that a backslash would escape."""
TEMPLATE_TEXT = compile_lazily(rf"{_EVEN}(`|\$\{{)".encode())
_SCRIPTS = compile_lazily(
    rb"(?:\A|[-_.])(?:run|scripts?|inlinescript|commands?|args|user[-_]?data|bash)\Z",
    re.IGNORECASE,
)
_REGEX_SIGN = compile_lazily(rb"\\.|[\[\]/\n]", re.DOTALL)
_LAST = compile_lazily(rb"[;,)\"'. \t\r]{0,20}$", re.MULTILINE)
"""What may follow the word that ends a here-document."""
_KEY = compile_lazily(rb"([ \t]*(?:-[ \t]+){0,20})(?:([^\s:#][^:\n]{0,200}?)[ \t]*:)?")


def _end_at_opening(_data: bytes, match: re.Match[bytes], _limit: int) -> tuple[int, int, str]:
    return match.end(), match.end(), ""


@dataclass(frozen=True, slots=True)
class Token:
    """The beginning of an element of a language (`opening`, a bounded pattern; `(?P<W>…)` in it is its word), and the
    finder of its end: the end of its content, where the code continues, and the language of the content.

    `kind` is `comment`, `string`, `part` (of another language), `template` and `brace` (text with expressions), or
    `document` (text that begins at the next line and ends at a line with its word).
    """

    opening: str
    end: End = _end_at_opening
    kind: str = "string"


def end_at(pattern: str, language: str = "") -> End:
    """The first match of a pattern, else the end of the text."""
    compiled = re.compile(pattern.encode(), re.MULTILINE)

    def find_end(data: bytes, match: re.Match[bytes], limit: int) -> tuple[int, int, str]:
        found = compiled.search(data, match.end(), limit)
        return (*found.span(), language) if found else (limit, limit, language)

    return find_end


LINE_END = end_at(r"$")


def end_at_quote(quote: str, *, lines: bool = False) -> End:
    """The next quote without a backslash; unless the string may have `lines`, the end of its line."""
    return end_at(f"{_EVEN}{quote}" if lines else rf"{_EVEN}(?:{quote}|(?<!\\\r)(?=\n))")


def end_at_word(before: bytes = b"", after: bytes = b"") -> End:
    """The next occurrence of the opening's word between `before` and `after`."""

    def find_end(data: bytes, match: re.Match[bytes], limit: int) -> tuple[int, int, str]:
        wanted = before + match["w" + str(match.lastgroup)[1:]] + after
        found = data.find(wanted, match.end(), limit)
        return (found, found + len(wanted), "") if found >= 0 else (limit, limit, "")

    return find_end


def end_at_nested(opening: str, close: str) -> End:
    """The end of a comment that may be nested."""
    signs = re.compile(f"({opening})|{close}".encode())

    def find_end(data: bytes, match: re.Match[bytes], limit: int) -> tuple[int, int, str]:
        depth = 1
        for sign in signs.finditer(data, match.end(), limit):
            depth += 1 if sign[1] else -1
            if not depth:
                return (*sign.span(), "")
        return limit, limit, ""

    return find_end


def find_quote_on_line(data: bytes, match: re.Match[bytes], limit: int) -> tuple[int, int, str]:
    """The same quote again before the line ends; otherwise the quote is an ordinary character."""
    found = data.find(match[0], match.end(), limit)
    if found < 0 or data.find(b"\n", match.end(), found) >= 0:
        return _end_at_opening(data, match, limit)
    return found, found + 1, ""


def find_string_or_comment(data: bytes, match: re.Match[bytes], limit: int) -> tuple[int, int, str]:
    """As in Vim: a quote that is not closed on its line, after a space, begins a comment."""
    end, after, _ = end_at_quote('"')(data, match, limit)
    if end < after and data[after - 1 : after] == b'"':
        return end, after, ""
    blank = data[match.start() - 1 : match.start()] in (b"", b" ", b"\t", b"\n")
    return end, after, COMMENT if blank else ""


def find_fence_end(data: bytes, match: re.Match[bytes], limit: int) -> tuple[int, int, str]:
    """The end of a fenced block, which is in the language of its info string."""
    head = match["w" + str(match.lastgroup)[1:]]
    said = head.lstrip(b"`~")
    marks = head[: len(head) - len(said)]
    found = re.compile(rb"^[ \t>]*" + marks, re.MULTILINE).search(data, match.end(), limit)
    name = detect_language.resolve_language(said.decode("ascii", "replace").strip(" \t{.").lower())
    return (*found.span(), name) if found else (limit, limit, name)


def find_regex_end(data: bytes, match: re.Match[bytes], limit: int) -> tuple[int, int, str]:
    """The slash that ends a regular expression (not one in a character class); at most the line's end."""
    in_class = False
    for sign in _REGEX_SIGN.finditer(data, match.end(), limit):
        if sign[0] == b"\n" or (sign[0] == b"/" and not in_class):
            return sign.start(), sign.start() + (sign[0] == b"/"), ""
        in_class = sign[0] == b"[" or (in_class and sign[0] != b"]")
    return limit, limit, ""


def find_block_end(data: bytes, match: re.Match[bytes], limit: int) -> tuple[int, int, str]:
    """The lines of a YAML block, which are indented deeper than its parent; those of a script are shell."""
    start = data.rfind(b"\n", 0, match.start()) + 1
    head = _KEY.match(data, start, match.start())
    lead, key = (head[1], head[2]) if head else (b"", None)
    depth = len(lead) if key else len(lead.rstrip(b" \t-"))
    language = "shell" if (key is None and b"-" in lead) or _SCRIPTS.search((key or b"").strip(b"\"' ")) else ""
    position = data.find(b"\n", match.end(), limit) + 1 or limit
    while position < limit:
        end = data.find(b"\n", position, limit) + 1 or limit
        line = data[position:end]
        text = line.lstrip(b" ")
        if text.strip() and len(line) - len(text) <= depth:
            break
        position = end
    return position, position, language


def find_word_line(data: bytes, word: bytes, position: int, limit: int) -> int:
    """The end of the next line that contains only the word, -1 if there is none."""
    found = data.find(word, position, limit)
    while found >= 0:
        start, end = found, _LAST.match(data, found + len(word), limit)
        while start > position and data[start - 1] in b" \t":
            start -= 1
        if end and data[start - 1 : start] == b"\n":
            return end.end()
        found = data.find(word, found + len(word), limit)
    return -1
