"""The hooks of .pre-commit-hooks.yaml, run by the current pre-commit and prek against a clone of this checkout."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from credguard.system import compat
from tests.hooking import IDENTITY
from tests.keys import Filler
from tests.repos import Repository, clean_environment, copy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parent.parent.parent
LEAK = Filler("frameworks").fill("aws_access_key_id = {{AKID}}\naws_secret_access_key = {{SECRET}}\n")
KEY_ID = Filler("frameworks").fill("{{AKID}}")
STAGES = ("pre-commit", "pre-merge-commit", "commit-msg", "pre-push")
CONFIG = """\
repos:
- repo: {project}
  rev: {rev}
  hooks: [{{id: credguard}}, {{id: credguard-commit-msg}}, {{id: credguard-pre-push}}]
"""
_OFFLINE = ("connection", "resolve", "network", "no matching distribution", "timed out")


@dataclass(frozen=True, slots=True)
class Framework:
    """A framework's program, the caches of its own in which credguard is installed once, and a repository with its
    hooks, of which each test has a copy."""

    program: str
    home: Path
    made: Path

    def environment(self) -> dict[str, str]:
        own = {"PRE_COMMIT_HOME": self.home, "PREK_HOME": self.home, "XDG_CACHE_HOME": self.home / "cache"}
        # What the hooks import is compiled when they do.
        once = {"PIP_NO_COMPILE": "1"}
        return clean_environment() | IDENTITY | once | {name: str(path) for name, path in own.items()}

    def __call__(self, folder: Path, *command: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=folder, env=self.environment(), input=stdin, capture_output=True, text=True, check=False,
            timeout=600,
        )  # fmt: skip


class User(Repository):
    """Somebody's repository, its hooks installed by the framework."""

    def __init__(self, folder: Path, framework: Framework, *, exists: bool = False) -> None:
        super().__init__(folder, exists=exists)
        self.framework = framework

    def stage(self, files: dict[str, str]) -> None:
        self.write(files)
        self.add(*files, force=True)

    def try_git(self, *args: str, stdin: str = "") -> int:
        """git with its hooks; everything that fails must have been stopped by credguard."""
        done = self.framework(self.folder, "git", *args, stdin=stdin)
        assert not done.returncode or "CG10" in done.stdout + done.stderr, done.stdout + done.stderr
        return done.returncode

    def run(self, *args: str) -> subprocess.CompletedProcess[str]:
        return self.framework(self.folder, self.framework.program, *args)

    def reports(self, *args: str) -> bool:
        """Whether `run` with these arguments fails and names the key pair; else it must have passed."""
        done = self.run("run", *args)
        assert not done.returncode or "CG103" in done.stdout, done.stdout + done.stderr
        return done.returncode != 0

    def commit_anyway(self, files: dict[str, str], message: str = "x") -> str:
        self.stage(files)
        self.git("commit", "--quiet", "--allow-empty", "--no-verify", "--message", message)
        return self.git("rev-parse", "HEAD").strip()


ONE_FRAMEWORK = pytest.mark.parametrize("framework", ["pre-commit"], indirect=True)
"""For what git does, or credguard, whoever calls the hooks."""


@contextlib.contextmanager
def make_once(name: str) -> Iterator[tuple[Path, bool]]:
    """A folder that all processes of this run share, and whether it is done; while one makes it, the others wait,
    and where they cannot each has its own."""
    folder = Path(os.environ["TESTS_DATABASES"], name if compat.can_lock() else f"{name}-{os.getpid()}")
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        compat.lock(lock.fileno())
        yield folder, (folder / "done").exists()
        (folder / "done").touch()


@pytest.fixture(scope="module")
def project() -> Repository:
    """What this checkout would be if all of it were committed."""
    with make_once("project") as (folder, done):
        return Repository(folder / "project", exists=True) if done else make_project(folder / "project")


def make_project(folder: Path) -> Repository:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, env=clean_environment(),
        capture_output=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("this copy of the project is no git checkout")
    names = [name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]
    repo = Repository(folder)
    repo.write({name: (ROOT / name).read_bytes() for name in names})
    for name in names:
        (repo.folder / name).chmod((ROOT / name).stat().st_mode)
    repo.add(*names, force=True)
    repo.commit("all")
    return repo


@pytest.fixture(scope="module", params=["pre-commit", "prek"])
def framework(request: pytest.FixtureRequest, project: Repository) -> Framework:
    """A framework that has installed the project's hooks, in an environment of its own."""
    program = Path(sys.executable).with_name(request.param)
    found = str(program) if program.exists() else shutil.which(request.param)
    assert found, f"{request.param} is missing; install the `dev` extra"
    with make_once(request.param) as (folder, is_done):
        framework = Framework(found, folder / "home", folder / "made")
        if is_done:
            return framework
        user = make_user(framework, project)
        done = user.run("run", "--all-files")
        words = (done.stdout + done.stderr).lower()
        if done.returncode and any(word in words for word in _OFFLINE):
            pytest.skip(f"{request.param} cannot install the hooks: PyPI is not reached")
        assert not done.returncode, words
    return framework


def make_user(framework: Framework, project: Repository) -> User:
    rev = project.git("rev-parse", "HEAD").strip()
    user = User(framework.made, framework)
    user.commit("begin", {".pre-commit-config.yaml": CONFIG.format(project=project.folder, rev=rev), "a.txt": "one\n"})
    done = user.run("install", *(word for stage in STAGES for word in ("--hook-type", stage)))
    assert not done.returncode, done.stderr
    return user


@pytest.fixture
def user(framework: Framework, tmp_path: Path) -> User:
    copy(framework.made, tmp_path / "user")
    return User(tmp_path / "user", framework, exists=True)


@pytest.fixture
def pushing(user: User, tmp_path: Path) -> User:
    """With a remote that has the first commit."""
    Repository(tmp_path / "remote", bare=True)
    user.git("remote", "add", "origin", str(tmp_path / "remote"))
    user.git("push", "--quiet", "--no-verify", "origin", "main")
    return user


def staged(user: User) -> tuple[str, ...]:
    user.stage({"c.ini": LEAK})
    return ("commit", "-m", "x")


def amended(user: User) -> tuple[str, ...]:
    user.stage({"c.ini": LEAK})
    return ("commit", "--amend", "--no-edit")


def all_tracked(user: User) -> tuple[str, ...]:
    user.write({"a.txt": LEAK})
    return ("commit", "-a", "-m", "x")


def picked(user: User) -> tuple[str, ...]:
    user.write({"a.txt": "one\n" + LEAK})
    return ("commit", "-p", "-m", "x")


def only_a_path(user: User) -> tuple[str, ...]:
    user.write({"a.txt": LEAK})
    return ("commit", "-m", "x", "--", "a.txt")


def a_message(_user: User) -> tuple[str, ...]:
    return ("commit", "--allow-empty", "-m", f"use {KEY_ID}")


@pytest.mark.parametrize("way", [staged, amended, all_tracked, picked, only_a_path, a_message])
def test_a_commit_is_stopped(user: User, way: Callable[[User], tuple[str, ...]]) -> None:
    before = user.git("rev-parse", "HEAD")
    assert user.try_git(*way(user), stdin="y\n")
    assert user.git("rev-parse", "HEAD") == before


def test_clean_commits_pass(user: User) -> None:
    user.stage({"b.txt": "two\n"})
    assert not user.try_git("commit", "-m", "clean")
    user.write({"b.txt": "three\n"})
    assert not user.try_git("commit", "-a", "--amend", "-m", "cleaner")
    user.write({"b.txt": "four\n"})
    assert not user.try_git("commit", "-p", "-m", "a part", stdin="y\n")
    assert user.git("show", "HEAD:b.txt") == "four\n"
    assert not user.try_git("commit", "--allow-empty", "-m", "empty")


def test_what_is_not_staged_does_not_stop_a_commit(user: User) -> None:
    user.stage({"a.txt": "two\n"})
    user.write({"a.txt": "two\n" + LEAK})
    assert not user.try_git("commit", "-m", "a part")
    assert LEAK in (user.folder / "a.txt").read_text()


@ONE_FRAMEWORK
def test_what_stood_there_before_does_not_stop_a_commit(user: User) -> None:
    user.commit_anyway({"c.ini": LEAK})
    user.stage({"c.ini": "# a line above\n" + LEAK})
    assert not user.try_git("commit", "-m", "known")


def test_a_merge_that_brings_a_key(user: User) -> None:
    user.git("checkout", "-q", "-b", "side")
    user.commit_anyway({"c.ini": LEAK})
    user.git("checkout", "-q", "main")
    user.commit_anyway({"b.txt": "b\n"})
    assert user.try_git("merge", "--no-edit", "side")
    user.git("merge", "--abort")
    user.git("checkout", "-q", "-b", "clean")
    user.commit_anyway({"d.txt": "d\n"})
    user.git("checkout", "-q", "main")
    assert not user.try_git("merge", "--no-edit", "--no-ff", "clean")


def test_runs_over_files(user: User) -> None:
    user.commit_anyway({"c.ini": LEAK})
    assert user.reports("--all-files")
    assert user.reports("--files", "c.ini", "a.txt")
    assert not user.reports("--files", "a.txt")
    user.stage({"a.txt": "two\n"})
    assert user.reports("--all-files")
    assert not user.reports()  # the staged file alone


@ONE_FRAMEWORK
def test_runs_over_files_see_the_disk(user: User) -> None:
    user.stage({"a.txt": "two\n"})
    user.write({"a.txt": LEAK})
    assert user.reports("--all-files") and user.reports("--files", "a.txt")


@ONE_FRAMEWORK
def test_runs_over_files_see_links_and_apply_the_file_rules(user: User) -> None:
    (user.folder / "link").symlink_to(f"/srv/{KEY_ID}")
    user.git("add", "link")
    user.commit_anyway({})
    done = user.run("run", "--all-files")
    assert done.returncode and "CG101" in done.stdout
    user.git("rm", "-q", "--cached", "link")
    user.commit_anyway({".env": "PASSWORD=hunter2hunter2X9\n"})
    done = user.run("run", "--all-files")
    assert done.returncode and "CG201" in done.stdout


def test_runs_over_a_range(user: User) -> None:
    first = user.git("rev-parse", "HEAD").strip()
    user.commit_anyway({"c.ini": LEAK})
    user.git("rm", "-q", "c.ini")
    gone = user.commit_anyway({})
    last = user.commit_anyway({"b.txt": "b\n"})
    for stage in ((), ("--hook-stage", "pre-push")):
        assert user.reports("--from-ref", first, "--to-ref", last, *stage)
        assert not user.reports("--from-ref", gone, "--to-ref", last, *stage)


@ONE_FRAMEWORK
def test_a_detached_head_is_no_way_around(user: User) -> None:
    """As in CI, where a branch may have no name and nothing says what is pushed."""
    user.git("checkout", "-q", "--detach")
    user.git("branch", "-q", "-D", "main")
    user.commit_anyway({"c.ini": LEAK})
    assert user.reports("--hook-stage", "pre-push", "--all-files")


def test_pushes(pushing: User) -> None:
    pushing.commit_anyway({"b.txt": "b\n"})
    assert not pushing.try_git("push", "origin", "main")
    pushing.commit_anyway({"b.txt": "bb\n"})
    pushing.git("checkout", "-q", "-b", "second")
    pushing.commit_anyway({"c.ini": LEAK})
    pushing.git("rm", "-q", "c.ini")
    pushing.commit_anyway({})
    assert pushing.try_git("push", "origin", "main", "second")
    assert "second" not in pushing.git("ls-remote", "origin")


@ONE_FRAMEWORK
def test_pushes_of_what_no_branch_names(pushing: User) -> None:
    pushing.git("checkout", "-q", "--detach")
    leak = pushing.commit_anyway({"c.ini": LEAK})
    assert pushing.try_git("push", "origin", "HEAD:refs/heads/detached")
    pushing.git("checkout", "-q", "main")
    assert pushing.try_git("push", "origin", f"{leak}:refs/heads/detached")


@ONE_FRAMEWORK
def test_try_repo(user: User, project: Repository) -> None:
    user.commit_anyway({"c.ini": LEAK})
    done = user.run("try-repo", str(project.folder), "credguard", "--all-files")
    assert done.returncode == 1 and "CG103" in done.stdout, done.stdout + done.stderr
