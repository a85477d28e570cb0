"""credguard on a system that is no POSIX, for a single test of a run that has all names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.repos import clean_environment

START = """
import os, sys
sys.path.insert(0, sys.argv.pop(1))
from tests import without_posix
names = sys.argv.pop(1)
if names != "all":
    without_posix.NAMES, without_posix.MODULES = {"os": tuple(names.split())}, ()
without_posix.take_away()
sys.path.pop(0)
from credguard.cli import main
sys.exit(main())
"""
"""The start of a Python whose first two arguments are the folder of the checkout, and the names or "all"."""
_TIDY = {"CI": "", "GITHUB_ACTIONS": ""}


def without(folder: Path, *words: str, names: str = "all", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """credguard in a process without the names."""
    root = str(Path(__file__).parent.parent)
    return subprocess.run(
        [sys.executable, "-c", START, root, names, *words], cwd=folder, capture_output=True, check=False,
        env=clean_environment() | _TIDY | environment, timeout=120,
    )  # fmt: skip
