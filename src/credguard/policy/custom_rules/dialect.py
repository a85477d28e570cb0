"""Translates a pattern from hyperscan's syntax to Python's, so that both match the same bytes."""

from __future__ import annotations

import re

from credguard.lazy_re import compile_lazily

_TOKEN = compile_lazily(
    r"(?P<quoted>\\Q.*?(?:\\E|\Z))|(?P<hex>\\x\{[0-9A-Fa-f]{1,2}\})|(?P<escape>\\.)|(?P<flags>\(\?[a-zA-Z-]+\))"
    r"|(?P<named>\(\?<(?![=!]))|(?P<open>\()|(?P<close>\))|(?P<bar>\|)|(?P<class>\[)|(?P<upto>\{,\d*\})|(?P<other>.)",
    re.DOTALL,
)
_IN_CLASS = compile_lazily(
    r"(?P<posix>\[:[a-z]+:\])|(?P<hex>\\x\{[0-9A-Fa-f]{1,2}\})|(?P<escape>\\.)|(?P<open>\[)|(?P<close>\])|(?P<other>.)",
    re.DOTALL,
)
POSIX = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": r"\x00-\x7f", "blank": r"\t ", "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": r"!-/:-@\[-`{-~", "space": r"\s",
    "upper": "A-Z", "word": r"\w", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_ESCAPES = {"\\z": r"\Z", "\\Z": "(?-m:$)"}


class DialectError(Exception):
    """Why a pattern cannot be translated to Python."""


def translate_to_python(pattern: str) -> str:
    """The pattern in Python's syntax; raises DialectError for syntax that only hyperscan has.

    Flags inside a pattern apply to the end of their group, across `|`.
    """
    out: list[str] = []
    scoped: list[list[str]] = [[]]  # the flags set in each open group
    position = 0
    while match := _TOKEN.match(pattern, position):
        position = match.end()
        kind, text = match.lastgroup, match[0]
        if kind == "flags":
            scoped[-1].append(text[:-1] + ":")
            out.append(scoped[-1][-1])
        elif kind in ("open", "named"):
            scoped.append([])
            out.append("(?P<" if kind == "named" else text)
        elif kind == "close":
            out.append(")" * len(scoped.pop()) + ")" if len(scoped) > 1 else text)
        elif kind == "bar":
            out.append(")" * len(scoped[-1]) + "|" + "".join(scoped[-1]))
        elif kind == "class":
            written, position = _translate_class(pattern, position)
            out.append(written)
        else:
            out.append(_translate_token(kind or "", text))
    return "".join(out) + ")" * sum(map(len, scoped))


def _translate_token(kind: str, text: str) -> str:
    if kind == "quoted":
        return re.escape(text[2:].removesuffix("\\E"))
    if kind == "hex":
        return f"\\x{text[3:-1]:0>2}"
    if kind == "upto":
        return "\\" + text  # a repetition for Python, plain characters for hyperscan
    return _ESCAPES.get(text, text)


def _translate_class(pattern: str, position: int) -> tuple[str, int]:
    """A character class from after its bracket, and its end."""
    out = ["["]
    for opening in ("^", "]"):
        if pattern.startswith(opening, position):
            out.append("\\]" if opening == "]" else "^")
            position += 1
    while match := _IN_CLASS.match(pattern, position):
        position = match.end()
        kind, text = match.lastgroup, match[0]
        if kind == "close":
            return "".join(out) + "]", position
        if kind == "posix":
            if text[2:-2] not in POSIX:
                raise DialectError(f"there is no class {text}")
            out.append(POSIX[text[2:-2]])
        elif kind == "open":
            if pattern.startswith(":^", position):
                raise DialectError("negated POSIX classes are not supported here; write the class out")
            out.append("\\[")
        else:
            out.append(_translate_token(kind or "", text) if kind == "hex" else "\\" + text if text in "&~|" else text)
    raise DialectError("a [ has no ]")
