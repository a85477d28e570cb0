"""Blanks the parts of a text that another tool fills in: Helm, Jinja, ERB, Go and shell-like templates."""

from __future__ import annotations

import re

from credguard.lazy_re import compile_lazily

_MARKS = compile_lazily(r"\{\{|\{%|<%|\{#|\$\{|%\{")
_DOUBLE = compile_lazily(r"\{\{|\{%|<%|\{#")
_SINGLE = compile_lazily(r"[$%]\{[^{}\n]*\}")
_ENDS = {"{{": "}}", "{%": "%}", "<%": "%>", "{#": "#}"}
_ACTIONS = ("{%", "{#", "%{")
_LONGEST = 20_000
_NEAR = 200


def is_template(text: str) -> bool:
    """True if the text has parts to fill in."""
    return _MARKS.search(text) is not None


def blank_templates(text: str) -> str:
    """The text with every such part replaced: by spaces if it is an action (or all of its line), by underscores where a
    value would be. Lines and columns stay the same."""
    pieces: list[str] = []
    done = 0
    ends = dict.fromkeys(_ENDS, 0)  # where each kind next ends; cached, so that no part of the text is searched twice
    while found := _DOUBLE.search(text, done):
        mark = found[0]
        if 0 <= ends[mark] < found.end():
            ends[mark] = text.find(_ENDS[mark], found.end())
        whole = found.end() <= ends[mark] <= found.end() + _LONGEST
        end = ends[mark] + 2 if whole else found.end()
        pieces += (text[done : found.start()], _blank_part(text, found.start(), end) if whole else mark)
        done = end
    text = "".join((*pieces, text[done:]))
    for _ in range(3):  # from the innermost
        before, text = text, _SINGLE.sub(lambda found: _blank_part(found.string, *found.span()), text)
        if before == text:
            break
    return text


def _blank_part(text: str, start: int, end: int) -> str:
    part = text[start:end]
    before = text[max(0, start - _NEAR) : start].rpartition("\n")[2]
    behind = text[end : end + _NEAR].partition("\n")[0]
    alone = not before.strip() and not behind.strip(" \t\r-")
    return re.sub(r"[^\n]", " " if alone or "\n" in part or part.startswith(_ACTIONS) else "_", part)
