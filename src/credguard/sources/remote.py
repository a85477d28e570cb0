"""Repositories given by URL: cloned into a private folder that is gone when the audit ends, however it ends."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from credguard.errors import CredguardError, ExitCode
from credguard.regex import regex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    Progress = Callable[[str, float], None]

_URL = regex(r"[A-Za-z][A-Za-z0-9+.\-]*://|[A-Za-z][A-Za-z0-9+.\-]*::|[^/\\:\s]+@[^/\\:\s]+:")
_SCHEMES = ("https", "http", "ssh", "git", "file", "git+ssh", "ssh+git")
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "https:http:ssh:git:file", "GIT_LFS_SKIP_SMUDGE": "1",
    "LC_ALL": "C", "GIT_ASKPASS": "true", "SSH_ASKPASS": "true",
    "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes"),
}  # fmt: skip
_TRIES, _PAUSE = 50, 0.1
_PREFIX = "credguard-clone-"
_ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def is_url(target: str) -> bool:
    """True for what git would fetch: a URL, a `helper::address`, or `user@host:path`."""
    return bool(_URL.match(target))


def shown(url: str) -> str:
    """The URL without user, password and query, fit for any output."""
    head, mark, rest = url.partition("://")
    rest = rest.partition("?")[0].partition("#")[0]
    authority, slash, path = rest.partition("/")
    return f"{head}{mark}{authority.rpartition('@')[2]}{slash}{path}" if mark else url


@contextlib.contextmanager
def cloned(url: str, progress: Progress | None = None) -> Iterator[Path]:
    """A bare mirror of the repository at `url`, with every ref that its server shows; removed at the end.

    `progress` is told git's stage and the share done (0 to 1). Raises CredguardError (incomplete)
    where it cannot be cloned, and (usage) for an address that would run a program.
    """
    refuse(url)
    with _private_folder() as folder:
        path = folder / "repository.git"
        _clone(url, path, folder, progress)
        yield path


def refuse(url: str) -> None:
    """Raises CredguardError for an address with which git would run a program, or that looks like an option."""
    scheme = re.split(r"::|://", url, maxsplit=1)[0].lower()
    if "::" in url.partition("://")[0] or ("://" in url and scheme not in _SCHEMES):
        raise CredguardError(
            f"{shown(url)}: git would run a program for this address", f"give one of {', '.join(_SCHEMES[:5])}"
        )
    if url.startswith("-") or re.match(r"[^:/@]*@-|[a-z+]+://(?:[^/@]*@)?-", url) or re.search(r"[\x00-\x1f]", url):
        raise CredguardError("an address that looks like an option is not cloned", "check the URL")


def _clone(url: str, path: Path, folder: Path, progress: Progress | None) -> None:
    import git

    empty = folder / "template"
    empty.mkdir()
    environment = {**_ENVIRONMENT, "GIT_TEMPLATE_DIR": str(empty)}
    try:
        git.Repo.clone_from(
            url, path, progress=_told(progress), env=environment, mirror=True, allow_unsafe_protocols=False,
            allow_unsafe_options=False,
        ).close()  # fmt: skip
    except git.exc.UnsafeProtocolError as error:
        raise CredguardError(f"{shown(url)}: git would run a program for this address", "give an https URL") from error
    except (git.exc.GitError, OSError, ValueError) as error:
        reason = _reason(getattr(error, "stderr", "") or "")
        raise CredguardError(
            f"{shown(url)} could not be cloned: {reason}", "check the address and your access", ExitCode.INCOMPLETE
        ) from None
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)  # which lets go of git's process, and that ends it
        raise


def refs(url: str) -> bytes | None:
    """What the server says of its refs, None where it cannot be asked."""
    import git

    refuse(url)
    try:
        words = git.cmd.Git().ls_remote("--", url, env=_ENVIRONMENT, strip_newline_in_stdout=False)
    except (git.exc.GitError, OSError):
        return None
    return str(words).encode("utf-8", "surrogateescape")


def _told(progress: Progress | None) -> Callable[..., None] | None:
    if progress is None:
        return None
    stages = {4: "counting", 8: "compressing", 16: "writing", 32: "receiving", 64: "resolving", 256: "checking out"}

    def tell(code: int, current: str | float, most: str | float | None = None, _message: str = "") -> None:
        share = float(current) / float(most) if most else 0.0
        progress(stages.get(code & ~3, "cloning"), min(share, 1.0))

    return tell


def _reason(words: str) -> str:
    """What git said, one line, every address in it without credentials."""
    lines = [
        line.strip() for line in words.replace("'", " ").splitlines() if re.search("fatal|error|denied", line, re.I)
    ]
    line = lines[-1] if lines else "git gave no reason"
    return re.sub(r"\S+://\S+", lambda match: shown(match[0]), line)


@contextlib.contextmanager
def _private_folder() -> Iterator[Path]:
    """A folder that only this user can enter; signals that end a process remove it as well."""
    _sweep()
    folder = Path(tempfile.gettempdir(), f"{_PREFIX}{os.getpid()}-{secrets.token_hex(8)}")
    before: dict[int, Any] = {}

    def end(number: int, _frame: FrameType | None) -> None:
        for one in before:  # a second signal is not to end the removal
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    try:
        with contextlib.suppress(ValueError):  # not in the main thread: then it is not ours to set
            for number in _ENDING:
                before[number] = signal.getsignal(number) or signal.SIG_DFL
                signal.signal(number, end)
        folder.mkdir(0o700)
        yield folder
    finally:
        _remove(folder)
        for number, handler in before.items():
            signal.signal(number, handler)


def _remove(folder: Path) -> None:
    """Removes the folder; git leaves its objects read-only, which is in the way on some systems."""

    def again(remove: Callable[[str], object], path: str, _why: object) -> None:
        with contextlib.suppress(OSError):
            os.chmod(path, 0o700)
            remove(path)

    for _ in range(_TRIES):  # a git that is about to end may still write
        shutil.rmtree(folder, onerror=again)
        if not folder.exists():
            return
        time.sleep(_PAUSE)


def _sweep() -> None:
    """Removes what audits left that were killed without a chance to clean up."""
    if not hasattr(os, "getuid"):
        return
    with contextlib.suppress(OSError):
        for entry in os.scandir(tempfile.gettempdir()):
            owner = re.fullmatch(rf"{_PREFIX}(\d+)-.*", entry.name)
            if (
                owner
                and entry.is_dir(follow_symlinks=False)
                and entry.stat(follow_symlinks=False).st_uid == os.getuid()
            ):
                try:
                    os.kill(int(owner[1]), 0)
                except ProcessLookupError:
                    _remove(Path(entry.path))
                except OSError:
                    continue
