"""The traps that let a key pass a commit or a push elsewhere: each is stopped, clean work passes."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests import processes
from tests.hooking import IDENTITY, KEY_ID, LEAK, SECRET, commit_leak, hooked, leak, set_hooks
from tests.repos import Repository, clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def git(repo: Repository, *args: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        ["git", *args], cwd=repo.folder, env=clean_environment() | IDENTITY | environment, input=stdin,
        capture_output=True, check=False, timeout=120,
    )  # fmt: skip


def head(repo: Repository) -> str:
    return repo.git("rev-parse", "HEAD")


def config(key: str, value: str) -> Callable[[Repository], None]:
    def setup(repo: Repository) -> None:
        repo.git("config", key, value)
        leak(repo)

    return setup


def attributes(text: str) -> Callable[[Repository], None]:
    def setup(repo: Repository) -> None:
        leak(repo, ".gitattributes", text)
        repo.git("commit", "-qm", "attributes", "--no-verify")
        leak(repo)

    return setup


def utf16(repo: Repository) -> None:
    leak(repo, "u.ini", LEAK.encode("utf-16-le"))


def cleaned(repo: Repository) -> None:
    leak(repo)
    repo.write({"c.ini": "nothing\n"})


def renamed(repo: Repository) -> None:
    leak(repo)
    repo.git("commit", "-qm", "old", "--no-verify")
    repo.git("mv", "c.ini", "d.ini")


def in_a_file_name(repo: Repository) -> None:
    leak(repo, f"{KEY_ID}.txt", "x\n")


def in_a_link(repo: Repository) -> None:
    (repo.folder / "link").symlink_to(f"/srv/{KEY_ID}")
    repo.git("add", "link")


def type_change(repo: Repository) -> None:
    (repo.folder / "t").symlink_to("README.md")
    repo.git("add", "t")
    repo.git("commit", "-qm", "link", "--no-verify")
    (repo.folder / "t").unlink()
    leak(repo, "t")


TRAPS: dict[str, Callable[[Repository], None]] = {
    "attribute -diff": attributes("c.ini -diff\n"),
    "attribute binary": attributes("*.ini binary\n"),
    "filter": attributes("*.ini filter=wipe\n"),
    "textconv": config("diff.ini.textconv", "true"),
    "color.ui": config("color.ui", "always"),
    "color.diff": config("color.diff", "always"),
    "diff.external": config("diff.external", "true"),
    "noprefix": config("diff.noprefix", "true"),
    "mnemonicPrefix": config("diff.mnemonicPrefix", "true"),
    "fsmonitor": config("core.fsmonitor", "true"),
    "orderFile": config("diff.orderFile", "/nowhere"),
    "ignoreSubmodules": config("diff.ignoreSubmodules", "all"),
    "utf-16": utf16,
    "cleaned work tree": cleaned,
    "pure rename": renamed,
    "file name": in_a_file_name,
    "symlink target": in_a_link,
    "type change": type_change,
    "non-ASCII name": lambda repo: leak(repo, "caf\u00e9 \u540d.ini"),
    "quoted name": lambda repo: leak(repo, 'a "b"\n\tc.ini'),
    "non-UTF-8 name": lambda repo: leak(repo, os.fsdecode(b"caf\xe9.ini")),
    "node_modules": lambda repo: leak(repo, "node_modules/x/index.js"),
    "lock file": lambda repo: leak(repo, "package-lock.json"),
    "env file": lambda repo: leak(repo, ".env", "PASSWORD=hunter2hunter2X9\n"),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_a_commit_is_stopped(tmp_path: Path, trap: str) -> None:
    repo = hooked(tmp_path)
    TRAPS[trap](repo)
    before = head(repo)
    done = git(repo, "commit", "-m", "x")
    assert done.returncode == 1, done.stderr.decode("utf-8", "replace")
    assert head(repo) == before
    assert SECRET[4:].encode() not in done.stderr + done.stdout


def test_the_first_commit(tmp_path: Path) -> None:
    repo = Repository(tmp_path)
    set_hooks(repo)
    leak(repo)
    assert git(repo, "commit", "-m", "x").returncode == 1
    repo.git("rm", "-q", "--cached", "c.ini")
    leak(repo, "ok.txt", "fine\n")
    assert git(repo, "commit", "-m", "x").returncode == 0


@pytest.mark.parametrize("args", [["-a"], ["--", "README.md"], ["--amend", "-a", "--no-edit"]])
def test_commits_with_an_index_of_their_own(tmp_path: Path, args: list[str]) -> None:
    repo = hooked(tmp_path)
    repo.write({"README.md": LEAK})
    message = [] if "--amend" in args else ["-m", "x"]
    assert git(repo, "commit", *message, *args).returncode == 1


def test_clean_work_passes(tmp_path: Path) -> None:
    repo = hooked(tmp_path)
    leak(repo, "a.py", "aws_secret_access_key = os.environ['AWS_SECRET_ACCESS_KEY']\n# AKIAIOSFODNN7EXAMPLE\n")
    done = git(repo, "commit", "-m", "clean")
    assert done.returncode == 0 and not done.stderr.strip(b"\n").startswith(b"credguard")
    assert git(repo, "commit", "--amend", "-m", "clean too").returncode == 0
    assert git(repo, "commit", "--allow-empty", "-m", "empty").returncode == 0


def test_what_stood_there_before_does_not_block_but_whole_files_does(tmp_path: Path) -> None:
    repo = hooked(tmp_path)
    leak(repo)
    repo.git("commit", "-qm", "old", "--no-verify")
    leak(repo, "c.ini", "# a line above\n" + LEAK)
    assert git(repo, "commit", "-m", "x").returncode == 0
    leak(repo, "c.ini", "# another\n" + LEAK)
    done = processes.run(["hook", "pre-commit", "--whole-files"], cwd=repo.folder, env=clean_environment())
    assert done.returncode == 1
    leak(repo, "copy.ini")  # a copy is new
    assert git(repo, "commit", "-m", "x").returncode == 1


def test_a_new_half_beside_a_known_one_is_new(tmp_path: Path) -> None:
    repo = hooked(tmp_path)
    leak(repo, "c.ini", LEAK.splitlines(keepends=True)[0])
    repo.git("commit", "-qm", "old", "--no-verify")
    leak(repo)
    assert git(repo, "commit", "-m", "x").returncode == 1


def test_an_evil_merge(tmp_path: Path) -> None:
    repo = hooked(tmp_path)
    repo.git("checkout", "-qb", "side")
    repo.commit("side", {"side.txt": "s\n"})
    repo.git("checkout", "-q", "main")
    repo.commit("main", {"main.txt": "m\n"})
    assert git(repo, "merge", "--no-edit", "side").returncode == 0
    repo.git("reset", "-q", "--hard", "HEAD^")
    repo.git("merge", "-q", "--no-commit", "side")
    leak(repo)
    assert git(repo, "commit", "--no-edit").returncode == 1


def test_a_merge_that_brings_a_key(tmp_path: Path) -> None:
    repo = hooked(tmp_path)
    repo.git("checkout", "-qb", "side")
    leak(repo)
    repo.git("commit", "-qm", "side", "--no-verify")
    repo.git("checkout", "-q", "main")
    repo.commit("main", {"main.txt": "m\n"})
    assert git(repo, "merge", "--no-edit", "side").returncode != 0


def test_a_commit_message(tmp_path: Path) -> None:
    repo = hooked(tmp_path)
    assert git(repo, "commit", "--allow-empty", "-m", f"use {KEY_ID}").returncode == 1
    assert git(repo, "commit", "--allow-empty", "-m", "use the role").returncode == 0
    text = repo.folder / "m"
    text.write_text("fine\n# a comment\n# ------------------------ >8 ------------------------\nnothing\n")
    done = processes.run(["hook", "commit-msg", "m"], cwd=repo.folder, env=clean_environment())
    assert done.returncode == 0, done.stderr


@pytest.fixture
def pushed(tmp_path: Path) -> Repository:
    """A clone whose pre-push hook is installed, with one clean commit already on the remote."""
    Repository(tmp_path / "remote", bare=True)
    repo = hooked(tmp_path / "work")
    repo.git("remote", "add", "origin", str(tmp_path / "remote"))
    repo.git("push", "-q", "origin", "main")
    set_hooks(repo)
    return repo


def test_push_of_a_key_that_a_later_commit_removed(pushed: Repository) -> None:
    commit_leak(pushed)
    pushed.git("rm", "-q", "c.ini")
    pushed.git("commit", "-qm", "gone", "--no-verify")
    assert git(pushed, "push", "origin", "main").returncode != 0


def test_push_of_a_new_branch_and_a_clean_one(pushed: Repository) -> None:
    pushed.git("checkout", "-qb", "clean")
    pushed.commit("clean", {"x.txt": "x\n"})
    assert git(pushed, "push", "origin", "clean").returncode == 0
    pushed.git("checkout", "-qb", "dirty")
    commit_leak(pushed)
    assert git(pushed, "push", "origin", "dirty").returncode != 0
    assert git(pushed, "push", "origin", "--delete", "clean").returncode == 0


def test_push_of_a_second_ref(pushed: Repository) -> None:
    pushed.git("checkout", "-qb", "b2")
    commit_leak(pushed)
    pushed.git("checkout", "-q", "main")
    pushed.commit("clean", {"x.txt": "x\n"})
    assert git(pushed, "push", "origin", "main", "b2").returncode != 0


def test_force_push(pushed: Repository) -> None:
    pushed.commit("two", {"x.txt": "x\n"})
    pushed.git("push", "-q", "origin", "main")
    pushed.git("reset", "-q", "--hard", "HEAD^")
    commit_leak(pushed)
    assert git(pushed, "push", "--force", "origin", "main").returncode != 0


def test_push_of_tags(pushed: Repository) -> None:
    pushed.git("tag", "-a", "v1", "-m", f"release with {KEY_ID}")
    assert git(pushed, "push", "origin", "v1").returncode != 0
    pushed.git("tag", "-a", "v2", "-m", "release")
    assert git(pushed, "push", "origin", "v2").returncode == 0
    pushed.git("checkout", "-q", "--detach")
    commit_leak(pushed)
    pushed.git("tag", "v3")
    assert git(pushed, "push", "origin", "v3").returncode != 0


def test_push_of_a_key_in_a_merge_and_in_a_message(pushed: Repository) -> None:
    pushed.git("checkout", "-qb", "side")
    pushed.commit("side", {"side.txt": "s\n"})
    pushed.git("checkout", "-q", "main")
    pushed.commit("main", {"main.txt": "m\n"})
    pushed.git("merge", "-q", "--no-commit", "side")
    leak(pushed)
    pushed.git("commit", "-q", "--no-edit", "--no-verify")
    assert git(pushed, "push", "origin", "main").returncode != 0
    pushed.git("reset", "-q", "--hard", "HEAD^")
    pushed.git("commit", "-q", "--allow-empty", "--no-verify", "-m", LEAK)
    assert git(pushed, "push", "origin", "main").returncode != 0


def test_pre_receive_in_quarantine(tmp_path: Path) -> None:
    remote = Repository(tmp_path / "remote", bare=True)
    hook = remote.folder / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m credguard hook pre-receive\n')
    hook.chmod(0o755)
    repo = Repository(tmp_path / "work")
    repo.commit("begin", {"README.md": "hello\n"})
    repo.git("remote", "add", "origin", str(remote.folder))
    assert git(repo, "push", "origin", "main").returncode == 0
    repo.git("checkout", "-qb", "side")
    commit_leak(repo)
    assert git(repo, "push", "origin", "side").returncode != 0
    assert "side" not in remote.git("branch", "--list")


def test_a_git_failure_is_never_a_pass(tmp_path: Path) -> None:
    repo = hooked(tmp_path)
    leak(repo)
    oid = repo.git("ls-files", "--stage", "c.ini").split()[1]
    (repo.folder / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    for args in (["pre-commit"], ["pre-receive"]):
        done = processes.run(
            ["hook", *args],
            cwd=repo.folder,
            env=clean_environment(),
            stdin=f"{'0' * 40} {'1' * 40} refs/heads/x\n".encode(),
        )
        assert done.returncode in (2, 3), (args, done.stderr)
    (repo.folder / ".git" / "HEAD").write_text("garbage")
    done = processes.run(["hook", "pre-commit"], cwd=repo.folder, env=clean_environment())
    assert done.returncode in (2, 3) and b"Traceback" not in done.stderr
