"""Pushes of several refs, from incomplete clones, and of what is not there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests import processes
from tests.hooking import ZERO, cloned, commit_leak, git, leak, set_hooks, stops
from tests.repos import Repository, clean_environment

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def remote(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "remote", bare=True)


@pytest.fixture
def repo(tmp_path: Path, remote: Repository) -> Repository:
    return cloned(tmp_path / "work", remote)


def made_by_hand(repo: Repository) -> str:
    leak(repo)
    tree = repo.git("write-tree").strip()
    commit = repo.git("commit-tree", "-p", "HEAD", "-m", "x", tree).strip()
    repo.git("reset", "-q", "--hard")
    return f"{commit}:refs/heads/hand"


@pytest.mark.parametrize("order", [("main", "b2"), ("b2", "main"), ("light", "b2"), (":gone", "b2"), ("+main", "b2")])
def test_one_of_several_refs(repo: Repository, remote: Repository, order: tuple[str, ...]) -> None:
    repo.git("push", "-q", "--no-verify", "origin", "main:refs/heads/gone")
    repo.git("tag", "light")
    repo.git("checkout", "-qb", "b2")
    commit_leak(repo)
    repo.git("checkout", "-q", "main")
    repo.commit("clean", {"x.txt": "x\n"})
    before = remote.git("for-each-ref")
    assert stops(repo, *order)
    set_hooks(remote, "pre-receive")
    assert git(repo.folder, "push", "-q", "--no-verify", "origin", *order).returncode
    assert remote.git("for-each-ref") == before


@pytest.mark.parametrize("options", [["--depth=1"], ["--filter=blob:none"], ["--filter=tree:0"], ["--single-branch"]])
def test_from_an_incomplete_clone(repo: Repository, remote: Repository, tmp_path: Path, options: list[str]) -> None:
    repo.commit("more", {"a.txt": "a\n", "deep/b.txt": "b\n"})
    repo.git("push", "-q", "--no-verify", "origin", "main")
    remote.git("config", "uploadpack.allowFilter", "true")
    remote.git("symbolic-ref", "HEAD", "refs/heads/main")
    folder = tmp_path / "part"
    repo.git("clone", "-q", *options, f"file://{remote.folder}", str(folder))
    part = Repository(folder)
    set_hooks(part)
    set_hooks(remote, "pre-receive")
    (folder / "a.txt").write_text("changed\n")
    assert git(folder, "commit", "-qam", "clean").returncode == 0
    done = git(folder, "push", "-q", "origin", "main")
    assert done.returncode == 0, done.stderr
    commit_leak(part)
    assert stops(part, "main")
    done = git(folder, "push", "-q", "--no-verify", "origin", "main")
    assert done.returncode and "CG103" in done.stderr


def test_variables_of_a_framework_around_it_hide_nothing(repo: Repository) -> None:
    """A hook of the framework may itself run git, which runs ours."""
    left_over = {"PRE_COMMIT": "1", "PRE_COMMIT_FROM_REF": repo.git("rev-parse", "HEAD").strip()}
    left_over |= {"PRE_COMMIT_TO_REF": left_over["PRE_COMMIT_FROM_REF"], "PRE_COMMIT_REMOTE_NAME": "origin"}
    leak(repo)
    assert git(repo.folder, "commit", "-qm", "x", **left_over).returncode == 1
    made = made_by_hand(repo)
    assert git(repo.folder, "push", "-q", "origin", made, **left_over).returncode == 1


@pytest.mark.parametrize("name", ["pre-push", "pre-receive"])
@pytest.mark.parametrize("text", ["x\n", "a b\n", "\n\nx y\n", "\xff\n"])
def test_input_that_git_does_not_give(repo: Repository, name: str, text: str) -> None:
    done = processes.run(
        ["hook", name, "origin", "url"], cwd=repo.folder, env=clean_environment(), stdin=os.fsencode(text)
    )
    assert done.returncode in (2, 3), done.stderr


@pytest.mark.parametrize("new", ["1" * 40, "nowhere", "--all"])
def test_an_object_that_is_not_here(repo: Repository, new: str) -> None:
    done = processes.run(
        ["hook", "pre-push", "origin", "url"],
        cwd=repo.folder,
        env=clean_environment(),
        stdin=f"x {new} refs/heads/x {ZERO}\n".encode(),
    )
    assert done.returncode in (2, 3), (done.stderr, done.stdout)
