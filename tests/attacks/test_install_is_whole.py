"""Whenever `install` or `uninstall` is killed, a whole hook is in place, the old one or ours, and the next one goes on.

Each is killed before every system call with which it changes or opens something, one after the other.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from credguard.hooks import scripts
from credguard.hooks.events import DEFAULT
from credguard.hooks.install import install, uninstall
from credguard.hooks.scripts import CHAINED
from tests.hooking import hook, stops_a_leak
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked processes; the hooks are POSIX scripts")

THEIRS = '#!/bin/sh\r\necho theirs >>"$LOG" # \xe9\n' + "# long\n" * 20_000 + 'echo end >>"$LOG"\n'
NAMES = ("pre-commit", "pre-push")
KILLED = """
import json, os, pathlib, shutil, signal, sys
from credguard.hooks import install

folder, saved, action, python, without = sys.argv[1:]
hooks = pathlib.Path(folder, ".git", "hooks")
for name in filter(None, without.split(",")):
    delattr(os, name)
if "link" in without:
    def refused(*_words, **_more):
        raise PermissionError(1, "Operation not permitted")
    os.link = refused
EVENTS = ("os.rename", "os.link", "os.remove", "os.symlink", "os.chmod", "os.chown", "os.truncate", "open")
left = 0

def die(event, arguments):
    global left
    # O_TMPFILE opens the folder, a new file is opened by its name: what is below the hooks counts
    if event in EVENTS and arguments and str(hooks) in str(arguments[0]):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

def view():
    found = {}
    for path in hooks.iterdir():
        info = path.lstat()
        text = os.readlink(path) if path.is_symlink() else path.read_bytes().hex()
        found[path.name] = [info.st_mode, text, info.st_nlink]
    return found

def act(which):
    (install.install if which == "install" else install.uninstall)(
        pathlib.Path(folder), ("pre-commit", "pre-push"), *([python] if which == "install" else []))

number, ended = 0, False
while not ended:
    number += 1
    shutil.rmtree(hooks)
    shutil.copytree(saved, hooks, symlinks=True)
    process = os.fork()
    if not process:
        left = number
        sys.addaudithook(die)
        act(action)
        os._exit(0)
    ended = os.waitpid(process, 0)[1] == 0
    states = [view()]
    for then in ("install", "uninstall"):
        if not os.fork():
            act(then)
            os._exit(0)
        assert os.wait()[1] == 0, (number, then)
        states.append(view())
    print(json.dumps(states), flush=True)
"""


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repo")


@pytest.fixture
def python(tmp_path: Path) -> str:
    """A stand-in for Python with credguard."""
    path = tmp_path / "python"
    path.write_text('#!/bin/sh\n[ -z "$LOG" ] || echo ours >>"$LOG"\n')
    path.chmod(0o755)
    return str(path)


def killed(repo: Repository, tmp_path: Path, action: str, python: str, without: str = "") -> list[list[dict[str, Any]]]:
    """For each place of a kill, the hooks right after it, after another install, and after an uninstall."""
    hooks = repo.folder / ".git" / "hooks"
    saved = tmp_path / "saved"
    subprocess.run(["cp", "-a", str(hooks), str(saved)], check=True)
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(repo.folder), str(saved), action, python, without],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    states = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(states) > 4  # else nothing was killed
    return states


def whole(state: dict[str, Any], name: str, python: str, theirs: list[object]) -> bool:
    """Whether the hook in place is the old one or ours, with its mode."""
    there = state.get(name, [0, "", 0])[:2]
    return there in (theirs[:2], [0o100755, scripts.format_installed_hook(name, python).hex()])


@pytest.mark.parametrize("without", ["", "link", "O_TMPFILE", "link,O_TMPFILE"])
@pytest.mark.parametrize("action", ["install", "uninstall"])
def test_killed_at_every_step(repo: Repository, tmp_path: Path, python: str, action: str, without: str) -> None:
    hooks = repo.folder / ".git" / "hooks"
    path = hook(hooks, text=THEIRS, mode=0o750)
    theirs = [path.stat().st_mode, path.read_bytes().hex()]
    (hooks / "pre-push").symlink_to("../../tools/push")
    link = [(hooks / "pre-push").lstat().st_mode, "../../tools/push"]
    if action == "uninstall":
        install(repo.folder, NAMES, python)
    for after_kill, after_install, after_uninstall in killed(repo, tmp_path, action, python, without):
        assert whole(after_kill, "pre-commit", python, theirs)
        assert whole(after_kill, "pre-push", python, link)
        for name, old in (("pre-commit", theirs), ("pre-push", link)):
            assert after_install[name][1] == scripts.format_installed_hook(name, python).hex()
            assert after_install[name + CHAINED][:2] == old
            assert after_uninstall[name] == [*old, 1]
        assert not [name for state in (after_install, after_uninstall) for name in state if "new" in name]
        assert not [name for name in after_uninstall if name.endswith(CHAINED)]


def test_the_old_hook_runs_once_however_the_installation_ended(repo: Repository, tmp_path: Path, python: str) -> None:
    hooks, log = repo.folder / ".git" / "hooks", tmp_path / "log"
    path = hook(hooks, text=THEIRS.replace("\r", ""))
    os.link(path, hooks / f"pre-commit{CHAINED}")  # killed between the link and the rename

    def ran() -> list[str]:
        log.write_text("")
        subprocess.run([str(path)], check=True, timeout=60, cwd=repo.folder, env={**os.environ, "LOG": str(log)})
        return log.read_text().split()

    assert ran() == ["theirs", "end"]
    assert "installed in" in install(repo.folder, ("pre-commit",), python)[0]
    assert ran() == ["ours", "theirs", "end", "ours"]
    uninstall(repo.folder)
    assert ran() == ["theirs", "end"]
    assert sorted(one.name for one in hooks.iterdir() if one.suffix != ".sample") == ["pre-commit"]


def test_uninstall_ends_an_installation_that_was_killed(repo: Repository) -> None:
    hooks = repo.folder / ".git" / "hooks"
    path = hook(hooks, text=THEIRS, mode=0o700)
    os.link(path, hooks / f"pre-commit{CHAINED}")
    assert uninstall(repo.folder) == [f"pre-commit: the previous hook is in place in {hooks}"]
    assert (path.read_bytes(), path.stat().st_nlink) == (THEIRS.encode(), 1)


@pytest.mark.parametrize("how", ["copy", "link", "hard link"])
def test_our_own_hook_is_never_run_after_itself(repo: Repository, tmp_path: Path, python: str, how: str) -> None:
    hooks, log = repo.folder / ".git" / "hooks", tmp_path / "log"
    install(repo.folder, ("pre-commit",), python)
    path, kept = hooks / "pre-commit", hooks / f"pre-commit{CHAINED}"
    if how == "copy":
        hook(hooks, kept.name, path.read_text())
    elif how == "link":
        kept.symlink_to("pre-commit")
    else:
        os.link(path, kept)
    subprocess.run([str(path)], check=True, timeout=60, cwd=repo.folder, env={**os.environ, "LOG": str(log)})
    assert set(log.read_text().split()) == {"ours"}
    install(repo.folder, ("pre-commit",), python)
    assert path.exists() and not os.path.lexists(kept)
    uninstall(repo.folder)
    assert not os.path.lexists(path)


def test_two_hooks_of_others_are_never_mixed_up(repo: Repository, python: str) -> None:
    hooks = repo.folder / ".git" / "hooks"
    hook(hooks, text=THEIRS)
    hook(hooks, f"pre-commit{CHAINED}", text=THEIRS + "# other\n")
    before = {path.name: path.read_bytes() for path in hooks.iterdir()}
    with pytest.raises(Exception, match="both third-party hooks"):
        install(repo.folder, DEFAULT, python)
    uninstall(repo.folder)
    assert {path.name: path.read_bytes() for path in hooks.iterdir()} == before


def test_after_a_kill_git_is_still_stopped(repo: Repository) -> None:
    hooks = repo.folder / ".git" / "hooks"
    path = hook(hooks, text="#!/bin/sh\nexit 0\n")
    os.link(path, hooks / f"pre-commit{CHAINED}")
    install(repo.folder)
    assert stops_a_leak(repo.folder)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="hooks of another user need root")
def test_a_hook_of_another_user_is_kept_with_its_mode(repo: Repository, python: str) -> None:
    hooks = repo.folder / ".git" / "hooks"
    path = hook(hooks, text=THEIRS, mode=0o750)
    os.chown(path, 65534, 65534)
    install(repo.folder, ("pre-commit",), python)
    uninstall(repo.folder)
    assert (path.stat().st_uid, path.stat().st_mode & 0o7777) == (65534, 0o750)
