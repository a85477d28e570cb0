"""The standard streams: what is not written counts as failed, and a stream that is closed stays what it is."""

from __future__ import annotations

import contextlib
import io
import os
import sys

from credguard.errors import CredguardError

TYPE_CHECKING = False  # as in typing, which takes as long to import as Python to start
if TYPE_CHECKING:
    from collections.abc import Iterator

# The wrong direction, so that reading and writing fail; for messages, which nobody is to get, the right one.
_CLOSED = ((0, "stdin", os.O_WRONLY), (1, "stdout", os.O_RDONLY), (2, "stderr", os.O_WRONLY))


class _Output(io.TextIOWrapper):
    """Standard output, whose failures are told from those of other files."""

    def write(self, text: str) -> int:
        with _convert_errors():
            return super().write(text)

    def flush(self) -> None:
        with _convert_errors():
            super().flush()


class _Messages(io.TextIOWrapper):
    """Standard error: where nobody can be told, the exit code says enough."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


def fill_closed() -> None:
    """Opens what was closed when this process began: else a file that is opened later takes its number, and a report
    or a message is written into it."""
    for number, name, flags in _CLOSED:
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, flags)  # the lowest number that is free: the stream's own, as a rule
            if descriptor == number:
                os.set_inheritable(descriptor, True)
            handle = open(descriptor, "rb" if number == 0 else "wb", closefd=False)  # noqa: SIM115 - for good
            setattr(sys, name, io.TextIOWrapper(handle, "utf-8", "surrogateescape"))


def prepare() -> None:
    """Has failures of standard output end the run, and those of standard error not."""
    if type(sys.stdout) is io.TextIOWrapper:
        sys.stdout = _rewrap(sys.stdout, _Output)
    if type(sys.stderr) is io.TextIOWrapper:
        sys.stderr = _rewrap(sys.stderr, _Messages)


def _rewrap(stream: io.TextIOWrapper, kind: type[io.TextIOWrapper]) -> io.TextIOWrapper:
    encoding, lines, through = stream.encoding, stream.line_buffering, stream.write_through
    # What its encoding lacks is no reason to fail.
    return kind(stream.detach(), encoding, "backslashreplace", line_buffering=lines, write_through=through)


def write_stdout(report: bytes) -> None:
    """Writes a report to standard output, whole; raises CredguardError where that takes no more."""
    with _convert_errors():
        sys.stdout.flush()
        sys.stdout.buffer.write(report)
        sys.stdout.buffer.flush()


def read(most: int = -1) -> bytes:
    """Standard input, at most so many bytes; raises CredguardError where it cannot be read."""
    try:
        return sys.stdin.buffer.read(most)
    except OSError as error:
        raise CredguardError(f"standard input could not be read: {error.strerror}", "give it") from error


@contextlib.contextmanager
def _convert_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _give_up()
        hint = "make room for it, or give --output FILE"
        raise CredguardError(f"standard output could not be written: {error.strerror}", hint) from error


def _give_up() -> None:
    """What is left in the buffer goes nowhere, or Python would try it again at its end and exit with 120."""
    with contextlib.suppress(OSError, ValueError):
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, sys.stdout.fileno())
        os.close(descriptor)
