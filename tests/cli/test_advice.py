"""What people are told to do fits where the key is when it is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hooking import LEAK, cloned, commit_leak, credguard, git, hooked, leak
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path

AFTER_A_LEAK = ("filter-repo", "everybody who", "Inactive", "deactivate")


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return hooked(tmp_path / "repo")


@pytest.mark.parametrize("name", ["c.ini", ".env", ".aws/credentials"])
def test_only_staged(repo: Repository, name: str) -> None:
    leak(repo, name, "[default]\n" + LEAK)
    for text in (git(repo.folder, "commit", "-qm", "x").stderr, credguard("scan", "--staged", cwd=repo.folder).stdout):
        assert f"git restore --staged -- {name}" in text
        assert "nothing has left" in text
        assert not [words for words in AFTER_A_LEAK if words in text], text


def test_staged_in_a_repository_without_a_commit(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "new")
    leak(repo)
    assert "git rm --cached -- c.ini" in credguard("scan", "--staged", cwd=repo.folder).stdout


def test_a_message(repo: Repository) -> None:
    (repo.folder / "message").write_text(LEAK)
    done = git(repo.folder, "commit", "--allow-empty", "-qF", "message")
    assert "no commit was made" in done.stderr and "git commit --edit" in done.stderr
    assert not [words for words in AFTER_A_LEAK if words in done.stderr], done.stderr


def test_committed_and_not_pushed(tmp_path: Path) -> None:
    repo = cloned(tmp_path / "repo", Repository(tmp_path / "remote", bare=True))
    commit = commit_leak(repo)
    last = git(repo.folder, "push", "-q", "origin", "main").stderr
    assert "git commit --amend" in last and "not pushed yet" in last
    repo.git("commit", "-q", "--allow-empty", "--no-verify", "-m", "more")
    older = git(repo.folder, "push", "-q", "origin", "main").stderr
    assert f"git rebase --interactive {commit[:12]}^" in older
    for text in (last, older):
        assert not [words for words in AFTER_A_LEAK if words in text], text


def test_pushed(tmp_path: Path) -> None:
    repo = cloned(tmp_path / "repo", Repository(tmp_path / "remote", bare=True))
    commit_leak(repo)
    repo.git("push", "-q", "--no-verify", "origin", "main")
    text = credguard("scan", "--range", "HEAD~1..HEAD", cwd=repo.folder).stdout
    assert "Deactivate first" in text
    assert text.index("Inactive") < text.index("filter-repo")


def test_under_pre_commit_there_is_something_to_paste(repo: Repository) -> None:
    leak(repo)
    assert "pre-commit run" not in git(repo.folder, "commit", "-qm", "x").stderr
    told = git(repo.folder, "commit", "-qm", "x", PRE_COMMIT="1").stderr
    lines = told[told.index("  allow:") :].splitlines()
    (repo.folder / ".credguard.yaml").write_text("\n".join(line[2:] for line in lines[:2]) + "\n")
    repo.git("add", ".credguard.yaml")
    assert "pre-commit run credguard" in told
    assert "CG103" not in git(repo.folder, "commit", "-qm", "x", PRE_COMMIT="1").stderr
