"""What a long audit has done already: an embedded database beside the audit, so that a killed one can go on."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from hashlib import blake2b
from typing import TYPE_CHECKING

from credguard.errors import CredguardError
from credguard.git import GitError
from credguard.sources.modules import absorbed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from credguard.git import Git

_APPLICATION = 0x43474431  # "CGD1", in the header of the file
_MADE = "CREATE TABLE IF NOT EXISTS done (target TEXT PRIMARY KEY, digest TEXT NOT NULL, result BLOB NOT NULL) STRICT"


class State:
    """The repositories that are done, each with a digest of what its result depends on. Results are
    reports without secrets; the file is this user's alone."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the file; raises CredguardError for one that is no such state."""
        try:
            if not path.exists():
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            self._database = sqlite3.connect(path, isolation_level=None)
            (kind,) = self._database.execute("PRAGMA application_id").fetchone()
            (tables,) = self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if kind != _APPLICATION and tables:
                raise sqlite3.DatabaseError
            self._database.execute(f"PRAGMA application_id = {_APPLICATION}")
            self._database.execute(_MADE)
        except OSError as error:
            raise CredguardError(f"{path} could not be made: {error.strerror}", "choose another --resume") from error
        except sqlite3.Error as error:
            raise CredguardError(f"{path} is no state of an audit", "choose another --resume, or remove it") from error

    def find(self, target: str, digest: str) -> bytes | None:
        """The result that was kept for a target, None where there is none or something has changed."""
        row = self._database.execute("SELECT result FROM done WHERE target = ? AND digest = ?", (target, digest))
        found = row.fetchone()
        return bytes(found[0]) if found else None

    def keep(self, target: str, digest: str, result: bytes) -> None:
        """Notes that a target is done; it is on disk when this returns."""
        self._database.execute("INSERT OR REPLACE INTO done VALUES (?, ?, ?)", (target, digest, result))

    def close(self) -> None:
        """Closes the file."""
        with contextlib.suppress(sqlite3.Error):
            self._database.close()


def digest(words: Iterable[bytes | str]) -> str:
    """32 hex digits over everything that a result depends on."""
    made = blake2b(digest_size=16)
    for word in words:
        data = os.fsencode(word) if isinstance(word, str) else word
        made.update(len(data).to_bytes(8, "big") + data)
    return made.hexdigest()


def standing(repository: Git) -> str | None:
    """A digest of refs (the submodules' too), HEAD, index and of what lies in the work tree beside it; None where
    git cannot tell, and where an untracked repository lies in the work tree."""
    try:
        refs = [module.run("for-each-ref") for _, module in absorbed(repository)]
        words = [
            *refs,
            repository.run("for-each-ref"),
            repository.run("rev-parse", "--verify", "-q", "HEAD", ok=(0, 1)),
        ]
        if repository.run("rev-parse", "--is-bare-repository").strip() != b"true":
            listed = repository.run("status", "--porcelain=v2", "-z", "--untracked-files=all", "--ignored=matching")
            if any(record.startswith("? ") and record.endswith("/") for record in repository.split(listed)):
                return None
            words += [repository.run("ls-files", "-s", "-z"), listed, *_times(repository, listed)]
    except GitError:
        return None
    return digest(words)


def _times(repository: Git, listed: bytes) -> list[bytes]:
    """Size and time of each file that differs from the index."""
    times = []
    for record in repository.split(listed):
        kind, _, rest = record.partition(" ")
        path = rest if kind in "?!" else rest.split(" ", 7)[-1]
        with contextlib.suppress(OSError):
            info = os.lstat(os.path.join(repository.folder, path))
            times.append(f"{info.st_size} {info.st_mtime_ns}".encode())
    return times
