"""What credguard keeps in temporary folders, clones above all, vanishes whatever ends it, and nothing else with it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from credguard.system import scratch
from tests.repos import Repository, clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/environ"), reason="looks for processes in /proc")

GIT = """#!/bin/sh
case "$*" in
*clone*) "{git}" "$@" || exit; exec sleep 300 ;;
esac
exec "{git}" "$@"
"""
MARK = "CREDGUARD_TRIAL"


class Trial:
    """Audits of URLs that go on until they are ended, with a temporary folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.temporary = folder, folder / "temporary"
        self.started: list[subprocess.Popen[bytes]] = []
        self.temporary.mkdir()
        self.repo = Repository(folder / "repo")
        self.repo.commit("begin", {"a.txt": "x\n"})
        tools = folder / "tools"
        tools.mkdir()
        (tools / "git").write_text(GIT.format(git=shutil.which("git")))
        (tools / "git").chmod(0o755)
        self.environment = clean_environment() | {
            "TMPDIR": str(self.temporary), "PATH": f"{tools}:{os.environ['PATH']}", MARK: str(folder),
        }  # fmt: skip

    def audit(self, count: int = 1) -> subprocess.Popen[bytes]:
        """An audit of so many URLs, whose clones have been begun."""
        process = subprocess.Popen(
            [sys.executable, "-m", "credguard", "audit", "-q", "--jobs", "2", *[self.repo.folder.as_uri()] * count],
            env=self.environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.started.append(process)
        assert eventually(lambda: len(list(self.temporary.glob("*/repository.git/HEAD"))) == count)
        return process

    def run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [sys.executable, "-m", "credguard", *arguments], cwd=self.repo.folder, env=self.environment,
            capture_output=True, check=False, timeout=120,
        )  # fmt: skip

    def processes(self, word: str = "") -> list[int]:
        """The processes of this trial whose command holds the word."""
        found = []
        for number in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                environment = Path("/proc", number, "environ").read_bytes()
                command = Path("/proc", number, "cmdline").read_bytes()
                if f"{MARK}={self.folder}\0".encode() in environment and word.encode() in command:
                    found.append(int(number))
        return found

    def left(self) -> list[str]:
        return sorted(path.name for path in self.temporary.iterdir() if path.name.startswith("credguard-"))

    def vanishes(self) -> bool:
        """Whether soon nothing is left, neither folders nor processes."""
        return eventually(lambda: not self.left() and not self.processes())

    def end(self) -> None:
        for number in self.processes():
            with contextlib.suppress(OSError):
                os.kill(number, signal.SIGKILL)
        for process in self.started:
            process.wait(30)


def eventually(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    made = Trial(tmp_path)
    yield made
    made.end()


@pytest.mark.parametrize("count", [1, 2])
def test_the_main_process_is_killed(trial: Trial, count: int) -> None:
    process = trial.audit(count)
    process.kill()
    process.wait(30)
    assert trial.vanishes()


@pytest.mark.parametrize("count", [1, 2])
def test_the_whole_process_group_is_killed(trial: Trial, count: int) -> None:
    process = trial.audit(count)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)
    assert trial.vanishes()


def test_a_worker_is_killed_as_often_as_it_is_replaced(trial: Trial) -> None:
    process = trial.audit(2)
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        for number in trial.processes("spawn_main"):
            with contextlib.suppress(OSError):
                os.kill(number, signal.SIGKILL)
        time.sleep(0.05)
    assert process.wait(1) == 3  # and says so
    assert trial.vanishes()


def test_git_is_killed(trial: Trial) -> None:
    process = trial.audit()
    while process.poll() is None:
        for number in trial.processes("sleep") + trial.processes("clone"):
            with contextlib.suppress(OSError):
                os.kill(number, signal.SIGKILL)
    assert process.returncode == 3
    assert trial.vanishes()


@pytest.mark.parametrize("command", [["rules"], ["scan"], ["hook", "pre-commit", "--verbose"], ["nonsense"]])
def test_what_is_left_when_everything_is_killed_goes_at_the_next_start(trial: Trial, command: list[str]) -> None:
    for _ in range(9):  # the small process that removes the clone is killed as well, unless it was quicker
        process = trial.audit()
        while trial.processes():
            for number in trial.processes("scratch.py") + trial.processes():
                with contextlib.suppress(OSError):
                    os.kill(number, signal.SIGKILL)
            process.poll()
        if trial.left():
            break
    (folder,) = trial.left()
    assert (trial.temporary / folder / "repository.git" / "HEAD").exists()
    trial.run(*command)
    assert not trial.left()


def test_a_run_that_goes_on_keeps_its_clone(trial: Trial) -> None:
    trial.audit()
    before = trial.left()
    trial.run("rules")
    assert trial.left() == before and (trial.temporary / before[0] / "repository.git" / "HEAD").exists()


def test_a_run_that_ends_well_leaves_nothing(trial: Trial) -> None:
    (trial.folder / "tools" / "git").unlink()
    assert trial.run("audit", trial.repo.folder.as_uri()).returncode in (0, 1)
    assert not trial.left() and not trial.processes()


@pytest.mark.parametrize("command", [["fix"], ["hook", "doctor"]])
def test_other_commands_leave_nothing_either(trial: Trial, command: list[str]) -> None:
    trial.run("install")
    started = subprocess.Popen(
        [sys.executable, "-m", "credguard", *command], cwd=trial.repo.folder, env=trial.environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while started.poll() is None and not trial.left():
        time.sleep(0.001)
    started.kill()
    started.wait(30)
    assert trial.vanishes()


def planted(folder: Path, kind: str, tmp_path: Path) -> Path:
    """Something that is called like one of our folders, and is none."""
    made = folder / "made"
    made.mkdir(mode=0o700)
    (made / "precious.txt").write_text("x")
    name = f"credguard-scratch-{made.stat().st_ino:x}-0123456789abcdef"
    if kind == "of another place":  # as a checkout or a copy would have it
        name = f"credguard-scratch-{made.stat().st_ino + 1:x}-0123456789abcdef"
    elif kind == "begun":
        name = "credguard-scratch-new-0123456789abcdef"
        os.utime(made, (1, 1))
    elif kind == "of another name":
        name = "credguard-scratch-mine"
    elif kind == "open to others":
        made.chmod(0o755)
    elif kind == "of another user":
        if os.geteuid():
            pytest.skip("only root can give files away")
        os.chown(made, 65534, 65534)
    elif kind == "a link":
        made.rename(tmp_path / "elsewhere")
        (folder / name).symlink_to(tmp_path / "elsewhere")
        return folder / name
    made.rename(folder / name)
    return folder / name


@pytest.mark.parametrize(
    "kind", ["of another place", "begun", "of another name", "open to others", "of another user", "a link"]
)
def test_nothing_is_removed_that_is_not_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    path = planted(folder, kind, tmp_path)
    scratch.sweep()
    assert (path / "precious.txt").exists()


def test_what_a_clone_links_to_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "a.txt").write_text("x")
    with scratch.create_scratch_folder() as own:
        (own / "link").symlink_to(tmp_path / "precious")
        assert own.stat().st_mode & 0o077 == 0
    assert not own.exists() and (tmp_path / "precious" / "a.txt").exists()


def test_no_temporary_folder_is_no_bug(trial: Trial) -> None:
    trial.temporary.rmdir()
    trial.environment["TMPDIR"] = str(trial.folder / "nowhere")
    assert trial.run("rules").returncode == 0
