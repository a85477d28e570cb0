"""Files in which nothing was found and nothing noted: an audit that is repeated need not look at them again."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from credguard.model.findings import Blob

MARK = 8
"""Bytes of a mark."""


class QuietFiles:
    """Marks of the files `known` to be quiet, under a `key`: nobody can make a file that passes for one of them, nor
    ask whether one is among them. Whoever asks sees to it that the same rules and the same policy are applied."""

    __slots__ = ("_key", "known")

    def __init__(self, key: bytes, known: frozenset[bytes] = frozenset()) -> None:
        self._key = key
        self.known = known

    def mark(self, blob: Blob) -> bytes:
        """What stands for a file: its kind, its path and all of its bytes; times and sizes can be forged."""
        made = blake2b(digest_size=MARK, key=self._key)
        for word in (blob.kind.encode(), encode_path(blob.path)):
            made.update(len(word).to_bytes(8, "big") + word)
        made.update(blob.data)
        return made.digest()
