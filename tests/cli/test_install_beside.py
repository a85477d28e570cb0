"""Hooks that were there first: they run after ours, they come back, and what another program owns is left to it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from credguard.errors import CredguardError, ExitCode
from credguard.hooks import install, scripts
from credguard.hooks.scripts import CHAINED
from tests.hooking import KEY_ID, LEAK, credguard, git, hook, listing
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the hooks are POSIX shell scripts; git brings the shell")


@pytest.mark.parametrize("mode", [0o755, 0o700, 0o644])
def test_the_hook_that_was_there_comes_back_as_it_was(repo: Repository, hooks: Path, stub: str, mode: int) -> None:
    hook(hooks, "pre-push", "#!/bin/sh\r\nodd \xe9\n", mode)
    (hooks / "commit-msg").symlink_to("pre-push")
    (hooks / "pre-commit").symlink_to("nowhere")
    before = {path.name: (path.lstat().st_mode, path.lstat().st_mtime_ns) for path in hooks.iterdir()}
    content = (hooks / "pre-push").read_bytes()
    install.install(repo.folder, (), stub)
    install.install(repo.folder, (), stub)
    assert os.readlink(hooks / f"commit-msg{CHAINED}") == "pre-push"
    install.uninstall(repo.folder)
    assert {path.name: (path.lstat().st_mode, path.lstat().st_mtime_ns) for path in hooks.iterdir()} == before
    assert (hooks / "pre-push").read_bytes() == content


def test_both_hooks_run_ours_first_and_last(repo: Repository, hooks: Path, stub: str, tmp_path: Path) -> None:
    for name in ("pre-commit", "commit-msg"):
        hook(hooks, name)
    install.install(repo.folder, (), stub)
    log = tmp_path / "log"
    done = git(repo.folder, "commit", "--allow-empty", "-qm", "x", LOG=str(log))
    assert done.returncode == 0, done.stderr
    message = "commit-msg .git/COMMIT_EDITMSG"
    assert log.read_text().splitlines() == [
        "ours hook pre-commit", "theirs ", "ours hook pre-commit",
        f"ours hook {message}", f"theirs {message.split()[1]}", f"ours hook {message}",
    ]  # fmt: skip


def test_what_the_other_hook_brings_in_is_looked_at(repo: Repository, hooks: Path) -> None:
    (repo.folder / "late.ini").write_text(LEAK)
    hook(hooks, text="#!/bin/sh\ngit add late.ini\n")
    hook(hooks, "commit-msg", f"#!/bin/sh\necho 'see {KEY_ID}' >>\"$1\"\n")
    assert credguard("install", cwd=repo.folder).returncode == 0
    done = git(repo.folder, "commit", "--allow-empty", "-qm", "x")
    assert done.returncode == 1 and "late.ini" in done.stderr
    (repo.folder / "late.ini").write_text("nothing\n")
    repo.git("rm", "-q", "-f", "--cached", "late.ini")
    done = git(repo.folder, "commit", "--allow-empty", "-qm", "x")
    assert done.returncode == 1 and "commit message" in done.stderr


@pytest.mark.parametrize(("ours", "theirs"), [("1", "0"), ("0", "1"), ("3", "1")])
def test_each_can_stop_git(repo: Repository, hooks: Path, stub: str, tmp_path: Path, ours: str, theirs: str) -> None:
    hook(hooks)
    install.install(repo.folder, ["pre-commit"], stub)
    log = tmp_path / "log"
    done = git(repo.folder, "commit", "--allow-empty", "-qm", "x", LOG=str(log), OURS=ours, THEIRS=theirs)
    assert done.returncode == 1
    assert ("theirs" in log.read_text()) == (ours == "0")


def test_a_hook_that_git_passed_over_stays_passed_over(
    repo: Repository, hooks: Path, stub: str, tmp_path: Path
) -> None:
    hook(hooks, mode=0o644)
    lines = install.install(repo.folder, ["pre-commit"], stub)
    assert "is not executable" in lines[0]
    log = tmp_path / "log"
    assert git(repo.folder, "commit", "--allow-empty", "-qm", "x", LOG=str(log)).returncode == 0
    assert log.read_text() == "ours hook pre-commit\n"


def test_push_tells_both_of_every_ref(repo: Repository, hooks: Path, stub: str, tmp_path: Path) -> None:
    commit = repo.commit()
    repo.git("branch", "other")
    remote = Repository(tmp_path / "remote", bare=True)
    hook(hooks, "pre-push")
    hook(remote.folder / "hooks", "pre-receive")
    install.install(repo.folder, (), stub)
    install.install(remote.folder, (), stub)
    log = tmp_path / "log"
    done = git(repo.folder, "push", "-q", str(remote.folder), "main", "other", LOG=str(log))
    assert done.returncode == 0, done.stderr
    zero = "0" * 40
    refs = [f"refs/heads/{name} {commit} refs/heads/{name} {zero}" for name in ("main", "other")]
    received = [f"{zero} {commit} refs/heads/{name}" for name in ("main", "other")]
    url = f"{remote.folder} {remote.folder}"
    assert log.read_text().splitlines() == [
        f"ours hook pre-push {url}", *refs, f"theirs {url}", *refs,
        "ours hook pre-receive", *received, "theirs ", *received,
    ]  # fmt: skip


def test_a_push_of_nothing_reaches_both(repo: Repository, hooks: Path, stub: str, tmp_path: Path) -> None:
    repo.commit()
    remote = Repository(tmp_path / "remote", bare=True)
    repo.git("push", "-q", str(remote.folder), "main")
    hook(hooks, "pre-push")
    install.install(repo.folder, (), stub)
    log = tmp_path / "log"
    assert git(repo.folder, "push", "-q", str(remote.folder), "main", LOG=str(log)).returncode == 0
    assert [line.split()[0] for line in log.read_text().splitlines()] == ["ours", "theirs"]


def test_long_and_odd_input_reaches_both(repo: Repository, hooks: Path, stub: str, tmp_path: Path) -> None:
    hook(hooks, "pre-push")
    install.install(repo.folder, (), stub)
    odd = b"".join(b"refs/heads/%d\xe9`id`$(id)\\n END \n" % number for number in range(9000)) + b"END\n"
    log = tmp_path / "log"
    subprocess.run([hooks / "pre-push", "a", "b"], input=odd, env=os.environ | {"LOG": str(log)}, check=True)
    assert log.read_bytes() == b"ours hook pre-push a b\n" + odd + b"theirs a b\n" + odd


def test_post_rewrite_reaches_both_whatever_ours_says(repo: Repository, hooks: Path, stub: str, tmp_path: Path) -> None:
    old = repo.commit()
    hook(hooks, "post-rewrite")
    install.install(repo.folder, ["post-rewrite"], stub)
    log = tmp_path / "log"
    git(repo.folder, "commit", "--amend", "--allow-empty", "-qm", "y", LOG=str(log), OURS="1")
    line = f"{old} {repo.git('rev-parse', 'HEAD').strip()}"
    assert log.read_text().splitlines() == ["ours hook post-rewrite amend", line, "theirs amend", line]


HUSKY = {"core.hooksPath": ".husky/_", "core.hooksPath of version 8": ".husky", "not yet set up": ""}


@pytest.mark.parametrize("value", HUSKY.values(), ids=HUSKY)
def test_husky_is_told_what_to_add(repo: Repository, hooks: Path, value: str) -> None:
    repo.write({".husky/pre-commit": "npm test\n", ".husky/_/pre-commit": "#!/bin/sh\n"})
    if value:
        repo.git("config", "core.hooksPath", value)
    done = credguard("install", "--hooks", "pre-commit,pre-push", cwd=repo.folder)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert '.husky/pre-commit:  credguard hook pre-commit "$@"' in done.stderr
    assert '.husky/pre-push:  credguard hook pre-push "$@"' in done.stderr
    assert "credguard: husky manages the hooks here, so nothing was installed; " in done.stderr
    assert (repo.folder / ".husky/pre-commit").read_text() == "npm test\n"
    assert listing(hooks) == {}


GENERATED = {
    "pre-commit": "#!/usr/bin/env bash\n# File generated by pre-commit: https://pre-commit.com\n",
    "prek": "#!/bin/sh\n# File generated by prek: https://github.com/j178/prek\n",
    "lefthook": '#!/bin/sh\ncall_lefthook()\n{\n:\n}\ncall_lefthook run "pre-commit" "$@"\n',
}


LINES = {
    "pre-commit": ["  - id: credguard", "  - id: credguard-pre-push",
                   "then run: pre-commit install --hook-type pre-commit --hook-type pre-push"],
    "prek": ["  - id: credguard", "then run: prek install --hook-type pre-commit --hook-type pre-push"],
    "lefthook": ["pre-commit:", "      use_stdin: true", "then run: lefthook install",
                 "      run: credguard hook pre-push {0}"],
}  # fmt: skip


@pytest.mark.parametrize("program", GENERATED)
def test_hook_managers_are_told_what_to_add(repo: Repository, hooks: Path, program: str) -> None:
    hook(hooks, text=GENERATED[program])
    before = listing(hooks)
    done = credguard("install", "--hooks", "pre-commit,pre-push", cwd=repo.folder)
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    lines = done.stderr.splitlines()
    assert [line for line in LINES[program] if line not in lines] == []
    assert lines[-1].startswith(f"credguard: {program} manages the hooks here, so nothing was installed; ")
    assert listing(hooks) == before
    # What the program does not look after can be installed.
    assert credguard("install", "--hooks", "pre-push", cwd=repo.folder).returncode == 0


def test_a_hook_moved_by_the_pre_commit_framework_is_found_again(repo: Repository, hooks: Path, stub: str) -> None:
    theirs = hook(hooks)
    before = listing(hooks)
    install.install(repo.folder, ["pre-commit"], stub)
    theirs.rename(hooks / "pre-commit.legacy")
    hook(hooks, text=GENERATED["pre-commit"])
    install.uninstall(repo.folder)
    assert (hooks / "pre-commit").read_text() == GENERATED["pre-commit"]
    assert listing(hooks)["pre-commit.legacy"] == before["pre-commit"]
    assert not (hooks / f"pre-commit{CHAINED}").exists()


def test_a_hook_replaced_by_another_program_is_left(repo: Repository, hooks: Path, stub: str) -> None:
    hook(hooks)
    install.install(repo.folder, ["pre-commit"], stub)
    hook(hooks, text="#!/bin/sh\n# new\n")
    before = listing(hooks)
    with pytest.raises(CredguardError, match="are both third-party hooks"):
        install.install(repo.folder, (), stub)
    assert "another program's hook has replaced" in install.uninstall(repo.folder)[0]
    assert listing(hooks) == before


def test_the_plain_hook_is_left_alone(repo: Repository, hooks: Path, stub: str) -> None:
    (hooks / "pre-commit").write_bytes(scripts.format_plain_hook("pre-commit"))
    before = listing(hooks)
    assert "the plain hook" in install.install(repo.folder, ["pre-commit"], stub)[0]
    assert "not changed" in install.uninstall(repo.folder)[0]
    assert listing(hooks) == before
