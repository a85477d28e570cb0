"""Pushes: whatever way a key got into what is pushed, it is stopped; what the other side has is not looked at again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hooking import KEY_ID, LEAK, cloned, commit_leak, git, leak, set_hooks, stops
from tests.keys import Filler
from tests.repos import Repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def remote(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "remote", bare=True)


@pytest.fixture
def repo(tmp_path: Path, remote: Repository) -> Repository:
    return cloned(tmp_path / "work", remote)


def cherry_picked(repo: Repository) -> str:
    commit = commit_leak(repo)
    repo.git("reset", "-q", "--hard", "HEAD^")
    repo.git("cherry-pick", commit)
    return "main"


def reverted(repo: Repository) -> str:
    """Taken away upstream and brought back here."""
    commit_leak(repo)
    repo.git("rm", "-q", "c.ini")
    repo.git("commit", "-qm", "gone", "--no-verify")
    repo.git("push", "-q", "--no-verify", "origin", "main")
    repo.git("fetch", "-q", "origin")
    repo.git("revert", "--no-edit", "HEAD")
    return "main"


def rebased(repo: Repository) -> str:
    repo.git("checkout", "-qb", "side")
    commit_leak(repo)
    repo.git("checkout", "-q", "main")
    repo.commit("on", {"on.txt": "on\n"})
    repo.git("rebase", "-q", "main", "side")
    return "side"


def mailed(repo: Repository) -> str:
    commit_leak(repo)
    patch = repo.git("format-patch", "-1", "--stdout")
    repo.git("reset", "-q", "--hard", "HEAD^")
    repo.git("am", "-q", stdin=patch)
    return "main"


def stashed(repo: Repository) -> str:
    leak(repo)
    repo.git("stash")
    return "stash@{0}:refs/heads/s"


def stashed_untracked(repo: Repository) -> str:
    repo.write({"u.ini": LEAK})
    repo.git("stash", "--include-untracked")
    return "stash@{0}:refs/heads/s"


def squashed(repo: Repository) -> str:
    repo.git("checkout", "-qb", "side")
    commit_leak(repo)
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--squash", "side")
    repo.git("commit", "-qm", "squash", "--no-verify")
    return "main"


def made_by_hand(repo: Repository) -> str:
    leak(repo)
    tree = repo.git("write-tree").strip()
    commit = repo.git("commit-tree", "-p", "HEAD", "-m", "x", tree).strip()
    repo.git("reset", "-q", "--hard")
    return f"{commit}:refs/heads/hand"


def noted(repo: Repository) -> str:
    repo.git("notes", "add", "-m", LEAK)
    return "refs/notes/commits"


def orphaned(repo: Repository) -> str:
    repo.git("checkout", "-q", "--orphan", "fresh")
    commit_leak(repo)
    return "fresh"


def unrelated(repo: Repository) -> str:
    orphaned(repo)
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "--no-edit", "--allow-unrelated-histories", "--no-verify", "fresh")
    return "main"


def in_a_tree(repo: Repository) -> str:
    leak(repo, "deep/c.ini")
    tree = repo.git("write-tree").strip()
    repo.git("tag", "tree", tree)
    return "tree"


def in_a_tagged_tree(repo: Repository) -> str:
    leak(repo, "deep/c.ini")
    repo.git("tag", "-a", "-m", "x", "tree", repo.git("write-tree").strip())
    return "tree"


def name_in_a_tree(repo: Repository) -> str:
    leak(repo, f"{KEY_ID}.txt", "x\n")
    repo.git("tag", "tree", repo.git("write-tree").strip())
    return "tree"


def in_a_tagged_file(repo: Repository) -> str:
    repo.git("tag", "file", repo.git("hash-object", "-w", "--stdin", stdin=LEAK).strip())
    return "file"


def in_an_inner_tag(repo: Repository) -> str:
    repo.git("tag", "-a", "-m", LEAK, "inner")
    repo.git("tag", "-a", "-m", "outer", "outer", "inner")
    return "outer"


def in_a_branch_name(repo: Repository) -> str:
    repo.git("branch", f"try/{KEY_ID}")
    return f"try/{KEY_ID}"


def in_a_new_name(_repo: Repository) -> str:
    return f"main:refs/heads/x/{KEY_ID}"


def in_an_author(repo: Repository) -> str:
    repo.git("commit", "-q", "--allow-empty", "-m", "x", "--no-verify", "--author", f"{KEY_ID} <a@example.com>")
    return "main"


def in_the_first_of_many(repo: Repository) -> str:
    commit_leak(repo)
    repo.git("rm", "-q", "c.ini")
    for number in range(120):
        repo.git("commit", "-q", "--allow-empty", "--no-verify", "-m", str(number))
    return "main"


def by_an_expression(repo: Repository) -> str:
    commit_leak(repo)
    repo.commit("a later commit")
    return "HEAD^{/leak}:refs/heads/x"


def renamed(repo: Repository) -> str:
    """The other side has the old name only; a copy under another name is new."""
    commit_leak(repo)
    repo.git("push", "-q", "--no-verify", "origin", "main")
    repo.git("fetch", "-q", "origin")
    repo.git("mv", "c.ini", "d.ini")
    repo.git("commit", "-qm", "mv", "--no-verify")
    return "main"


def env_file(repo: Repository) -> str:
    commit_leak(repo, ".env", "PASSWORD=hunter2hunter2X9\n")
    return "main"


def root_key_file(repo: Repository) -> str:
    commit_leak(repo, "rootkey.csv", Filler("root").fill("AWSAccessKeyId={{AKID}}\nAWSSecretKey={{SECRET}}\n"))
    return "main"


WAYS: list[Callable[[Repository], str]] = [
    cherry_picked, reverted, rebased, mailed, stashed, stashed_untracked, squashed, made_by_hand, noted, orphaned,
    unrelated, in_a_tree, in_a_tagged_tree, name_in_a_tree, in_a_tagged_file, in_an_inner_tag, in_a_branch_name,
    in_a_new_name, in_an_author, in_the_first_of_many, by_an_expression, renamed, env_file, root_key_file,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_key_does_not_leave(repo: Repository, remote: Repository, way: Callable[[Repository], str]) -> None:
    what = way(repo)
    before = remote.git("for-each-ref")
    assert stops(repo, what)
    assert remote.git("for-each-ref") == before


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_key_does_not_come_in(repo: Repository, remote: Repository, way: Callable[[Repository], str]) -> None:
    """The same on the server, where no hook of the sender is trusted."""
    what = way(repo)
    set_hooks(remote, "pre-receive")
    before = remote.git("for-each-ref")
    done = git(repo.folder, "push", "-q", "--no-verify", "origin", what)
    assert done.returncode and "CG" in done.stderr, done.stderr
    assert remote.git("for-each-ref") == before


def test_clean_pushes_of_every_kind(repo: Repository, remote: Repository) -> None:
    set_hooks(remote, "pre-receive")
    repo.git("branch", "caf\u00e9\u2028\u00a0x")
    repo.git("tag", "light")
    repo.git("tag", "-a", "-m", "heavy", "heavy")
    repo.git("tag", "tree", "HEAD^{tree}")
    repo.git("tag", "file", "HEAD:README.md")
    repo.git("notes", "add", "-m", "well done")
    repo.commit("a b c")
    for what in ("--all", "--tags", "refs/notes/*", "HEAD^{/a b}:refs/heads/x", "--mirror"):
        assert not stops(repo, what), what
    assert not stops(repo, ":light", "main:refs/heads/y")
    repo.commit("rewritten")
    repo.git("commit", "-q", "--amend", "--allow-empty", "-m", "again", "--no-verify")
    assert not stops(repo, "--force", "main")


@pytest.mark.parametrize("bare", [True, False])
def test_a_server_without_work_tree_asks_no_ignore_rules(repo: Repository, tmp_path: Path, bare: bool) -> None:
    server = Repository(tmp_path / "server", bare=bare)
    set_hooks(server, "pre-receive")
    repo.git("remote", "set-url", "origin", str(server.folder))
    files = {".env.example": "A=\n", "Dockerfile": "COPY . .\n", "app.py": "from dotenv import load_dotenv\n"}
    repo.write({**files, ".gitignore": "*.pyc\n", ".dockerignore": "x\n"})
    repo.add()
    repo.git("commit", "-qm", "env", "--no-verify")
    done = git(repo.folder, "push", "-q", "--no-verify", "origin", "main:refs/heads/new")
    assert "CG202" not in done.stderr and "failed" not in done.stderr.replace("failed to push", ""), done.stderr
    commit_leak(repo)
    done = git(repo.folder, "push", "-q", "--no-verify", "origin", "main:refs/heads/newer")
    assert done.returncode and "CG103" in done.stderr


def test_what_the_other_side_has_is_not_looked_at_again(repo: Repository) -> None:
    commit_leak(repo)
    repo.git("push", "-q", "--no-verify", "origin", "main")
    repo.git("fetch", "-q", "origin")
    repo.commit("clean", {"x.txt": "x\n"})
    assert not stops(repo, "main")
    assert not stops(repo, "main:refs/heads/other")


def test_another_remote_does_not_have_it(repo: Repository, tmp_path: Path) -> None:
    commit_leak(repo)
    repo.git("push", "-q", "--no-verify", "origin", "main")
    repo.git("fetch", "-q", "origin")
    second = Repository(tmp_path / "second", bare=True)
    repo.git("remote", "add", "second", str(second.folder))
    assert git(repo.folder, "push", "-q", "second", "main").returncode == 1
    assert git(repo.folder, "push", "-q", str(second.folder), "main").returncode == 1
    assert not second.git("for-each-ref")


@pytest.mark.parametrize("name", ["team/origin", "-odd", "o.rigin"])
def test_remotes_with_odd_names(repo: Repository, remote: Repository, name: str) -> None:
    with (repo.folder / ".git" / "config").open("a") as handle:
        handle.write(f'[remote "{name}"]\n\turl = {remote.folder}\n\tfetch = +refs/heads/*:refs/remotes/{name}/*\n')
    commit_leak(repo)
    assert git(repo.folder, "push", "-q", "--", name, "main").returncode == 1
    assert "main" not in remote.git("log", "-1", "--format=%s", "main")
