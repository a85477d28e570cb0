"""Caches in which nothing is found, as somebody else might plant them."""

from __future__ import annotations

import os
import shutil
import zlib
from hashlib import blake2b
from typing import TYPE_CHECKING

import hyperscan
import pytest

from credguard.system.compat import get_user_id
from tests.hooking import SECRET, credguard

if TYPE_CHECKING:
    from pathlib import Path

OTHER = 65534
posix = pytest.mark.skipif(os.name != "posix", reason="owners and modes")
owners = pytest.mark.skipif(get_user_id() is None, reason="this system does not tell who owns a file")
as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="files of others: root's tests")


def never() -> bytes:
    """A database that finds nothing, as the engine writes it."""
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=[b"never q{9}ever"], ids=[0], elements=1, flags=[0])
    return bytes(hyperscan.dumpb(database))


def blind(stored: bytes) -> bytes:
    """The same cache file, all its sums right, with a database in which nothing is found."""
    start = stored.index(b"\n") + 1
    if stored.startswith(b"credguard quick"):
        head, body = stored[:start], bytes(4) + never()
        return head + zlib.crc32(head + body).to_bytes(4, "big") + body
    return stored[: start + 32] + blake2b(never(), digest_size=32).digest() + never()


def plant(planted: Path, base: Path) -> Path:
    """Puts the blind cache where credguard would look for its own; gives that folder."""
    shutil.copytree(planted, base / "credguard")
    for path in (base, base / "credguard"):
        path.chmod(0o700)
    return base / "credguard"


def found(cwd: Path, *words: str, **environment: str) -> bool:
    """Whether credguard finds the key; else it must have said that there is none."""
    done = credguard(*words, cwd=cwd, **environment)
    assert done.returncode in (0, 1), done.stderr
    assert SECRET[4:] not in done.stdout + done.stderr
    return done.returncode == 1
