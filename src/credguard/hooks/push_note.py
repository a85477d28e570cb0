"""A note on each repository of a server: the files that decide, at one commit of its default branch, by which policy a
push is judged and what it may loosen.

Where a push changes none of them, policy and enforcement need not be read again. A note is kept in the cache folder,
which no repository supplies, and holds names of files, not their contents.
"""

from __future__ import annotations

import os
import zlib

from credguard.hooks.fast_path import compute_cache_key
from credguard.system import compat, ownership

TYPE_CHECKING = False  # as in typing, whose import costs more than a git process
if TYPE_CHECKING:
    from collections.abc import Iterable

_BELOW = "**"
_NAME = "quick-push-"


class PushNote:
    """The files that govern pushes as of `commit`: a path, a folder with all directly in it, or below it."""

    def __init__(self, commit: bytes, paths: Iterable[str]) -> None:
        self.commit = commit
        self.paths = frozenset(paths)
        self._below = tuple(path.removesuffix(_BELOW) for path in self.paths if path.endswith(_BELOW))

    def governs(self, name: bytes) -> bool:
        """True if a change of the file may change by what a push is judged."""
        path = compat.decode_path(name)
        folder = path.rpartition("/")[0]
        return path in self.paths or folder in self.paths or path.startswith(self._below)


def load_note(git_dir: str) -> PushNote | None:
    """The note on a repository, None if there is none that this version wrote."""
    head = compute_cache_key().encode()
    for place in _list_places(git_dir):
        try:
            stored = ownership.read(place)
        except OSError:
            continue
        if stored.startswith(head):
            commit, *paths = zlib.decompress(stored[len(head) :]).split(b"\0")
            return PushNote(commit, map(compat.decode_path, paths))
    return None


def write_note(git_dir: str, commit: str, paths: Iterable[str]) -> None:
    """Stores the note; raises OSError if no folder can be written."""
    text = b"\0".join([commit.encode(), *map(compat.encode_path, sorted(set(paths)))])
    data = compute_cache_key().encode() + zlib.compress(text, 1)
    *others, last = _list_places(git_dir)
    for place in others:
        try:
            ownership.write_owned(place, data)
        except OSError:
            continue
        return
    ownership.write_owned(last, data)


def _list_places(git_dir: str) -> list[str]:
    from _blake2 import blake2b  # as in hashlib, which takes longer to import than git takes to run

    name = _NAME + blake2b(compat.encode_path(os.path.realpath(git_dir)), digest_size=16).hexdigest()
    return [os.path.join(folder, name) for folder in ownership.list_cache_folders()]
