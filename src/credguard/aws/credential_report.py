"""IAM credential reports: a CSV whose columns are identified by their header, each cell with its location."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING

from credguard.aws.root_user import is_example_account
from credguard.errors import UnreadableError
from credguard.heuristics.display_names import sanitize_display_name
from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import BlobKind, Part
from credguard.model.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from credguard.model.findings import Blob

COLUMN = Pattern("credential-report-column", rb"access_key_[1-9]_(?:active|last_rotated)|mfa_active")
ROOT = "<root_account>"
_MARKS = frozenset(("access_key_1_active", "access_key_2_active", "mfa_active"))
_MORE = "additional_credentials_info"
_DELIMITERS = (",", ";", "\t", "|")
_HEADER_ROOM = 8000
_MOST_ROWS = 20_000  # an account has at most 5,000 users, and reports may be joined
_MOST_PROBLEMS = 20
_ACCOUNT = r"arn:aws[a-z\-]{0,10}:iam::(\d{12}):\S*"  # compiled when first used, as this module is imported by hooks
_ACTIVE = r"access_key_(\d)_active"
_HEADER_WORD = compile_lazily(rb"_active")
_NOTHING = frozenset(("", "n/a", "no_information", "not_supported"))
_WORDS = _NOTHING | {"true", "false"}


@dataclass(frozen=True, slots=True)
class ReportKey:
    """An active access key of a user: its number, when it was last rotated and last used (None for never,
    or not known)."""

    number: int
    rotated: datetime | None
    used: datetime | None


@dataclass(frozen=True, slots=True)
class UserRow:
    """One user's row: its cells by column name, and its location in the report."""

    cells: dict[str, str]
    line: int
    start: int
    text: str
    order: tuple[str, ...]
    delimiter: str

    @property
    def is_root(self) -> bool:
        """True for the root user's row."""
        return self.cells.get("user", "").strip() == ROOT

    @property
    def account(self) -> str:
        """The account's 12 digits, empty if the ARN has none."""
        match = re.fullmatch(_ACCOUNT, self.cells.get("arn", "").strip())
        return match[1] if match else ""

    @property
    def owner(self) -> str:
        """Whose row it is, in printable words: an invalid user name is not repeated."""
        name = sanitize_display_name(self.cells.get("user", "").strip())
        user = f"user {name}" if name else f"the user in line {self.line}"
        return ("the root user" if self.is_root else user) + (f" of account {self.account}" if self.account else "")

    @property
    def attributes(self) -> dict[str, object]:
        """Account and user for a report, as far as they may be shown."""
        name = ROOT if self.is_root else sanitize_display_name(self.cells.get("user", "").strip())
        return {key: value for key, value in (("account", self.account), ("user", name)) if value}

    @property
    def identity(self) -> tuple[bytes, ...]:
        """Identifies this user in any report."""
        return self.account.encode(), self.cells.get("user", "").strip().encode()

    def is_blank(self, column: str) -> bool:
        """True if a column is marked as empty, as opposed to unreadable."""
        return column in self.cells and self.cells[column].strip().lower() in _NOTHING

    def has_value(self, column: str, word: str) -> bool:
        """True if the column has that word, in any case."""
        return self.cells.get(column, "").strip().lower() == word

    def get_date(self, column: str) -> datetime | None:
        """The date in a column, None if it has none."""
        return parse_iso_date(self.cells.get(column, ""))

    def iter_active_keys(self) -> Iterator[ReportKey]:
        """The user's active access keys."""
        for column in self.order:
            match = re.fullmatch(_ACTIVE, column)
            if match and self.has_value(column, "true"):
                stem = column.removesuffix("active")
                yield ReportKey(
                    int(match[1]), self.get_date(f"{stem}last_rotated"), self.get_date(f"{stem}last_used_date")
                )

    def part(self, column: str) -> Part:
        """The cell of a column as a location; if there is no such cell, the row's first."""
        start, end = self._locate_cell(self.order.index(column) if column in self.order else 0)
        cell = self.text[start:end]
        harmless = cell.lower() in _WORDS or parse_iso_date(cell) is not None
        return Part(column, self.start + start, self.start + end, Secret(cell.encode("latin-1"), public=harmless))

    def _locate_cell(self, number: int) -> tuple[int, int]:
        position = start = end = 0
        for _ in range(number + 1):
            match = _compile_field(self.delimiter).match(self.text, position)
            if not match:
                break
            start, end = match.span(1) if match[1] is not None else match.span(2)
            position = match.end() + 1
        return start, end


@dataclass(frozen=True, slots=True)
class ParsedReport:
    """A parsed report. `made` is its generation time, if known; `problems` are lines that could not be checked, and
    why."""

    rows: tuple[UserRow, ...]
    made: datetime | None
    newest: datetime | None
    given: bool
    problems: tuple[str, ...]

    def iter_real_rows(self) -> Iterator[UserRow]:
        """The rows; in a report found in a repository, documentation accounts are left out."""
        for row in self.rows:
            if self.given or (row.account and not is_example_account(row.account.encode())):
                yield row

    def list_missing_columns(self, columns: Iterable[str]) -> list[str]:
        """Those of the columns that a header of the report does not name."""
        orders = {row.order for row in self.rows}
        return [column for column in columns if not all(column in order for order in orders)]

    @property
    def has_every_root(self) -> bool:
        """True where each account of the report has the row of its root user."""
        rooted = {row.account for row in self.rows if row.is_root}
        return all(row.account in rooted for row in self.rows)

    @property
    def source(self) -> str:
        """The words that end a message: the age of the report."""
        if self.made:
            return f"credential report of {self.made:%Y-%m-%d}"
        return "credential report" + (f" with newest entry of {self.newest:%Y-%m-%d}" if self.newest else "")


@lru_cache(maxsize=4)
def _compile_field(delimiter: str) -> re.Pattern[str]:
    other = re.escape(delimiter)
    return re.compile(rf'[ \t]*"((?:[^"]|"")*)"(?=[{other}\r\n]|\Z)|([^{other}\r\n]*)')


_last: tuple[Blob, ParsedReport | None] | None = None


def find_report(blob: Blob) -> ParsedReport | None:
    """The report in the blob, None if its first line is not the header of one; the last blob's result is cached. Raises
    UnreadableError for one that is not CSV further down."""
    global _last  # noqa: PLW0603 - four rules ask in turn
    known = _last
    if known is None or known[0] is not blob:
        known = _last = (blob, _parse(blob))
    return known[1]


def parse_iso_date(text: str) -> datetime | None:
    """The UTC moment of an ISO 8601 date, None for another text."""
    text = text.strip()
    if not text[:4].isdigit() or not text.isascii():
        return None
    try:
        when = datetime.fromisoformat(text.replace("Z", "+00:00").replace(" UTC", "+00:00"))
        return (when if when.tzinfo else when.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def _parse(blob: Blob) -> ParsedReport | None:
    head = blob.data[:_HEADER_ROOM].lstrip(b"\xef\xbb\xbf\r\n").partition(b"\n")[0].partition(b"\r")[0]
    if not _HEADER_WORD.search(head):
        return None
    text = head.decode("latin-1")
    delimiter = max(_DELIMITERS, key=text.count)
    if not _is_header(_normalize_names(text.split(delimiter))):
        return None
    rows = tuple(_read_rows(blob.data, delimiter))
    dates = [when for row in rows for cell in row.cells.values() if (when := parse_iso_date(cell))]
    past = [when for when in dates if when <= datetime.now(timezone.utc)]
    problems = tuple(problem for row in rows if (problem := _find_problem(row)))
    return ParsedReport(
        rows, blob.made, max(past, default=None), blob.kind is BlobKind.CREDENTIAL_REPORT, problems[:_MOST_PROBLEMS]
    )


def _normalize_names(cells: list[str]) -> tuple[str, ...]:
    return tuple(cell.removeprefix("\xef\xbb\xbf").strip(" \t\r\"'").lower() for cell in cells)


def _is_header(names: tuple[str, ...]) -> bool:
    return "user" in names and not _MARKS.isdisjoint(names)


class _Lines:
    """The lines of a text for the csv module; `position` is where the next one begins."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.number = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        start = self.position
        if start >= len(self.text):
            raise StopIteration
        self.position = self.text.find("\n", start) + 1 or len(self.text)
        self.number += 1
        return self.text[start : self.position]


def _read_rows(data: bytes, delimiter: str) -> Iterator[UserRow]:
    """Each record below a header, one character per byte; a repeated header, as in joined reports of several accounts,
    applies from there on."""
    text = data.decode("latin-1")
    lines = _Lines(text if "\n" in text else text.replace("\r", "\n"))
    reader = csv.reader(lines, delimiter=delimiter)
    names: tuple[str, ...] = ()
    number = 0
    while True:
        start, line = lines.position, lines.number + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise UnreadableError(f"is not valid CSV: line {line} of the credential report is broken") from error
        if cells is None:
            return
        if _is_header(_normalize_names(cells)):
            names = _normalize_names(cells)
        elif any(cells):
            number += 1
            if number > _MOST_ROWS:
                raise UnreadableError(f"has over {_MOST_ROWS} rows, more than a credential report can have")
            values = dict(zip(names, cells, strict=False))
            yield UserRow(values, line, start, lines.text[start : lines.position], names, delimiter)


def _find_problem(row: UserRow) -> str:
    """Why a row cannot be checked completely, empty if it can."""
    if len(row.cells) < len(row.order):
        return f"line {row.line} has fewer columns than the header"
    for key in row.iter_active_keys():
        column = f"access_key_{key.number}_last_rotated"
        if key.rotated is None and row.cells.get(column, "").strip().lower() not in _NOTHING:
            return f"line {row.line}: {column} is not a date, so the age of the key is unknown"
    more = row.cells.get(_MORE, "").strip()
    if more.lower() not in _NOTHING and more != "0":
        return f"line {row.line}: the user has more credentials than the report lists; see {_MORE}"
    return ""
