"""How a run says how far it has come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

_Item = TypeVar("_Item")


class Progress(Protocol):
    """Wraps a stream of so many things, and tells somebody how far it has come."""

    def __call__(self, items: Iterable[_Item], total: int, unit: str = "file") -> Iterable[_Item]:
        """The same items."""
