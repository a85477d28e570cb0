"""A Jenkinsfile by its braces: the lines that the calls of credguard in it depend on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from credguard.regex import regex

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = regex(
    r"//[^\n]*|/\*.*?\*/|\'\'\'.*?\'\'\'|\"\"\".*?\"\"\"|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|[{}\n]",
    re.DOTALL,
)
_BLANKS = regex(r"[ \t]+")
_STAGE = regex(r"\bstage\s*\(?[^{}]*$")
_BRANCH = regex(r"(?:^|[\s,\[(])['\"]?[\w .-]{1,80}['\"]?\s*:\s*$")
_DEEPEST = 60
_MOST_COMMENTS = 2_000


@dataclass(slots=True)
class _Block:
    """Braces with the words before them; `parts` are lines by number, and blocks."""

    head: str
    line: int
    parts: list[tuple[int, str] | _Block] = field(default_factory=list)

    def calls(self) -> bool:
        """True where credguard is named below."""
        return any(one.calls() if isinstance(one, _Block) else "credguard" in one[1] for one in self.parts)

    def lines(self) -> Iterator[tuple[int, str]]:
        """The lines, less those of stages in which credguard is not called."""
        for one in self.parts:
            if not isinstance(one, _Block):
                yield one
            elif one.calls() or not (_STAGE.search(one.head) or _BRANCH.search(one.head)):
                yield one.line, one.head + " {"
                yield from one.lines()
                yield one.line, "}"


def lines(text: str) -> list[tuple[int, str]]:
    """The lines, by number from 0, on which the calls depend, without comments; all of them where the braces do
    not fit together."""
    if text.count("/*") > _MOST_COMMENTS:
        return [(number, line.strip()) for number, line in enumerate(text.split("\n")) if line.strip()]
    plain = _without_comments(text)
    try:
        return [(number, line) for number, line in _tree(plain).lines() if line.strip()]
    except ValueError:
        return [
            (number, _BLANKS.sub(" ", line.strip())) for number, line in enumerate(plain.split("\n")) if line.strip()
        ]


def _without_comments(text: str) -> str:
    return _TOKEN.sub(
        lambda match: "\n" * match[0].count("\n") if match[0].startswith(("//", "/*")) else match[0], text
    )


def _tree(text: str) -> _Block:
    root = _Block("", 0)
    opened, number, done, piece = [root], 0, 0, ""

    def put() -> None:
        if piece.strip():
            opened[-1].parts.append((number, _BLANKS.sub(" ", piece.strip(" \t\r\n"))))

    for match in _TOKEN.finditer(text):
        mark = match[0]
        piece += text[done : match.start()]
        done = match.end()
        if mark == "{":
            before = _head(opened[-1], piece)
            opened[-1].parts.append(_Block(before, number))
            opened.append(opened[-1].parts[-1])  # type: ignore[arg-type]
            piece = ""
        elif mark == "}":
            put()
            piece = ""
            if len(opened) == 1 or len(opened) > _DEEPEST:
                raise ValueError
            opened.pop()
        elif mark == "\n":
            put()
            piece = ""
            number += 1
        else:
            piece += mark
            if "\n" in mark:
                put()
                piece = ""
                number += mark.count("\n")
    piece += text[done:]
    put()
    if len(opened) > 1:
        raise ValueError
    return root


def _head(block: _Block, piece: str) -> str:
    """The words before a brace; those of the line before where it stands alone."""
    if piece.strip() or not block.parts or isinstance(block.parts[-1], _Block):
        return _BLANKS.sub(" ", piece.strip(" \t\r\n"))
    return block.parts.pop()[1]  # type: ignore[index]
