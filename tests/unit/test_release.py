"""A release is made of what its tag says, or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from credguard import __version__
from tests.repos import write

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.mark.parametrize(
    ("tag", "heading", "problem"),
    [
        (f"v{__version__}", f"## {__version__} (2026-12-01)", ""),
        (f"v{__version__}", f"## {__version__} (unreleased)", "has no heading"),
        (f"v{__version__}", "## 9.9.9 (2026-12-01)", "has no heading"),
        ("v9.9.9", f"## {__version__} (2026-12-01)", "the tag is v9.9.9"),
        (__version__, f"## {__version__} (2026-12-01)", "the tag is"),
    ],
)
def test_tag(tmp_path: Path, tag: str, heading: str, problem: str) -> None:
    write(
        tmp_path,
        {
            "tools/release.py": (TOOLS / "release.py").read_bytes(),
            "tools/environment.py": (TOOLS / "environment.py").read_bytes(),
            "src/credguard/__init__.py": f'__version__ = "{__version__}"\n',
            "CHANGELOG.md": f"# Changes\n\n{heading}\n",
        },
    )
    done = subprocess.run(
        [sys.executable, "-E", tmp_path / "tools/release.py", tag], capture_output=True, text=True, check=False
    )
    assert done.returncode == (2 if problem else 0)
    assert problem in done.stderr and bool(problem) == bool(done.stderr)
