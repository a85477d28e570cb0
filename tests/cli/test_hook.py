"""The hook that git runs: it looks, it stops the commit, and it never lets one pass because it could not run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from credguard.errors import ExitCode
from tests.keys import Filler
from tests.repos import Repository, clean_environment

HOOK = Path(__file__).parents[2] / "hooks" / "pre-commit"
CURE = "credguard is missing, so nothing was committed; cure: python3 -m pip install /path/to/its/checkout\n"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the hook is a POSIX shell script; git brings the shell")


def commit(folder: Path, *path: Path) -> subprocess.CompletedProcess[str]:
    """`git commit` with the hook in place and nothing but `path` (and git, and sh) to find programs in."""
    tools = folder.parent / "tools"
    tools.mkdir(exist_ok=True)
    for name in ("git", "sh"):
        found = shutil.which(name)
        assert found
        (tools / name).symlink_to(found)
    environment = clean_environment() | {"PATH": os.pathsep.join(map(str, (*path, tools)))}
    command = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "-qm", "change"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository with the hook installed and a file staged that holds no credential."""
    repository = Repository(tmp_path / "repository")
    shutil.copy(HOOK, repository.folder / ".git" / "hooks" / "pre-commit")
    repository.write({"readme.txt": "nothing to see\n", ".gitignore": ".env\n"})
    repository.add()
    return repository


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A folder with a `python3` that has credguard, and no `credguard` command."""
    folder = tmp_path / "python"
    folder.mkdir()
    (folder / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    (folder / "python3").chmod(0o755)
    return folder


def test_clean_commit_passes(repository: Repository, python: Path) -> None:
    assert commit(repository.folder, python).returncode == 0
    assert repository.git("log", "--format=%s") == "change\n"


def test_finding_stops_the_commit(repository: Repository, python: Path) -> None:
    repository.write({"app.py": Filler("hook").fill('KEY = "{{AKID}}"\nSECRET = "{{SECRET}}"\n')})
    repository.add()
    done = commit(repository.folder, python)
    assert done.returncode == ExitCode.FINDINGS
    assert "CG103" in done.stdout + done.stderr
    assert repository.git("rev-list", "--all") == ""


def test_missing_credguard_stops_the_commit(repository: Repository) -> None:
    done = commit(repository.folder)
    assert (done.returncode, done.stderr) == (1, CURE)
    assert repository.git("rev-list", "--all") == ""


def test_repository_cannot_bring_its_own_credguard(repository: Repository, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    bare.mkdir()
    isolated = f'#!/bin/sh\nexec "{sys.executable}" -E -S "$@"\n'  # without site-packages, so without credguard
    (bare / "python3").write_text(isolated, encoding="utf-8")
    (bare / "python3").chmod(0o755)
    repository.write({"credguard/__init__.py": "", "credguard/cli.py": "def main(argv):\n    return 0\n"})
    repository.add()
    done = commit(repository.folder, bare)
    assert (done.returncode, done.stderr) == (1, CURE)
