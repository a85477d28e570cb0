"""Whether a path stays below a folder: the only place where this is decided, for names and for links on the way."""

from __future__ import annotations

import os
import re

from credguard.system.compat import encode_path, is_link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

_UP = ("", ".", "..")
_WINDOWS_ONLY = re.compile(r"[\\:]|(?:\A|/)(?:con|prn|aux|nul|com\d|lpt\d)(?:[. ][^/]*)?(?:\Z|/)", re.IGNORECASE)
"""Separators, drives, streams and devices (learn.microsoft.com, "Naming Files, Paths, and Namespaces")."""
# Names that file systems of macOS and Windows treat as `.git`: git's own read-cache.c (verify_dotfile) and utf8.c
# reject them.
_IGNORED = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_GIT = re.compile(r"(?:\.git|git~1)(?:[ .]*|:.*)", re.IGNORECASE | re.DOTALL)

OUTSIDE = "is outside of the scanned folder"
LINKED = "is behind a symbolic link, which is not followed"
ODD = "is not a valid file path: git itself would not write it to disk"


class OutsideError(ValueError):
    """The text says why a path is not followed, and continues the path."""


def is_plain(path: str) -> bool:
    """True for names separated by `/` that only lead down, and that this system does not interpret otherwise."""
    if "\0" in path or (os.name == "nt" and _WINDOWS_ONLY.search(path)):
        return False
    if not path.isascii():
        try:
            encode_path(path)
        except UnicodeEncodeError:
            return False
    return not any(part in _UP for part in path.split("/"))


def is_checked_out(path: str) -> bool:
    """True for a path that git writes to disk; an index and a tree may contain others, which it then refuses."""
    return is_plain(path) and not any(
        _GIT.fullmatch(_IGNORED.sub("", part)) for part in path.split("/") if part[:1] in ".gG" or not part.isascii()
    )


def make_relative(location: str, folder: str) -> str:
    """The `/`-separated path from a folder to a location, which begins with `../` if that is outside of it."""
    try:
        return os.path.relpath(os.path.realpath(location), os.path.realpath(folder)).replace(os.sep, "/")
    except ValueError:  # another drive
        return f"../{os.path.basename(location)}"


class Root:
    """A folder; its results are below it. Links in the path of the folder itself are followed."""

    def __init__(self, folder: Path | str) -> None:
        self.top = os.path.realpath(folder)
        self._start = self.top.rstrip(os.sep) + os.sep
        self._folders = {"": ""}

    def explain_refusal(self, path: str) -> str:
        """Why a path is not followed, in words that continue it; "" if it is. The last name may be a link."""
        if not is_plain(path):
            return OUTSIDE
        folder = path.rpartition("/")[0]
        known = self._folders.get(folder)
        return self._check_folder(folder) if known is None else known

    def resolve_location(self, path: str) -> str:
        """The target of the path; raises OutsideError."""
        reason = self.explain_refusal(path)
        if reason:
            raise OutsideError(reason)
        return self._start + path

    def _check_folder(self, folder: str) -> str:
        unknown = []
        while folder not in self._folders:
            unknown.append(folder)
            folder = folder.rpartition("/")[0]
        reason = self._folders[folder]
        for folder in reversed(unknown):
            reason = self._folders[folder] = reason or (LINKED if is_link(self._start + folder) else "")
        return reason
