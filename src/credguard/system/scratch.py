"""Temporary folders that are removed however the run ends: by the run, after it, or at the next start of credguard.

A run that is killed cannot clean up, so a small process does (this file, run by itself): it has its own session, waits
until the run is gone, and removes the folder. If that is killed as well, the next start does it. A folder is recognized
by its name, which contains its inode number, by its owner and by its mode, and belongs to a dead run if no one has the
lock on it.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
import time

import credguard
from credguard.system import compat

TYPE_CHECKING = False  # as in typing: every command sweeps at its start
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from pathlib import Path

_PREFIX = "credguard-scratch-"
_GUARD = (
    "import sys; sys.path.append(sys.argv[1]); from credguard.system.scratch import outlive; outlive(*sys.argv[2:])"
)
_NAME = re.compile(rf"{_PREFIX}(new|[0-9a-f]{{1,16}})-[0-9a-f]{{16}}")
_LOCK = "lock"
_BEGUN_SECONDS = 60.0
_TRIES, _PAUSE = 50, 0.1
_WAIT_SECONDS = 5.0


class Scratch:
    """A folder that only this user can enter; `path` is its location, once it is created."""

    def __init__(self) -> None:
        self.path = ""
        self._lock = -1
        self._guard: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """Creates the folder and the process that will remove it; raises CredguardError."""
        try:
            self._make()
        except OSError as error:
            from credguard.errors import CredguardError, ExitCode

            raise CredguardError(
                f"no temporary folder could be created: {error.strerror or error}", "set another one in TMPDIR",
                ExitCode.INCOMPLETE,
            ) from error  # fmt: skip

    def _make(self) -> None:
        import tempfile

        base, token = os.path.abspath(tempfile.gettempdir()), os.urandom(8).hex()
        self._guard = _start_guard(base, token)  # before there is anything to remove
        for _ in range(_TRIES):
            begun = os.path.join(base, f"{_PREFIX}new-{token}")
            self.path = begun
            os.mkdir(begun, 0o700)
            try:
                name = f"{_PREFIX}{os.lstat(begun).st_ino:x}-{token}"
                self._lock = _acquire_lock(begun)
                self.path = os.path.join(os.path.dirname(begun), name)
                os.rename(begun, self.path)
            except FileNotFoundError:  # removed as the leftover of a dead run
                self._unlock()
                continue
            if not compat.can_lock():
                self._lock = os.open(os.path.join(self.path, _LOCK), os.O_CREAT | os.O_RDWR)
            return
        raise FileExistsError(f"no temporary folder could be created in {os.path.dirname(self.path)}")

    def remove(self) -> None:
        """Removes the folder; never raises."""
        if not compat.can_lock():
            self._unlock()
        if self.path:
            remove(self.path)
        self._unlock()
        if self._guard and self._guard.stdin:
            self._guard.stdin.close()
            with contextlib.suppress(Exception):
                self._guard.wait(_WAIT_SECONDS)

    def _unlock(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


@contextlib.contextmanager
def create_scratch_folder() -> Iterator[Path]:
    """A folder that only this user can enter, removed afterwards; raises CredguardError."""
    from pathlib import Path

    scratch = Scratch()
    try:
        scratch.make()
        yield Path(scratch.path)
    finally:
        scratch.remove()


def sweep() -> None:
    """Removes the folders of dead runs in the usual location of temporary files."""
    bases = [os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")]
    for base in dict.fromkeys(os.path.abspath(one) for one in (*bases, "/tmp", "/var/tmp") if one):  # noqa: S108
        with contextlib.suppress(OSError), os.scandir(base) as entries:
            for name in [entry.name for entry in entries if entry.name.startswith(_PREFIX)]:
                with contextlib.suppress(OSError):
                    _sweep_one(os.path.join(base, name), _NAME.fullmatch(name))


def _sweep_one(path: str, name: re.Match[str] | None) -> None:
    info = os.lstat(path)
    if name is None or not stat.S_ISDIR(info.st_mode):
        return
    if compat.get_user_id() is not None and (info.st_uid != compat.get_user_id() or info.st_mode & 0o077):
        return
    if name[1] == "new":
        if time.time() - info.st_mtime > _BEGUN_SECONDS:
            os.rmdir(path)  # nothing is ever put into a folder with this name
    elif int(name[1], 16) == info.st_ino:
        lock = _acquire_lock(path, wait=False)
        try:
            remove(path, tries=2)
        finally:
            if lock >= 0:
                os.close(lock)


def _acquire_lock(path: str, *, wait: bool = True) -> int:
    """A lock on the folder, kept until it is closed or this process ends; raises OSError if another process has it."""
    if not compat.can_lock():
        if not wait:
            os.unlink(os.path.join(path, _LOCK))
        return -1
    descriptor = compat.open_to_read(path)
    try:
        compat.lock(descriptor, wait=wait)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def remove(path: str, tries: int = _TRIES) -> None:
    """Removes the folder and everything in it, and ends what writes to it. git makes its objects read-only, which
    prevents this on some systems."""
    import shutil

    def retry(act: Callable[[str], object], place: str, _why: object) -> None:
        with contextlib.suppress(OSError):
            os.chmod(place, 0o700)
            act(place)

    alone = 0
    for _ in range(tries):  # a git that is about to end may still write, and even create the folder again
        ended = _end_writers(os.path.basename(path))
        shutil.rmtree(path, onerror=retry)
        alone = 0 if ended or os.path.lexists(path) else alone + 1
        if alone == 2:
            return
        if not alone:
            time.sleep(_PAUSE)


def _end_writers(name: str) -> int:
    """Ends the processes of this user that were started for the folder of this name, if the system lists them; returns
    their number. git starts some that outlive it when it is killed."""

    ended = 0
    with contextlib.suppress(OSError):
        for process in filter(str.isdigit, os.listdir("/proc")):
            if int(process) != os.getpid() and _is_for(process, name):
                with contextlib.suppress(OSError):
                    compat.kill(int(process))
                    ended += 1
    return ended


def _is_for(process: str, name: str) -> bool:
    """True if the template passed to git is in the folder of this name."""
    try:
        if not compat.is_ours(os.stat(f"/proc/{process}")):
            return False
        with open(f"/proc/{process}/environ", "rb") as handle:
            variables = handle.read().split(b"\0")
    except OSError:
        return False
    return any(one.startswith(b"GIT_TEMPLATE_DIR=") and compat.encode_path(f"/{name}/") in one for one in variables)


def _start_guard(base: str, token: str) -> subprocess.Popen[bytes] | None:
    """The process that removes the folder of this token when this one is gone; None if it cannot be started."""
    import subprocess

    if not sys.executable or not os.path.isfile(__file__):
        return None
    packages = os.path.dirname(os.path.dirname(os.path.abspath(credguard.__file__)))
    with contextlib.suppress(OSError):
        return subprocess.Popen(  # noqa: S603 - this interpreter and this module
            [sys.executable, "-I", "-S", "-c", _GUARD, packages, base, token], cwd=os.sep, stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    return None


def outlive(base: str, token: str) -> None:
    """The main function of that process: removes the folder in `base` whose name ends with the token."""
    import signal

    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    os.read(0, 1)  # returns when no process has the other end any more
    for name in os.listdir(base):
        if name.startswith(_PREFIX) and name.endswith(f"-{token}"):
            remove(os.path.join(base, name))
