"""A part of a repository is scanned as what it is there: a workflow, test data, an ignored file."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from tests.hooking import LEAK, credguard
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOW = """\
on: push
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - uses: aws-actions/configure-aws-credentials@v4
        with:
          aws-access-key-id: ${{ secrets.AWS_ACCESS_KEY_ID }}
          aws-secret-access-key: ${{ secrets.AWS_SECRET_ACCESS_KEY }}
"""


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    repo = Repository(tmp_path_factory.mktemp("parts") / "repo")
    files = {".github/workflows/deploy.yml": WORKFLOW, ".gitignore": ".env\nbuild/\n", "app/a.py": "x = 1\n"}
    repo.commit("begin", files)
    repo.write({"app/build/out.ini": LEAK})
    return repo


def scan(folder: Path, *paths: str) -> list[tuple[str, str, str]]:
    """Path, rule and fingerprint of each finding."""
    done = credguard("scan", "--format", "json", "--no-progress", *paths, cwd=folder)
    found = json.loads(done.stdout)["findings"]
    return [(one["locations"][0]["path"], one["rule_id"], one["fingerprint"]) for one in found]


@pytest.mark.parametrize(
    ("folder", "path", "shown"),
    [
        (".", ".github", "workflows/deploy.yml"),
        (".", ".github/workflows", "deploy.yml"),
        (".", ".github/workflows/deploy.yml", ".github/workflows/deploy.yml"),
        (".github", ".", "workflows/deploy.yml"),
        (".github", "../.github/workflows", "deploy.yml"),
        (".github/workflows", ".", "deploy.yml"),
        (".github/workflows", "deploy.yml", "deploy.yml"),
        (".github/workflows", "./deploy.yml", "./deploy.yml"),
        ("app", "../.github/workflows/deploy.yml", "../.github/workflows/deploy.yml"),
    ],
)
def test_a_workflow_is_one_wherever_the_scan_begins(repo: Repository, folder: str, path: str, shown: str) -> None:
    (whole,) = [one for one in scan(repo.folder, ".") if one[1] == "CG403"]
    assert whole[0] == ".github/workflows/deploy.yml"
    assert (shown, *whole[1:]) in scan(repo.folder / folder, path)


def test_several(repo: Repository) -> None:
    found = scan(repo.folder, ".github", "app/a.py")
    assert [path for path, rule, _ in found if rule == "CG403"] == [".github/workflows/deploy.yml"]


def test_what_git_ignores_is_left_out_in_a_folder_too(repo: Repository) -> None:
    assert [rule for _, rule, _ in scan(repo.folder / "app", ".") if rule == "CG103"] == []
    assert [path for path, rule, _ in scan(repo.folder / "app", "build/out.ini") if rule == "CG103"] == [
        "build/out.ini"
    ]


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="this system has no links")
def test_a_link_to_a_folder_of_a_repository(repo: Repository, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(repo.folder / ".github")
    assert [path for path, rule, _ in scan(tmp_path, "link") if rule == "CG403"] == ["workflows/deploy.yml"]


def test_a_damaged_archive_is_named_as_it_was_given(repo: Repository) -> None:
    repo.write({"app/cut.gz": b"\x1f\x8b\x08\0\0\0\0\0\0\0" + b"cut"})
    try:
        for folder, path, shown in (
            ("app", ".", "cut.gz"),
            ("app", "cut.gz", "cut.gz"),
            (".", "app/cut.gz", "app/cut.gz"),
        ):
            done = credguard("scan", "--format", "json", path, cwd=repo.folder / folder)
            assert shown in {skip["path"] for skip in json.loads(done.stdout)["coverage"]["skipped"]}
    finally:
        (repo.folder / "app/cut.gz").unlink()
