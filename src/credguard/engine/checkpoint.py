"""What a long audit has done already: an embedded database beside the audit, so that a killed one can go on."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import time
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.errors import CredguardError
from credguard.git import object_store
from credguard.git.process import stop_process
from credguard.git.repository import Git, GitError
from credguard.git.submodules import iter_submodules
from credguard.sources.files import is_bare, open_tree
from credguard.system import ownership
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_APPLICATION = 0x43474431  # "CGD1", in the header of the file
_MADE = "CREATE TABLE done (target TEXT PRIMARY KEY, digest TEXT NOT NULL, result BLOB NOT NULL) STRICT"
_SCHEMA = [("index", "sqlite_autoindex_done_1", "done", None), ("table", "done", "done", _MADE)]
_COMPANIONS = ("-journal", "-wal", "-shm")
_MOST_SECONDS = 60.0
"""What one look into the file may take; a step of the database is a matter of milliseconds."""
_STEPS = 100_000
_SUM = 16
_PIECE = 1 << 20
_FOLDERS = ("logs", "info", "worktrees", "reftable")
"""Folders of a repository whose files are read whole: reflogs, ignore rules, grafts, other work trees."""
_PACKING = frozenset(("packed-refs", "gc.log", "gc.pid", "info/refs"))
"""What `git gc` and `git repack` write of what is there otherwise: refs are asked for by name."""
_ALTERNATES = "objects/info/alternates"


class Checkpoint:
    """The repositories that are done, each with a digest of what its result depends on. Results are
    reports without secrets; nobody but this user and root can have written the file. All methods raise
    CredguardError."""

    def __init__(self, path: Path) -> None:
        """Opens or makes the file; refuses one that is no such state, or that others can have made."""
        self.path = path
        place = self._prepare_file()
        with self._wrap_errors():
            self._database = sqlite3.connect(place, isolation_level=None)
        try:
            self._check_or_make()
        except CredguardError:
            self.close()
            raise

    def _check_or_make(self) -> None:
        with self._wrap_errors():
            for setting in ("trusted_schema = OFF", "cell_size_check = ON"):
                self._database.execute(f"PRAGMA {setting}")
            (kind,) = self._database.execute("PRAGMA application_id").fetchone()
            schema = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type LIMIT 3"
            there = self._database.execute(schema).fetchall()
            if there and (kind != _APPLICATION or there != _SCHEMA):
                raise sqlite3.DatabaseError
            if not there:
                self._database.execute(f"PRAGMA application_id = {_APPLICATION}")
                self._database.execute(_MADE)

    def _prepare_file(self) -> str:
        """Where the file lies, which is made if it is not there."""
        try:
            place = ownership.locate_trusted(os.fspath(self.path))
            if not os.path.lexists(place):
                os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            ownership.check_file(place)
            for end in _COMPANIONS:  # a journal that others put beside it would be played back into it
                if os.path.lexists(f"{place}{end}"):
                    ownership.check_file(f"{place}{end}")
        except ownership.NotBelieved as error:
            hint = "keep it in a folder of your own, outside of repositories and of what is audited"
            raise CredguardError(f"the state {self.path} is not believed: {error}", hint) from error
        except OSError as error:
            words = f"{self.path} could not be opened: {error.strerror}"
            raise CredguardError(words, "choose another --resume") from error
        return place

    def find(self, target: str, digest: str) -> bytes | None:
        """The result that was kept for a target, None where there is none or something has changed."""
        with self._wrap_errors():
            asked = (_build_key(target), digest)
            found = self._database.execute("SELECT result FROM done WHERE target = ? AND digest = ?", asked).fetchone()
        kept = bytes(found[0]) if found else b""
        return kept[_SUM:] if kept and _sum(kept[_SUM:]) == kept[:_SUM] else None

    def keep(self, target: str, digest: str, result: bytes) -> None:
        """Notes that a target is done; it is on disk when this returns."""
        with self._wrap_errors():
            row = (_build_key(target), digest, _sum(result) + result)
            self._database.execute("INSERT OR REPLACE INTO done VALUES (?, ?, ?)", row)

    def close(self) -> None:
        """Closes the file."""
        with contextlib.suppress(sqlite3.Error):
            self._database.close()

    @contextlib.contextmanager
    def _wrap_errors(self) -> Iterator[None]:
        """Turns what the database raises into one line that says what to do; ends what takes too long."""
        ending = time.monotonic() + _MOST_SECONDS
        try:
            if hasattr(self, "_database"):
                self._database.set_progress_handler(lambda: time.monotonic() > ending, _STEPS)
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                hint = "wait until that has ended, or choose another --resume"
                raise CredguardError(f"another audit uses {self.path}", hint) from error
            raise CredguardError(f"{self.path} could not be used: {error}", "choose another --resume") from error
        except sqlite3.Error as error:
            hint = "choose another --resume, or remove it"
            raise CredguardError(f"{self.path} is no state of an audit, or is damaged", hint) from error


def _build_key(target: str) -> str:
    """The target as text that the database takes: a path that is not UTF-8 by its bytes."""
    raw = encode_path(target)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return f"\n{raw.hex()}"


def _sum(result: bytes) -> bytes:
    """What tells that a result was damaged on disk."""
    return blake2b(result, digest_size=_SUM).digest()


def digest(words: Iterable[bytes | str]) -> str:
    """32 hex digits over everything that a result depends on."""
    made = _Digest()
    for word in words:
        made.add(word)
    return made.format_hex()


def fingerprint_repository(repository: Git) -> str | None:
    """A digest of all that an audit of the repository scans: refs, reflogs, index and objects, its settings and
    hooks, each file in its work tree by size and times, and the same of the repositories inside. None where one of
    these cannot be told. Runs nothing that the repository configures."""
    try:
        sight = _RepositoryHasher()
        if is_bare(repository.folder):
            sight.add_repository(repository)
        else:
            sight.add_work_tree(Path(repository.find_toplevel()))
    except (GitError, OSError):
        return None
    return sight.digest.format_hex()


def digest_file(path: str) -> bytes:
    """What tells the content of a file from any other; of what is no file, that it is none."""
    made = _Digest()
    with contextlib.suppress(OSError):
        _add_file(made, path)
    return made.format_hex().encode()


class _Digest:
    """A sum over words, none of which can pass for a part of another."""

    def __init__(self) -> None:
        self._made = blake2b(digest_size=16)

    def add(self, word: bytes | str) -> None:
        """Takes one word."""
        data = encode_path(word) if isinstance(word, str) else word
        self._made.update(len(data).to_bytes(8, "big") + data)

    def format_hex(self) -> str:
        """The sum so far in hex."""
        return self._made.hexdigest()


class _RepositoryHasher:
    """Looks at a repository and at those inside; raises GitError and OSError where something cannot be told."""

    def __init__(self) -> None:
        self.digest = _Digest()
        self._seen: set[str] = set()
        self._stores: set[str] = set()

    def add_work_tree(self, root: Path) -> None:
        """Takes the files, also those that are ignored: ignore rules and policies may be among them."""
        listing = open_tree(root, ignored=True)
        if listing.skipped or listing.tree.repository is None:
            raise GitError(f"the files of {root} could not be listed")
        real = os.path.realpath(root)
        for path in listing.tree.files:
            self._add_stat(f"{real}/{path}", path)
        self.add_repository(Git(root))
        for path in listing.inner:
            self.add_repository(Git(root / path))

    def add_repository(self, repository: Git) -> None:
        """Takes what stands in the repository, and in the submodules that it keeps."""
        common = repository.common_dir
        own = repository.layout.git_dir
        if own in self._seen:
            return
        self._seen.add(own)
        self.digest.add(own)
        self.digest.add(repository.run("for-each-ref"))  # HEAD is a file of git's own folder
        self.digest.add(repository.run("ls-files", "-s", "-z"))
        self._add_settings(repository)
        if common not in self._stores:
            self._stores.add(common)
            self._add_objects(repository)
        self._add_git_dir(common, index=own != common)
        for _, module in iter_submodules(repository):
            self.add_repository(module)

    def _add_settings(self, repository: Git) -> None:
        """Takes git's settings, and the files of the user to which they lead."""
        settings = repository.run("config", "--list", "-z")
        self.digest.add(settings)
        configured = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
        pairs = (setting.partition("\n") for setting in repository.split(settings))
        named = [os.path.expanduser(value) for key, _, value in pairs if key == "core.excludesfile"]
        for path in (*named, os.path.join(configured, "git", "ignore"), os.path.join(configured, "git", "attributes")):
            self._add_stat(os.path.join(repository.folder, path), path)
        folder = os.path.join(repository.folder, repository.find_hooks_path())
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
            self._add_stat(os.path.join(folder, name), name)

    def _add_objects(self, repository: Git) -> None:
        """Takes the names of all objects, those that are borrowed as well; how they are packed is no matter."""
        process = repository.start(*object_store.ALL)
        names = process.stdout
        assert names  # noqa: S101 - no other place was named
        try:
            for piece in iter(lambda: names.read(_PIECE), b""):
                self.digest.add(piece)
            if repository.wait(process):
                raise GitError("git could not list the objects")
        finally:
            stop_process(process)

    def _add_git_dir(self, common: str, *, index: bool) -> None:
        """Takes the files of git's own folder whole; the `index` only of a work tree that git was not asked about."""
        for name in sorted(os.listdir(common)):
            if not name.endswith(".lock") and name not in _PACKING and (index or name != "index"):
                location = os.path.join(common, name)
                if not os.path.isdir(location):
                    self.digest.add(name)
                    _add_file(self.digest, location)
        if os.path.lexists(os.path.join(common, _ALTERNATES)):
            _add_file(self.digest, os.path.join(common, _ALTERNATES))
        for name in _FOLDERS:
            self.digest.add(name)
            self._add_folder(os.path.join(common, name), f"{name}/")

    def _add_folder(self, folder: str, path: str) -> None:
        if not os.path.lexists(folder):
            return
        for name in sorted(os.listdir(folder)):
            if path + name in _PACKING:
                continue
            location = os.path.join(folder, name)
            self.digest.add(name)
            if not os.path.isdir(location):
                _add_file(self.digest, location)
            elif os.path.islink(location):
                raise GitError(f"{location} leads to another place")
            else:
                self._add_folder(location, f"{path}{name}/")

    def _add_stat(self, location: str, path: str) -> None:
        """Takes size, times and mode of a file, and of the one that a link leads to."""
        self.digest.add(path)
        for follow in (False, True):
            try:
                info = os.stat(location, follow_symlinks=follow)
            except (FileNotFoundError, NotADirectoryError):
                self.digest.add(b"")
                continue
            self.digest.add(f"{info.st_size} {info.st_mtime_ns} {info.st_ctime_ns} {info.st_mode} {info.st_ino}")
            if not stat.S_ISLNK(info.st_mode):
                return


def _add_file(made: _Digest, location: str) -> None:
    """Takes the content of a file; of a pipe or a socket only that it is one. Raises OSError."""
    info = os.stat(location)
    made.add(f"{info.st_mode} {info.st_size}")
    if stat.S_ISREG(info.st_mode):
        with open(location, "rb") as handle:
            for piece in iter(lambda: handle.read(_PIECE), b""):
                made.add(piece)
