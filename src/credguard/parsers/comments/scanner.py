"""Finds the comments of a file: one state machine that knows the languages' strings, also for invalid code."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from credguard.parsers.comments import delimiters, detect_language
from credguard.parsers.comments.languages import LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.parsers.comments.delimiters import Token

_DEEPEST = 3
_MOST_UNCLOSED = 5
"""Unterminated here-documents that are skipped; after that the rest of the file counts as their text."""


class Comment(NamedTuple):
    """Byte offsets of a comment: its delimiter, its content from `content` to `end`, and what follows its end."""

    start: int
    content: int
    end: int
    after: int


def find_comments(data: bytes, path: str, until: int | None = None) -> Iterator[Comment]:
    """The comments of a file that begin before the offset `until`, in order; none if its format has none.

    The time is linear in the bytes up to there.
    """
    name = detect_language.identify_language(path, data)
    if name:
        yield from _Reader(data, len(data) if until is None else until).read(name, 0, len(data), 0)


class _Reader:
    """Reads one file; parts in another language are read with that language."""

    def __init__(self, data: bytes, until: int) -> None:
        self._data, self._until = data, until
        self._unclosed = 0

    def read(self, name: str, position: int, limit: int, depth: int) -> Iterator[Comment]:
        tokens, pattern = _compile(name)
        braces: list[int] = []  # of templates that are open: how many { stand open in each
        waiting: list[bytes] = []  # the last lines of here-documents that begin at the next line
        line_end = -1
        while position < min(limit, self._until):
            if waiting and line_end < position:
                line_end = self._find_line_end(position, limit)
            stop = line_end if waiting else limit
            match = pattern.search(self._data, position, stop)
            if match is None:
                if not waiting:
                    return
                position = self._skip_documents(waiting, stop, limit)
                continue
            token = tokens[int(str(match.lastgroup)[1:])]
            if token.kind == "document":
                waiting.append(match["w" + str(match.lastgroup)[1:]])
                position = match.end()
            elif token.kind == "brace":
                position = self._track_brace(match, braces, limit)
            elif token.kind == "template":
                position = self._skip_template(match.end(), braces, limit)
            else:
                end, after, language = token.end(self._data, match, limit)
                if token.kind == "comment" or language == delimiters.COMMENT:
                    yield Comment(match.start(), match.end(), end, after)
                elif language and depth < _DEEPEST:
                    yield from self.read(language, match.end(), end, depth + 1)
                position = max(after, match.end())

    def _find_line_end(self, position: int, limit: int) -> int:
        end = self._data.find(b"\n", position, limit)
        return limit if end < 0 else end

    def _skip_documents(self, waiting: list[bytes], stop: int, limit: int) -> int:
        """Where the code continues after the texts that begin at the line end `stop`."""
        for word in waiting:
            end = delimiters.find_word_line(self._data, word, stop, limit)
            if end < 0:
                self._unclosed += 1
            stop = end if end >= 0 else stop if self._unclosed <= _MOST_UNCLOSED else limit
        waiting.clear()
        return min(stop + 1, limit) if self._data[stop : stop + 1] == b"\n" else stop

    def _track_brace(self, match: re.Match[bytes], braces: list[int], limit: int) -> int:
        if braces:
            braces[-1] += 1 if match[0] == b"{" else -1
            if braces[-1] < 0:
                braces.pop()
                return self._skip_template(match.end(), braces, limit)
        return match.end()

    def _skip_template(self, position: int, braces: list[int], limit: int) -> int:
        """Where the text of a template ends: at its end, or at an expression in it."""
        match = delimiters.TEMPLATE_TEXT.search(self._data, position, limit)
        if match is None:
            return limit
        if match[1] == b"${":
            braces.append(0)
        return match.end()


@cache
def _compile(name: str) -> tuple[tuple[Token, ...], re.Pattern[bytes]]:
    """A language's tokens, and the pattern that finds the next of them."""
    tokens = LANGUAGES.get(name) or LANGUAGES["text"]
    parts = (f"(?P<t{n}>{token.opening.replace('(?P<W>', f'(?P<w{n}>')})" for n, token in enumerate(tokens))
    return tokens, re.compile("|".join(parts).encode(), re.MULTILINE)
