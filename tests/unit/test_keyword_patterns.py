"""The expressions in the package are those that the words make."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from credguard.decoders import encoded_text

ROOT = Path(__file__).parents[2]


def test_the_expressions_are_fresh(tmp_path: Path) -> None:
    target = tmp_path / "made.txt"
    subprocess.run([sys.executable, ROOT / "tools" / "keyword_patterns.py", target], check=True)
    kept = Path(encoded_text.__file__).with_name("keyword_patterns.txt")
    assert target.read_bytes() == kept.read_bytes(), "run tools/keyword_patterns.py"
