"""Finds 40-character secret access keys by the name, the header or the key ID near them."""

from __future__ import annotations

import re
from base64 import b64decode
from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from credguard.aws import csv_columns
from credguard.heuristics.aws_names import AWS_NEARBY, Likelihood, estimate_likelihood
from credguard.heuristics.names import find_name_after, find_names_before
from credguard.heuristics.secret_key_shape import RUN, SECRET_LENGTH, is_secret_shaped, unescape_run
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import REACH, Pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from credguard.heuristics.names import Name
    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

# The last 30 of 40 characters or more are as selective for hyperscan as all, in a third less time.
_TAIL = rb".{0,310}[A-Za-z0-9/+%\\&#;]{30}[^A-Za-z0-9/+%\\&#;]"
_TAIL_AT_END = rb".{0,310}[A-Za-z0-9/+%\\&#;]{30}\z"
_LEAD = rb"(?:secret|(?:aws|amazon).{0,24}(?:key|pass|pwd|token|cred)|s3[a-z_.\-]{0,24}(?:key|pass|token|cred))"
# What every run of RUN is made of, escapes included.
_LONG_RUN = compile_lazily(rb"[A-Za-z0-9/+%\\&#;]{40}")
_BACK = 200
_AROUND = 2 * _BACK
_RUN_ON, _AHEAD = 8, 64


def _has_a_value(data: bytes, end: int) -> bool:
    """True if a value may be before the name that ends here, or below it."""
    around = data[max(0, end - _AROUND) : end + _AROUND]
    if end < _AROUND:
        around = b"\n" + around
    if len(data) < end + _AROUND:
        around += b"\n"
    return _may_have_a_value(around, min(end + 1, _AROUND))


@lru_cache(maxsize=1 << 12)
def _may_have_a_value(around: bytes, end: int) -> bool:
    """The same for the surrounding text, cached because versions of a file repeat it."""
    return bool(_LONG_RUN.search(around, 0, end + _BACK)) or csv_columns.may_be_header(around, end)


def _has_secret_before(data: bytes, end: int) -> bool:
    """True if 40 characters that may be a secret key are before the end of a hit."""
    low = max(0, end - REACH)
    return _has_secret_around(data[low : end + _AHEAD], end - low)


@lru_cache(maxsize=1 << 12)
def _has_secret_around(around: bytes, end: int) -> bool:
    return any(_find_secrets(around, ((end - 1 - _BACK, end + _RUN_ON),)))


NAMED_SECRET = Pattern("aws-secret-named", _LEAD + _TAIL, caseless=True, is_worth=_has_secret_before)
NAMED_AT_END = Pattern("aws-secret-named-at-end", _LEAD + _TAIL_AT_END, caseless=True, is_worth=_has_secret_before)
MENTION = Pattern(
    "aws-secret-mentioned",
    rb"secret[ _.\-]{0,3}access[ _.\-]{0,3}key|aws[ _.\-]{0,3}secret|secret[ _.\-]?key",
    caseless=True,
)
NAME = replace(MENTION, name="aws-secret-name", is_worth=_has_a_value)
"""The name alone: a CSV header, or a name that follows its value."""
PATTERNS = (NAMED_SECRET, NAMED_AT_END, NAME)
_NEAR_ID = 400
_CONTEXT = 3000
_LINE = 120
_KEY_ID_USER = compile_lazily(rb"A(?:KIA|SIA)[A-Z2-7]{16}\Z")
_ENCRYPTED = compile_lazily(rb"(?<![A-Za-z0-9}])\{\Z")
_COLOUR_BEFORE = compile_lazily(rb"\x1b\[[\d;]{0,12}\Z")
_COLOUR_REST = compile_lazily(rb"\d{0,3}m")
_WORD_NEXT = compile_lazily(rb"[ \t]{0,8}[A-Za-z0-9]")
_STRONG_NAME = compile_lazily(
    rb"(?:secret[ _.\\\-]{0,3}access[ _.\\\-]{0,3}key|aws[ _.\\\-]{0,3}secret(?:[ _.\\\-]{0,3}key)?|s3[ _.\-]secret)"
    rb"(?![a-z_\-.]{0,12}(?:arn|path|file|name|hash|sha|id|url|uri|ref)(?![a-z]))"
    rb"|aws(?:::)?(?:basic|static)?credentials(?:provider)?(?:\.(?:create|new))?\(",
    re.IGNORECASE,
)
"""A name that leaves no doubt, or a call that takes an ID and its secret."""
_OTHER_NAME = compile_lazily(
    rb"hash|sha1|sha256|digest|md5|fingerprint|signature|checksum|integrity|etag|commit|nonce|public|encrypted|"
    rb"token|client|session|license|enc\[|aes|cipher|vault|sealed|secure:|mappings|[;}]|\\n|(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/])(?<!EXAMPLEKEY)",
    re.IGNORECASE,
)
_ENCODED = compile_lazily(rb"[A-Za-z0-9+/]{53,54}[A-Za-z0-9+/=]==?|[A-Za-z0-9+/]{54}==")
_LEAD_WINDOW = 300
_BREAKS_PATH = compile_lazily(rb"[\s\"'`<>@?=&,;(){}|]")
_PREFIX_ESCAPE = compile_lazily(
    rb"(?:%[0-7][0-9A-Fa-f]|=3D|\\[nrtbfv0]|\\x[0-9A-Fa-f]{2}|\\u00[0-9A-Fa-f]{2}|\x1b\[[\d;]{0,12}m)\Z"
)
_GUARD = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_=+/")


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A secret access key's location and decoded value; `sure` if its own name or header identifies it."""

    start: int
    end: int
    value: bytes
    sure: bool


def find_secret_keys(blob: Blob, hits: Hits, ids: Sequence[tuple[int, int, bytes]]) -> list[SecretKey]:
    """Every secret access key of the blob, in order.

    `ids` are the blob's key IDs (start, end, value; documented ones without value): near one, a bare value counts.
    """
    data = blob.data
    found: dict[int, SecretKey] = {}
    context = _Context(data, bool(ids))
    for start, end, value in _find_named_runs(data, hits):
        if start not in found and (key := _judge(data, start, end, value, context, near_id=False)):
            found[start] = key
    satisfied = _SatisfiedIds(ids, found)
    for start, end, value in _find_runs_near(data, ids):
        if start in found or (satisfied.is_nearest(start) and not _is_positional(data, start)):
            continue
        if key := _judge(data, start, end, value, context, near_id=True):
            found[start] = key
    for start, end, value in _find_runs_before(data, hits.get(NAME.name, ())):
        if start not in found and not _WORD_NEXT.match(data, end) and _is_named_after(data, start, end):
            found[start] = SecretKey(start, end, value, sure=True)
    for start, end in csv_columns.find_secret_cells(data, hits.get(NAME.name, ())):
        value = data[start:end]
        if start not in found and is_secret_shaped(value, named=True):
            found[start] = SecretKey(start, end, value, sure=True)
    return [found[start] for start in sorted(found)]


class _SatisfiedIds:
    """The key IDs that do not identify neighbors: those that already have a named secret, and documented ones (with
    empty value)."""

    def __init__(self, ids: Sequence[tuple[int, int, bytes]], found: Iterable[int]) -> None:
        secrets = sorted(found)
        self._ends = [end for _, end, _ in ids]
        self._has = [not value or self._has_secret_near(secrets, start, end) for start, end, value in ids]

    def is_nearest(self, place: int) -> bool:
        """True if the ID nearest to `place` is such a one."""
        after = bisect_left(self._ends, place)
        near = [n for n in (after - 1, after) if 0 <= n < len(self._ends)]
        return bool(near) and self._has[min(near, key=lambda n: abs(self._ends[n] - place))]

    @staticmethod
    def _has_secret_near(secrets: list[int], start: int, end: int) -> bool:
        at = bisect_left(secrets, start - _NEAR_ID)
        return at < len(secrets) and secrets[at] <= end + _NEAR_ID


def _is_positional(data: bytes, start: int) -> bool:
    names = find_names_before(data, start)
    return not names or names[0].key_id


class _Context:
    """Whether AWS is mentioned around a location; a key ID anywhere in the blob is enough."""

    def __init__(self, data: bytes, has_id: bool) -> None:
        self._data = data
        self._has_id = has_id
        self._known: dict[int, bool] = {}

    def has_aws_nearby(self, position: int) -> bool:
        if self._has_id:
            return True
        slot = position // _CONTEXT
        if slot not in self._known:
            window = self._data[max(0, (slot - 1) * _CONTEXT) : (slot + 2) * _CONTEXT]
            self._known[slot] = AWS_NEARBY.search(window) is not None
        return self._known[slot]


def _judge(data: bytes, start: int, end: int, value: bytes, context: _Context, *, near_id: bool) -> SecretKey | None:
    names = find_names_before(data, start)
    verdict = _combine_likelihoods(names)
    if verdict not in (Likelihood.YES, Likelihood.WITH_CONTEXT) and not is_secret_shaped(value):
        return None
    if verdict is Likelihood.YES or (verdict is Likelihood.WITH_CONTEXT and context.has_aws_nearby(start)):
        return SecretKey(start, end, value, sure=True)
    if verdict in (Likelihood.NOTHING, Likelihood.NEAR_ID, Likelihood.WITH_CONTEXT) and _is_named_on_line(data, start):
        return SecretKey(start, end, value, sure=True)
    if near_id and verdict in (Likelihood.NEAR_ID, Likelihood.WITH_CONTEXT):
        return SecretKey(start, end, value, sure=True)
    if near_id and verdict is Likelihood.NOTHING:
        return SecretKey(start, end, value, sure=False)
    return None


def _is_named_on_line(data: bytes, start: int) -> bool:
    """True if the line up to the value names a secret access key, and nothing else after it."""
    lead = data[max(0, start - _LINE) : start]
    lead = lead[lead.rfind(b"\n") + 1 :]
    names = list(_STRONG_NAME.finditer(lead))
    return bool(names) and not _OTHER_NAME.search(lead, names[-1].end())


def _combine_likelihoods(names: list[Name]) -> Likelihood:
    """The likelihood of the governing name; a name above it counts only if it is positive."""
    if not names or names[0].key_id:
        return Likelihood.NEAR_ID
    first = estimate_likelihood(names[0])
    if first in (Likelihood.NEAR_ID, Likelihood.NOTHING) and any(
        estimate_likelihood(name) is Likelihood.YES for name in names[1:]
    ):
        return Likelihood.YES
    return first


def _find_named_runs(data: bytes, hits: Hits) -> Iterator[tuple[int, int, bytes]]:
    ends = sorted({*(e - 1 for e in hits.get(NAMED_SECRET.name, ())), *hits.get(NAMED_AT_END.name, ())})
    return _find_secrets(data, ((end - _BACK, end + _RUN_ON) for end in ends))


def _find_runs_near(data: bytes, ids: Iterable[tuple[int, int, bytes]]) -> Iterator[tuple[int, int, bytes]]:
    return _find_secrets(data, ((start - _NEAR_ID, end + _NEAR_ID) for start, end, _ in ids))


def _find_runs_before(data: bytes, ends: Iterable[int]) -> Iterator[tuple[int, int, bytes]]:
    return _find_secrets(data, ((end - _BACK, end) for end in ends))


def _merge_windows(windows: Iterable[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    """The ascending windows as disjoint ones inside a blob, so that each byte is read once."""
    current: tuple[int, int] | None = None
    for start, end in windows:
        if current is None:
            current = (max(0, start), end)
        elif start <= current[1]:
            current = (current[0], max(end, current[1]))
        else:
            yield current[0], min(current[1], size)
            current = (start, end)
    if current:
        yield current[0], min(current[1], size)


def _find_secrets(data: bytes, windows: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int, bytes]]:
    """The locations in ascending windows with 40 random base64 characters, isolated and not in a path."""
    for start, end in _merge_windows(windows, len(data)):
        if not _LONG_RUN.search(data, start, end):
            continue  # most windows have no run of that length; this check is much faster
        for match in RUN.finditer(data, start, end):
            begin, stop = match.span()
            if stop - begin >= SECRET_LENGTH:
                yield from _match_whole(data, begin, stop)
                yield from _match_encoded(data, begin, stop)


def _match_whole(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, bytes]]:
    start += _escape_length(data, start)
    value = unescape_run(data[start:end])
    split = False
    if len(value) == 61 and value[20:21] == b"/" and value[:4] in (b"AKIA", b"ASIA"):  # ID/SECRET
        start += 21
        value = value[21:]
        split = True
    if len(value) == SECRET_LENGTH + 1 and value[:1] == b"+" and data[start - 1 : start] in (b"", b"\n"):
        start += 1  # an added line of a diff
        value = value[1:]
        split = True
    if not is_secret_shaped(value, named=True):
        return
    if _ENCRYPTED.search(data[start - 2 : start]) and data[end : end + 1] == b"}":  # as Jenkins writes ciphertext
        return
    if _is_isolated(data, start, end, split=split) and not _is_in_path(data, start, end):
        yield start, end, value


def _is_in_path(data: bytes, start: int, end: int) -> bool:
    """True inside the path of a URL or an ARN, and for the password of a user that is not a key ID; query values and
    what follows a key ID are not."""
    if data[start - 2 : start] == b"==":
        return True  # the rest of longer base64
    lead = data[max(0, start - _LEAD_WINDOW) : start]
    if b"ENC[" in lead[-60:]:
        return True  # a value that SOPS has encrypted
    for mark in (b"://", b"arn:aws"):
        place = lead.rfind(mark)
        if place < 0 or _BREAKS_PATH.search(lead, place + len(mark)):
            continue
        user = lead[place + len(mark) :].rpartition(b":")[0]
        if data[end : end + 1] != b"@" or (user and not _KEY_ID_USER.search(user)):
            return True
    return False


def _escape_length(data: bytes, start: int) -> int:
    """How many characters of the run belong to an escape that ends before the value: `\\n`, `%3D`."""
    if _COLOUR_BEFORE.search(data[max(0, start - 14) : start]) and (rest := _COLOUR_REST.match(data, start)):
        return len(rest[0])
    for size in (1, 2, 3, 5):
        lead = data[max(0, start - 1) : start + size]
        if _PREFIX_ESCAPE.fullmatch(lead):
            return size
    return 0


def _is_isolated(data: bytes, start: int, end: int, *, split: bool) -> bool:
    """True if the value is not part of a longer one; `=` before it is an assignment, and one that was `split` from the
    text before it has nothing before it."""
    after = data[end : end + 2]
    if after and (after[0] in _GUARD or (after[:1] == b"-" and after not in (b"--", b"->"))):
        return False
    before = data[start - 1 : start]
    if split or not before or before == b"=" or before[0] not in _GUARD:
        return True
    return _PREFIX_ESCAPE.search(data[max(0, start - 18) : start]) is not None


def _match_encoded(data: bytes, start: int, end: int) -> Iterator[tuple[int, int, bytes]]:
    """A secret in base64, with or without a newline inside, as Kubernetes stores it."""
    if not 54 <= end - start <= 56 or (data[end : end + 1] != b"=" and end - start != 56):
        return
    stop = end
    while stop < len(data) and stop - start < 56 and data[stop : stop + 1] == b"=":
        stop += 1
    text = data[start:stop]
    if len(text) != 56 or not _ENCODED.fullmatch(text):
        return
    value = b64decode(text).rstrip(b"\r\n")
    if is_secret_shaped(value):
        yield start, stop, value


def _is_named_after(data: bytes, start: int, end: int) -> bool:
    """True if a secret's name follows and no other name governs the value from the left."""
    if estimate_likelihood(find_name_after(data, end)) is not Likelihood.YES:
        return False
    return _combine_likelihoods(find_names_before(data, start)) in (Likelihood.NEAR_ID, Likelihood.NOTHING)
