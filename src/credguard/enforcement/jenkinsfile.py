"""Parses a Jenkinsfile by its braces: the lines that its calls of credguard depend on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = compile_lazily(
    r"//[^\n]*|/\*.*?\*/|\'\'\'.*?\'\'\'|\"\"\".*?\"\"\"|'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\"|[{}\n]",
    re.DOTALL,
)
_BLANKS = compile_lazily(r"[ \t]+")
_STAGE = compile_lazily(r"\s*stage\s*\(?\s*['\"$\w][^{}]*$")
_DEFINES = compile_lazily(r"\bdef\b|\bvoid\b|\bclass\b|[\w.$]+\s+\w+\s*\(")
_REACHES = compile_lazily(
    r"\benv\b[\w.\[\]'\"]*\s*=(?!=)|\benv\s*\.\s*(?:put|set)|\binput\b|\bcurrentBuild\b[\w.]*\s*=(?!=)|\bmetaClass\b"
    r"|^(?!def\b)[\w.\[\]'\"]+\s*=(?![=~])|\bload\b|\bevaluate\b|\bbinding\b|\bsetProperty\b"
    r"|\bcheckout\b|\bgit\s*[( ]\s*(?:branch|url|credentialsId)\b"
    r"|\bgit\b[^\n]*\b(?:reset|switch|clean|rm|config|restore|stash)\b"
    r"|\bdeleteDir\b|\bunstash\b|\breturn\b|\bthrow\b"
)
"""How a stage affects those after it."""
_BRANCH = compile_lazily(r"(?:^|[\s,\[(])['\"]?[\w .-]{1,80}['\"]?\s*:\s*$")
_DEEPEST = 60
_MOST_COMMENTS = 2_000


@dataclass(slots=True)
class _Block:
    """Braces with the words before them; `parts` are lines by number, and blocks."""

    head: str
    line: int
    parts: list[tuple[int, str] | _Block] = field(default_factory=list)

    def has_call(self) -> bool:
        """True if credguard is named inside."""
        return any(one.has_call() if isinstance(one, _Block) else "credguard" in one[1] for one in self.parts)

    def iter_lines(self) -> Iterator[tuple[int, str]]:
        """The lines, except those of stages that do not call credguard and on which no other depends."""
        last = max((n for n, one in enumerate(self.parts) if isinstance(one, _Block) and one.has_call()), default=-1)
        for number, one in enumerate(self.parts):
            if not isinstance(one, _Block):
                yield one
            elif one.has_call() or not (one.is_stage() or _BRANCH.search(one.head)):
                yield one.line, one.head + " {"
                yield from one.iter_lines()
                yield one.line, "}"
            elif number < last:
                yield from ((line, text) for line, text in one.every() if _REACHES.search(text))

    def is_stage(self) -> bool:
        """True for a stage; others depend only on what it sets."""
        return _STAGE.match(self.head) is not None and not _DEFINES.search(self.head)

    def every(self) -> Iterator[tuple[int, str]]:
        """All lines, and the heads of all blocks."""
        for one in self.parts:
            if isinstance(one, _Block) and one.head.strip() == "environment":
                continue  # a stage's own
            if isinstance(one, _Block):
                yield one.line, one.head
                yield from one.every()
            else:
                yield one


def extract_call_lines(text: str) -> list[tuple[int, str]]:
    """The lines, by number from 0, on which the calls depend, without comments; all of them if braces do not match."""
    if text.count("/*") > _MOST_COMMENTS:
        return [(number, line.strip()) for number, line in enumerate(text.split("\n")) if line.strip()]
    plain = _strip_comments(text)
    try:
        return [(number, line) for number, line in _parse_blocks(plain).iter_lines() if line.strip()]
    except ValueError:
        return [
            (number, _BLANKS.sub(" ", line.strip())) for number, line in enumerate(plain.split("\n")) if line.strip()
        ]


def _strip_comments(text: str) -> str:
    return _TOKEN.sub(
        lambda match: "\n" * match[0].count("\n") if match[0].startswith(("//", "/*")) else match[0], text
    )


def _parse_blocks(text: str) -> _Block:
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
            before = _take_head(opened[-1], piece)
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


def _take_head(block: _Block, piece: str) -> str:
    """The words before a brace; those of the line before if it is alone on its line."""
    if piece.strip() or not block.parts or isinstance(block.parts[-1], _Block):
        return _BLANKS.sub(" ", piece.strip(" \t\r\n"))
    return block.parts.pop()[1]  # type: ignore[index]
