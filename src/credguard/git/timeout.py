"""Waits for git with a limit: a process that neither writes nor works for some time is ended."""

from __future__ import annotations

import contextlib
import io
import os
import select
import subprocess
import sys
from typing import TYPE_CHECKING

from credguard.system import compat

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from _typeshed import WriteableBuffer

LIMIT_NAME = "CREDGUARD_GIT_TIMEOUT"
"""The variable that sets another limit, in seconds."""
_LIMIT = 30.0
_BLIND = 10
"""The limit is multiplied by this if the system does not report whether a process works."""
_GRACE = 5
_SILENT = 10
"""The limit is multiplied by this for commands that work without output on patterns of a repository, on which git can
take forever (wildmatch.c tries all ways to match `**/`)."""


class StalledError(Exception):
    """A process was ended because it was idle for this many seconds, or `worked` that long without output."""

    def __init__(self, seconds: float, *, worked: bool = False) -> None:
        super().__init__(seconds)
        self.seconds = seconds
        self.worked = worked


def read_time_limit() -> float:
    """Seconds for which git may be idle."""
    with contextlib.suppress(ValueError):
        given = float(os.environ.get(LIMIT_NAME, ""))
        if 0 < given < 1e6:
            return given
    return _LIMIT


class Process(subprocess.Popen[bytes]):
    """A process whose end is not polled: polling would delay every short one."""

    def wait(self, timeout: float | None = None) -> int:
        """The exit code; raises subprocess.TimeoutExpired."""
        if timeout is None or self.poll() is not None:
            return super().wait(timeout)
        if sys.platform == "linux" and hasattr(os, "pidfd_open"):
            with contextlib.suppress(OSError):
                descriptor = os.pidfd_open(self.pid)
                try:
                    poll = select.poll()
                    poll.register(descriptor, select.POLLIN)
                    ended = poll.poll(timeout * 1000)
                finally:
                    os.close(descriptor)
                if not ended:
                    raise subprocess.TimeoutExpired(self.args, timeout)
                timeout = None
        return super().wait(timeout)


def wait_for_output(process: subprocess.Popen[bytes], stdin: bytes, *, may_work: bool = True) -> tuple[bytes, bytes]:
    """Everything that a process writes to standard output and error until it ends. Raises StalledError. Unless it
    `may_work` without limit, it is ended after ten times the limit without output."""
    watch = _Watch(process, may_work=may_work)
    try:
        while True:
            try:
                return process.communicate(stdin, timeout=watch.pause)
            except subprocess.TimeoutExpired as error:  # noqa: PERF203 - that is what the loop is for
                watch.check(len(error.output or b""))
    except BaseException:
        kill_late(process)
        for pipe in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()
        raise


def wait_for_end(process: subprocess.Popen[bytes]) -> int:
    """The exit code of a process that writes to no pipe of this one. Raises StalledError."""
    watch = _Watch(process)
    while True:
        try:
            return process.wait(watch.pause)
        except subprocess.TimeoutExpired:  # noqa: PERF203 - that is what the loop is for
            watch.check()


def watch_output(
    process: subprocess.Popen[bytes], stalled: Callable[[StalledError], Exception], size: int
) -> IO[bytes]:
    """The standard output of a process, with a buffer of this size. Reading raises what `stalled` makes of a
    StalledError; if the system cannot wait for a pipe (Windows, which has no pipes in folders either), it blocks."""
    stream = process.stdout
    assert stream  # noqa: S101 - a pipe, as the caller has it
    return io.BufferedReader(_WatchedReader(process, stream, stalled), size) if hasattr(select, "poll") else stream


class _WatchedReader(io.RawIOBase):
    """The reading end of a process's output."""

    def __init__(
        self, process: subprocess.Popen[bytes], stream: IO[bytes], stalled: Callable[[StalledError], Exception]
    ) -> None:
        self._process, self._stream, self._stalled = process, stream, stalled
        self._poll = select.poll()
        self._poll.register(stream.fileno(), select.POLLIN)

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream.fileno()

    def readinto(self, buffer: WriteableBuffer) -> int:
        if not self._poll.poll(0):
            watch = _Watch(self._process)
            try:
                while not self._poll.poll(watch.pause * 1000):
                    watch.check()
            except StalledError as error:
                raise self._stalled(error) from None
        return compat.read_into(self._stream.fileno(), memoryview(buffer).cast("B"))

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
            super().close()


class _Watch:
    """Checks a process after each `pause` (in seconds) without output."""

    def __init__(self, process: subprocess.Popen[bytes], *, may_work: bool = True) -> None:
        self._process = process
        self._limit = read_time_limit()
        self._may_work = may_work
        self.pause = self._limit / 2
        self._idle = self._silent = 0.0
        self._before: object = None
        self._written = 0

    def check(self, written: int = 0) -> None:
        """Ends the process, and raises StalledError, if it has been idle for too long."""
        work = _measure_work(self._process.pid)
        now = (work, written)
        self._idle = self._idle + self.pause if now == self._before else 0.0
        self._before = now
        self._silent = self._silent + self.pause if written == self._written else 0.0
        self._written = written
        if not self._may_work and self._silent >= self._limit * _SILENT:
            kill_late(self._process)
            raise StalledError(self._silent, worked=True)
        if self._idle >= self._limit * (1 if work else _BLIND):
            kill_late(self._process)
            raise StalledError(self._idle)


def _measure_work(process: int) -> tuple[bytes, ...]:
    """The work done by a process so far, as reported by the system: processor time, pages and bytes."""
    found: list[bytes] = []
    for one in (process, *_list_children(process)):
        with contextlib.suppress(OSError):
            with open(f"/proc/{one}/stat", "rb") as handle:
                fields = handle.read().rpartition(b")")[2].split()
            found += fields[7:15]  # page faults and times: proc(5), fields 10 to 17
            with open(f"/proc/{one}/io", "rb") as handle:
                found.append(handle.read())
    return tuple(found)


def _list_children(process: int) -> list[int]:
    """The child processes of a process, recursively."""
    try:
        with open(f"/proc/{process}/task/{process}/children", "rb") as handle:
            direct = [int(word) for word in handle.read().split()]
    except (OSError, ValueError):
        return []
    return direct + [further for one in direct for further in _list_children(one)]


def kill_late(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and its children; one that does not end is left behind."""
    for child in _list_children(process.pid):
        with contextlib.suppress(OSError):
            compat.kill(child)
    process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)
