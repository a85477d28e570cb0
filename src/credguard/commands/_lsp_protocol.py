"""The Language Server Protocol as `credguard lsp` serves it: what breaks it is answered in words that quote nothing."""

from __future__ import annotations

import logging
import re
import sys
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.protocol import LanguageServerProtocol

from credguard.errors import CredguardError

if TYPE_CHECKING:
    from typing import BinaryIO

_LARGEST_MESSAGE = 512 << 20
_LONGEST_HEADER = 1 << 12
_LENGTH = re.compile(rb"content-length:[ \t]*(\d{1,12})[ \t]*\r?\n", re.IGNORECASE)
_HEADER = re.compile(rb"[A-Za-z-]+:[^\r\n]*\r?\n")
_FORMAT = re.compile(r"%[a-z]")
_WORDS = {
    types.ErrorCodes.ParseError: "the message is no valid JSON",
    types.ErrorCodes.InvalidRequest: "the message is none of JSON-RPC 2.0",
    types.ErrorCodes.MethodNotFound: "credguard has no such method",
    types.ErrorCodes.InvalidParams: "the message does not have the form that the protocol gives it",
    types.LSPErrorCodes.RequestCancelled: "cancelled",
}


class Protocol(LanguageServerProtocol):
    """pygls's protocol, whose errors hold neither a traceback nor what was sent, and which answers every request."""

    def structure_message(self, data: dict[str, Any]) -> Any:  # noqa: ANN401 - any of the protocol's messages
        """See pygls; a request that has no valid form is answered, too."""
        try:
            return super().structure_message(data)
        except Exception:
            if "method" in data and isinstance(data.get("id"), (int, str)):
                self._send_response(data["id"], error=types.ResponseError(types.ErrorCodes.InvalidParams, ""))
            raise

    def handle_message(self, message: Any) -> None:  # noqa: ANN401 - any of the protocol's messages
        """See pygls; raises ValueError for what is no message."""
        if getattr(message, "jsonrpc", None) != self.VERSION:
            raise ValueError("no message of JSON-RPC 2.0")
        super().handle_message(message)

    def _send_response(
        self,
        msg_id: int | str,
        result: Any | None = None,  # noqa: ANN401 - any of the protocol's answers
        error: types.ResponseError | None = None,
    ) -> None:
        if error is not None:
            error = types.ResponseError(error.code, _WORDS.get(error.code, "a bug in credguard: this was not done"))
        super()._send_response(msg_id, result, error)


class Input:
    """Standard input as pygls reads it, with the headers in the form that it knows.

    Raises CredguardError for what is not the protocol, after which nothing can be read any more.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._has_length = stream, False

    def readline(self) -> bytes:
        """The next line of a header; empty at the end."""
        line = self._stream.readline(_LONGEST_HEADER)
        length = _LENGTH.fullmatch(line)
        if length and int(length[1]) <= _LARGEST_MESSAGE:
            self._has_length = True
            return b"Content-Length: %d\r\n" % int(length[1])
        if line in (b"\r\n", b"\n") and self._has_length:
            self._has_length = False
            return b"\r\n"
        if line and (length or not _HEADER.fullmatch(line)):
            what = "a message over 512 MiB" if length else "no message of the Language Server Protocol"
            raise CredguardError(f"{what} came on standard input", "have an editor start `credguard lsp`")
        return line

    def read(self, size: int) -> bytes:
        """The bytes of a message."""
        return self._stream.read(size)


class _Lines(logging.Handler):
    """Prints a record's fixed words and none of its arguments, which may quote a document."""

    def emit(self, record: logging.LogRecord) -> None:
        """See logging."""
        words = _FORMAT.sub("…", str(record.msg).partition("\n")[0])[:200]
        print_line(f"{record.name}: {words}")


def print_line(text: str) -> None:
    """A line on standard error, which editors keep as the server's log."""
    from credguard.report import make_printable

    try:
        print(f"credguard lsp: {make_printable(text)}", file=sys.stderr, flush=True)
    except (OSError, ValueError):  # nobody reads it
        return


def prepare_logging() -> None:
    """Has pygls and asyncio print lines that hold no document's text."""
    handler = _Lines(logging.WARNING)
    for name in ("pygls", "asyncio", "cattrs", "lsprotocol"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
    logging.lastResort = None
