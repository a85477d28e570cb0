"""A process that has imported all of credguard, and forks one for each command line that it is asked for.

tests/processes.py starts it: `python tests/parent.py SOCKET PLACE`. It is asked by SOCKET, and by whoever connects to
PLACE (tests/client.py).
"""

from __future__ import annotations

import array
import atexit
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

Asked = tuple[list[str], str, dict[str, str]]
"""The words of a command line, the folder that it runs in, and its environment."""
_STREAMS = (("stdin", "r", "surrogateescape"), ("stdout", "w", "surrogateescape"), ("stderr", "w", "backslashreplace"))
_DESCRIPTORS = 4
_MOST_DESCRIPTORS = 256


def serve(asks: socket.socket, place: socket.socket) -> Asked:
    """Answers until nobody asks any more; in each process that is forked, gives what it is to be."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the processes that wait
    while True:
        ready, _, _ = select.select([asks, place], [], [])
        if asks in ready:
            asked, descriptors = _receive(asks)
        else:
            with place.accept()[0] as connection:
                asked, descriptors = _receive(connection)
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            child = os.fork()
            if not child:
                _take(asked, descriptors)
                return asked
            _tell_the_end(child, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _receive(asks: socket.socket) -> tuple[Asked, list[int]]:
    """The next question, with its standard streams and where its end is told; ends where nobody asks any more."""
    descriptors = array.array("i")
    head, ancillary, _, _ = asks.recvmsg(4, socket.CMSG_SPACE(_DESCRIPTORS * descriptors.itemsize))
    if not head:
        os._exit(0)
    for _, _, data in ancillary:
        descriptors.frombytes(data)
    left, text = int.from_bytes(head, "big"), bytearray()
    while len(text) < left:
        text += asks.recv(left - len(text))
    return marshal.loads(text), list(descriptors)  # noqa: S302 - our own words


def _take(asked: Asked, descriptors: list[int]) -> None:
    """Makes the folder, the environment and the streams this process's own, as if it had been started with them."""
    words, folder, variables = asked
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
    os.setsid()  # so that what it leaves behind can be ended with it
    os.closerange(3, _MOST_DESCRIPTORS)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    for number, (name, mode, errors) in enumerate(_STREAMS):
        stream = open(number, mode, 1 if name == "stderr" else -1, "utf-8", errors, closefd=False)  # noqa: SIM115
        assert type(stream) is io.TextIOWrapper
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    sys.argv = ["credguard", *words]


def _tell_the_end(child: int, descriptors: list[int]) -> None:
    """Says the number of a process at once, and how it ended when it has."""
    for descriptor in descriptors[:3]:
        os.close(descriptor)
    os.write(descriptors[3], child.to_bytes(8, "big"))
    _, status = os.waitpid(child, 0)
    os.write(descriptors[3], os.waitstatus_to_exitcode(status).to_bytes(8, "big", signed=True))
    os._exit(0)


def _end(code: int) -> None:
    """As Python ends, but for taking its modules apart, for which all of its memory would be copied."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def _import_all() -> None:
    package = import_module("credguard")
    for module in pkgutil.walk_packages(package.__path__, "credguard."):
        if not module.name.endswith("__main__"):
            import_module(module.name)


if __name__ == "__main__":
    if os.fork():
        os._exit(0)  # whoever waits for children of its own is not to meet this one
    asks, place = socket.socket(fileno=int(sys.argv[1])), socket.socket(socket.AF_UNIX)
    place.bind(sys.argv[2])
    place.listen()
    _import_all()
    del sys.path[0]
    gc.collect()
    gc.freeze()  # what is looked through is copied
    serve(asks, place)
    _end(import_module("credguard.cli").main())
