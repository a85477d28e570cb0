"""Cells of delimited tables (CSV, Markdown, tab- or semicolon-separated) below a header that names a secret key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.heuristics.aws_names import Likelihood, estimate_likelihood
from credguard.heuristics.names import Name, split_words
from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HEADER_LIMIT = 2000
_ROW_LIMIT = 8000
_EMPTY_LINE = compile_lazily(rb"\n[ \t\r]{0,80}\n")
_CANDIDATE = compile_lazily(rb"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40}(?![A-Za-z0-9+/=])")
_DELIMITERS = (b",", b";", b"\t", b"|")
_DELIMITER = compile_lazily(rb"[,;\t|]")
_CELL = compile_lazily(rb"[ \t]*(?:\"((?:[^\"\r\n]|\"\"){0,2000})\"|([^,;\t|\"\r\n]{0,2000}))[ \t]*")


def find_secret_cells(data: bytes, header_ends: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Start and end of each cell below a header cell that names a secret access key.

    `header_ends` are ascending offsets inside lines that may be headers. A table ends at an empty line or at the next
    header.
    """
    headers = list(_find_headers(data, header_ends))
    ends = [*(start for start, *_ in headers[1:]), len(data)]
    for (_, rows, delimiter, column), stop in zip(headers, ends, strict=False):
        yield from _find_cells(data, rows, stop, delimiter, column)


def may_be_header(data: bytes, place: int) -> bool:
    """True if the line around the offset names the secret key's column, or exceeds the search window."""
    start, stop = data.rfind(b"\n", 0, place), data.find(b"\n", place)
    if start < 0 or stop < 0:
        return True
    line = data[start + 1 : stop]
    return bool(_DELIMITER.search(line)) and _find_secret_column(line) is not None


def _find_headers(data: bytes, places: Iterable[int]) -> Iterator[tuple[int, int, bytes, int]]:
    """Start of the header line, start of its rows, delimiter and column."""
    done = -1
    for place in places:
        if place <= done:
            continue
        start = data.rfind(b"\n", max(0, place - _HEADER_LIMIT), place) + 1
        done = stop = _find_line_end(data, place)
        if place - start < _HEADER_LIMIT and stop - start <= _HEADER_LIMIT:
            header = _find_secret_column(data[start:stop])
            if header is not None:
                yield start, stop + 1, *header


def _find_line_end(data: bytes, position: int) -> int:
    stop = data.find(b"\n", position)
    return len(data) if stop < 0 else stop


def _find_secret_column(line: bytes) -> tuple[bytes, int] | None:
    for delimiter in _DELIMITERS:
        names = line.strip(b"\r\xef\xbb\xbf").split(delimiter)
        if 2 <= len(names) <= 60:
            for column, name in enumerate(names):
                if (
                    len(name) < 60
                    and b"=" not in name
                    and estimate_likelihood(Name(split_words(name))) is Likelihood.YES
                ):
                    return delimiter, column
    return None


def _find_cells(data: bytes, position: int, last: int, delimiter: bytes, column: int) -> Iterator[tuple[int, int]]:
    """The cells of the column that could be secrets; candidates are searched first, then their rows are parsed."""
    empty = _EMPTY_LINE.search(data, position - 1, last)
    for match in _CANDIDATE.finditer(data, position, empty.start() + 1 if empty else last):
        row = max(position, data.rfind(b"\n", max(0, match.start() - _ROW_LIMIT), match.start()) + 1)
        end = data.find(b"\n", match.end(), match.end() + _ROW_LIMIT)
        if _locate_cell(data, row, end if end >= 0 else match.end() + _ROW_LIMIT, delimiter, column) == match.span():
            yield match.span()


def _locate_cell(data: bytes, position: int, stop: int, delimiter: bytes, column: int) -> tuple[int, int] | None:
    for number in range(column + 1):
        match = _CELL.match(data, position, stop)
        if not match:
            return None
        if number == column:
            return match.span(1) if match[1] is not None else _strip_blanks(data, *match.span(2))
        position = match.end()
        if data[position : position + 1] != delimiter:
            return None
        position += 1
    return None


def _strip_blanks(data: bytes, start: int, end: int) -> tuple[int, int]:
    while end > start and data[end - 1 : end] in (b" ", b"\t"):
        end -= 1
    return start, end
