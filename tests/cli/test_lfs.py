"""Contents that git LFS keeps, of which git has but pointers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.auditing import PAIR, Audit, begun, found
from tests.hooking import leak, set_hooks, stopped

if TYPE_CHECKING:
    from pathlib import Path

    from tests.keys import Filler
    from tests.repos import Repository

DATA = "name,value\n" * 200


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """A repository with one innocent commit."""
    return begun(tmp_path / "repo")


def pointer(repo: Repository, content: str, *, here: bool = True) -> str:
    """The pointer to a content, which the repository keeps unless it is not `here`."""
    name = hashlib.sha256(content.encode()).hexdigest()
    path = repo.folder / ".git" / "lfs" / "objects" / name[:2] / name[2:4] / name
    if here:
        path.parent.mkdir(parents=True)
        path.write_text(content)
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{name}\nsize {len(content)}\n"


def test_innocent_contents(repo: Repository, audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit("data", {"data.csv": pointer(repo, DATA), "b.csv": "version https://git-lfs.github.com/spec/v1\n"})
    monkeypatch.chdir(repo.folder)
    for command in (["audit", ".", "--ignore", "CG2"], ["scan", "."], ["scan", "--history"]):
        report = audit(*command)
        assert report["exit_code"] == 0
        assert not [note for note in report["coverage"]["notes"] if "LFS" in note]


def test_all_that_is_kept_is_looked_at(repo: Repository, filler: Filler, audit: Audit) -> None:
    pointer(repo, filler.fill(PAIR))
    assert found(audit("audit", repo.folder))["locations"][0]["path"].startswith(".git/lfs/objects/")


def test_a_commit_that_brings_a_content(repo: Repository, filler: Filler) -> None:
    set_hooks(repo, "pre-commit")
    leak(repo, "data.csv", pointer(repo, DATA + filler.fill(PAIR)))
    assert stopped(repo, "commit", "-qm", "data")
    leak(repo, "data.csv", pointer(repo, DATA))
    assert not stopped(repo, "commit", "-qm", "data")


def test_a_file_that_is_not_filled_in(repo: Repository, filler: Filler, audit: Audit) -> None:
    repo.commit("data", {"data.csv": pointer(repo, DATA + filler.fill(PAIR))})
    place = found(audit("scan", repo.folder))["locations"][0]
    assert (place["path"], place["line"] > 200) == ("data.csv", True)


def test_what_was_not_fetched_is_told(repo: Repository, audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit("data", {"a.csv": pointer(repo, "a", here=False), "b.csv": pointer(repo, "b", here=False)})
    repo.git("rm", "-q", "a.csv")
    repo.git("commit", "-q", "-m", "less")
    monkeypatch.chdir(repo.folder)
    for words, told in (("audit .", "2 contents"), ("scan --history", "2 contents"), ("scan .", "b.csv: a content")):
        notes = audit(*words.split())["coverage"]["notes"]
        assert any(told in note and "lfs fetch" in note for note in notes)
