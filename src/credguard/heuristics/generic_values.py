"""The form of a value that is named a secret: generated, chosen by a person, or no credential at all."""

from __future__ import annotations

import re
from base64 import b64decode
from enum import IntEnum
from itertools import pairwise

from credguard.heuristics.boundaries import is_base32_text
from credguard.heuristics.letter_pairs import is_unreadable, measure_words
from credguard.heuristics.names import split_words
from credguard.heuristics.passwords import is_real_password
from credguard.heuristics.placeholders import compute_entropy, has_stand_in
from credguard.heuristics.published_values import is_no_secret
from credguard.lazy_re import compile_lazily


class Form(IntEnum):
    """What a value looks like."""

    NONE = 0
    """Code, a path, a word, a template, a version: no credential."""
    WEAK = 1
    """Perhaps a password: words with digits or signs, as identifiers have them too."""
    CHOSEN = 2
    """A password as people type them."""
    GENERATED = 3
    """A value that no person made up."""


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
_FACT = compile_lazily(
    rb"\d{4}-\d\d-\d\d.{0,20}|\d{1,2}:\d\d.{0,6}|"
    rb"[~^<>=]{0,2}v?\d+(?:\.(?:\d+|x|\*)){1,3}(?:[.\-+][A-Za-z0-9.\-]{1,20})?|"
    rb"0x[0-9a-f]{1,8}|#?[0-9a-fA-F]{6}|"
    rb"[\d.,\-+ %]*[.,\-+ %][\d.,\-+ %]*|\d{1,5}|\d+(?:px|em|rem|ms|kb|mb|gb|[smhdw])|"
    rb"(?-i:[A-Z][a-z]*(?:-[A-Z][A-Za-z]*)+)|"
    rb"(?:hmac|rsa|ecdsa|aes|sha|md|utf|iso|latin|pbkdf|ssha|bcrypt|scrypt|argon|crypt|curve|secp|[rhep]s|ed|x)"
    rb"[\-_]?\d{1,5}(?:[\-_/:.][A-Za-z0-9]{1,8}){0,3}|(?:sha|md|aes)[\-_]?\d{1,3}(?:with|prng|cbc|gcm|sum|hex)[a-z0-9]*|"
    rb"(?:[a-z0-9\-]{2,8}[\-+])?a\d{3}(?:gcm|kw|cbc)(?:[\-+][a-z0-9]{2,8})?|"
    rb"(?:hmac|rsa|ecdsa|aes|pbe|pbkdf2|dsa|plain)[\-_]?(?:with|sha|md|hmac|cbc|gcm)[A-Za-z0-9\-_]{0,20}",
    re.IGNORECASE,
)
"""A date, a time, a version, a color, a number, a header's name, an algorithm."""
_DIGEST = compile_lazily(
    rb"(?:sha(?:1|224|256|384|512)|md5)[:\-][A-Za-z0-9+/]{20,400}={0,2}|(?:[a-z]{2,20}[\-:]){1,6}[0-9a-f]{32,64}"
)
"""A digest with its algorithm, or after words with dashes: a cache key."""
_HASHED = compile_lazily(
    rb"\$(?:2[abxy]|1|5|6|y|argon2|scrypt|pbkdf2|apr1|P|H)\$|\{(?:S?SHA|S?MD5|CRYPT)|pbkdf2|scrypt:|bcrypt",
    re.IGNORECASE,
)
_PAIRED = compile_lazily(rb"[A-Za-z_][\w.\-]{0,40}[=:](?:[A-Za-z*][\w.*]*|\d{1,8})|[\w.\-]{2,40}=[^=]{1,300}")
"""A name with a value of its own: `object:12`, `kms:GetPublicKey`, `session_id=…`."""
_MODE = compile_lazily(rb"\A(?!pk_)[a-z]{2,6}_(?:test|sandbox)_(?=[A-Za-z0-9]{16})")
"""Before keys for trying out: they open an account all the same."""
_ODD = compile_lazily(rb"\\|://|[\x00-\x1f]|[:,;]\Z|\A[*:,;]|\[[a-z\]]|&\w{2,6};|%[0-9A-F]{2}(?:.*%[0-9A-F]{2}){4}")
_LONG = compile_lazily(rb"(?=[a-z]*[0-9])(?=(?:[A-Za-z]*[0-9]){4})[A-Za-z0-9]{20}")
_PUBLIC_FORM = compile_lazily(
    rb"\.?eyJ[\w\-]{4,}\.|MI(?:IB[IC]j|GfMA|IC|ID|IE|IF)|M[EF][kUQY][A-Z]|AAAA[BEC]3|ssh-|rO0AB|0x[0-9a-fA-F]{40}\Z|"
    rb"arn:aws[a-z\-]{0,10}:|[a-z]pub[A-Za-z0-9]{100}|[\w\-]{40}:[\w\-]{27}=\Z|crwdn[se]\d|xox[a-z][.\-]|"
    rb"(?:acct|ba|card|ch|charge|cus|customer|evt|in|payment|pi|pk|pm|price|prod|py|re|seti|src|sub|tok|tr|txn)_"
    rb"(?:test_|live_)?[A-Za-z0-9]{8,64}\Z"
)
"""A web token, a public key, a certificate, a signature, a wallet's address, what Crowdin puts in place of texts, a
token of Slack's, the ID of a payment's object: other rules know those that are secret."""
_BASE = compile_lazily(rb"[A-Za-z0-9+/=_\-.~]{7,}")
_BASE64 = compile_lazily(rb"(?:[A-Za-z0-9+/]{4}){2,100}(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_BASE32 = compile_lazily(rb"[A-Z2-7]{16,400}={0,6}")
_LABEL = compile_lazily(
    rb"(?=.{3,20}\Z)(?:[a-z0-9]{1,7}|[A-Z0-9]{1,7}|[A-Z][a-z]{1,7})"
    rb"(?:[\-_./:](?:[a-z0-9]{1,7}|[A-Z0-9]{1,7}|[A-Z][a-z]{1,7}))+"
)
"""Short parts between separators, each in one case: `k8s_etcd`, `etcd-cluster-0`."""
_LONG_BASE64 = compile_lazily(rb"(?=.*[0-9])(?=.*[A-Z])(?=.*[a-z])[A-Za-z0-9+/]{16,400}={0,2}")
_PRINTABLE = compile_lazily(rb"[\x20-\x7e\r\n\t]+")
_HEX = compile_lazily(rb"[0-9a-fA-F]{8,}")
_RUN = compile_lazily(rb"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[A-Z]")
_SWITCHES = compile_lazily(rb"[a-z](?=[A-Z])|[A-Z]{2}(?=[a-z])")
_ODD_CAPITALS = compile_lazily(rb"\A[a-z]+[A-Z]{1,3}\Z|\A[a-z]{1,3}[A-Z]{3}")
_NO_LETTERS, _NO_DIGITS = compile_lazily(rb"[^A-Za-z]+"), compile_lazily(rb"[^0-9]+")
_DIGIT, _LETTER = compile_lazily(rb"\d"), compile_lazily(rb"[A-Za-z]")
_JOINED = compile_lazily(rb"[A-Za-z0-9][\-_./:][A-Za-z0-9]")
_SEPARATORS = compile_lazily(rb"[^A-Za-z0-9]+")
_READABLE, _DOUBTFUL = 5.6, 6.5
_PIN = 6
_SHORT, _ODDEST = 4, 4.5
_TYPED, _VARIED_ENOUGH = 8, 2.4
_FULL, _VARIED = 12, 7
"""From so many characters on, a value has fewer different ones only where somebody typed it."""


def classify_form(value: bytes, name: bytes) -> Form:
    """The form of the value; one that repeats its `name` is none."""
    value = _MODE.sub(b"", value.replace(b"@$$", b"ass"))  # not a variable, but a usual spelling
    if not _is_plain(value) or not is_real_password(value) or _is_echo(value, name) or is_no_secret(value):
        return Form.NONE
    if _UUID.fullmatch(value):
        return Form.NONE if has_stand_in(value) or len(set(value)) < _VARIED else Form.GENERATED
    digits, letters = len(_DIGIT.findall(value)), len(_LETTER.findall(value))
    if _is_sequence(value) or (len(value) >= _FULL and (has_stand_in(value) or len(set(value)) < _VARIED)):
        return Form.NONE
    if not letters:
        return Form.WEAK if digits == len(value) >= _PIN else Form.NONE
    if (_BASE64.fullmatch(value) and _is_text(value)) or (_BASE32.fullmatch(value) and is_base32_text(value)):
        return Form.NONE
    if _IDENTIFIER.fullmatch(value) or not digits:
        return _classify_letters(value, letters)
    if not _BASE.fullmatch(value):
        if len(value) < 5 or (_JOINED.search(value) and is_worded(value)):
            return Form.WEAK
        long = len(value) >= 16 and compute_entropy(value) >= 3.5 and not is_worded(value)
        return Form.GENERATED if long else Form.CHOSEN
    joined = _JOINED.search(value) is not None
    if (is_worded(value) and not _HEX.fullmatch(value)) or _LABEL.fullmatch(value):
        return Form.WEAK if joined else Form.CHOSEN
    entropy = compute_entropy(value)
    if entropy >= min(2.7, 0.3 * len(value)):
        return Form.GENERATED
    return Form.CHOSEN if entropy >= _VARIED_ENOUGH and len(value) >= _TYPED else Form.WEAK


def is_generic_secret(value: bytes, name: bytes, *, password: bool) -> bool:
    """True for a value that may be a secret; a `password` name accepts more values than a `key` name."""
    return classify_form(value, name) >= (Form.CHOSEN if password else Form.GENERATED)


def _classify_letters(value: bytes, letters: int) -> Form:
    """A value without digits, or an identifier with some: unreadable letters, odd capitals, signs between letters."""
    odd = len(_SWITCHES.findall(value)) * 5 >= letters and letters >= 8 and not is_worded(value)
    worded = _JOINED.search(value) is not None and is_worded(value)
    if odd or _ODD_CAPITALS.search(value) or (is_unreadable(value) and not worded and not _is_camel(value)):
        return Form.GENERATED if letters >= (12 if odd else 16) and compute_entropy(value) >= 3 else Form.CHOSEN
    if value.isalpha() and len(value) == _SHORT:
        return Form.WEAK if measure_words(value) < _ODDEST else Form.NONE
    if value.isalpha():
        return Form.WEAK if value.islower() and is_unreadable(value, _DOUBTFUL) else Form.NONE
    return Form.NONE if _JOINED.search(value) or letters < 5 else Form.WEAK


def _is_camel(value: bytes) -> bool:
    """True for capitalized words of which only an abbreviation may be unreadable."""
    runs = _RUN.findall(value)
    return len(runs) > 1 and is_worded(value)


def _is_sequence(value: bytes) -> bool:
    """True where most characters follow those before: `abc123def456`, `aabbccdd`, `a1b2c3d4`."""
    letters = _NO_LETTERS.sub(b"", value)
    if letters and len(letters) < len(value) and len(letters) >= 4:
        return _is_sequence(letters) and _is_sequence(_NO_DIGITS.sub(b"", value) or letters)
    near = sum(-1 <= right - left <= 1 for left, right in pairwise(value))
    return near * 10 >= 6 * (len(value) - 1)


def _is_text(value: bytes) -> bool:
    """True for base64 of words: a stand-in in disguise."""
    try:
        text = b64decode(value)
    except ValueError:
        return False
    return _PRINTABLE.fullmatch(text) is not None and (
        is_worded(text) or not is_real_password(text.replace(b" ", b"")) or _is_sequence(text)
    )


def _is_plain(value: bytes) -> bool:
    """Not a number, a date, a path, a piece of code or text of several words."""
    if b" " in value or not value.isascii() or _ODD.search(value) or _FACT.fullmatch(value):
        return False
    return not (
        (_CODE.fullmatch(value) and not _LONG.search(value))
        or _DIGEST.fullmatch(value)
        or _HASHED.match(value)
        or _PUBLIC_FORM.match(value)
        or _PAIRED.fullmatch(value.rstrip(b"="))
        or (_PATH.match(value) and not _is_base64(value))
    )


def _is_base64(value: bytes) -> bool:
    """True for generated base64, in which a `/` may be."""
    parts = value.split(b"/")
    return _LONG_BASE64.fullmatch(value) is not None and not any(len(part) >= 5 and is_worded(part) for part in parts)


def _is_echo(value: bytes, name: bytes) -> bool:
    """The name again, or a part of it."""
    words = set(split_words(value))
    return bool(words) and words <= set(split_words(name))


def is_worded(value: bytes, share: float = 0.66) -> bool:
    """True for a value that is made of words: so much of its letters is in readable runs, without short parts between
    separators."""
    readable = unreadable = 0
    for part in _SEPARATORS.split(value):
        runs = _RUN.findall(part)
        alone = len(runs) == 1 and len(part) <= 3
        for run in runs:
            if len(run) >= 3 and measure_words(run) >= _READABLE:
                readable += len(run)
            elif not alone:
                unreadable += len(run)
    return readable >= share * (readable + unreadable) and (readable > 0 or _JOINED.search(value) is not None)
