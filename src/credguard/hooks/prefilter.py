"""Whether bytes may contain anything that a rule would report: cached patterns, own values, and a second check."""

from __future__ import annotations

import os

from credguard.hooks.engine import load_engine

TYPE_CHECKING = False  # as in typing, whose import costs more than a git process
if TYPE_CHECKING:
    from collections.abc import Iterable

    from credguard.matching.database import Matcher

_NUMBERS = 4
_OWN = ("AWS_", "BOTO_", "S3CMD_")
_OWN_WORDS = ("SECRET", "TOKEN", "CREDENTIAL", "CONFIG", "LOGIN")
_OWN_FILES = (".aws", ".boto", ".s3cfg", ".passwd-s3fs")
_COMPILE_AFTER = 50_000_000
"""Bytes to search times values, from which on a database for them is faster: 10 ms to compile one."""
_TAIL = 20
_MUCH = 2 << 20
_RUN = rb"[A-Za-z0-9/+%\\&#;]{40}"
"""Part of every secret access key; matched first where Python would be slow."""


def serialize_prefilter(matcher: Matcher) -> bytes:
    """The database of a matcher, and which of its patterns matter only with a secret access key."""
    from credguard.aws.secret_key import MENTION, PATTERNS

    names = {pattern.name for pattern in (*PATTERNS, MENTION)}
    weak = b"".join(number.to_bytes(_NUMBERS, "big") for number, name in enumerate(matcher.names) if name in names)
    return len(weak).to_bytes(_NUMBERS, "big") + weak + matcher.serialize()


class Prefilter:
    """Checks bytes for what `packed` returned and for this machine's own credentials."""

    def __init__(self, body: bytes) -> None:
        hyperscan, _ = load_engine()
        length = int.from_bytes(body[:_NUMBERS], "big")
        start = _NUMBERS + length
        self._weak = {int.from_bytes(body[at : at + _NUMBERS], "big") for at in range(_NUMBERS, start, _NUMBERS)}
        self._database = hyperscan.loadb(body[start:], hyperscan.HS_MODE_BLOCK)
        self._database.scratch = hyperscan.Scratch(self._database)
        self._own = _OwnValues()
        self._again = 0
        self._run: object = None

    def may_match(self, data: bytes | memoryview) -> bool:
        """True if a pattern or an own value occurs in `data`."""
        return bool(_find_matches(self._database, data, first=True)) or self._own.may_be_in(data)

    def needs_scan(self, contents: Iterable[memoryview]) -> bool:
        """True if, checked again one by one, one of the contents may need a full scan.

        The name of a secret access key, which ordinary source mentions, means nothing without a value.
        """
        return any(self._needs_scan(data) for data in contents)

    def _needs_scan(self, data: memoryview) -> bool:
        seen = _find_matches(self._database, data, first=False)
        if seen - self._weak or self._own.may_be_in(data):
            return True
        if not seen:
            return False
        self._again += len(data)
        if self._again > _MUCH:
            self._run = self._run or _compile_database([_RUN])
            return bool(_find_matches(self._run, data, first=True))
        from credguard.heuristics.secret_key_shape import may_hold_secret

        return may_hold_secret(data)


class _OwnValues:
    """The credentials of this machine in all encodings, in memory only."""

    def __init__(self) -> None:
        self._values = _load_own_values() if _has_own() else ()
        self._database: object = None
        self._work = 0

    def may_be_in(self, data: bytes | memoryview) -> bool:
        """True if one of the values, or for much data its end, occurs in `data`."""
        if not self._values:
            return False
        self._work += len(data) * len(self._values)
        if self._work < _COMPILE_AFTER:
            data = bytes(data)
            return any(value in data for value in self._values)
        if self._database is None:
            self._database = _compile_database(
                [b"".join(b"\\x%02x" % byte for byte in v[-_TAIL:]) for v in self._values]
            )
        return bool(_find_matches(self._database, data, first=True))


def _has_own() -> bool:
    """True if this machine may have AWS credentials; the imports to read them take time."""
    if any(name.startswith(_OWN) and any(word in name for word in _OWN_WORDS) for name in os.environ):
        return True
    home = os.path.expanduser("~")
    return any(os.path.exists(os.path.join(home, name)) for name in _OWN_FILES)


def _load_own_values() -> tuple[bytes, ...]:
    from credguard.aws.local_files import read
    from credguard.heuristics.encodings import iter_encodings

    values = {value for value, *_ in read(lambda _path: None)}
    return tuple(text for value in values for _, text in iter_encodings(value))


def _compile_database(expressions: list[bytes]) -> object:
    hyperscan, _ = load_engine()
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    numbers = list(range(len(expressions)))
    database.compile(expressions=expressions, ids=numbers, elements=len(numbers), flags=[0] * len(numbers))
    return database


def _find_matches(database: object, data: bytes | memoryview, *, first: bool) -> set[int]:
    """The numbers of the patterns that match, or with `first` one of them, which ends the pass. Raises hyperscan's
    errors."""
    seen: set[int] = set()

    def note(number: int, _start: int, _end: int, _flags: int, _context: object) -> bool:
        seen.add(number)
        return first

    if data:
        try:
            database.scan(data, match_event_handler=note)  # type: ignore[attr-defined]
        except Exception:
            if not (first and seen):  # an aborted pass counts as an error
                raise
    return seen
