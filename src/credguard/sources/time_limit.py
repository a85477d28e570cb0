"""A limit on the time in which inputs are scanned: what is left then is named as not scanned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from credguard.model.findings import OF_EVERYTHING, Skip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.model.findings import Blob

LATE = "not scanned before the deadline"
"""What ends the reason of a skip that is due to the time alone."""


class Clock(Protocol):
    """Tells whether there is time left."""

    seconds: float

    def has_time(self, share: float = ...) -> bool:
        """True until this part of the time has passed."""


class TimeLimit:
    """Ends the inputs of a scan in time; without a clock never."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock

    @property
    def seconds(self) -> float:
        """The whole time, 0 for no limit."""
        return self._clock.seconds if self._clock else 0

    def has_time(self, share: float | None = None) -> bool:
        """True until this part of the time (by default the one for scanning) has passed."""
        if self._clock is None:
            return True
        return self._clock.has_time() if share is None else self._clock.has_time(share)

    def skip(self, count: int, what: str) -> Skip:
        """The skip for so many inputs that are left."""
        return Skip(".", f"{count:,} {what}, {LATE} of {self.seconds:g} s", OF_EVERYTHING)

    def cut(self, items: Iterator[Blob | Skip], total: int, what: str) -> Iterator[Blob | Skip]:
        """The items until the time is over, then the skip for the rest of the `total`."""
        for number, item in enumerate(items):
            yield item
            if number + 1 < total and not self.has_time():
                yield self.skip(total - number - 1, what)
                return


NO_LIMIT = TimeLimit()


def is_late(skip: Skip) -> bool:
    """True for what a TimeLimit left out."""
    return f", {LATE} of " in skip.reason and skip.path == "."
