"""What the pre-commit hook imports: a commit with nothing to judge must not wait for what it does not need."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.hooking import LEAK
from tests.repos import Repository, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

DUMP = (
    "import sys; before = set(sys.modules); from credguard.cli import main; "
    "code = main(['hook', 'pre-commit']); print(code, *sorted(set(sys.modules) - before))"
)
QUICK = {"credguard", "credguard.cli", "credguard.plumbing", "credguard.quick"}
SLOW = {"argparse", "asyncio", "dataclasses", "inspect", "json", "pathlib", "shutil", "subprocess", "tempfile"}
NEVER = {"detect_secrets", "git", "gitdb", "tqdm", "yaml"}


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    repo = Repository(tmp_path / "repo")
    repo.commit("begin", {"a.py": "print('one')\n"})
    return repo


def imported(repo: Repository, cache: Path) -> tuple[str, set[str]]:
    """The exit code of the hook, and the modules that it imported."""
    done = subprocess.run(
        [sys.executable, "-c", DUMP], cwd=repo.folder, env=clean_environment() | {"XDG_CACHE_HOME": str(cache)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    code, *names = done.stdout.split()
    return code, set(names)


def own(modules: set[str]) -> set[str]:
    return {name for name in modules if name.partition(".")[0] == "credguard"}


def test_the_first_run_keeps_what_the_quick_way_needs(repo: Repository, tmp_path: Path) -> None:
    repo.write({"a.py": "print('two')\n"})
    repo.add()
    code, modules = imported(repo, tmp_path)
    assert code == "0" and "credguard.rules.aws_key_pair" in modules and not modules & NEVER
    code, modules = imported(repo, tmp_path)
    assert code == "0" and own(modules) == QUICK
    assert not modules & (SLOW | NEVER)


def test_nothing_staged_is_as_quick(repo: Repository, tmp_path: Path) -> None:
    imported(repo, tmp_path)
    repo.write({"a.py": "print('two')\n"})
    repo.add()
    imported(repo, tmp_path)
    repo.git("reset", "-q", "--hard")
    code, modules = imported(repo, tmp_path)
    assert code == "0" and own(modules) == QUICK


def test_a_key_is_judged_by_the_rules_and_nothing_else(repo: Repository, tmp_path: Path) -> None:
    repo.write({"a.py": "print('two')\n"})
    repo.add()
    imported(repo, tmp_path)
    repo.write({"c.ini": LEAK})
    repo.add()
    code, modules = imported(repo, tmp_path)
    assert code == "1" and "credguard.rules.aws_key_pair" in modules and not modules & NEVER
