"""AWS session tokens: base64 of a small protobuf header and opaque bytes, found by header or by name."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING

from credguard.aws.key_id import KEY_ID
from credguard.heuristics.aws_names import AWS_NEARBY
from credguard.heuristics.names import find_name_before
from credguard.heuristics.placeholders import compute_entropy, is_example
from credguard.heuristics.secret_key_shape import unescape_run
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

MIN_LENGTH = 100
_LIMIT = 8000
_NEARBY = 1500
# A type byte, 0x0A, a length and the origin "aws", "er/aws" or "origin_ec", in base64.
TOKEN_HEADER = Pattern(
    "aws-session-token", rb"(?:F[wQ]oGZXIvYXdz|[FA]QoDYXdz|[IA][QgA-Z]oJb3JpZ2luX2Vj)[A-Za-z0-9+/%\\]{60}"
)
NAMED_TOKEN = Pattern(
    "aws-session-token-named",
    rb"(?:session|security)[ _.\-]{0,2}token.{0,80}[A-Za-z0-9+/%\\=]{100,}[^A-Za-z0-9+/%\\=]",
    caseless=True,
)
NAMED_TOKEN_AT_END = Pattern(
    "aws-session-token-at-end", NAMED_TOKEN.expression[: -len(rb"[^A-Za-z0-9+/%\\=]")] + rb"\z", caseless=True
)
PATTERNS = (TOKEN_HEADER, NAMED_TOKEN, NAMED_TOKEN_AT_END)

_HEAD = compile_lazily(rb"(?:F[wQ]oGZXIvYXdz|[FA]QoDYXdz|[IA][QgA-Z]oJb3JpZ2luX2Vj)")
_UNIT = rb"(?:[A-Za-z0-9+/]|%2[BbFf]|\\{1,2}/|\\{1,2}u002[BbFf])"
_TOKEN = compile_lazily(_UNIT + rb"{80,8000}(?:=|%3[Dd]|\\u003[Dd]){0,2}")
_OWN_NAME = b"sessiontoken"
"""What others call theirs as well."""
_FILLED = compile_lazily(rb"X{6}|x{6}|\*{4}")


def find_session_tokens(blob: Blob, hits: Hits) -> Iterator[tuple[int, int, bytes]]:
    """Start, end and value of each session token that is not a documented example."""
    data = blob.data
    done = -1
    places = dict(_find_by_header(data, hits)) | dict(_find_by_name(data, hits))
    for start, named in sorted(places.items()):
        match = _TOKEN.match(data, start) if start >= done else None
        if not match:
            continue
        done = match.end()
        value = match[0]
        if len(value) < MIN_LENGTH or is_example(value) or _FILLED.search(value) or compute_entropy(value) < 4.0:
            continue
        if value.startswith(b"eyJ"):  # a JSON web token
            continue
        if _has_header(value) or (named and _is_named(data, start, hits) and compute_entropy(value) > 4.5):
            yield start, done, value


def _find_by_header(data: bytes, hits: Hits) -> Iterator[tuple[int, bool]]:
    last = -1
    for end in hits.get(TOKEN_HEADER.name, ()):
        match = _HEAD.search(data, max(0, end - 80), end)
        if (match and match.start() != last and not data[max(0, match.start() - 1) : match.start()].isalnum()) or (
            match
            and match.start() != last
            and data[max(0, match.start() - 2) : match.start()] in (b"\\n", b"3D", b"3d")
        ):
            last = match.start()
            yield last, False


def _find_by_name(data: bytes, hits: Hits) -> Iterator[tuple[int, bool]]:
    ends = sorted({*(e - 1 for e in hits.get(NAMED_TOKEN.name, ())), *hits.get(NAMED_TOKEN_AT_END.name, ())})
    done = -1
    for end in ends:
        for match in _TOKEN.finditer(data, max(done, end - _LIMIT), end):
            if match.end() >= end - 3:
                yield match.start(), True
        done = end


def _has_header(value: bytes) -> bool:
    """True if the type byte, 0x0A, a length and a known origin are at the start."""
    try:
        head = b64decode(unescape_run(value[:160])[:24])
    except ValueError:
        return False
    return head[1:2] == b"\n" and head[3 : 3 + head[2]] in (b"aws", b"er/aws", b"origin_ec")


def _is_named(data: bytes, start: int, hits: Hits) -> bool:
    """True for a session token by name, if AWS is mentioned: other services have sessions too."""
    name = find_name_before(data, start).joined
    if not name.endswith(("sessiontoken", "securitytoken")):
        return False
    if "aws" in name or "amz" in name or KEY_ID.name in hits:
        return True
    words = AWS_NEARBY.finditer(data, max(0, start - _NEARBY), start)
    return any(word[0].lower() != _OWN_NAME for word in words)
