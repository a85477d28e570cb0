"""Commits and what they bring, whatever a repository has configured."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from credguard.git.commit_walk import Walk
from credguard.git.repository import Git
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path


def walked(repo: Repository, path: str) -> list[tuple[str, bytes]]:
    """Commit and path of each arrival of the object that HEAD has at a path; all commits are known."""
    with closing(Walk(Git(repo.folder))) as walk:
        found = walk.find_arrivals({repo.git("rev-parse", f"HEAD:{path}").strip()})
        assert walk.whole
        assert set(walk.parents) == set(repo.git("rev-list", "--all").split())
    return [(one.commit, one.path) for one in found]


def test_a_repository_without_commits(tmp_path: Path) -> None:
    with closing(Walk(Git(Repository(tmp_path / "repo").folder))) as walk:
        assert walk.find_arrivals({"0" * 40}) == []
        assert walk.whole


def test_settings_run_nothing_and_change_nothing(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "repo")
    first = repo.commit("one", {"a b\n.txt": "one\n", ".gitattributes": "* diff=x\n", ".mailmap": "x\n"})
    repo.git("checkout", "-q", "-b", "side")
    second = repo.commit("two", {"sub/copy.txt": "one\n"})
    repo.git("checkout", "-q", "-")
    repo.commit("three", {"c": "c"})
    repo.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    repo.git("notes", "add", "-m", "note")
    expected = walked(repo, "sub/copy.txt")
    assert sorted(expected) == sorted([(first, b"a b\n.txt"), (second, b"sub/copy.txt")])
    ran = f"touch {tmp_path}/ran; false"
    for key, value in {
        "log.showSignature": "true", "gpg.program": ran, "diff.external": ran, "diff.x.textconv": ran,
        "diff.x.command": ran, "core.pager": ran, "pager.log": ran, "log.diffMerges": "off", "log.showRoot": "false",
        "diff.renames": "copies", "diff.relative": "true", "diff.noprefix": "true", "log.abbrevCommit": "true",
        "core.abbrev": "4", "format.pretty": "oneline", "log.decorate": "full", "color.ui": "always",
        "diff.orderFile": "/dev/stdin", "log.follow": "true", "notes.displayRef": "refs/notes/*",
        "diff.ignoreSubmodules": "all", "log.mailmap": "true", "mailmap.file": "/dev/stdin", "diff.wordRegex": "(",
        "log.date": "relative", "diff.stat": "true", "alias.log": f"!{ran}",
    }.items():  # fmt: skip
        repo.git("config", key, value)
    assert walked(repo, "sub/copy.txt") == expected
    assert not os.path.exists(tmp_path / "ran")
