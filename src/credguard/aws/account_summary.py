"""Reads the root user's entries in IAM account summaries, in every output format, as opposed to code and prose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.aws.root_user import is_source_code, unescape_slice
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

SUMMARY = Pattern("account-summary-root", rb"Account(?:AccessKeysPresent|MFAEnabled|SigningCertificatesPresent)")

_NAME = compile_lazily(rb"Account(?:AccessKeysPresent|MFAEnabled|SigningCertificatesPresent)\Z")
_VALUE = compile_lazily(rb"\s{0,7}[\"']?\s{0,60}(?:[:|]|=>?(?!=)|</key>\s{0,60}<value>)\s{0,60}(\d{1,2})(?![\w.])")
_LINE_BEFORE = compile_lazily(rb"[\s\"'|>#*/\-{,]*(?:SummaryMap[\"'\s:={]{1,8})?(?:<entry>\s{0,60})?(?:<key>)?[\"']?\Z")
_LINE_AFTER = compile_lazily(rb"(?:[\s,|}\"'`;\])]|</value>|</entry>)*(?:\n|\Z)")
_ENTRY = compile_lazily(
    rb"\b((?:Account|AccessKeys|Assume|Attached|Global|Group|Instance|MFA|Polic|Provider|Role|Server|Signing|User|Versions)[A-Za-z]{0,40})"
    rb"\s{0,7}[\"']?\s{0,60}(?:[:|]|=>?(?!=)|</key>\s{0,60}<value>)\s{0,60}(\d{1,6})(?!\w)"
)
_ROOM = 1500
_LINE = 200
_MOST_ENTRIES = 1000
_ENTRIES_IN_DATA = 3
_COMMENT = compile_lazily(rb"\s*(?:#|//|\*|--)")
# The example answer of the API reference and the SDKs: an account with 15 groups, 6 MFA devices and 27 users.
_EXAMPLE = {b"Groups": b"15", b"MFADevices": b"6", b"Users": b"27"}


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """One entry of a summary: its location, name and number."""

    start: int
    end: int
    name: bytes
    number: int


def find_summary_rows(blob: Blob, hits: Hits) -> Iterator[SummaryRow]:
    """The entries on root's credentials in a real response of GetAccountSummary."""
    for end in hits.get(SUMMARY.name, ())[:_MOST_ENTRIES]:
        after = unescape_slice(blob.data, end, end + _LINE)
        value = _VALUE.match(after)
        name = _NAME.search(blob.data, max(0, end - _LINE), end)
        if value and name and _is_answer(blob, name.start(), end, after[value.end() :]):
            yield SummaryRow(name.start(), end, name[0], int(value[1]))


def _is_answer(blob: Blob, start: int, end: int, rest: bytes) -> bool:
    around = dict(_ENTRY.findall(unescape_slice(blob.data, start - _ROOM, end + _ROOM)))
    if all(around.get(name) == number for name, number in _EXAMPLE.items()):
        return False
    line = unescape_slice(blob.data, start - _LINE, start).rpartition(b"\n")[2]
    if is_source_code(blob.path) and not _COMMENT.match(line):  # a mock or a test
        return False
    alone = _LINE_BEFORE.match(line) is not None and _LINE_AFTER.match(rest) is not None
    return alone or len(around) >= _ENTRIES_IN_DATA
