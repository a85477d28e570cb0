"""`credguard install` and `uninstall` in real repositories: the hooks lie where git looks, and git runs them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from credguard.errors import CredguardError, ExitCode
from credguard.hooks import install, scripts
from credguard.hooks.events import DEFAULT, HOOK_NAMES
from credguard.hooks.scripts import CHAINED
from tests.hooking import LEAK, credguard, git, hook, listing, only_git, stops_a_leak
from tests.repos import Repository

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the hooks are POSIX shell scripts; git brings the shell")


def test_plain_repository(repo: Repository, hooks: Path) -> None:
    (repo.folder / "sub").mkdir()
    done = credguard("install", cwd=repo.folder / "sub")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [f"{name}: installed in {hooks}" for name in DEFAULT]
    for name in DEFAULT:
        assert (hooks / name).stat().st_mode & 0o7777 == 0o755
        assert (hooks / name).read_bytes() == scripts.format_installed_hook(name, sys.executable)
        assert b"\r" not in (hooks / name).read_bytes()
    assert stops_a_leak(repo.folder)


def test_second_run_changes_nothing(repo: Repository, hooks: Path) -> None:
    hook(hooks)
    credguard("install", cwd=repo.folder)
    before = listing(hooks)
    done = credguard("install", cwd=repo.folder)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [f"{name}: already there, in {hooks}" for name in DEFAULT]
    assert listing(hooks) == before


def test_an_older_hook_of_ours_is_renewed_not_chained(repo: Repository, hooks: Path, stub: str) -> None:
    install.install(repo.folder, ["pre-commit"], stub)
    (hooks / "pre-commit").write_bytes((hooks / "pre-commit").read_bytes().replace(b"\n", b"\r\n"))
    assert install.install(repo.folder, ["pre-commit"], stub) == [f"pre-commit: renewed in {hooks}"]
    assert (hooks / "pre-commit").read_bytes() == scripts.format_installed_hook("pre-commit", stub)
    assert not (hooks / f"pre-commit{CHAINED}").exists()


def test_uninstall_leaves_nothing(repo: Repository, hooks: Path) -> None:
    before = listing(hooks)
    credguard("install", "--hooks", "pre-receive,post-rewrite,pre-commit", cwd=repo.folder)
    assert sorted(listing(hooks)) == ["post-rewrite", "pre-commit", "pre-receive"]
    done = credguard("uninstall", cwd=repo.folder)
    assert (done.returncode, listing(hooks)) == (0, before)
    again = credguard("uninstall", cwd=repo.folder)
    assert (again.returncode, again.stdout) == (0, f"{hooks} has no hook written by `credguard install`\n")


def test_worktree(repo: Repository, hooks: Path, tmp_path: Path) -> None:
    repo.commit()
    linked = tmp_path / "linked"
    repo.git("worktree", "add", "-q", str(linked))
    done = credguard("install", cwd=linked)
    assert f"pre-commit: installed in {hooks}" in done.stdout
    assert stops_a_leak(linked)
    assert stops_a_leak(repo.folder)


def test_submodule(repo: Repository, tmp_path: Path) -> None:
    inner = Repository(tmp_path / "inner")
    inner.commit()
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.folder), "part")
    done = credguard("install", cwd=repo.folder / "part")
    assert f"installed in {repo.folder}/.git/modules/part/hooks" in done.stdout
    assert stops_a_leak(repo.folder / "part")


@pytest.mark.parametrize("value", ["{tmp}/my hooks", ".githooks", "~/hooks of mine"])
def test_core_hooks_path(repo: Repository, hooks: Path, tmp_path: Path, value: str) -> None:
    value = value.format(tmp=tmp_path)
    repo.git("config", "core.hooksPath", value)
    (repo.folder / "sub").mkdir()
    done = credguard("install", cwd=repo.folder / "sub")
    place = repo.folder / Path(value).expanduser()
    assert f"pre-commit: installed in {place}\n" in done.stdout
    assert ("part of the work tree" in done.stdout) == (value == ".githooks")
    assert not (hooks / "pre-commit").exists()
    assert stops_a_leak(repo.folder)
    assert credguard("uninstall", cwd=repo.folder).returncode == 0
    assert list(place.iterdir()) == []


def test_core_hooks_path_for_all_repositories(repo: Repository, settings: Path, tmp_path: Path) -> None:
    repo.git("config", "--file", str(settings), "core.hooksPath", str(tmp_path / "shared"))
    done = credguard("install", cwd=repo.folder)
    assert "git runs these hooks in every one of them" in done.stdout
    assert stops_a_leak(repo.folder)


def test_hooks_left_behind_by_a_changed_hooks_path_are_taken_away(repo: Repository, hooks: Path, stub: str) -> None:
    install.install(repo.folder, (), stub)
    repo.git("config", "core.hooksPath", "elsewhere")
    install.install(repo.folder, (), stub)
    install.uninstall(repo.folder)
    assert listing(hooks) == listing(repo.folder / "elsewhere") == {}


@pytest.mark.parametrize("value", ["/dev/null", "", "a file"])
def test_a_hooks_path_that_keeps_git_from_running_hooks(repo: Repository, value: str) -> None:
    repo.write({"a file": ""})
    repo.git("config", "core.hooksPath", value)
    done = credguard("install", cwd=repo.folder)
    assert done.returncode == ExitCode.USAGE
    assert "so git runs no hooks; set it to a folder or unset it" in done.stderr
    assert done.stderr.count("\n") == 1


def test_bare_repository(tmp_path: Path) -> None:
    remote = Repository(tmp_path / "remote", bare=True)
    done = credguard("install", cwd=remote.folder)
    assert done.stdout == f"pre-receive: installed in {remote.folder}/hooks\n"
    repo = Repository(tmp_path / "repo")
    repo.commit("clean", {"a": "b\n"})
    assert git(repo.folder, "push", "-q", str(remote.folder), "main").returncode == 0
    repo.commit("leak", {"c.ini": LEAK})
    pushed = git(repo.folder, "push", "-q", str(remote.folder), "main")
    assert pushed.returncode == 1
    assert "CG103" in pushed.stderr
    assert remote.git("log", "--format=%s", "main") == "clean\n"


def test_odd_paths(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "a 'b' \"c\" $d `e` \\f é\n")
    assert credguard("install", cwd=repo.folder).returncode == 0
    assert stops_a_leak(repo.folder)


def test_odd_interpreter(repo: Repository, stub: str, tmp_path: Path) -> None:
    odd = tmp_path / "a 'b' \"c\" $d `e` \\f é\n"
    os.rename(stub, odd)
    install.install(repo.folder, ["pre-commit"], str(odd))
    log = tmp_path / "log"
    assert git(repo.folder, "commit", "--allow-empty", "-qm", "x", LOG=str(log)).returncode == 0
    assert log.read_text() == "ours hook pre-commit\n"


CURE = "credguard is missing, so nothing was checked; cure: install it, then run 'credguard install' here\n"


def test_nothing_that_the_repository_configures_is_run(repo: Repository, hooks: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    for key in ("core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "diff.external", "gpg.program"):
        repo.git("config", key, f"touch {ran}; false")
    for command in ("rev-parse", "config"):
        repo.git("config", f"alias.{command}", f"!touch {ran}")
    repo.git("config", "core.replaceRefBase", "refs/heads/")
    repo.git("config", "color.ui", "always")
    for name in ("post-index-change", "reference-transaction"):
        hook(hooks, name, f"#!/bin/sh\ntouch {ran}\n")
    before = listing(hooks)
    for command in ("install", "uninstall"):
        assert credguard(command, cwd=repo.folder).returncode == 0
    assert listing(hooks) == before
    assert not ran.exists()


@pytest.mark.parametrize("gone", [True, False], ids=["no interpreter", "interpreter without credguard"])
def test_without_credguard_git_is_stopped(repo: Repository, hooks: Path, stub: str, gone: bool) -> None:
    install.install(repo.folder, HOOK_NAMES, stub)
    Path(stub).unlink()
    if not gone:
        Path(stub).write_text("#!/bin/sh\nexit 127\n")
        Path(stub).chmod(0o755)
    done = git(repo.folder, "commit", "--allow-empty", "-qm", "x", PATH=only_git(repo.folder.parent))
    assert (done.returncode, done.stderr) == (1, CURE)
    for name in HOOK_NAMES:
        ran = subprocess.run(
            [hooks / name], stdin=subprocess.DEVNULL, env={"PATH": only_git(repo.folder.parent)}, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        assert (ran.returncode, ran.stderr) == (2, CURE)


def test_without_its_interpreter_the_hook_takes_credguard_of_path(repo: Repository, stub: str, tmp_path: Path) -> None:
    install.install(repo.folder, ["pre-commit"], stub)
    tools = only_git(tmp_path)
    os.rename(stub, Path(tools) / "credguard")
    log = tmp_path / "log"
    (Path(tools) / "credguard").write_text('#!/bin/sh\necho "path $*" >"$LOG"\n')
    done = git(repo.folder, "commit", "--allow-empty", "-qm", "x", PATH=tools, LOG=str(log))
    assert (done.returncode, log.read_text()) == (0, "path hook pre-commit\n")


def test_a_repository_cannot_bring_its_own_credguard(repo: Repository) -> None:
    assert credguard("install", cwd=repo.folder).returncode == 0
    own = "def main():\n    return 0\n"
    repo.write({"credguard/__init__.py": "", "credguard/cli.py": own, "runpy.py": "raise SystemExit(0)\n"})
    assert stops_a_leak(repo.folder)
    assert stops_a_leak(repo.folder, PYTHONPATH=".")


def test_credguard_must_be_found_without_this_shells_settings(repo: Repository, hooks: Path, stub: str) -> None:
    Path(stub).write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(CredguardError, match="PYTHONPATH"):
        install.install(repo.folder, (), stub)
    with pytest.raises(CredguardError, match="cannot be started"):
        install.install(repo.folder, (), stub + " that is not there")
    assert listing(hooks) == {}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_write_access(repo: Repository, hooks: Path) -> None:
    hooks.chmod(0o555)
    done = credguard("install", cwd=repo.folder)
    hooks.chmod(0o755)
    assert done.returncode == ExitCode.USAGE
    assert f"hooks could not be written to {hooks}: Permission denied" in done.stderr


def test_a_write_that_fails_leaves_the_old_hook(
    repo: Repository, hooks: Path, stub: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook(hooks)
    before = listing(hooks)

    def refuse(*_args: object, **_names: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(CredguardError, match=r"could not be written to .*: Permission denied"):
        install.install(repo.folder, (), stub)
    assert listing(hooks) == before


def test_a_folder_in_the_place_of_a_hook(repo: Repository, hooks: Path) -> None:
    (hooks / "pre-push").mkdir()
    done = credguard("install", cwd=repo.folder)
    assert done.returncode == ExitCode.USAGE
    assert f"{hooks}/pre-push is not a file" in done.stderr
    assert not (hooks / "pre-commit").exists()


@pytest.mark.parametrize("words", ["pre-comit", "post-commit", "pre-commit,", ""])
@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_unknown_hooks(repo: Repository, hooks: Path, command: str, words: str) -> None:
    done = credguard(command, "--hooks", words, cwd=repo.folder)
    assert done.returncode == ExitCode.USAGE
    assert f"{words.rpartition(',')[2]!r} is not a hook of credguard; choose from pre-commit, " in done.stderr
    assert listing(hooks) == {}


def test_outside_a_repository(tmp_path: Path) -> None:
    done = credguard("install", cwd=tmp_path)
    assert done.returncode == ExitCode.USAGE
    assert done.stderr == f"credguard: {tmp_path} is not in a git repository; go to one\n"


def test_inside_the_git_folder(repo: Repository) -> None:
    done = credguard("install", cwd=repo.folder / ".git")
    assert done.returncode == ExitCode.USAGE
    assert "is inside a .git folder; go to the work tree" in done.stderr
