"""Joins split text: in several string literals, or across the end of a line."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from credguard.decoders.view import iter_windows, rewrite
from credguard.heuristics.token_prefixes import list_prefixes
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator, Sequence

    from credguard.decoders.view import View

_BLANK = rb"[\s\\n]{0,24}"
_CELL = rb"(?:\",\s{1,24}\"[ \t]{0,24})?"
"""The seam of two lines in a notebook's JSON."""
_JOINT = _BLANK + rb"(?:\+|\.\.?|&|,|\|\||<>|~)?" + _BLANK + _CELL + rb"\\{0,4}"
_OFF = rb"\\{0,4}[\"'`]"
"""The end of a literal, which may be inside another one."""
_BREAK = rb"(?:\\(?:\\{2,6}n" + _CELL + rb"|\r?\n)|=\r?\n)"
"""The line continuation character, also for lines in a JSON string."""
SPLIT = Pattern(
    "split-words",
    rb"\bA[KS](?:I(?:A[A-Z2-7]{0,15})?)?" + _OFF + _JOINT + rb"[\"'`][A-Z2-7]"
    rb"|\bA[KS]IA[A-Z2-7]{0,15}"
    + _BREAK
    + rb"|(?i:secret)[^\n]{0,40}[\"'`][A-Za-z0-9/+]{2,39}"
    + _OFF
    + _JOINT
    + rb"[\"'`][A-Za-z0-9/+]{2}"
    rb"|(?i:secret)[^\n]{0,40}[=: \"'][A-Za-z0-9/+]{4,39}" + _BREAK,
)
"""A key ID, or a possible secret with its name, that continues in another literal or on the next line."""
_OTHERS = (
    rb"(?:postgres(?:ql)?|mysql|mongodb(?:\+srv)?|rediss?|amqps?)://", rb"DefaultEndpoints",
    rb"Account(?:Name|Key|Endpoint)=", rb"SharedAccessKey=", rb"Endpoint=sb:",
)  # fmt: skip
_PREFIXES = rb"(?:" + b"|".join((*_OTHERS, *list_prefixes())) + rb")"
_TOKEN_JOINT = _JOINT.replace(b"|,", b"")
SPLIT_TOKEN = Pattern(
    "split-tokens",
    rb"[\"'`]" + _PREFIXES + rb"[!#-&(-_a-~\x80-\xff]*" + _OFF + _TOKEN_JOINT + rb"[\"'`][A-Za-z0-9_.\-]",
)
"""The beginning of a token or a database URL, in a literal that continues in the next one."""
SPLIT_TOKEN_LINE = Pattern(
    "split-token-lines",
    _PREFIXES
    + rb"[!#-&(-<>-\[\]-_a-~\x80-\xff]*(?:\\[\\\r\n]|=[\r\n])",  # more exactly, it would be too large for hyperscan
)
"""The same in a line that may continue in the next one."""
_TOKEN_PIECES = compile_lazily(
    rb"[\"'`]" + _PREFIXES + rb"[^\"'`\s]{0,200}(?:" + _OFF + _TOKEN_JOINT + rb"[\"'`][^\"'`\s]{1,200}){1,12}[\"'`]"
)
_TOKEN_CUT = compile_lazily(_OFF + _TOKEN_JOINT + rb"[\"'`]")
_TOKEN_LINES = compile_lazily(
    _PREFIXES + rb"[^\"'`\s\\=]{0,200}(?:" + _BREAK + rb"[ \t]{0,40}[^\"'`\s\\=]{1,200}){1,8}"
)
_LINE_CUT = compile_lazily(_BREAK + rb"[ \t]{0,40}")
_PIECES = compile_lazily(
    rb"[\"'`]([A-Za-z0-9/+]{1,39})(?:" + _OFF + _JOINT + rb"[\"'`][A-Za-z0-9/+]{1,39}){1,6}" + _OFF
)
_LITERAL_CUT = compile_lazily(_OFF + _JOINT + rb"[\"'`]")
_LINES = compile_lazily(
    rb"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{1,39}(?:" + _BREAK + rb"[ \t]{0,40}[A-Za-z0-9/+]{1,39}){1,3}(?![A-Za-z0-9/+])"
)
_WHOLE = compile_lazily(rb"A[KS]IA[A-Z2-7]{16}|[A-Za-z0-9/+]{40}")
_QUOTED = compile_lazily(rb"=3D")


def join_values(data: bytes, ends: Sequence[int]) -> Iterator[View]:
    """The area around each hit with those literals joined that together form a key ID or have a secret's length."""
    for start, stop in iter_windows(data, ends):
        changes = []
        for pattern, cut in ((_PIECES, _LITERAL_CUT), (_LINES, _LINE_CUT)):
            if cut.search(data, start, stop):  # which is a faster check
                for match in pattern.finditer(data, start, stop):
                    changes += _find_cuts(match)
        if changes:
            changes += [(m.start(), m.end(), b"=") for m in _QUOTED.finditer(data, start, stop)]
            yield rewrite(data, start, stop, changes, "in pieces")


def join_tokens(data: bytes, ends: Sequence[int]) -> Iterator[View]:
    """The area around each hit with the literals and lines joined that begin like a token."""
    for start, stop in iter_windows(data, ends):
        changes = [
            (*cut.span(), b"")
            for pattern, between in ((_TOKEN_PIECES, _TOKEN_CUT), (_TOKEN_LINES, _LINE_CUT))
            for match in pattern.finditer(data, start, stop)
            for cut in between.finditer(data, match.start() + 1, match.end() - 1)
        ]
        if changes:
            yield rewrite(data, start, stop, changes, "in pieces")


def _find_cuts(match: re.Match[bytes]) -> list[tuple[int, int, bytes]]:
    """The cuts to remove, if the pieces of a match, or its first few, form a complete value."""
    literal = match[0][:1] in b"\"'`"
    pieces = _split_literals(match[0]) if literal else _split_lines(match[0])
    if not literal and match[0].startswith(b"3D") and match.string[match.start() - 1 : match.start()] == b"=":
        pieces[0] = (2, pieces[0][1])  # quoted-printable writes the `=` before it as =3D
    for first in range(len(pieces) - 1):
        for last in range(len(pieces), first + 1, -1):
            chosen = pieces[first:last]
            text = b"".join(match[0][start:stop] for start, stop in chosen)
            if _WHOLE.fullmatch(text):
                place = match.start()
                return [(place + stop, place + start, b"") for (_, stop), (start, _) in pairwise(chosen)]
    return []


def _split_lines(run: bytes) -> list[tuple[int, int]]:
    """The locations of the lines joined by a continuation character."""
    cuts = [cut.span() for cut in _LINE_CUT.finditer(run)]
    return list(zip((0, *(end for _, end in cuts)), (*(start for start, _ in cuts), len(run)), strict=True))


def _split_literals(run: bytes) -> list[tuple[int, int]]:
    """The locations of the contents of quoted literals in a run of them."""
    places, position = [], 0
    while position < len(run):
        quote = run[position : position + 1]
        end = run.find(quote, position + 1)
        if end < 0:
            break
        places.append((position + 1, position + 1 + len(run[position + 1 : end].rstrip(b"\\"))))
        following = _NEXT.search(run, end + 1)
        if not following:
            break
        position = following.start()
    return places


_NEXT = compile_lazily(rb"[\"'`]")
