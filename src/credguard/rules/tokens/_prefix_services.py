"""Services whose tokens begin with their own prefix: one pattern for all rows of a class."""

from __future__ import annotations

from functools import partial

from credguard.heuristics.letter_pairs import is_unreadable
from credguard.heuristics.token_prefixes import (
    BASE32,
    BASE64,
    HEX,
    LOWER,
    PREFIX_SERVICES,
    UPPER,
    URL,
    WORD,
    expand_choice,
)
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.rules.tokens._readable import is_in_words
from credguard.rules.tokens._token_rule import (
    AFTER_DASH,
    BEFORE,
    ENOUGH,
    Grade,
    TokenKind,
    compute_width,
    grade_opaque,
)

_FEWEST = 16
"""Characters of a class that a pattern requires of the shorter tokens."""
_NAMES = {WORD: "word", URL: "url", HEX: "hex", LOWER: "lower", UPPER: "upper", BASE64: "base64", BASE32: "base32"}


def _build_kinds() -> tuple[TokenKind, ...]:
    """A kind for each prefix. Kinds of one class share a pattern: a hundred of their own would take long to compile."""
    rows = [(row, prefix) for row in PREFIX_SERVICES for prefix in expand_choice(row[1])]
    groups: dict[tuple[bytes, int], list[bytes]] = {}
    for (_, _, of, least, _), prefix in rows:
        groups.setdefault((of, _count_seen(least)), []).append(prefix)
    patterns = {
        (of, seen): Pattern(_name_pattern(of, seen), rb"(?:%s)%s{%d}" % (b"|".join(prefixes), of, seen))
        for (of, seen), prefixes in groups.items()
    }
    return tuple(
        TokenKind(
            service.lower().translate(_DASHES),
            service if service.endswith((" key", " password", " secret")) else f"{service} token",
            patterns[of, _count_seen(least)],
            compute_width(prefix) + _count_seen(least),
            compile_lazily(BEFORE + prefix + of + b"{%d}" % least + rest + AFTER_DASH),
            grade_opaque if of == HEX else partial(_grade_issued, compute_width(prefix)),
            lead=_read_lead(prefix),
            unless=_ENCODED,
        )
        for (service, _, of, least, rest), prefix in rows
    )


def _read_lead(prefix: bytes) -> bytes:
    """The literal that a prefix begins with."""
    return _ESCAPE.sub(rb"\1", prefix.partition(b"[")[0])


_ESCAPE = compile_lazily(rb"\\(.)")


def _count_seen(least: int) -> int:
    """How many characters of its class a pattern requires of a token."""
    return ENOUGH if least >= ENOUGH else min(least, _FEWEST)


def _name_pattern(of: bytes, seen: int) -> str:
    return f"token-prefix-{_NAMES.get(of) or of.decode()}-{seen}"


def _grade_issued(width: int, value: bytes) -> Grade | None:
    """A value that a program drew, after its prefix of that width: few words, and digits or letters that make none."""
    body = value[width:]
    if b"T3BlbkFJ" in body or body.startswith(_DOCUMENTED):
        return None
    if (is_in_words(body) or not _DIGIT.search(body)) and not is_unreadable(body):
        return None
    return grade_opaque(value)


# The beginnings of what Docker's own pages show: the reference of its API, and that of its command.
_DOCUMENTED = (b"3pu6hszjas", b"1h8aps2ysz", b"49nj1cmql0", b"7c37Cc8654")
_ENCODED = compile_lazily(rb"[A-Za-z0-9+/]{40}[+/]\Z")
"""Before what is a part of longer base64: of a font, of a picture."""
_DIGIT = compile_lazily(rb"[0-9]")
_DASHES = str.maketrans(" .", "--")
KINDS = _build_kinds()
