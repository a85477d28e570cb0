"""No repository can supply the compiled patterns or the notes on policies: a cache is never read out of what is
scanned. It may cost time, never an answer."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.hooking import LEAK
from tests.repos import Repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

from tests.caches import found, plant, posix


def test_the_attack_is_real_where_the_cache_is_our_own(planted: Path, repo: Repository, tmp_path: Path) -> None:
    """What the following tests refuse would blind every command: the sums in the files do not protect."""
    plant(planted, tmp_path / "cache")
    for words in (("scan",), ("hook", "pre-commit")):
        assert not found(repo.folder, *words, XDG_CACHE_HOME=str(tmp_path / "cache"))


def in_the_checkout(repo: Repository) -> str:
    return str(repo.folder / ".cache")


def by_a_link(repo: Repository) -> str:
    (repo.folder.parent / "link").symlink_to(repo.folder / ".cache")
    return str(repo.folder.parent / "link")


def by_dots(repo: Repository) -> str:
    (repo.folder.parent / "x").mkdir()
    return f"{repo.folder.parent}/x/..//repo/./.cache"


PLACES: dict[str, Callable[[Repository], str]] = {
    "in the checkout": in_the_checkout, "by a link": by_a_link, "by dots": by_dots,
}  # fmt: skip


@posix
@pytest.mark.parametrize("words", ["scan", "scan c.ini", "audit", "ci --mode tree", "hook pre-commit"])
@pytest.mark.parametrize("where", PLACES)
def test_a_committed_cache_finds_what_there_is(planted: Path, repo: Repository, words: str, where: str) -> None:
    folder = plant(planted, repo.folder / ".cache")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    if words != "hook pre-commit":
        repo.add(force=True)
        repo.git("commit", "-qm", "cache")
    assert found(repo.folder, *words.split(), XDG_CACHE_HOME=PLACES[where](repo))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before  # nor is anything written there


@posix
@pytest.mark.parametrize("words", ["scan", "hook pre-commit"])
def test_a_cache_that_is_mounted_from_the_checkout(planted: Path, repo: Repository, tmp_path: Path, words: str) -> None:
    """As with `docker run -v $PWD:/w -v $PWD/.cache:/root/.cache`."""
    plant(planted, repo.folder / ".cache")
    (tmp_path / "mounted").mkdir()
    mount = f"mount --bind '{repo.folder}/.cache' '{tmp_path}/mounted' || exit 77"
    script = f"{mount}; exec '{sys.executable}' -m credguard {words}"
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script], cwd=repo.folder, check=False, capture_output=True,
        env=os.environ | {"XDG_CACHE_HOME": str(tmp_path / "mounted")},
    )  # fmt: skip
    if done.returncode == 77 or b"unshare" in done.stderr:
        pytest.skip("nothing can be mounted here")
    assert done.returncode == 1, done.stderr


@posix
def test_from_elsewhere_and_of_several(planted: Path, repo: Repository, tmp_path: Path) -> None:
    plant(planted, repo.folder / ".cache")
    other = Repository(tmp_path / "other")
    other.commit("begin", {"README.md": "hello\n"})
    cache = str(repo.folder / ".cache")
    assert found(tmp_path, "scan", "repo", XDG_CACHE_HOME=cache)
    assert found(tmp_path, "scan", str(repo.folder / "c.ini"), XDG_CACHE_HOME=cache)
    assert found(other.folder, "audit", "../repo", ".", "--jobs", "2", XDG_CACHE_HOME=cache)
    assert found(other.folder, "audit", repo.folder.as_uri(), XDG_CACHE_HOME=cache)


@posix
def test_home_is_the_checkout(planted: Path, repo: Repository) -> None:
    plant(planted, repo.folder / ".cache")
    assert found(repo.folder, "scan", HOME=str(repo.folder), XDG_CACHE_HOME="")
    assert found(repo.folder, "hook", "pre-commit", HOME=str(repo.folder), XDG_CACHE_HOME="")


@posix
def test_a_folder_without_git(planted: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    plant(planted, tree / "x/cache")
    (tree / "c.ini").write_text(LEAK)
    cache = str(tree / "x/cache")
    assert found(tree, "scan", XDG_CACHE_HOME=cache)
    assert found(tree / "x", "scan", "..", XDG_CACHE_HOME=cache)
    (tree / "x/cache/credguard/sub").mkdir()
    (tree / "x/cache/credguard/sub/c.ini").write_text(LEAK)
    assert found(tmp_path, "scan", "tree/x/cache/credguard/sub", XDG_CACHE_HOME=cache)


@posix
def test_in_the_folder_of_git_and_in_a_repository_around(planted: Path, repo: Repository) -> None:
    plant(planted, repo.folder / ".git/cache")
    assert found(repo.folder, "hook", "pre-commit", XDG_CACHE_HOME=str(repo.folder / ".git/cache"))
    inner = Repository(repo.folder / "inner")
    inner.commit("begin", {"README.md": "hello\n"})
    inner.write({"d.py": LEAK})
    inner.add()
    plant(planted, repo.folder / ".cache")
    assert found(inner.folder, "hook", "pre-commit", XDG_CACHE_HOME=str(repo.folder / ".cache"))
    assert found(inner.folder, "scan", XDG_CACHE_HOME=str(repo.folder / ".cache"))


@posix
def test_a_bare_repository_that_receives(planted: Path, repo: Repository, tmp_path: Path) -> None:
    bare = Repository(tmp_path / "bare.git", bare=True)
    plant(planted, bare.folder / "cache")
    hook = bare.folder / "hooks/pre-receive"
    hook.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m credguard hook pre-receive\n')
    hook.chmod(0o755)
    environment = os.environ | {"XDG_CACHE_HOME": str(bare.folder / "cache")}
    done = subprocess.run(
        ["git", "push", "-q", str(bare.folder), "main"], cwd=repo.folder, env=environment, capture_output=True,
        text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode and "CG103" in done.stderr


@posix
def test_a_message(planted: Path, repo: Repository) -> None:
    plant(planted, repo.folder / ".cache")
    (repo.folder / ".git/MSG").write_text(LEAK)
    assert found(repo.folder, "hook", "commit-msg", ".git/MSG", XDG_CACHE_HOME=str(repo.folder / ".cache"))
