"""A process that has imported all of credguard, and forks one for each command line that it is asked for.

tests/processes.py starts it: `python tests/parent.py SOCKET PLACE`. It is asked by SOCKET, and by whoever connects to
PLACE (tests/client.py).
"""

from __future__ import annotations

import array
import atexit
import contextlib
import fcntl
import gc
import io
import marshal
import os
import pkgutil
import select
import signal
import socket
import sys
import threading
from importlib import import_module
from os import fork, setsid  # which tests/without_posix.py takes away from all that comes later

Asked = tuple[list[str], str, dict[str, str], list[int], int | None]
"""The words of a command line, its folder, environment, descriptors (by their numbers), and umask where it is not the
tests' own."""
_STREAMS = (("stdin", "r", "surrogateescape"), ("stdout", "w", "surrogateescape"), ("stderr", "w", "backslashreplace"))
_MOST_DESCRIPTORS = 256


def serve(asks: socket.socket, place: socket.socket) -> Asked:
    """Answers until nobody asks any more; in each process that is forked, gives what it is to be."""
    woken, wakes = socket.socketpair()
    for end in (woken, wakes):
        end.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([asks, place, woken], [], [])
        if woken in ready:
            woken.recv(_MOST_DESCRIPTORS)
            _tell_ends(running)
        if asks in ready:
            asked, descriptors = _receive(asks)
        elif place in ready:
            with place.accept()[0] as connection:
                asked, descriptors = _receive(connection)
        else:
            continue
        child = fork()
        if not child:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _take(asked, descriptors)
            return asked
        running[child] = descriptors.pop()
        _tell(running[child], child)
        for descriptor in descriptors:
            os.close(descriptor)


def _receive(asks: socket.socket) -> tuple[Asked, list[int]]:
    """The next question, with its descriptors, of which the last is for its end; ends where nobody asks any more."""
    descriptors = array.array("i")
    head, ancillary, _, _ = asks.recvmsg(4, socket.CMSG_SPACE(_MOST_DESCRIPTORS * descriptors.itemsize))
    if not head:
        os._exit(0)
    for _, _, data in ancillary:
        descriptors.frombytes(data)
    left, text = int.from_bytes(head, "big"), bytearray()
    while len(text) < left:
        text += asks.recv(left - len(text))
    return marshal.loads(text), list(descriptors)  # noqa: S302 - our own words


def _take(asked: Asked, descriptors: list[int]) -> None:
    """Makes the folder, the environment, the descriptors and the umask this process's own, as if it had been started
    with them."""
    words, folder, variables, numbers, mask = asked
    kept = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, _MOST_DESCRIPTORS) for descriptor in descriptors[:-1]]
    setsid()  # so that what it leaves behind can be ended with it
    os.closerange(0, _MOST_DESCRIPTORS)
    for number, descriptor in zip(numbers, kept, strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.chdir(folder)
    if mask is not None:
        os.umask(mask)
    os.environ.clear()
    os.environ.update(variables)
    for number, (name, mode, errors) in enumerate(_STREAMS):
        stream = _open_stream(number, mode, errors) if number in numbers else None
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.argv = ["credguard", *words]
    sys.modules["__main__"] = import_module("credguard.__main__")  # where a pool of processes begins


def _open_stream(number: int, mode: str, errors: str) -> io.TextIOWrapper:
    stream = open(number, mode, 1 if number == 2 else -1, "utf-8", errors, closefd=False)  # noqa: SIM115
    assert type(stream) is io.TextIOWrapper
    return stream


def _tell_ends(running: dict[int, int]) -> None:
    """Says how each process ended that has."""
    while running:
        child, status = os.waitpid(-1, os.WNOHANG)
        if not child:
            return
        end = running.pop(child)
        _tell(end, os.waitstatus_to_exitcode(status))
        os.close(end)


def _tell(end: int, number: int) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(end, number.to_bytes(8, "big", signed=True))


def _end(code: int) -> None:
    """As Python ends, but for taking its modules apart, for which all of its memory would be copied."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()
    os._exit(code)


def _import_all() -> None:
    package = import_module("credguard")
    for module in pkgutil.walk_packages(package.__path__, "credguard."):
        if not module.name.endswith("__main__"):
            import_module(module.name)


if __name__ == "__main__":
    if fork():
        os._exit(0)  # whoever waits for children of its own is not to meet this one
    asks, place = socket.socket(fileno=int(sys.argv[1])), socket.socket(socket.AF_UNIX)
    place.bind(sys.argv[2])
    place.listen()
    if "without_posix" in sys.modules:
        import_module("without_posix").begin()
    _import_all()
    del sys.path[0]
    gc.collect()
    gc.freeze()  # what is looked through is copied
    serve(asks, place)
    _end(import_module("credguard.cli").main())
