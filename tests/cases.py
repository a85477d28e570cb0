"""Case files: each is read once in a process, for several test files ask for it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""In C where PyYAML was built with it: ten times as fast."""


@cache
def read_cases(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    """The content of a YAML file; it is for reading alone."""
    return yaml.load(path.read_text(encoding="utf-8"), _LOADER)  # noqa: S506 - a safe one
