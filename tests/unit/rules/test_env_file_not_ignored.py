"""CG202 where a case file cannot go: this machine's own ignore files, folders of a repository, nested ones, links."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from credguard.rules.files.env_file_not_ignored import check_tree
from credguard.sources.files import open_tree
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path

    from credguard.model.findings import Detection


def found(folder: Path) -> list[Detection]:
    return list(check_tree(open_tree(folder).tree))


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repo")
    made.write({".env.example": "A=\n", ".gitignore": "*.log\n"})
    made.add()
    return made


def test_ignored_by_this_clone_alone(repository: Repository) -> None:
    (repository.folder / ".git/info/exclude").write_text(".env*\n!.env.example\n")
    (only,) = found(repository.folder)
    assert only.severity is not None and only.severity.label == "medium"
    assert "only .git/info/exclude of this clone ignores it, which is not part of any clone" in only.message
    assert (only.path, only.line) == (".gitignore", 1)


def test_ignored_by_the_person_alone(repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ignore").write_text(".env*\n!.env.example\n")
    (tmp_path / "gitconfig").write_text(f"[core]\n\texcludesFile = {tmp_path}/ignore\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (only,) = found(repository.folder)
    assert "only your own ignore (core.excludesFile) ignores it" in only.message
    assert only.attributes["ignore_lines"] == [".env", ".env.*", "!.env.example"]


def test_taken_back_by_the_person_alone(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ignore").write_text(".env*\n!.env*\n")
    (tmp_path / "gitconfig").write_text(f"[core]\n\texcludesFile = {tmp_path}/ignore\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (only,) = found(repository.folder)
    assert "no line of .gitignore matches it" in only.message


def test_an_ignore_file_that_is_ignored_itself(repository: Repository) -> None:
    repository.git("rm", "--quiet", "--cached", ".gitignore")
    repository.write({".gitignore": ".gitignore\n.env*\n!.env.example\n"})
    (only,) = found(repository.folder)
    assert "only .gitignore ignores it, and git ignores that file too" in only.message


def test_a_folder_of_the_repository(repository: Repository) -> None:
    repository.write({"a/b/.env.example": "A=\n", "a/b/c/.env.example": "A=\n", "a/.gitignore": ".env*\n!.env*\n"})
    repository.add("a", force=True)
    (only,) = found(repository.folder / "a/b")
    assert only.path == "../.gitignore"
    assert "line 2 of ../.gitignore re-includes it" in only.message
    repository.write({"a/.gitignore": ".env/\n"})
    (only,) = found(repository.folder / "a/b")
    assert "`.env/` on line 1 of ../.gitignore matches only a folder" in only.message
    repository.write({"a/.gitignore": "", ".gitignore": ".env*\n"})
    assert found(repository.folder / "a/b") == []


def test_a_nested_repository_has_rules_of_its_own(repository: Repository) -> None:
    repository.write({".gitignore": "/.env*\n!.env.example\n"})
    inner = Repository(repository.folder / "inner")
    inner.write({".env.example": "A=\n", "a/.env.example": "A=\n"})
    assert found(repository.folder) == []
    assert len(found(inner.folder)) == 1


def test_a_submodule_has_rules_of_its_own(repository: Repository, tmp_path: Path) -> None:
    repository.write({".gitignore": "/.env*\n!.env.example\n"})
    other = Repository(tmp_path / "other")
    other.commit(files={".env.example": "A=\n"})
    repository.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other.folder), "sub")
    assert found(repository.folder) == []


def test_a_virtual_environment_called_env(repository: Repository) -> None:
    repository.write({".gitignore": ".env/\n.env.*\n!.env.example\n", ".env/pyvenv.cfg": ""})
    assert found(repository.folder) == []


@pytest.mark.parametrize("name", [":(icase)x", ":x", "a b", "[x]", "ü", "*", "-x"])
def test_odd_folder_names(repository: Repository, name: str) -> None:
    repository.write({".gitignore": "/.env*\n!.env.example\n", f"{name}/.env.example": "A=\n"})
    (only,) = found(repository.folder)
    assert f"{name}/.env" in only.message
    assert only.severity is not None and only.severity.label == "medium"


def test_lines_to_add_end_it(repository: Repository) -> None:
    repository.write({"a/.env.sample": "A=\n", ".env.production.example": "A=\n"})
    (only,) = found(repository.folder)
    lines = only.attributes["ignore_lines"]
    assert lines == [".env", ".env.*", "!.env.example", "!.env.production.example", "!.env.sample"]
    with (repository.folder / ".gitignore").open("a") as handle:
        handle.write("\n".join(lines) + "\n")
    assert found(repository.folder) == []


def test_ten_thousand_ignore_lines(repository: Repository) -> None:
    repository.write({".gitignore": "build/.env/\n" * 10_000})
    assert len(found(repository.folder)) == 1
