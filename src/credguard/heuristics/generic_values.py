"""Whether a value that is named a secret is one: not code, words, paths or templates."""

from __future__ import annotations

from credguard.heuristics.names import split_words
from credguard.heuristics.passwords import is_real_password
from credguard.heuristics.placeholders import compute_entropy, is_placeholder
from credguard.heuristics.published_values import is_no_secret
from credguard.lazy_re import compile_lazily

_UUID = compile_lazily(rb"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PATH = compile_lazily(
    rb"(?:[a-z][a-z0-9+.\-]{1,12}:)?//|[./~]{0,2}/?(?:[\w.\-]+/)+[\w.\-]*|[A-Za-z]:\\|\.{0,2}/|[^/]{1,80}\.(?:[a-z]{2,4}|json|yaml)\Z"
)
_CODE = compile_lazily(
    rb"[A-Za-z_]\w*(?:(?:\.|::|->)[A-Za-z_]\w*)+(?:\(.{0,80})?|[A-Za-z_]\w{0,60}\(.{0,200}|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|--?[a-z][a-z\-]+"
)
_IDENTIFIER = compile_lazily(
    rb"[A-Za-z][a-z]+(?:[A-Z][a-z]+)+\d{0,2}|[a-z]{2,}(?:[_.:\-][a-z]{2,}){1,8}\d{0,2}|"
    rb"[A-Z][a-z]+(?:[ \-_][A-Za-z][a-z]*)*|[a-z]{3,}\d{1,2}"
)
_DATE = compile_lazily(
    rb"\d{4}-\d\d-\d\d.{0,20}|\d{1,2}:\d\d.{0,6}|v?\d+(?:\.\d+){1,3}|0x[0-9a-f]{1,8}|#?[0-9a-fA-F]{6}"
)
_DIGEST = compile_lazily(
    rb"(?:sha(?:1|224|256|384|512)|md5)[:\-][A-Za-z0-9+/]{20,400}={0,2}|(?:[a-z]{2,20}[\-:]){1,6}[0-9a-f]{32,64}"
)
"""A digest with its algorithm, or after words with dashes: a cache key."""
_BASE = compile_lazily(rb"[A-Za-z0-9+/=_\-.~]{16,}")
_HEX = compile_lazily(rb"[0-9a-fA-F]{16,}")
_NUMBER = compile_lazily(rb"[\d.,\-+ ]+")
_DIGIT, _LETTER = compile_lazily(rb"\d"), compile_lazily(rb"[A-Za-z]")
_VOWELS = compile_lazily(rb"[aeiouy]{1,3}")
_CLUSTER = compile_lazily(rb"[bcdfghjklmnpqrstvwxz]{4,}")
_RARE = compile_lazily(
    rb"q[^u]|[jvwxz][bcdfghjklmnpqrstvwxz]|[bcdfgkpt]j|[hjklmnrvwz]x|vq|wq|[bcdfghjklmnpqrstvz][qvwxz]{2}|[bcfgjmpvxz][bdfgkmpvwz]{2}"
)


def is_generic_secret(value: bytes, name: bytes, *, password: bool) -> bool:
    """True for a value that may be a secret; a `password` name accepts more values than a `key` name."""
    if not _is_plain(value) or not is_real_password(value) or _is_echo(value, name) or is_no_secret(value):
        return False
    if _UUID.fullmatch(value):
        return not is_placeholder(value)
    if _IDENTIFIER.fullmatch(value):
        return password and is_unreadable(value)
    if _BASE.fullmatch(value) and _DIGIT.search(value):
        return not is_placeholder(value)
    return _is_chosen(value) if password else _is_random(value)


def _is_plain(value: bytes) -> bool:
    """Not a number, a date, a path, a piece of code or text of several words."""
    if b" " in value or _NUMBER.fullmatch(value) or _DATE.fullmatch(value) or not value.isascii():
        return False
    return not (
        _CODE.fullmatch(value)
        or _DIGEST.fullmatch(value)
        or (_PATH.match(value) and not _HEX.fullmatch(value) and value.count(b"/") != 1)
    )


def _is_echo(value: bytes, name: bytes) -> bool:
    """The name again, or a part of it."""
    words = set(split_words(value))
    return bool(words) and words <= set(split_words(name))


def _is_chosen(value: bytes) -> bool:
    """A password as people and programs make them: mixed characters, or letters that are not a word."""
    kinds = bool(_DIGIT.search(value)) + bool(_LETTER.search(value)) + any(not (chr(c).isalnum()) for c in value)
    return len(value) >= 5 and (kinds >= 2 or is_unreadable(value))


def _is_random(value: bytes) -> bool:
    """A generated value: long, of many characters, with digits or letters that are not words."""
    if len(value) < 8 or compute_entropy(value) < 2.7:
        return False
    return (_DIGIT.search(value) is not None and _LETTER.search(value) is not None) or is_unreadable(value)


def is_unreadable(value: bytes) -> bool:
    """True for letters that make no English word: rare pairs, long runs of consonants, few vowels."""
    text = b"".join(words.encode() for words in split_words(value)) if value.lower() != value else value
    letters = len(_LETTER.findall(text))
    if letters < 5:
        return False
    vowels = len(b"".join(_VOWELS.findall(text)))
    return bool(_RARE.search(text) or _CLUSTER.search(text)) or vowels * 5 < letters
