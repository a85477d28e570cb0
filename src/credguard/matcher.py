"""The pattern database: compiled once by hyperscan, cached on disk, one pass over a blob."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from array import array
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import hyperscan
from hyperscan._version import __version__ as _hyperscan_version

from credguard import __version__
from credguard.system import is_ours

if TYPE_CHECKING:
    from collections.abc import Iterable

    from credguard.rule import Pattern

LIMIT = (1 << 32) - 1
"""The most bytes that one pass takes: hyperscan counts in 32 bits."""
_MAGIC = b"credguard-db-1\n"


class Matcher:
    """Finds where the patterns' matches end."""

    def __init__(self, patterns: Iterable[Pattern], *, cache: bool = True) -> None:
        """Compiles `patterns` or loads them from the cache.

        A name must always stand for the same pattern; raises ValueError otherwise.
        """
        unique: dict[str, Pattern] = {}
        for pattern in patterns:
            if unique.setdefault(pattern.name, pattern) != pattern:
                raise ValueError(f"two patterns are named {pattern.name}")
        self.names = tuple(sorted(unique))
        ordered = [unique[name] for name in self.names]
        database = _load(ordered) if cache else None
        if database is None:
            database = _compile(ordered)
            if cache:
                _store(ordered, database)
        self._database = database
        self.is_worth = {one.name: one.is_worth for one in ordered if one.is_worth}

    def serialized(self) -> bytes:
        """The compiled database, as hyperscan writes it."""
        return bytes(hyperscan.dumpb(self._database))

    def hits(self, data: bytes) -> dict[str, array[int]]:
        """The ascending end offsets of each pattern seen in `data` (at most LIMIT bytes), where it is worth a look."""
        found = self.seen(data)
        for name in found.keys() & self.is_worth.keys():
            is_worth = self.is_worth[name]
            worth = array("Q", [end for end in found[name] if is_worth(data, end)])
            if worth:
                found[name] = worth
            else:
                del found[name]
        return found

    def seen(self, data: bytes) -> dict[str, array[int]]:
        """The same wherever the patterns were seen: whether that is worth a look, what stands around it may decide."""
        found = _Ends()
        if data:
            self._database.scan(data, match_event_handler=_note, context=found)
        return {self.names[number]: ends for number, ends in found.items()}


class _Ends(dict[int, "array[int]"]):
    def __missing__(self, number: int) -> array[int]:
        ends = self[number] = array("Q")  # eight bytes a hit: a hostile file may bring millions
        return ends


def _note(number: int, _start: int, end: int, _flags: int, found: object) -> None:
    found[number].append(end)  # type: ignore[index]  # it is what `seen` gave


def _flags(pattern: Pattern) -> int:
    flags = hyperscan.HS_FLAG_DOTALL
    if pattern.caseless:
        flags |= hyperscan.HS_FLAG_CASELESS
    return flags | hyperscan.HS_FLAG_MULTILINE if pattern.multiline else flags


def _compile(patterns: list[Pattern]) -> hyperscan.Database:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[p.expression for p in patterns],
        ids=list(range(len(patterns))),
        elements=len(patterns),
        flags=[_flags(p) for p in patterns],
    )
    return database


def cache_folder() -> Path:
    """Where compiled databases are kept: `$XDG_CACHE_HOME/credguard`, or the platform's own place;
    raises RuntimeError where there is none. It never lies below the current folder, in a repository."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
    else:
        base = os.environ.get("XDG_CACHE_HOME")
    folder = Path(base) if base and os.path.isabs(base) else Path("~/.cache").expanduser()
    if not folder.is_absolute():
        raise RuntimeError("there is no home folder")
    return folder / "credguard"


def _cache_file(patterns: list[Pattern]) -> Path:
    digest = blake2b(digest_size=16)
    for word in (__version__, _hyperscan_version, *map(repr, patterns)):
        digest.update(word.encode() + b"\0")
    return cache_folder() / f"{digest.hexdigest()}.db"


def _load(patterns: list[Pattern]) -> hyperscan.Database | None:
    """The cached database, or None when there is none that is whole, private and of this machine."""
    try:
        path = _cache_file(patterns)
        with path.open("rb") as handle:
            info = os.fstat(handle.fileno())
            if not is_ours(info) or (os.name != "nt" and info.st_mode & 0o022):
                return None
            stored = handle.read()
        head = len(_MAGIC) + 32
        magic, digest, body = stored[: len(_MAGIC)], stored[len(_MAGIC) : head], stored[head:]
        if magic != _MAGIC or digest != blake2b(body, digest_size=32).digest():
            return None
        database = hyperscan.loadb(body, hyperscan.HS_MODE_BLOCK)
        database.scratch = hyperscan.Scratch(database)
    except Exception:  # noqa: BLE001 - whatever is wrong with a cache, the patterns are compiled anew
        return None
    return database


def _store(patterns: list[Pattern], database: hyperscan.Database) -> None:
    """Keeps the database for the next run; a machine where that is impossible compiles every time."""
    with contextlib.suppress(Exception):
        body = hyperscan.dumpb(database)
        write_private(_cache_file(patterns), _MAGIC + blake2b(body, digest_size=32).digest() + body)


def write_private(path: Path, content: bytes) -> None:
    """Writes a cache file atomically, readable by nobody else; raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
        os.replace(name, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise
