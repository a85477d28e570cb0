"""What every report shares: its name, and text that is safe to show."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from credguard.regex import regex

if TYPE_CHECKING:
    from collections.abc import Callable

    from credguard.model import ScanResult

FORMATS = ("text", "json", "sarif", "github", "gitlab", "gitlab-secrets", "junit", "csv", "markdown", "html")

# C0, DEL and C1 controls drive terminals; line separators and bidirectional marks reorder what is read.
_UNSAFE = regex(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")


def printable(text: str) -> str:
    """`text` with control, bidirectional and undecodable characters as backslash escapes."""
    whole = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), whole)


def render(name: str, result: ScanResult) -> bytes:
    """The report in one of FORMATS, as it stands in a file."""
    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    return cast("Callable[[ScanResult], bytes]", module.render)(result)
