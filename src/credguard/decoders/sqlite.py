"""Reads SQLite databases: the rows of their tables as text, name and value together."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.model.findings import Blob, Skip

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from credguard.decoders.decompress import Meter

SQLITE = b"SQLite format 3\0"
LOGS = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83", b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7")
"""The beginning of a write-ahead log and a rollback journal (sqlite.org, Database File Format, 3 and 4.1)."""
_SECRET = compile_lazily(rb"[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_BEHIND_NAME = compile_lazily(rb"(?i:secret[_.-]?(?:access[_.-]?)?key)([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])")
_STEPS, _MOST_STEPS = 100_000, 5_000
"""Instructions of its virtual machine between two time checks, and the number of checks: some ten seconds."""
_MOST_TABLES, _MOST_CELLS = 10_000, 100_000
_PIECE = 1 << 20
_COMPUTED = 2
"""The library's code for a computed column."""
_NAMED = compile_lazily(rb"[A-Za-z][A-Za-z0-9_.:/ -]{1,79}")
_NAMES = compile_lazily(
    r"(?i)(?:.*_)?(?:key|name|setting|option|config|variable|var|property|parameter|param|field|label|title|code|slug"
    r"|attribute|entry|item|type|kind|k|what)s?"
)
_TELLING = compile_lazily(rb"(?i)secret|access|token|passw|key|aws|cred")
_KEY_ID = compile_lazily(rb"A[KS]IA[A-Z2-7]{16}")
_TEXT = compile_lazily(rb"[\t\n\r\x20-\x7e\x80-\xff]*")
_DAMAGED = "is a database that cannot be read completely ({}); dump it as text and scan that"


def iter_sqlite_rows(blob: Blob, meter: Meter) -> Iterator[Blob | Skip | str]:
    """The rows of each table as text, `column: value` on a line, and each binary value by itself.

    Nothing in the database runs: no view, trigger, virtual table or computed column is queried. Of the data outside of
    its tables (deleted rows), pairs are found if they are in one row, or follow their names. Raises SpentError.
    """
    if _is_cut(blob.data):
        yield Skip(blob.path, _DAMAGED.format("it is truncated"))
    if blob.data[18:20] == b"\2\2":  # one in WAL mode cannot be opened without its log; here it has none
        blob = Blob(blob.data[:18] + b"\1\1" + blob.data[20:], blob.path, blob.kind)
    with _open_database(blob.data) as base:
        try:
            tables = list(_iter_tables(base))
        except _list_errors() as error:
            yield Skip(blob.path, _DAMAGED.format(_format_reason(error)))
            tables = []
        shown: set[bytes] = set()
        for table, columns in tables:
            for item in _read_table(base, blob, table, columns, meter):
                if isinstance(item, Blob):
                    shown.update(_KEY_ID.findall(item.data))
                yield item
    if not shown.issuperset(_KEY_ID.findall(blob.data)):
        yield from iter_sqlite_pages(blob, meter)


def iter_sqlite_pages(blob: Blob, meter: Meter) -> Iterator[Blob | Skip | str]:
    """The values that are back to back in pages, as in rows of a log and deleted rows."""
    data, secrets = blob.data, {match.start(1): match[1] for match in _BEHIND_NAME.finditer(blob.data)}
    key_ids = {}
    for match in _KEY_ID.finditer(data):
        key_ids[match.start()] = match[0]
        for place in (match.end(), match.start() - 40):
            secret = _SECRET.match(data, place, place + 41 if place == match.end() else match.start())
            if place >= 0 and secret:
                secrets[place] = secret[0]
    if secrets and key_ids:
        lines = [(at, b"aws_access_key_id: " + key_id) for at, key_id in key_ids.items()]
        lines += [(at, b"aws_secret_access_key: " + secret) for at, secret in secrets.items()]
        text = b"\n".join(dict.fromkeys(line for _, line in sorted(lines)))
        meter.take(len(text))
        yield Blob(text, f"{blob.path}!pages", blob.kind)


def _is_cut(data: bytes) -> bool:
    """True if the header states more pages than there are."""
    page = int.from_bytes(data[16:18], "big")
    page = 65_536 if page == 1 else page
    return data[24:28] == data[92:96] and int.from_bytes(data[28:32], "big") * page > len(data)


def _format_reason(error: BaseException) -> str:
    return "it takes too long" if "interrupt" in str(error) else type(error).__name__


@contextlib.contextmanager
def _open_database(data: bytes) -> Iterator[sqlite3.Connection]:
    """A connection that can only read; before Python 3.11 the bytes are in a temporary file."""
    import sqlite3  # slow to load, and databases are rare

    with contextlib.ExitStack() as stack:
        if sys.version_info >= (3, 11):
            base = stack.enter_context(contextlib.closing(sqlite3.connect(":memory:")))
            base.deserialize(data)
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            path = os.path.join(folder, "base")
            with open(path, "xb") as handle:
                handle.write(data)
            name = "file:" + path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
            base = stack.enter_context(contextlib.closing(sqlite3.connect(f"{name}?mode=ro&immutable=1", uri=True)))
        base.text_factory = bytes
        turns = iter(range(_MOST_STEPS))
        base.set_progress_handler(lambda: next(turns, None) is None, _STEPS)
        with contextlib.suppress(sqlite3.Error):
            base.execute("PRAGMA trusted_schema=OFF")
            base.execute("PRAGMA cell_size_check=ON")
            base.execute("PRAGMA query_only=ON")
        base.set_authorizer(_authorize)
        yield base


def _authorize(action: int, first: str | None, *_: object) -> int:
    """Allows reading, and nothing that a hostile schema could do in the process."""
    import sqlite3

    if action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ):
        return sqlite3.SQLITE_OK
    asks = action == sqlite3.SQLITE_PRAGMA and first == "table_xinfo"
    return sqlite3.SQLITE_OK if asks else sqlite3.SQLITE_DENY


def _iter_tables(base: sqlite3.Connection) -> Iterator[tuple[str, list[str]]]:
    """Tables stored in the file, with their stored columns."""
    found = base.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchmany(_MOST_TABLES)
    for name, sql in found:
        table = _decode_text(name)
        if sql and _decode_text(sql).lstrip().upper().startswith("CREATE VIRTUAL"):
            continue  # its content is in its own tables
        columns = [
            _decode_text(row[1])
            for row in base.execute(f"PRAGMA table_xinfo({_quote_name(table)})")
            if row[6] != _COMPUTED
        ]
        if columns:
            yield table, columns


def _read_table(
    base: sqlite3.Connection, blob: Blob, table: str, columns: list[str], meter: Meter
) -> Iterator[Blob | Skip | str]:
    path = f"{blob.path}!{table}"
    text, packed, problems = bytearray(), 0, list[str]()
    for row in _iter_readable_rows(base, table, columns, problems):
        for column, cell in zip(columns, row, strict=True):
            if isinstance(cell, bytes) and packed < _MOST_CELLS and not _TEXT.fullmatch(cell):
                packed += 1
                meter.take(len(cell))
                yield Blob(cell, f"{path}!{column}", blob.kind)
        written = _format_row(columns, row)
        meter.take(len(written))
        text += written
        if len(text) > _PIECE:
            yield Blob(bytes(text), path, blob.kind)
            del text[: -len(written)]  # a pair may be in two rows
    if packed >= _MOST_CELLS:
        yield Skip(path, f"contains more than {_MOST_CELLS} binary values; dump them and scan them")
    if text:
        yield Blob(bytes(text), path, blob.kind)
    for problem in problems:
        yield Skip(path, _DAMAGED.format(problem))


def _iter_readable_rows(
    base: sqlite3.Connection, table: str, columns: list[str], problems: list[str]
) -> Iterator[tuple[object, ...]]:
    """The rows that can be read; `problems` gets the reason if there are no more."""
    chosen = ", ".join(map(_quote_name, columns))
    try:
        yield from base.execute(f"SELECT {chosen} FROM {_quote_name(table)}")  # noqa: S608 - quoted, and it may only read
    except _list_errors() as error:
        problems.append(_format_reason(error))


def _list_errors() -> tuple[type[BaseException], ...]:
    import sqlite3

    return (sqlite3.Error, sqlite3.Warning, MemoryError, OverflowError, ValueError)


def _format_row(columns: list[str], row: tuple[object, ...]) -> bytes:
    """One line per value; a name in one column is joined with the value in the next."""
    cells = [(column, _encode_cell(cell)) for column, cell in zip(columns, row, strict=True) if cell is not None]
    lines = []
    at = _name_at(cells)
    for number, (column, cell) in enumerate(cells):
        if number == at:
            continue
        label = column.encode("utf-8", "replace")
        if at is not None and number == (at + 1 if at + 1 < len(cells) else at - 1):
            label = cells[at][1]
        lines.append(label + b": " + cell + b"\n")
    return b"".join(lines) + (b"\n" if len(lines) > 1 else b"")


def _name_at(cells: list[tuple[str, bytes]]) -> int | None:
    """The cell of a row that names another one, if there is one."""
    if len(cells) < 2:
        return None
    for number, (column, cell) in enumerate(cells):
        if (
            _NAMED.fullmatch(cell)
            and not _KEY_ID.fullmatch(cell)
            and (_TELLING.search(cell) and _NAMES.fullmatch(column))
        ):
            return number
    return None


def _encode_cell(cell: object) -> bytes:
    return cell if isinstance(cell, bytes) else str(cell).encode()


def _decode_text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _quote_name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
