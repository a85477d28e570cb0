"""A change to one file: shown as a redacted diff, and written atomically inside the tree."""

from __future__ import annotations

import difflib
import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from credguard.parsers.utf16 import has_mark
from credguard.rules import get_rule
from credguard.system import atomic
from credguard.system.compat import encode_path, open_to_read
from credguard.system.containment import OutsideError, Root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from credguard.model.findings import Finding
    from credguard.rule import Fix

LARGEST_EDIT = 1 << 20
_HIDDEN = "••••"


class RefusedError(Exception):
    """A file that has to be changed by hand; the text says why, and is shown after the file's name."""


@dataclass(frozen=True, slots=True)
class Edit:
    """The new content of a file; `before` is None for a new one. `hide` are texts in it that are not shown."""

    path: str
    before: bytes | None
    after: bytes
    hide: tuple[str, ...] = field(default=(), repr=False)

    def diff(self) -> Iterator[str]:
        """The change as a unified diff, line by line, without line ends."""
        old, new = (_split_lines(data or b"", self.hide) for data in (self.before, self.after))
        source = "/dev/null" if self.before is None else f"a/{self.path}"
        for line in difflib.unified_diff(old, new, source, f"b/{self.path}", lineterm=""):
            yield line.removesuffix("\r") if self._crlf else line

    @property
    def _crlf(self) -> bool:
        """True if Windows line ends are unchanged, and would only be noise."""
        return self.before is None or detect_line_ending(self.before) == detect_line_ending(self.after)


def find_fix(finding: Finding) -> Fix | None:
    """What is done about the finding, by its rule; None where that is left to a person."""
    try:
        return get_rule(finding.rule_id).fix
    except KeyError:
        return None


def _split_lines(data: bytes, hide: tuple[str, ...]) -> list[str]:
    text = data.decode("utf-8", "surrogateescape")
    for value in sorted(hide, key=len, reverse=True):
        text = text.replace(value, value[:4] + _HIDDEN)
    lines = text.split("\n")
    return lines[:-1] if not lines[-1] else [*lines[:-1], lines[-1] + "  (no line end)"]


def detect_line_ending(data: bytes) -> bytes:
    """The line end of most lines of a text."""
    return b"\r\n" if data.count(b"\r\n") * 2 > data.count(b"\n") else b"\n"


def append_lines(data: bytes, lines: list[str]) -> bytes:
    """The text with lines added at its end, with its own line ends."""
    end = detect_line_ending(data)
    start = data + end if data and not data.endswith(b"\n") else data
    return start + b"".join(encode_path(line) + end for line in lines)


def load_text(root: Path, path: str) -> bytes | None:
    """The bytes of a file of the tree, None if there is none; raises RefusedError for anything but a plain text file in
    it."""
    location = _resolve_path(root, path)
    try:
        if stat.S_ISLNK(os.lstat(location).st_mode):
            raise RefusedError("is a symbolic link, which is not followed: change its target yourself")
        descriptor = open_to_read(location)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RefusedError(f"could not be read: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise RefusedError("is not a file")
    with os.fdopen(descriptor, "rb") as handle:
        data = handle.read(LARGEST_EDIT + 1)
    if len(data) > LARGEST_EDIT:
        raise RefusedError("is over 1 MiB, too large to be changed here")
    if has_mark(data) or b"\0" in data:
        raise RefusedError("is UTF-16 or binary, which git and Docker cannot read: save it as UTF-8")
    return data


def write_edit(root: Path, edit: Edit) -> None:
    """Writes the change atomically, with the mode that the file had.

    Raises RefusedError if the file has changed since it was read, or cannot be written.
    """
    if load_text(root, edit.path) != edit.before:
        raise RefusedError("has changed during the run: run this again")
    location = _resolve_path(root, edit.path)
    try:
        mode = None if edit.before is None else stat.S_IMODE(os.lstat(location).st_mode)
        os.makedirs(os.path.dirname(location), exist_ok=True)
        atomic.replace_file(location, edit.after, mode, keep_owner=True)
    except OSError as error:
        raise RefusedError(f"could not be written: {error.strerror}") from error


def _resolve_path(root: Path, path: str) -> str:
    """The absolute path; raises RefusedError if it leads out of the tree, or into another repository."""
    tree = Root(root)
    try:
        location = tree.resolve_location(path)
    except OutsideError as error:
        raise RefusedError(str(error)) from None
    folder = os.path.dirname(location)
    while len(folder) > len(tree.top):
        if os.path.lexists(os.path.join(folder, ".git")):
            raise RefusedError("is in a nested repository: fix that one separately")
        folder = os.path.dirname(folder)
    return location
