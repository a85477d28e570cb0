"""Commits from odd places, and what the hooks say."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.hooking import IDENTITY, KEY_ID, LEAK, SECRET, git, hook, hooked, leak, stopped
from tests.repos import clean_environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.repos import Repository


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return hooked(tmp_path / "repo")


def test_work_trees_and_git_dirs_given_by_hand(repo: Repository, tmp_path: Path) -> None:
    """As `git --git-dir=X --work-tree=Y`, which hooks see as variables."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "c.ini").write_text(LEAK)
    given = {"GIT_DIR": str(repo.folder / ".git"), "GIT_WORK_TREE": str(elsewhere)}
    assert git(elsewhere, "add", "c.ini", **given).returncode == 0
    for _ in range(2):
        done = git(elsewhere, "commit", "-qm", "x", **given)
        assert done.returncode == 1 and "CG103" in done.stderr
    (elsewhere / "c.ini").write_text("nothing\n")
    assert git(elsewhere, "add", "-A", **given).returncode == 0
    assert git(elsewhere, "commit", "-qm", "x", **given).returncode == 0


def test_from_a_folder_below(repo: Repository) -> None:
    (repo.folder / "deep" / "er").mkdir(parents=True)
    leak(repo, "deep/er/c.ini")
    done = subprocess.run(
        ["git", "commit", "-qm", "x"], cwd=repo.folder / "deep" / "er", env=clean_environment() | IDENTITY, check=False,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 1 and b"deep/er/c.ini" in done.stderr


def test_in_a_linked_work_tree(repo: Repository, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", "-b", "second", str(tmp_path / "second"))
    second = tmp_path / "second"
    (second / "c.ini").write_text(LEAK)
    assert git(second, "add", "c.ini").returncode == 0
    done = git(second, "commit", "-qm", "x")
    assert done.returncode == 1 and "CG103" in done.stderr
    (second / "c.ini").write_text("nothing\n")
    assert git(second, "commit", "-qam", "x").returncode == 0


def test_in_a_submodule(repo: Repository, tmp_path: Path) -> None:
    library = hooked(tmp_path / "library")
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.folder), "sub")
    assert not stopped(repo, "commit", "-qm", "sub")
    sub = repo.folder / "sub"
    folder = repo.folder / ".git" / "modules" / "sub" / "hooks"
    hook(folder, "pre-commit", (repo.folder / ".git" / "hooks" / "pre-commit").read_text())
    (sub / "c.ini").write_text(LEAK)
    assert git(sub, "add", "c.ini").returncode == 0
    done = git(sub, "commit", "-qm", "x")
    assert done.returncode == 1 and "CG103" in done.stderr
    (sub / "c.ini").write_text("nothing\n")
    assert git(sub, "commit", "-qam", "x").returncode == 0


def test_an_amended_commit_is_told_of(repo: Repository) -> None:
    """git does not stop after post-rewrite, but it says what was made anew."""
    leak(repo)
    done = git(repo.folder, "commit", "--amend", "--no-edit", "-q", "--no-verify")
    assert done.returncode == 0 and "CG103" in done.stderr
    repo.git("checkout", "-q", "-b", "side", "HEAD")
    repo.git("commit", "-q", "--allow-empty", "-m", "clean", "--no-verify")
    done = git(repo.folder, "commit", "--amend", "-q", "--allow-empty", "-m", "cleaner", "--no-verify")
    assert done.returncode == 0 and not done.stderr


def test_what_is_said(repo: Repository) -> None:
    """What was blocked, where, how to mend it, how to record an exception; never how to get around the hook."""
    leak(repo, "app/c.ini")
    done = git(repo.folder, "commit", "-qm", "x")
    assert done.returncode == 1
    for words in ("app/c.ini", "1:21", "CG103", KEY_ID, "What to do", "take it out of app/c.ini", "credguard allow"):
        assert words in done.stderr, words
    for words in ("no-verify", "-n ", "SKIP=", SECRET[4:]):
        assert words not in done.stderr, words


def test_nobody_is_told_to_go_around_the_hooks() -> None:
    from credguard.rules import load_rules

    for rule in load_rules():
        words = " ".join((rule.page, rule.hint, *rule.remediation))
        assert "no-verify" not in words and "SKIP=" not in words, rule.id
