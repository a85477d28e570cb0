"""What a stream can show: colours, how many columns, and which characters."""

from __future__ import annotations

import codecs
import os

TYPE_CHECKING = False  # as in typing, which takes as long to import as Python to start
if TYPE_CHECKING:
    from typing import TextIO

PLAIN_ERRORS = "credguard-plain"
"""How to encode text for a stream whose encoding may lack some of it; registered when this module is imported."""
_INSTEAD = {"\u2022": "*", "\u2026": "...", "\u2013": "-", "\u2014": "-", "\u2192": "->", "\u201c": '"', "\u201d": '"'}


def has_colours(stream: TextIO | None, *, off: bool = False) -> bool:
    """True where the stream is to have colours: NO_COLOR and `off` forbid them, FORCE_COLOR and CLICOLOR_FORCE ask
    for them, else a terminal has them that TERM does not call dumb and for which CLICOLOR is not 0."""
    if off or os.environ.get("NO_COLOR"):
        return False
    if any(os.environ.get(name, "0") not in ("", "0") for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    if os.environ.get("CLICOLOR") == "0" or os.environ.get("TERM") == "dumb":
        return False
    return stream is not None and stream.isatty()


def measure_width(stream: TextIO | None) -> int:
    """The columns of the terminal that the stream leads to, or those that COLUMNS names; 0 for any number."""
    named = os.environ.get("COLUMNS", "")
    if named.isascii() and named.isdigit() and int(named):
        return int(named)
    try:
        return os.get_terminal_size(stream.fileno()).columns if stream is not None and stream.isatty() else 0
    except (OSError, ValueError):
        return 0


def encode_for(stream: TextIO, text: bytes) -> bytes:
    """UTF-8 text as the stream's encoding has it, with something plain in place of what it lacks."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text if encoding.lower().replace("-", "") == "utf8" else text.decode().encode(encoding, PLAIN_ERRORS)


def _replace_unknown(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(_INSTEAD.get(one) or one.encode("unicode_escape").decode() for one in missing), error.end


codecs.register_error(PLAIN_ERRORS, _replace_unknown)
