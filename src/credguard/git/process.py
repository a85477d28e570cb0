"""The processes of git: started if nothing would block them, waited for with a limit, and ended."""

from __future__ import annotations

import os
import subprocess
from functools import partial
from typing import TYPE_CHECKING

from credguard.errors import CredguardError, ExitCode
from credguard.git import blocking_files, timeout
from credguard.git.spawn import COMMAND, build_environment
from credguard.system.compat import widen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import IO

_PIECE = 1 << 20
_READS_PATTERNS = frozenset(("ls-files", "check-ignore"))


class GitError(CredguardError):
    """git failed; the run is incomplete, never clean."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint or "run `git fsck` in the repository", ExitCode.INCOMPLETE)


class Runner:
    """Runs git in a folder."""

    def __init__(self, folder: Path, *, inherit: bool = False, extra: Mapping[str, str] | None = None) -> None:
        """`inherit` keeps the repository variables of the surrounding git (GIT_DIR, GIT_INDEX_FILE, quarantined
        objects): a hook must see what git is about to commit or receive. `extra` variables are set on top: another
        index, another object store."""
        self.folder = folder
        self._extra = dict(extra or {})
        self._environment = build_environment(inherit=inherit) | dict(extra or {})

    def run(self, *args: str, stdin: bytes | None = None, ok: tuple[int, ...] = (0,)) -> bytes:
        """The output of `git args` in the folder; raises GitError unless it exits with one of `ok`."""
        return self.capture_output(*args, stdin=stdin, ok=ok)[0]

    def capture_output(
        self, *args: str, stdin: bytes | None = None, ok: tuple[int, ...] = (0,), command: tuple[str, ...] = COMMAND
    ) -> tuple[bytes, str]:
        """Output, and the first line that git wrote to standard error."""
        pipe = subprocess.PIPE
        process = self._open_process([*command, *args], stdin=pipe, stdout=pipe, stderr=pipe)
        try:
            output, said = timeout.wait_for_output(process, stdin or b"", may_work=_READS_PATTERNS.isdisjoint(args))
        except timeout.StalledError as error:
            raise self._build_stall_error(args, error) from None
        lines = said.decode("utf-8", "replace").strip().splitlines()
        if process.returncode not in ok:
            reason = _pick_reason(lines) or f"exit code {process.returncode}"
            raise GitError(f"git {args[0]} failed in {self.folder}: {reason}", _suggest_cure(reason))
        return output, lines[0] if lines else ""

    def _open_process(
        self, command: Sequence[str], *, stdin: IO[bytes] | int, stdout: IO[bytes] | int, stderr: IO[bytes] | int
    ) -> subprocess.Popen[bytes]:
        """The process, unless something would block it; raises GitError."""
        obstacle = blocking_files.find_repository_obstacle(os.fspath(self.folder), self._environment)
        if obstacle:
            raise GitError(f"{obstacle}, which git would wait for", "remove it")
        try:
            return timeout.Process(
                command, cwd=self.folder, env=self._environment, stdin=stdin, stdout=stdout, stderr=stderr
            )
        except OSError as error:
            raise GitError(f"git could not be started: {error.strerror}", "install git and put it on PATH") from error

    def _build_stall_error(self, args: Sequence[str], error: timeout.StalledError) -> GitError:
        """The error for a process that hangs."""
        if error.worked:
            return GitError(
                f"git {args[0]} ran for {error.seconds:.0f} s in {self.folder} without output",
                "check .gitignore for patterns with several `**`",
            )
        place = blocking_files.find_nested_obstacle(os.fspath(self.folder))
        hint = (
            "remove it"
            if place
            else (f"check what it waits for, or set a longer limit in seconds with {timeout.LIMIT_NAME}")
        )
        where = f": {place}" if place else ""
        return GitError(f"git {args[0]} hung for {error.seconds:.0f} s in {self.folder}{where}", hint)

    def wait(self, process: subprocess.Popen[bytes]) -> int:
        """The exit code of a process of `start` that writes to a file; raises GitError if it hangs."""
        try:
            return timeout.wait_for_end(process)
        except timeout.StalledError as error:
            raise self._build_stall_error(_get_arguments(process), error) from None

    def start(
        self, *args: str, stdin: IO[bytes] | None = None, stdout: IO[bytes] | None = None,
        stderr: IO[bytes] | None = None,
    ) -> subprocess.Popen[bytes]:  # fmt: skip
        """Starts `git args` in the folder, with input from `stdin` (by default none) and output to `stdout`, or to a
        pipe as large as the system allows; its messages are dropped, or go to `stderr`. The caller ends it with
        `stop_process`. Raises GitError."""
        process = self._open_process(
            [*COMMAND, *args], stdin=stdin or subprocess.DEVNULL, stdout=stdout or subprocess.PIPE,
            stderr=stderr or subprocess.DEVNULL,
        )  # fmt: skip
        if process.stdout:
            widen(process.stdout.fileno(), _PIECE)
            process.stdout = timeout.watch_output(process, partial(self._build_stall_error, args), _PIECE)
        return process

    def start_batch(self) -> subprocess.Popen[bytes]:
        """A `cat-file --batch` that waits for requests. Raises GitError."""
        pipe = subprocess.PIPE
        process = self._open_process(
            [*COMMAND, "cat-file", "--batch"], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL
        )
        process.stdout = timeout.watch_output(process, partial(self._build_stall_error, ("cat-file",)), _PIECE)
        return process

    def refuse_ignores(self, paths: Iterable[str]) -> None:
        """Raises GitError if git cannot read an ignore file of a parent folder of the paths."""
        folders = {folder for inner in {path.rpartition("/")[0] for path in paths} for folder in _iter_parents(inner)}
        obstacle = blocking_files.find_work_tree_obstacle(os.fspath(self.folder), ["", *sorted(folders)])
        if obstacle:
            raise GitError(f"{obstacle}, which git would wait for", "remove it")


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """Ends a process of `Git.start`, finished or not."""
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()


def _iter_parents(folder: str) -> Iterator[str]:
    """The folder and its parents, without the root."""
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]


def _get_arguments(process: subprocess.Popen[bytes]) -> Sequence[str]:
    """The command line of a process of `start`."""
    args = process.args
    return [str(word) for word in args][len(COMMAND) :] if isinstance(args, list) else ["?"]


def _pick_reason(lines: Sequence[str]) -> str:
    """The line of git's messages that states the reason."""
    told = [line for line in lines if line.startswith(("fatal:", "error:"))]
    return (told or [line for line in lines if not line.startswith(("hint:", "warning:"))] or [*lines, ""])[0]


def _suggest_cure(reason: str) -> str:
    if "not a git repository" in reason:
        return "run it inside a repository"
    return "check the revision, or fetch it" if "revision" in reason or "bad object" in reason else ""
