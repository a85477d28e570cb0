"""The plain hooks of `hooks/`: they look, they stop git, and they never let it pass because they could not run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from credguard.errors import ExitCode
from credguard.hooks import events, scripts
from tests.keys import Filler
from tests.repos import Repository, clean_environment

HOOKS = Path(__file__).parents[2] / "hooks"
CURE = "credguard is missing, so nothing was checked; cure: python3 -I -m pip install /path/to/its/checkout\n"
ANY = "any text may stand in a hook's standard input"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the hooks are POSIX shell scripts; git brings the shell")


def git(folder: Path, *args: str, path: list[Path]) -> subprocess.CompletedProcess[str]:
    """git with nothing but `path` (and git, sh and what git's own scripts need) to find programs in."""
    tools = folder.parent / "tools"
    tools.mkdir(exist_ok=True)
    for name in ("git", "sh"):
        found = shutil.which(name)
        assert found
        if not (tools / name).exists():
            (tools / name).symlink_to(found)
    environment = clean_environment() | {"PATH": os.pathsep.join(map(str, (*path, tools)))}
    command = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", *args]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository that takes its hooks from `hooks/`, and a file staged that holds no credential."""
    repository = Repository(tmp_path / "repository")
    repository.git("config", "core.hooksPath", str(HOOKS))
    repository.write({"readme.txt": "nothing to see\n", ".gitignore": ".env\n"})
    repository.add()
    return repository


def script(folder: Path, name: str, text: str) -> Path:
    """A folder with one program in it."""
    folder.mkdir()
    (folder / name).write_text(text, encoding="utf-8")
    (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A folder with a `python3` that has credguard, and no `credguard` command."""
    return script(tmp_path / "python", "python3", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')


def test_the_files_are_what_the_package_says() -> None:
    assert sorted(path.name for path in HOOKS.iterdir()) == sorted(events.HOOK_NAMES)
    for path in HOOKS.iterdir():
        assert path.read_bytes() == scripts.format_plain_hook(path.name)
        assert path.read_bytes().count(b"\n") < 20
        assert os.access(path, os.X_OK)


@pytest.mark.parametrize("name", events.HOOK_NAMES)
def test_credguard_gets_what_git_gives(tmp_path: Path, name: str) -> None:
    seen = tmp_path / "seen"
    tools = script(
        tmp_path / "bin", "credguard", f'#!/bin/sh\nprintf "%s|" "$@" >"{seen}"\n/bin/cat >>"{seen}"\nexit 3\n'
    )
    done = subprocess.run(
        [HOOKS / name, "a b", ""], input=ANY, env={"PATH": str(tools)}, text=True, capture_output=True, check=False
    )
    assert done.returncode == 3
    assert seen.read_text() == f"hook|{name}|a b||{ANY}"


def test_a_clean_commit_passes(repository: Repository, python: Path) -> None:
    done = git(repository.folder, "commit", "-qm", "change", path=[python])
    assert (done.returncode, done.stderr) == (0, "")
    assert repository.git("log", "--format=%s") == "change\n"


def test_a_finding_stops_the_commit(repository: Repository, python: Path) -> None:
    repository.write({"app.py": Filler("hook").fill('KEY = "{{AKID}}"\nSECRET = "{{SECRET}}"\n')})
    repository.add()
    done = git(repository.folder, "commit", "-qm", "change", path=[python])
    assert done.returncode == ExitCode.FINDINGS
    assert "CG103" in done.stderr
    assert repository.git("rev-list", "--all") == ""


@pytest.mark.parametrize("name", events.HOOK_NAMES)
def test_without_credguard_git_is_stopped(tmp_path: Path, name: str) -> None:
    done = subprocess.run(
        ["/bin/sh", HOOKS / name], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, CURE)


def test_without_credguard_there_is_no_commit(repository: Repository) -> None:
    done = git(repository.folder, "commit", "-qm", "change", path=[])
    assert (done.returncode, done.stderr) == (1, CURE)
    assert repository.git("rev-list", "--all") == ""


def test_a_repository_cannot_bring_its_own_credguard(repository: Repository, tmp_path: Path) -> None:
    # Without site-packages this Python has no credguard, whatever the current folder offers.
    bare = script(tmp_path / "bare", "python3", f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    own = "def main():\n    return 0\n"
    repository.write({"credguard/__init__.py": "", "credguard/cli.py": own, "runpy.py": "raise SystemExit(0)\n"})
    repository.add()
    done = git(repository.folder, "commit", "-qm", "change", path=[bare])
    assert (done.returncode, done.stderr) == (1, CURE)
