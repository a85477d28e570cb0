"""What processes of a pool do in tests: they import it by name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def start() -> Callable[[str], str]:
    return act


def act(task: str) -> str:
    """The process that has the task; raises for one that asks for it."""
    if task.startswith("raise"):
        raise ValueError(task)
    return str(os.getpid())


def start_in_vain() -> Callable[[str], str]:
    raise OSError("no session: hunter2")
