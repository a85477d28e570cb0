"""Since when a value stands in a file: real repositories with renames, merges, odd names and odd dates."""

from __future__ import annotations

import os
import subprocess
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from credguard.git.file_history import Version, find_first_versions, read_file_histories, read_renamed_history
from credguard.git.repository import Git
from tests.repos import Repository, clean_environment

if TYPE_CHECKING:
    from pathlib import Path


def held(data: bytes, some: set[str]) -> set[str]:
    return {one for one in some if one.encode() in data}


def seen(repo: Git, path: str, wanted: list[str], limit: int = 1 << 20) -> dict[str, Version]:
    """The answer with former names, which is that of the walk over several files where there are none."""
    return find_first_versions(repo, read_renamed_history(repo, path), wanted, held, limit)


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "repo")


def commit(repo: Repository, files: dict[str, str], author: str, committer: str = "") -> str:
    repo.write(files)
    repo.git("--literal-pathspecs", "add", "--", *files)
    dates = {"GIT_AUTHOR_DATE": author, "GIT_COMMITTER_DATE": committer or author}
    who = {f"GIT_{a}_{b}": "x" for a in ("AUTHOR", "COMMITTER") for b in ("NAME", "EMAIL")}
    subprocess.run(["git", "commit", "-qm", "x"], cwd=repo.folder, env=clean_environment() | dates | who, check=True)
    return repo.git("rev-parse", "HEAD").strip()


@pytest.mark.parametrize("path", ["a.txt", "with blank", ":(top)x", "*", "ä\n\"q'", "-rf"])
def test_the_first_version_that_holds_each(repo: Repository, path: str) -> None:
    commit(repo, {path: "nothing\n"}, "2020-01-01T00:00:00Z")
    first = commit(repo, {path: "one\n"}, "2021-01-01T00:00:00Z")
    second = commit(repo, {path: "one two\n"}, "2022-01-01T00:00:00Z")
    commit(repo, {path: "two\none\n"}, "2023-01-01T00:00:00Z")
    found = seen(Git(repo.folder), path, ["one", "two", "three"])
    assert {value: version.commit for value, version in found.items()} == {"one": first, "two": second}
    assert found["one"].when == datetime(2021, 1, 1, tzinfo=timezone.utc)


def test_several_files_in_one_walk(repo: Repository) -> None:
    commit(repo, {"sub/a": "1\n", "sub/with blank ä": "1\n", "b": "1\n"}, "2020-01-01T00:00:00Z")
    second = commit(repo, {"sub/a": "2\n"}, "2021-01-01T00:00:00Z")
    found = read_file_histories(Git(repo.folder / "sub"), ["a", "with blank ä", "*"])
    assert {path: len(history) for path, history in found.items()} == {"a": 2, "with blank ä": 1, "*": 0}
    assert found["a"] == read_renamed_history(Git(repo.folder / "sub"), "a")
    assert found["a"][1].commit == second


def test_a_file_that_was_renamed(repo: Repository) -> None:
    first = commit(repo, {"old.txt": "one\n" * 20}, "2021-01-01T00:00:00Z")
    repo.git("mv", "old.txt", "new.txt")
    commit(repo, {"new.txt": "one\n" * 20 + "more\n"}, "2022-01-01T00:00:00Z")
    assert seen(Git(repo.folder), "new.txt", ["one"])["one"].commit == first


def test_from_a_folder_below_the_root(repo: Repository) -> None:
    first = commit(repo, {"sub/a": "one\n"}, "2021-01-01T00:00:00Z")
    assert seen(Git(repo.folder / "sub"), "a", ["one"])["one"].commit == first


@pytest.mark.parametrize(
    ("author", "committer", "year"),
    [("2021-01-01T00:00:00Z", "2022-01-01T00:00:00Z", 2021), ("2031-01-01T00:00:00Z", "2022-01-01T00:00:00Z", 2022),
     ("1990-01-01T00:00:00Z", "2022-01-01T00:00:00Z", 2022)],
)  # fmt: skip
def test_dates(repo: Repository, author: str, committer: str, year: int) -> None:
    commit(repo, {"a": "one\n"}, author, committer)
    assert seen(Git(repo.folder), "a", ["one"])["one"].when.year == year


def test_no_commit_and_no_such_file(repo: Repository) -> None:
    assert read_file_histories(Git(repo.folder), ["a"]) == {"a": []}
    commit(repo, {"a": "one\n"}, "2021-01-01T00:00:00Z")
    assert read_file_histories(Git(repo.folder), ["b"]) == {"b": []}
    assert read_renamed_history(Git(repo.folder), "b") == []
    assert read_file_histories(Git(repo.folder), []) == {}
    assert seen(Git(repo.folder), "a", ["one"], 2) == {}


def test_nothing_configured_is_run(repo: Repository, tmp_path: Path) -> None:
    commit(repo, {"a": "one\n", ".gitattributes": "* diff=x\n"}, "2021-01-01T00:00:00Z")
    repo.git("config", "log.showSignature", "true")
    repo.git("config", "gpg.program", f"touch {tmp_path}/ran; false")
    repo.git("config", "diff.external", f"touch {tmp_path}/ran")
    repo.git("config", "diff.x.textconv", f"touch {tmp_path}/ran; cat")
    repo.git("config", "core.pager", f"touch {tmp_path}/ran")
    assert seen(Git(repo.folder), "a", ["one"])
    assert not os.path.exists(tmp_path / "ran")
