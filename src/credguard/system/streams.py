"""The standard streams: unwritten output is an error, and a closed stream stays closed."""

from __future__ import annotations

import contextlib
import io
import os
import sys

from credguard.errors import CredguardError
from credguard.system.terminal import PLAIN_ERRORS

TYPE_CHECKING = False  # as in typing, which takes as long to import as Python to start
if TYPE_CHECKING:
    from collections.abc import Iterator

# The wrong direction, so that reading and writing fail; for messages, which are discarded, the right one.
_CLOSED = ((0, "stdin", os.O_WRONLY), (1, "stdout", os.O_RDONLY), (2, "stderr", os.O_WRONLY))


class _Output(io.TextIOWrapper):
    """Standard output, with failures distinguished from those of other files."""

    def write(self, text: str) -> int:
        with _convert_errors():
            return super().write(text)

    def flush(self) -> None:
        with _convert_errors():
            super().flush()


class _Messages(io.TextIOWrapper):
    """Standard error: if it cannot be written, the exit code is enough."""

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            super().flush()


def fill_closed() -> None:
    """Opens what was closed when this process began: otherwise a file that is opened later gets its number, and a
    report or a message is written into it."""
    for number, name, flags in _CLOSED:
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, flags)  # the lowest free number: usually the stream's own
            if descriptor == number:
                os.set_inheritable(descriptor, True)
            handle = open(descriptor, "rb" if number == 0 else "wb", closefd=False)  # noqa: SIM115 - for good
            setattr(sys, name, io.TextIOWrapper(handle, "utf-8", "surrogateescape"))


def prepare() -> None:
    """Makes failures of standard output end the run, and those of standard error not."""
    if type(sys.stdout) is io.TextIOWrapper:
        sys.stdout = _rewrap(sys.stdout, _Output)
    if type(sys.stderr) is io.TextIOWrapper:
        sys.stderr = _rewrap(sys.stderr, _Messages)


def _rewrap(stream: io.TextIOWrapper, kind: type[io.TextIOWrapper]) -> io.TextIOWrapper:
    encoding, lines, through = _find_encoding(stream), stream.line_buffering, stream.write_through
    # Characters that its encoding lacks must not cause a failure.
    return kind(stream.detach(), encoding, PLAIN_ERRORS, line_buffering=lines, write_through=through)


def _find_encoding(stream: io.TextIOWrapper) -> str:
    """That of the stream, or the one of PYTHONIOENCODING, which Python does not read where it starts isolated, as it
    does for the command."""
    named = os.environ.get("PYTHONIOENCODING", "").partition(":")[0] if sys.flags.ignore_environment else ""
    try:
        return io.TextIOWrapper(io.BytesIO(), named).encoding if named else stream.encoding
    except LookupError:
        return stream.encoding


def write_stdout(report: bytes) -> None:
    """Writes a report to standard output, completely; raises CredguardError if that fails."""
    with _convert_errors():
        sys.stdout.flush()
        sys.stdout.buffer.write(report)
        sys.stdout.buffer.flush()


def write_messages(report: bytes) -> None:
    """Writes to standard error, if it takes it: the exit code says enough."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
        sys.stderr.buffer.write(report)
        sys.stderr.buffer.flush()


def read(most: int = -1) -> bytes:
    """Standard input, at most this many bytes; raises CredguardError if it cannot be read."""
    try:
        return sys.stdin.buffer.read(most)
    except OSError as error:
        raise CredguardError(f"standard input could not be read: {error.strerror}", "provide it") from error


@contextlib.contextmanager
def _convert_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _give_up()
        hint = "free some space, or give --output FILE"
        raise CredguardError(f"standard output could not be written: {error.strerror}", hint) from error


def _give_up() -> None:
    """Discards the rest of the buffer; Python would try to write it again at exit and exit with 120."""
    with contextlib.suppress(OSError, ValueError):
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, sys.stdout.fileno())
        os.close(descriptor)
