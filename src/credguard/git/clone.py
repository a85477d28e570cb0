"""Repositories given by URL: cloned into a private folder that is removed when the audit ends, however it ends."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from credguard.errors import CredguardError, ExitCode
from credguard.git import blocking_files
from credguard.lazy_re import compile_lazily
from credguard.system.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    Progress = Callable[[str, float], None]

_URL = compile_lazily(r"[A-Za-z][A-Za-z0-9+.\-]*://|[A-Za-z][A-Za-z0-9+.\-]*::|[^/\\:\s]+@[^/\\:\s]+:")
_HELPER = compile_lazily(r"[A-Za-z][A-Za-z0-9+.\-]*::")
_LIKE_URL = compile_lazily(
    r"\s*(?:(?:[A-Za-z][A-Za-z0-9+.\-]*)://+|(?:https?|ssh|git|file|(?:git\+ssh|ssh\+git)|ftps?):/+|//+)"
)
_NO_PORT = compile_lazily(r"\A([^/:\[\]]*):(?!\d{1,5}(?:[/?#;]|\Z)).*", re.DOTALL)
_SCHEMES = ("https", "http", "ssh", "git", "file", "git+ssh", "ssh+git")
_ENVIRONMENT = {
    "GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "https:http:ssh:git:file", "GIT_LFS_SKIP_SMUDGE": "1",
    "LC_ALL": "C", "GIT_ASKPASS": "true", "SSH_ASKPASS": "true",
    "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes -oServerAliveInterval=20"),
    "GIT_HTTP_LOW_SPEED_LIMIT": "1", "GIT_HTTP_LOW_SPEED_TIME": "120",  # less than a byte per second for this long
}  # fmt: skip
_REASONS = (
    (r"invalid index-pack output|file too large|file size limit",
     "its pack could not be stored: it may be larger than the room for it"),
    (r"could not resolve|unable to look up|name or service not known|no address associated", "its host is not known"),
    (r"timed out|timeout", "its host did not answer in time"),
    (r"connection refused|failed to connect|couldn.t connect|unable to connect|could not connect|unreachable",
     "its host could not be reached"),
    (r"host key verification|certificate|ssl|tls", "its host could not be verified"),
    (r"permission denied|authentication failed|access denied|could not read (?:username|password)|error: 40[137]",
     "access was denied"),
    (r"dubious ownership", "it belongs to another user"),
    (r"not found|does not exist|does not appear to be a git repository|no such file|error: 404",
     "no repository was found there"),
    (r"no space left|disk quota", "there is no room for it on this disk"),
    (r"not allowed|not supported|unable to find remote helper|url (?:using|rejected)|bad/illegal format",
     "git cannot use this address"),
    (r"cannot run|unable to fork", "git could not start the program that connects"),
    (r"hung up|connection (?:closed|reset)|early eof|rpc failed|index-pack failed|disconnect|empty reply",
     "the connection broke off"),
)  # fmt: skip
_TRANSIENT = (
    "its host is not known", "its host did not answer in time", "its host could not be reached",
    "there is no room for it on this disk", "the connection broke off", "git could not fetch it",
)  # fmt: skip
_ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class CloneError(CredguardError):
    """A repository that could not be cloned; `is_transient` where the next try may succeed."""

    def __init__(self, url: str, reason: str) -> None:
        message = f"{redact_url(url)} could not be cloned: {reason}"
        super().__init__(message, "check the address and your access", ExitCode.INCOMPLETE)
        self.is_transient = reason in _TRANSIENT


def is_url(target: str) -> bool:
    """True for what git would fetch: a URL, a `helper::address`, or `user@host:path`."""
    return bool(_URL.match(target))


def redact_url(address: str) -> str:
    """The address without user, password, query and parameters, safe for any output; a folder keeps its name.

    A password may contain any character, and a mistyped URL looks like a path: everything up to the last `@` is
    removed.
    """
    if _HELPER.match(address):
        return f"{_parse_scheme(address)}::"
    start = _LIKE_URL.match(address)
    if not is_url(address) and (os.path.isdir(address) or not start):
        is_path = os.path.isdir(address) or not {":", "@"} <= {*address}
        return address if is_path else address.rpartition("@")[2]
    rest = (address[start.end() :] if start else address).rpartition("@")[2]
    if not start:
        return _strip_extras(rest)
    return start[0].strip() + _strip_extras(_NO_PORT.sub(r"\1", rest, count=1))


def _strip_extras(rest: str) -> str:
    return re.split(r"[?#;]", rest, maxsplit=1)[0]


def _parse_scheme(address: str) -> str:
    """The word before `://` or `::`, if it can be nothing else."""
    word = re.split(r"::|://", address, maxsplit=1)[0].lower()
    return word if re.fullmatch(r"[a-z][a-z+]{0,9}", word) else "this kind of address"


def parse_file_url(url: str) -> str:
    """The folder of a `file://` URL, "" for other URLs."""
    return unquote(url[len("file://") :], errors="surrogateescape") if url[:7].lower() == "file://" else ""


@contextlib.contextmanager
def clone_mirror(url: str, progress: Progress | None = None) -> Iterator[Path]:
    """A bare mirror of the repository at `url`, with every ref that its server shows; removed at the end.

    `progress` gets git's stage and the completed share (0 to 1). Raises CredguardError (incomplete) if it cannot be
    cloned, and (usage) for an address that would run a program.
    """
    refuse_address(url)
    with _make_private_folder() as folder:
        path = folder / "repository.git"
        _clone(url, path, folder, progress)
        yield path


def refuse_address(url: str) -> None:
    """Raises CredguardError for an address with which git would run a program, or that looks like an option, and for a
    folder in which git would hang."""
    named = re.match(r"[A-Za-z][A-Za-z0-9+.\-]*://", url)
    if _HELPER.match(url) or (named and named[0][:-3].lower() not in _SCHEMES):
        raise CredguardError(
            f"{_parse_scheme(url)}: git would run a program for this address", f"give one of {', '.join(_SCHEMES[:5])}"
        )
    obstacle = blocking_files.find_repository_obstacle(parse_file_url(url), {}) if parse_file_url(url) else ""
    if obstacle:
        raise CredguardError(f"{obstacle}, which git would wait for", "remove it", ExitCode.INCOMPLETE)
    if url.startswith("-") or re.match(r"[^:/@]*@-|[a-z+]+://(?:[^/@]*@)?-", url) or re.search(r"[\x00-\x1f]", url):
        raise CredguardError("an address that looks like an option is not cloned", "check the URL")


def _clone(url: str, path: Path, folder: Path, progress: Progress | None) -> None:
    import git

    empty = folder / "template"
    empty.mkdir()
    environment = {**_ENVIRONMENT, "GIT_TEMPLATE_DIR": str(empty)}
    try:
        git.Repo.clone_from(
            url, path, progress=_wrap_progress(progress), env=environment, mirror=True, allow_unsafe_protocols=False,
            allow_unsafe_options=False,
        ).close()  # fmt: skip
    except git.exc.UnsafeProtocolError:
        raise CredguardError(
            f"{_parse_scheme(url)}: git would run a program for this address", "give an https URL"
        ) from None
    except (git.exc.GitError, OSError, ValueError) as error:
        raise CloneError(url, _explain_error(getattr(error, "stderr", "") or "")) from None
    except BaseException as error:
        traceback.clear_frames(error.__traceback__)  # which releases git's process, and so ends it
        raise


def list_remote_refs(url: str) -> bytes | None:
    """The server's list of refs, None if it is not available."""
    import git

    refuse_address(url)
    try:
        words = git.cmd.Git().ls_remote("--", url, env=_ENVIRONMENT, strip_newline_in_stdout=False)
    except (git.exc.GitError, OSError):
        return None
    return str(words).encode("utf-8", "surrogateescape")


def _wrap_progress(progress: Progress | None) -> Callable[..., None] | None:
    if progress is None:
        return None
    stages = {4: "counting", 8: "compressing", 16: "writing", 32: "receiving", 64: "resolving", 256: "checking out"}

    def update(code: int, current: str | float, most: str | float | None = None, _message: str = "") -> None:
        share = float(current) / float(most) if most else 0.0
        progress(stages.get(code & ~3, "cloning"), min(share, 1.0))

    return update


def _explain_error(words: str) -> str:
    """Describes an error of git; its own words are not repeated, because they may contain a part of a password."""
    words = re.sub(r"'[^'\n]*'|\S*://\S*", "", words)
    return next((reason for signs, reason in _REASONS if re.search(signs, words, re.I)), "git could not fetch it")


@contextlib.contextmanager
def _make_private_folder() -> Iterator[Path]:
    """A folder that only this user can enter; signals that end a process remove it as well."""
    folder = Scratch()
    before: dict[int, Any] = {}
    late: list[int] = []
    removing = False

    def end(number: int, _frame: FrameType | None) -> None:
        if removing:
            late.append(number)
            return
        for one in before:  # a second signal must not interrupt the removal
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    try:
        with contextlib.suppress(ValueError):  # not in the main thread, where signals cannot be set
            for number in _ENDING:
                before[number] = signal.getsignal(number) or signal.SIG_DFL
                signal.signal(number, end)
        folder.make()
        yield Path(folder.path)
    finally:
        removing = True
        folder.remove()
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in late[:1]:
            signal.raise_signal(number)
