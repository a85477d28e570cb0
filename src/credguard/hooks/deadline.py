"""The time that a server gives a hook: from when it runs, and what happens when it is over."""

from __future__ import annotations

from time import monotonic

from credguard.system import compat

_SHARE = 0.85
"""The part of the time in which inputs are scanned; the rest is for the report."""
_started: list[float] = []


class LateError(BaseException):
    """The deadline has passed. No `except Exception` of a rule or of a cache takes it for an error of its own."""


class Deadline:
    """So many seconds from when this process first made one, 0 for no end."""

    def __init__(self, seconds: float) -> None:
        if not _started:
            _started.append(monotonic())
        self.seconds = seconds
        self._is_armed = False

    def has_time(self, share: float = _SHARE) -> bool:
        """True until this part of the time has passed."""
        return not self.seconds or monotonic() - _started[0] < self.seconds * share

    def arm(self) -> None:
        """From now on, LateError is raised in the main thread when the time is over, wherever that is."""
        if self.seconds:
            self._is_armed = True
            compat.set_alarm(max(self.seconds - (monotonic() - _started[0]), 0.001), self._raise)

    def disarm(self) -> None:
        """Nothing is raised from now on."""
        if self._is_armed:
            self._is_armed = False
            compat.set_alarm(0, self._raise)

    def _raise(self, _number: int, _frame: object) -> None:
        if self._is_armed:
            raise LateError
