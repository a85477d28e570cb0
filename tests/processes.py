"""credguard as a process of its own, forked from one that has imported all of it: that takes a tenth of a new start.

It has its own folder, environment, streams and end. What needs a Python of its own (its options, its variables, the
locale, what it imports) starts one.
"""

from __future__ import annotations

import array
import atexit
import functools
import marshal
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LIKE_OURS = ("", "C", "C.UTF-8")
"""Locales in which Python reads and writes as UTF-8."""
_ASKS = threading.Lock()


def run(
    words: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None, stdin: bytes = b"", timeout: float = 120
) -> subprocess.CompletedProcess[bytes]:
    """A command line, run to its end; raises TimeoutExpired. `env` is this process's own when None."""
    env = os.environ if env is None else env
    if not _can_fork(env):
        return subprocess.run(
            [sys.executable, "-m", "credguard", *words], cwd=cwd, env=env, input=stdin, capture_output=True,
            check=False, timeout=timeout,
        )  # fmt: skip
    (stdin_read, stdin_write), (out_read, out_write), (err_read, err_write) = os.pipe(), os.pipe(), os.pipe()
    end_read, end_write = os.pipe()
    _ask(words, cwd, env, [stdin_read, out_write, err_write, end_write])
    child = int.from_bytes(os.read(end_read, 8), "big")
    assert child, "the process that forks has ended"
    with ThreadPoolExecutor(3) as pool:
        out, err = pool.submit(_read, out_read), pool.submit(_read, err_read)
        pool.submit(_write, stdin_write, stdin)
        try:
            results = out.result(timeout), err.result(timeout)
        except TimeoutError:
            os.kill(-child, signal.SIGKILL)  # the group that it leads
            raise subprocess.TimeoutExpired(["credguard", *words], timeout) from None
    code = int.from_bytes(_read(end_read), "big", signed=True)
    return subprocess.CompletedProcess(["credguard", *words], code, *results)


def run_text(
    words: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None, stdin: str = "", timeout: float = 120
) -> subprocess.CompletedProcess[str]:
    """The same, with text for bytes."""
    done = run(words, cwd=cwd, env=env, stdin=stdin.encode(), timeout=timeout)
    out, err = (text.decode().replace("\r\n", "\n").replace("\r", "\n") for text in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


def format_hook(name: str) -> str:
    """A hook that runs this credguard."""
    return f'#!/bin/sh\nexec {format_command()} hook {name} "$@"\n'


def format_command() -> str:
    """credguard for a shell, with all that it gives a program: forked where it can be, so that no Python with all of
    credguard is started."""
    if os.name != "posix":
        return f'"{sys.executable}" -m credguard'
    _parent()
    client = f'"{sys.executable}" -I -S "{Path(__file__).with_name("client.py")}"'
    variables = shlex.quote("\n".join(sorted(f"{one}={os.environ[one]}" for one in os.environ if one[:6] == "PYTHON")))
    return f'{client} "{_place()}" {variables}'


def _place() -> str:
    """Where the process that forks for this one is asked by others."""
    return os.path.join(os.environ["TESTS_DATABASES"], f"forks-{os.getpid()}")


def _can_fork(env: Mapping[str, str]) -> bool:
    locale = env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG", "")
    pythons = {name for name in env if name.startswith("PYTHON") and env[name] != os.environ.get(name)}
    return os.name == "posix" and locale in _LIKE_OURS and not pythons


@functools.cache
def _parent() -> socket.socket:
    """Where to ask the process that forks. It is no child of this one, and ends when nobody can ask any more."""
    ours, theirs = socket.socketpair()
    with theirs:
        subprocess.run(
            [sys.executable, str(Path(__file__).with_name("parent.py")), str(theirs.fileno()), _place()],
            pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, check=True,
        )  # fmt: skip
    atexit.register(ours.close)
    return ours


def _ask(words: Sequence[str], cwd: Path, env: Mapping[str, str], descriptors: list[int]) -> None:
    text = marshal.dumps((list(words), str(cwd), dict(env), [0, 1, 2], None))
    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))
    with _ASKS:
        _parent().sendmsg([len(text).to_bytes(4, "big")], [rights])
        _parent().sendall(text)
    for descriptor in descriptors:
        os.close(descriptor)


def _read(descriptor: int) -> bytes:
    with open(descriptor, "rb") as handle:
        return handle.read()


def _write(descriptor: int, content: bytes) -> None:
    """What nobody reads is lost, as with any process."""
    try:
        with open(descriptor, "wb") as handle:
            handle.write(content)
    except BrokenPipeError:
        return
