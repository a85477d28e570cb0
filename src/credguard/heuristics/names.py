"""The name that governs a value: before it (or after it), in any of the usual syntaxes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.heuristics.placeholders import is_example
from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME_WINDOW = 320
_STEPS = 12
_LINES = 6
_CANDIDATES = 3
# Matched in reverse: quotes, operators, brackets and spaces between a name and its value.
_CONNECTORS = compile_lazily(rb"[^A-Za-z0-9_]{0,80}")
_BACKWARD = compile_lazily(rb"[A-Za-z0-9_.$\-]{1,120}")
_PHRASE = compile_lazily(rb"(?:[ _\-][A-Za-z0-9_\-']{1,40}){1,5}")
_CAMEL = compile_lazily(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+\d*|[A-Z]+\d*")
# In other words, a number at the end is only a counter: SECRET2 is SECRET.
_WITH_DIGITS = frozenset(
    "s3 ec2 sha1 sha2 sha224 sha256 sha384 sha512 md5 oauth2 auth0 b2 boto3 boto2 route53 base64 b64 r2".split()
)
_ESCAPES = compile_lazily(rb"\\{1,3}[nrt]")
_ENTITY = compile_lazily(rb"&(?:quot|apos|gt|lt|amp|#\d{2,3}|#x[0-9a-fA-F]{2});|%(?:3[AaDd]|2[02567CcBb]|0[AaDd])|\\{1,2}u00[0-9A-Fa-f]{2}|\\x[0-9A-Fa-f]{2}")  # fmt: skip  # noqa: E501
_COLOUR = compile_lazily(rb"\x1b\[[\d;]{0,12}m")
_FILLERS = frozenset(
    b"value values val default string str text content type name plaintext is was are to the of as set export "
    b"env const let var final static public private readonly self this s b u f r bytes byte char nvarchar "
    b"varchar std new fixed secure literal raw plain entry item property prop data description sensitive true "
    b"false none null optional usually currently now be with and for here begin end effect pair span td th li "
    b"p br code strong em pre div tr h1 h2 h3 dd dt class example examples sample body defaultvalue "
    b"default_value initialvalue fallback outputvalue outputkey parametervalue parameterkey constant "
    b"securestring real actual newvalue new_value oldvalue old_value after before d v x put add".split()
)
# A value with one of these names belongs to the name above it.
_HOLDERS = frozenset(
    b"default value values val example examples body defaultvalue default_value initialvalue outputvalue "
    b"parametervalue".split()
)
# Matched in reverse from a `value`: where its list item or object begins; the names before belong to others.
_ITEM_BOUNDARY = compile_lazily(rb"[ \t\"']*-[ \t]*(?:\n|\Z)|[^}]*}")
_TOKEN = compile_lazily(rb"[A-Za-z0-9]{20}|[A-Za-z0-9]{36,}")
_VALUE = compile_lazily(rb"[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=])")
_SPEAKING = compile_lazily(rb"secret|access|key|token", re.IGNORECASE)
_KEY_ID = compile_lazily(rb"A(?:KIA|SIA|3T[A-Z0-9])[A-Z2-7]{16}")


@dataclass(frozen=True, slots=True)
class Name:
    """A governing name: its lower-cased words, how many line ends are between, whether there is an operator; `key_id`
    if the neighbor is an access key ID instead of a name. `own` are the words of the identifier itself, without the
    phrase that it ends."""

    words: tuple[str, ...]
    lines: int = 0
    operator: bool = False
    key_id: bool = False
    own: tuple[str, ...] = ()
    raw: bytes = b""

    @property
    def joined(self) -> str:
        """The words as one string, so that `secret_access_key` and `SecretAccessKey` are equal."""
        return "".join(self.words)


NOTHING = Name(())


def split_words(identifier: bytes) -> tuple[str, ...]:
    """`AWS_SECRET-accessKey.2` as ("aws", "secret", "access", "key")."""
    words = (word.lower() for word in _CAMEL.findall(identifier.decode("ascii", "replace")))
    return tuple(word if word in _WITH_DIGITS else word.rstrip("0123456789") for word in words)


def find_names_before(data: bytes, start: int) -> list[Name]:
    """The name that governs the value that starts at `start`, then those above it that a `default` or `value` may
    belong to, at most three; empty if nothing governs it."""
    text = _normalize_escapes(data[max(0, start - NAME_WINDOW) : start])
    return list(_walk(text[::-1], backwards=True))


def find_name_before(data: bytes, start: int) -> Name:
    """Only the governing name, NOTHING if there is none."""
    return next(iter(find_names_before(data, start)), NOTHING)


def find_name_after(data: bytes, end: int) -> Name:
    """The name that follows a value, as in `{"value": "…", "name": "…"}` or a trailing comment."""
    return next(_walk(_normalize_escapes(data[end : end + NAME_WINDOW]), backwards=False), NOTHING)


def _normalize_escapes(text: bytes) -> bytes:
    """Escaped line ends as real ones, entities and other escapes as spaces of the same length."""
    if b"\\" in text:
        text = _ESCAPES.sub(lambda m: b" " * (len(m[0]) - 1) + (b"\t" if m[0].endswith(b"t") else b"\n"), text)
    if b"&" in text or b"%" in text or b"\\" in text:
        text = _ENTITY.sub(lambda m: _replace_entity(m[0]), text)
    if b"\x1b" in text:
        text = _COLOUR.sub(lambda m: b" " * len(m[0]), text)
    return text.replace(b"\x00", b"")


def _replace_entity(entity: bytes) -> bytes:
    sign = b"=" if entity[-1:] in b"dD" and entity.startswith(b"%") else b'"'
    return sign + b" " * (len(entity) - 1)


def _walk(text: bytes, *, backwards: bool) -> Iterator[Name]:
    position = lines = found = 0
    operator = below_filler = False
    for _ in range(_STEPS):
        gap = _CONNECTORS.match(text, position)
        between = gap[0] if gap else b""
        if backwards and below_filler and _ITEM_BOUNDARY.match(between):
            return
        lines += between.count(b"\n")
        operator = operator or any(sign in between for sign in (b"=", b":", b",", b"(", b">", b"|"))
        position += len(between)
        match = _BACKWARD.match(text, position)
        if not match or lines > _LINES:
            return
        raw = match[0][::-1] if backwards else match[0]
        position = match.end()
        if _KEY_ID.fullmatch(raw.strip(b"-._$")):
            yield Name((), lines, operator, key_id=True)
            return
        value = _VALUE.match(text, match.start())
        if value and len(value[0]) > len(match[0]) and _should_skip(value[0][::-1] if backwards else value[0]):
            position = value.end()  # an earlier value of a list
            continue
        if not backwards and raw.lower() in (b"key", b"id"):
            continue  # `value="…" key="NAME"`
        if _is_filler(raw, called=backwards and b"(" in between[:2]):
            below_filler = below_filler or raw.lower() in _HOLDERS
            continue
        own = split_words(raw)
        option = backwards and raw.startswith(b"--")  # an option's name ends at its dashes
        phrase = None if option else _PHRASE.match(text, position)
        if phrase:
            extra = phrase[0][::-1] if backwards else phrase[0]
            raw = extra + raw if backwards else raw + extra
            position = phrase.end()
        yield Name(split_words(raw), lines, operator, raw=raw, own=own)
        found += 1
        if not below_filler or found == _CANDIDATES:
            return


def _should_skip(value: bytes) -> bool:
    return is_example(value) or not _SPEAKING.search(value)


def _is_filler(raw: bytes, *, called: bool) -> bool:
    word = raw.strip(b"-._$").lower()
    if not word or word in _FILLERS or _TOKEN.fullmatch(raw):
        return True
    return called and not re.search(rb"secret|access|cred|sha|md5|hash|digest|aws", word)
