"""Reads root's row of an IAM credential report, as CSV, as JSON made from it, or inside the API's base64."""

from __future__ import annotations

from base64 import b64decode
from bisect import bisect_left
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from credguard.aws import credential_report
from credguard.aws.root_user import is_example_account, unescape_slice
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from credguard.aws.credential_report import UserRow
    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

ROW = Pattern("credential-report-root", rb"(?:<|\\u003[cC]|&lt;)root_account(?:>|\\u003[eE]|&gt;)")
REPORT_HEADER = Pattern("credential-report-header", rb"user\W{1,6}arn\W{1,6}user_creation_time")
# "user,arn,user_creation_time" in base64: the Content of GetCredentialReport.
ENCODED = Pattern("credential-report-base64", rb"dXNlcixhcm4sdXNlcl9jcmVhdGlvbl90aW1l")
PATTERNS = (ROW, REPORT_HEADER, ENCODED, credential_report.COLUMN)

REPORT_COLUMNS = tuple(
    b"user arn user_creation_time password_enabled password_last_used password_last_changed "
    b"password_next_rotation mfa_active access_key_1_active access_key_1_last_rotated "
    b"access_key_1_last_used_date access_key_1_last_used_region access_key_1_last_used_service "
    b"access_key_2_active access_key_2_last_rotated access_key_2_last_used_date access_key_2_last_used_region "
    b"access_key_2_last_used_service cert_1_active cert_1_last_rotated cert_2_active cert_2_last_rotated".split()
)
_ROOM = 1500
_TOKEN = 40
_MOST_ROWS = 1000  # an account has one, an organization as many as it has accounts
_ARN = compile_lazily(rb"arn:aws[a-z\-]{0,10}:iam::(\d{12}):root")
_DELIMITER = compile_lazily(rb"[\"']?[ \t]{0,20}([,;\t|])")
_FIELD = compile_lazily(rb"\b(" + b"|".join(REPORT_COLUMNS[1:]) + rb")\b[\"'\s]{0,4}[:=][\"'\s]{0,4}([\w:+.\-/]{1,60})")
_NEXT_USER = compile_lazily(rb"}|(?<![\w.])[\"']?user[\"']?\s{0,3}[:=]")
_BASE64 = compile_lazily(rb"[A-Za-z0-9+/]{36,40000}")
_ENCODED_LENGTH = 36
_PADDING = b" \t\r\"'"


@dataclass(frozen=True, slots=True)
class RootRow:
    """Root's row: its location in the blob, its account, and its fields by column name; whether the blob is a `whole`
    report, which more rules check."""

    start: int
    end: int
    account: bytes
    fields: dict[bytes, bytes]
    whole: bool = False

    def has_value(self, column: bytes, value: bytes) -> bool:
        """True if the field of that column has that value, in any case."""
        return self.fields.get(column, b"").lower() == value


def find_root_rows(blob: Blob, hits: Hits) -> Iterator[RootRow]:
    """Every row of a root user whose ARN has an account; if it is in base64, its location is the start of that."""
    data = blob.data
    whole = credential_report.find_report(blob)
    if whole:
        yield from islice((_convert_row(row) for row in whole.iter_real_rows() if row.is_root), _MOST_ROWS)
        return
    for end in hits.get(ROW.name, ())[:_MOST_ROWS]:
        start = data.rfind(b"root_account", max(0, end - _TOKEN), end)
        fields = _parse_csv(data, end, hits.get(REPORT_HEADER.name, ())) or _parse_record(data, end)
        yield from _build_rows(start, start + 12, fields)
    done = 0
    for end in hits.get(ENCODED.name, ()):
        match = _BASE64.match(data, end - _ENCODED_LENGTH) if end > done else None
        if match:
            done = match.end()
            yield from _build_rows(match.start(), end, _decode_report(match[0]))


def _convert_row(row: UserRow) -> RootRow:
    start = row.part("user").start + 1
    fields = {name.encode("latin-1"): value.strip().encode("latin-1") for name, value in row.cells.items()}
    return RootRow(start, start + 12, row.account.encode(), fields, whole=True)


def _build_rows(start: int, end: int, fields: dict[bytes, bytes]) -> Iterator[RootRow]:
    arn = _ARN.fullmatch(fields.get(b"arn", b""))
    if arn and not is_example_account(arn[1]):
        yield RootRow(start, end, arn[1], fields)


def _parse_csv(data: bytes, end: int, headers: Sequence[int]) -> dict[bytes, bytes]:
    """The fields of the row after the user's name, by the nearest header above, or in the documented order."""
    line = unescape_slice(data, end, end + _ROOM).partition(b"\n")[0]
    match = _DELIMITER.match(line)
    if not match:
        return {}
    values = [value.strip(_PADDING) for value in line[match.end() :].split(match[1])]
    if not values[0].startswith(b"arn:"):
        return {}
    above = bisect_left(headers, end) - 1
    names = REPORT_COLUMNS[1:]
    if above >= 0:
        rest = unescape_slice(data, headers[above], headers[above] + _ROOM).partition(b"\n")[0].lstrip(b"\"' ")
        names = (*REPORT_COLUMNS[1:3], *(name.strip(_PADDING) for name in rest[1:].split(rest[:1] or b",")))
    return dict(zip(names, values, strict=False))


def _parse_record(data: bytes, end: int) -> dict[bytes, bytes]:
    """The fields of a JSON, YAML or Python record that contains the user's name."""
    before = unescape_slice(data, end - _ROOM, end)
    after = unescape_slice(data, end, end + _ROOM)
    brace = before.rfind(b"{")
    stop = _NEXT_USER.search(after)
    text = (before[brace:] if brace >= 0 else b"") + after[: stop.start() if stop else len(after)]
    fields: dict[bytes, bytes] = {}
    for match in _FIELD.finditer(text):
        fields.setdefault(match[1], match[2])
    return fields


def _decode_report(text: bytes) -> dict[bytes, bytes]:
    report = b64decode(text + b"=" * (-len(text) % 4)) if len(text) % 4 != 1 else b64decode(text[:-1])
    row = report.find(b"<root_account>")
    return _parse_csv(report, row + 14, (report.find(b"user_creation_time") + 18,)) if row > 0 else {}
