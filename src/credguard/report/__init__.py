"""What every report shares: its name, and text that is safe to show."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    from re import Match

    from credguard.model.findings import ScanResult
    from credguard.report.interface import Report

FORMATS = ("text", "concise", "json", "sarif", "github", "gitlab", "gitlab-secrets", "junit", "csv", "markdown", "html")
FOR_PEOPLE = ("text", "concise")
"""Formats that are read where they are printed, in the encoding of the terminal."""

# Characters that Python calls printable and that show as nothing: what else Unicode lists as
# Default_Ignorable_Code_Point (DerivedCoreProperties.txt), and two that are blank by design.
_BLANK = compile_lazily(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U0001d159\U000e0100-\U000e01ef]"
)
# What a CI system that reads a log takes for a command: GitHub's runner at the start of a line, and like Azure
# Pipelines and TeamCity anywhere in one (actions/runner, ActionCommand.cs).
_COMMAND = compile_lazily(r"\A\s*:(?=:)|#(?=#(?:\[|vso\[|teamcity\[))")
# A lone surrogate that stands for no byte (of JSON's `\ud800`); those that stand for one are decoded with the rest.
_LONE = compile_lazily("[\ud800-\udc7f\udd00-\udfff]")


def make_printable(text: str) -> str:
    r"""`text` with all that a reader would not see as a sign of its own as backslash escapes: what drives a terminal,
    reorders text or shows as nothing, blanks other than U+0020, bytes that are no UTF-8, and code points without a
    meaning, and what makes a CI system obey. It is valid in UTF-8 and XML, and has one line."""
    text = _COMMAND.sub(lambda match: f"{match[0][:-1]}\\x{ord(match[0][-1]):02x}", text)
    if text.isascii() and text.isprintable():
        return text
    whole = _LONE.sub(_escape_match, text).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if not whole.isprintable():  # of the Unicode categories Cc, Cf, Cs, Co, Cn, Zl, Zp and Zs, but for a space
        whole = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in whole)
    return _BLANK.sub(_escape_match, whole)


def sanitize_data(value: object) -> object:
    """Lists, mappings and scalars as JSON has them, every text in them printable."""
    if isinstance(value, str):
        return make_printable(value)
    if isinstance(value, dict):
        return {make_printable(str(name)): sanitize_data(one) for name, one in value.items()}
    return [sanitize_data(one) for one in value] if isinstance(value, (list, tuple, set, frozenset)) else value


def _escape_match(match: Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


def render(name: str, result: ScanResult) -> bytes:
    """The report in one of FORMATS, as it stands in a file."""
    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    return cast("Report", module).render(result)
