"""The pattern database: compiled once by hyperscan, cached on disk, one pass over a blob."""

from __future__ import annotations

import contextlib
import os
from array import array
from hashlib import blake2b
from typing import TYPE_CHECKING

import hyperscan
from hyperscan._version import __version__ as _hyperscan_version

from credguard import __version__
from credguard.system import compat, ownership

if TYPE_CHECKING:
    from collections.abc import Iterable

    from credguard.matching.pattern import Pattern

LARGEST_INPUT = (1 << 32) - 1
"""The most bytes of one pass: hyperscan uses 32-bit offsets."""
_MAGIC = b"credguard-db-2\n"
_DIGEST = 32
_MOST_KEPT = 12
"""Databases that a process keeps: policies with rules of their own have others."""
_kept: dict[tuple[Pattern, ...], hyperscan.Database] | None = None


class Matcher:
    """Finds where the patterns' matches end."""

    def __init__(self, patterns: Iterable[Pattern], *, cache: bool = True) -> None:
        """Compiles `patterns` or loads them from the cache.

        A name must always belong to the same pattern; raises ValueError otherwise.
        """
        unique: dict[str, Pattern] = {}
        for pattern in patterns:
            if unique.setdefault(pattern.name, pattern) != pattern:
                raise ValueError(f"two patterns are named {pattern.name}")
        self.names = tuple(sorted(unique))
        ordered = [unique[name] for name in self.names]
        self._database = _open(ordered, cache=cache)
        self.is_worth = {one.name: one.is_worth for one in ordered if one.is_worth}

    def serialize(self) -> bytes:
        """The compiled database, as serialized by hyperscan."""
        return bytes(hyperscan.dumpb(self._database))

    def find_hits(self, data: bytes) -> dict[str, array[int]]:
        """The ascending end offsets of each pattern matched in `data` (at most LIMIT bytes), as far as they can lead to
        a finding."""
        found = self.scan(data)
        for name in found.keys() & self.is_worth.keys():
            is_worth = self.is_worth[name]
            worth = array("Q", [end for end in found[name] if is_worth(data, end)])
            if worth:
                found[name] = worth
            else:
                del found[name]
        return found

    def scan(self, data: bytes) -> dict[str, array[int]]:
        """The same for all matches: whether they can lead to a finding may depend on the surrounding text."""
        found = _Ends()
        if data:
            self._database.scan(data, match_event_handler=_note, context=found)
        return {self.names[number]: ends for number, ends in found.items()}


class _Ends(dict[int, "array[int]"]):
    def __missing__(self, number: int) -> array[int]:
        ends = self[number] = array("Q")  # eight bytes per hit: a hostile file may cause millions
        return ends


def _note(number: int, _start: int, end: int, _flags: int, found: object) -> None:
    found[number].append(end)  # type: ignore[index]  # it is what `seen` gave


def keep_databases() -> None:
    """From now on this process loads each database once: one that scans many repositories needs the same ones again."""
    global _kept  # noqa: PLW0603 - as long as the process
    _kept = {} if _kept is None else _kept


def _open(patterns: list[Pattern], *, cache: bool) -> hyperscan.Database:
    """The database of the patterns: the one that this process has, the cached one, or a new one."""
    key = tuple(patterns) if cache and _kept is not None else ()
    database = _kept.get(key) if key and _kept is not None else None
    if database is None and cache:
        database = _load(patterns)
    if database is None:
        database = _compile(patterns)
        if cache:
            _store(patterns, database)
    if key and _kept is not None and len(_kept) < _MOST_KEPT:
        _kept[key] = database
    return database


def _build_flags(pattern: Pattern) -> int:
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
        flags=[_build_flags(p) for p in patterns],
    )
    return database


def _build_header(patterns: list[Pattern]) -> bytes:
    """The header of a file with the database of these patterns for this engine on such a machine, and of no other (the
    engine's own header shows whether the processor can run it)."""
    digest = blake2b(digest_size=_DIGEST)
    for word in (__version__, _hyperscan_version, compat.machine(), *map(repr, patterns)):
        digest.update(word.encode() + b"\0")
    return _MAGIC + digest.digest()


def _cache_file(head: bytes) -> str:
    return os.path.join(ownership.cache_folder(), f"{head[len(_MAGIC) :].hex()[:32]}.db")


def _load(patterns: list[Pattern]) -> hyperscan.Database | None:
    """The cached database, or None if there is none that is complete, for these patterns and trusted."""
    try:
        head = _build_header(patterns)
        stored = ownership.read(_cache_file(head))
        start = len(head) + _DIGEST
        body = stored[start:]
        if stored[:start] != head + blake2b(body, digest_size=_DIGEST).digest():
            return None
        database = hyperscan.loadb(body, hyperscan.HS_MODE_BLOCK)
        database.scratch = hyperscan.Scratch(database)
    except Exception:  # noqa: BLE001 - whatever is wrong with a cache, the patterns are compiled anew
        return None
    return database


def _store(patterns: list[Pattern], database: hyperscan.Database) -> None:
    """Stores the database for the next run; if that fails, every run compiles it again."""
    with contextlib.suppress(Exception):  # for any reason
        body, head = bytes(hyperscan.dumpb(database)), _build_header(patterns)
        ownership.write_owned(_cache_file(head), head + blake2b(body, digest_size=_DIGEST).digest() + body)
