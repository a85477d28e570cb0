"""Runs the tests as tools/test.py does and measures what of credguard they run, in every process that they start.

`python3 tools/test.py --coverage [PYTEST ARGUMENT…]` comes here. The exit code is pytest's, or 2 where less of the
branches was taken than `fail_under` in pyproject.toml asks for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from coverage import Coverage


def main(arguments: list[str]) -> int:
    """Runs pytest with the arguments, prints what is not covered; gives the exit code."""
    with tempfile.TemporaryDirectory(prefix="credguard-coverage-") as folder:
        os.environ["COVERAGE_FILE"] = f"{folder}/data"
        code = _run("run", "-m", "pytest", *arguments)
        _run("combine", "--quiet")
        _run("report", "--fail-under=0")
        _run("json", "--fail-under=0", "--quiet", "-o", f"{folder}/coverage.json")
        totals = json.loads(Path(folder, "coverage.json").read_text(encoding="utf-8"))["totals"]
    share, floor = 100 * totals["covered_branches"] / totals["num_branches"], Coverage().config.fail_under
    print(f"branches: {share:.1f} % of {totals['num_branches']} (at least {floor:g} %)")
    return code or (2 if share < floor else 0)


def _run(*words: str) -> int:
    return subprocess.call([sys.executable, "-m", "coverage", *words])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
