"""credguard for a hook or a shell in a test: asks the process that forks, as
`python -I -S client.py PLACE VARIABLES WORD…`.

It imports next to nothing, for that is what it saves. Where a Python of its own makes a difference, it starts one:
with other Python variables, another locale, or when nobody answers.
"""

import _socket
import marshal
import os
import sys

_LOCALES = ("", "C", "C.UTF-8")
_MOST_DESCRIPTORS = 64


def ask(place: str, words: "list[str]") -> int:
    """The exit code of the command line, run with this process's folder, environment and streams. Raises OSError."""
    numbers = [number for number in range(_MOST_DESCRIPTORS) if _is_given(number)]
    end_read, end_write = os.pipe()
    asks = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    asks.connect(place)
    mask = os.umask(0)
    text = marshal.dumps((words, os.getcwd(), dict(os.environ), numbers, mask))
    descriptors = b"".join(number.to_bytes(4, sys.byteorder) for number in (*numbers, end_write))
    asks.sendmsg([len(text).to_bytes(4, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, descriptors)])
    asks.sendall(text)
    os.close(end_write)
    os.read(end_read, 8)  # its number
    return int.from_bytes(os.read(end_read, 8), "big", signed=True)


def _is_given(number: int) -> bool:
    """What Python opens is never inheritable."""
    try:
        return os.get_inheritable(number)
    except OSError:
        return False


def is_like_the_tests(variables: str) -> bool:
    """Whether a process that is forked from the tests' own differs in nothing."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG", "")
    pythons = sorted(f"{name}={os.environ[name]}" for name in os.environ if name.startswith("PYTHON"))
    return locale in _LOCALES and "\n".join(pythons) == variables


if __name__ == "__main__":
    place, variables, *words = sys.argv[1:]
    try:
        code = ask(place, words) if is_like_the_tests(variables) else None
    except OSError:
        code = None
    if code is None:
        os.execv(sys.executable, [sys.executable, "-m", "credguard", *words])  # noqa: S606 - as a hook would
    if code < 0:
        os.kill(os.getpid(), -code)
    os._exit(code)
