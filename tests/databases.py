"""Compiled databases that all processes of one test run share, where credguard itself may keep none."""

from __future__ import annotations

import contextlib
import os
import tempfile
from typing import TYPE_CHECKING

import hyperscan

from credguard.matching import database as matcher

if TYPE_CHECKING:
    from credguard.matching.pattern import Pattern

_MANY = 5
"""Fewer patterns are compiled in no time."""


def share(folder: str) -> None:
    """Has each set of patterns compiled once for all: that takes two seconds, and gives the same each time.

    Where credguard looks for a database of its own, what it believes and what it keeps stays as it is.
    """
    compiled = matcher._compile

    def load_or_compile(patterns: list[Pattern]) -> hyperscan.Database:
        if len(patterns) < _MANY:
            return compiled(patterns)
        path = os.path.join(folder, matcher._build_header(patterns).hex()[-64:])
        with contextlib.suppress(OSError):
            return _loaded(path)
        database = compiled(patterns)
        with contextlib.suppress(OSError):
            _keep(path, bytes(hyperscan.dumpb(database)))
        return database

    matcher._compile = load_or_compile


def _loaded(path: str) -> hyperscan.Database:
    with open(path, "rb") as handle:
        database = hyperscan.loadb(handle.read(), hyperscan.HS_MODE_BLOCK)
    database.scratch = hyperscan.Scratch(database)
    return database


def _keep(path: str, content: bytes) -> None:
    """At once, since others may be reading it."""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(path)) as folder:
        with open(os.path.join(folder, "new"), "wb") as handle:
            handle.write(content)
        os.replace(handle.name, path)
