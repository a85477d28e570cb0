"""A task that takes too long ends with its process, however late that process has started."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from credguard.engine.worker_pool import Failure, Pool

if TYPE_CHECKING:
    from collections.abc import Callable


def start_late() -> Callable[[float], float]:
    """Takes longer to start than a task may take."""
    time.sleep(2)
    return _sleep


def _sleep(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def test_a_process_that_starts_late_has_the_same_deadline() -> None:
    """Nothing else ends meanwhile, by which the deadline would be looked at again."""
    began = time.monotonic()
    ((number, answer, tries),) = Pool(start_late, 1, deadline=1).run([300.0])
    assert (number, tries) == (0, 1) and isinstance(answer, Failure)
    assert time.monotonic() - began < 60
