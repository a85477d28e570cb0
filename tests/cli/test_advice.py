"""What people are told to do fits where the key is when it is found."""

from __future__ import annotations

import re
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
    """No `credguard` is on PATH there, so no command of it is named."""
    leak(repo)
    native = git(repo.folder, "commit", "-qm", "x").stderr
    assert "credguard allow" in native and "pre-commit run" not in native
    hint = git(repo.folder, "commit", "-qm", "x", PRE_COMMIT="1").stderr
    assert "credguard allow" not in hint and hint.endswith("pre-commit run credguard\n")
    lines = hint[hint.index("  allow:") :].splitlines()
    (repo.folder / ".credguard.yaml").write_text("\n".join(line[2:] for line in lines[:2]) + "\n")
    repo.git("add", ".credguard.yaml")
    assert "CG103" not in git(repo.folder, "commit", "-qm", "x", PRE_COMMIT="1").stderr


def test_the_comment_that_pre_commit_users_are_shown_works(repo: Repository) -> None:
    leak(repo)
    (comment,) = re.findall(
        r"on its line: (credguard: allow .*)\n", git(repo.folder, "commit", "-qm", "x", PRE_COMMIT="1").stderr
    )
    leak(repo, content=f"# {comment}\n{LEAK}")
    assert git(repo.folder, "commit", "-qm", "x", PRE_COMMIT="1").returncode == 0


def test_a_message_and_a_push_under_pre_commit(tmp_path: Path) -> None:
    repo = cloned(tmp_path / "repo", Repository(tmp_path / "remote", bare=True))
    (repo.folder / "message").write_text(LEAK)
    message = git(repo.folder, "commit", "--allow-empty", "-qF", "message", PRE_COMMIT="1").stderr
    commit_leak(repo)
    push = git(repo.folder, "push", "-q", "origin", "main", PRE_COMMIT="1").stderr
    for text, again in ((message, "stage that and commit again"), (push, "commit that and push again")):
        assert "  allow:\n" in text and again in text
        assert "credguard allow" not in text and "a comment" not in text and "pre-commit run" not in text


def test_a_file_under_pre_commit_has_no_line_to_comment(repo: Repository) -> None:
    leak(repo, ".env", "PORT=3000\n")
    text = git(repo.folder, "commit", "-qm", "x", PRE_COMMIT="1").stderr
    assert "CG201" in text and "  allow:\n" in text and "a comment" not in text
