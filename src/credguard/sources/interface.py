"""What every source of things to scan gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

from credguard.model.findings import Blob, Skip

if TYPE_CHECKING:
    from collections.abc import Iterator

Note: TypeAlias = str
"""What is worth a word and leaves the run whole: a pipe has no content to scan."""
Item: TypeAlias = Blob | Skip | Note


class Source(Protocol):
    """Files, a change, messages, what LFS keeps: a Blob for each thing to scan, a Skip where there should have been
    one, or a note."""

    def __iter__(self) -> Iterator[Item]:
        """The items, each once."""
