"""Nothing in a repository leads credguard out of it: neither a name in its index or its trees, nor a link on the way,
nor a path in a policy or a Dockerfile. What is not followed is named, and the run does not end as clean.

What git itself follows (a `.git` file, alternates, included settings) is followed as git does.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from typing import TYPE_CHECKING, Any

import pytest

from credguard.sources.files import open_tree
from credguard.sources.worktree import WorkTree
from credguard.system.containment import OutsideError, Root, is_checked_out, is_plain
from tests.hooking import LEAK, SECRET, credguard
from tests.repos import Repository, write

if TYPE_CHECKING:
    from pathlib import Path

OUT = ("../c.ini", "a/../../c.ini", "./../c.ini", "a//../../c.ini", "a/./../../c.ini", "/c.ini", "../repo/../c.ini")


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """A repository beside a file with a pair."""
    made = Repository(tmp_path / "repo")
    made.commit("begin", {"README.md": "hello\n", "a/b.txt": "b\n", ".gitignore": ".env\n"})
    write(tmp_path, {"c.ini": LEAK})
    return made


def craft_index(repo: Repository, entries: dict[str, str], mode: int = 0o100644) -> None:
    """Writes an index with these entries (path, object ID), which git would refuse to make."""
    data = struct.pack(">4sLL", b"DIRC", 2, len(entries))
    for path, oid in sorted((os.fsencode(path), oid) for path, oid in entries.items()):
        entry = struct.pack(">10L", 0, 0, 0, 0, 0, 0, mode, 0, 0, 0) + bytes.fromhex(oid)
        entry += struct.pack(">H", min(len(path), 0xFFF)) + path
        data += entry + bytes(8 - len(entry) % 8)
    (repo.folder / ".git" / "index").write_bytes(data + hashlib.sha1(data, usedforsecurity=False).digest())


def blob(repo: Repository, text: str) -> str:
    return repo.git("hash-object", "-w", "--stdin", stdin=text).strip()


def report(folder: Path, *args: str, code: int | tuple[int, ...] = 3) -> dict[str, Any]:
    """The JSON report of a run that ends so and says nothing of the pair outside."""
    done = credguard(*args, "--format", "json", cwd=folder, CI="", GITHUB_ACTIONS="")
    assert done.returncode in ((code,) if isinstance(code, int) else code), done.stderr + done.stdout
    assert SECRET not in done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def skipped(found: dict[str, Any]) -> list[str]:
    return [one["path"] for one in found["coverage"]["skipped"]]


@pytest.mark.parametrize("path", OUT)
@pytest.mark.parametrize("command", ["scan", "audit"])
def test_an_index_names_a_file_outside(repo: Repository, path: str, command: str) -> None:
    name = str(repo.folder.parent / "c.ini") if path == "/c.ini" else path
    craft_index(repo, {name: blob(repo, "nothing\n")})
    found = report(repo.folder, command)
    assert name in skipped(found)
    assert not [one for one in found["findings"] if one["rule_id"].startswith("CG10")]


def test_what_such_an_entry_holds_is_looked_at(repo: Repository) -> None:
    craft_index(repo, {"../x.ini": blob(repo, LEAK)})
    done = credguard("scan", "--format", "json", cwd=repo.folder)
    assert done.returncode == 1
    assert {one["locations"][0]["path"] for one in json.loads(done.stdout)["findings"]} == {"../x.ini"}


@pytest.mark.parametrize(
    "path", [".git/config", "a/.GIT/config", ".git", "a/git~1/x", ".g\u200cit/config", ".git . /x"]
)
def test_an_index_names_git_itself(repo: Repository, path: str) -> None:
    with (repo.folder / ".git" / "config").open("a") as config:
        config.write("".join(f"# {line}\n" for line in LEAK.splitlines()))
    craft_index(repo, {path: blob(repo, "nothing\n")})
    assert not is_checked_out(path)
    listing = open_tree(repo.folder)
    assert path not in listing.tree.files
    assert path in [skip.path for skip in listing.skipped]


def test_an_index_names_a_submodule_outside(repo: Repository, tmp_path: Path) -> None:
    other = Repository(tmp_path / "other")
    commit = other.commit("theirs", {"k.ini": LEAK})
    craft_index(repo, {"../other": commit}, 0o160000)
    assert "../other" in skipped(report(repo.folder, "scan"))


def test_a_submodule_is_a_link(repo: Repository, tmp_path: Path) -> None:
    other = Repository(tmp_path / "other")
    commit = other.commit("theirs", {"k.ini": LEAK})
    (repo.folder / "sub").symlink_to(other.folder)
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{commit},sub")
    for command in ("scan", "audit"):
        assert "sub" in skipped(report(repo.folder, command))


def test_a_folder_becomes_a_link(repo: Repository, tmp_path: Path) -> None:
    write(tmp_path, {"away/b.txt": LEAK, "away/.gitignore": "!.env\n", "away/.env": "X=1\n"})
    (repo.folder / "a" / "b.txt").unlink()
    (repo.folder / "a").rmdir()
    (repo.folder / "a").symlink_to(tmp_path / "away")
    found = report(repo.folder, "scan", code=(0, 1, 3))
    assert not [one for one in found["findings"] if one["rule_id"].startswith("CG10")]


@pytest.mark.parametrize("key", ["baseline", "extends"])
@pytest.mark.parametrize(
    "path",
    [
        "../out.yaml",
        "a/../../out.yaml",
        "/etc/passwd.yaml",
        "~/out.yaml",
        "a\\..\\..\\out.yaml",
        "x\\0.yaml",
        "\\ud800.yaml",
        "",
    ],
)
def test_a_policy_names_a_file_outside(repo: Repository, tmp_path: Path, key: str, path: str) -> None:
    write(tmp_path, {"out.yaml": "fail-on: critical\n"})
    repo.write({".credguard.yaml": f'{key}: "{path}"\n'})
    for words in (("scan",), ("audit",), ("hook", "pre-commit")):
        done = credguard(*words, cwd=repo.folder)
        assert done.returncode == 2, (words, done.stdout, done.stderr)
        assert done.stderr.count("\n") == 1 and done.stderr.startswith("credguard: .credguard.yaml"), done.stderr


def test_a_policy_leads_through_a_link(repo: Repository, tmp_path: Path) -> None:
    write(tmp_path, {"away/p.yaml": "fail-on: critical\n"})
    (repo.folder / "link").symlink_to(tmp_path / "away")
    for text in ("extends: link/p.yaml\n", "baseline: link/p.yaml\n"):
        repo.write({".credguard.yaml": text})
        done = credguard("scan", cwd=repo.folder)
        assert done.returncode == 2 and "symbolic link" in done.stderr


@pytest.mark.parametrize("context", ["../../out", "/", "../out", "a/../../../out"])
def test_a_compose_file_names_a_context_outside(repo: Repository, tmp_path: Path, context: str) -> None:
    write(tmp_path, {"out/Dockerfile": "FROM x\nCOPY . .\n", "out/.env": "A=1\n"})
    repo.write({"compose.yaml": f"services:\n  x:\n    build:\n      context: {context}\n"})
    found = report(repo.folder, "scan", code=(0, 1, 3))
    assert not [one for one in found["findings"] if "out" in one["locations"][0]["path"]]


def test_fix_writes_nothing_outside(repo: Repository, tmp_path: Path) -> None:
    write(tmp_path, {".gitignore": "theirs\n", "away/.env": LEAK})
    repo.write({".env": LEAK})
    repo.git("add", "-f", ".env")
    (repo.folder / "link").symlink_to(tmp_path / "away")
    oid = blob(repo, LEAK)
    craft_index(
        repo, {".env": oid, "../.gitignore": oid, "../../x/.gitignore": oid, "link/.env": oid, "../away/.env": oid}
    )
    before = {path: path.read_bytes() for path in tmp_path.glob("**/*") if path.is_file() and "repo" not in path.parts}
    credguard("fix", "--apply", cwd=repo.folder, TMPDIR=str(tmp_path))
    after = {path: path.read_bytes() for path in tmp_path.glob("**/*") if path.is_file() and "repo" not in path.parts}
    assert after == before


def test_lfs_objects_behind_a_link(repo: Repository, tmp_path: Path) -> None:
    name = "ab" + "c1" * 31
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{name}\nsize {len(LEAK)}\n"
    repo.commit("pointer", {"big.bin": pointer})
    write(tmp_path, {f"away/c1/{name}": LEAK})
    store = repo.folder / ".git" / "lfs" / "objects"
    store.mkdir(parents=True)
    (store / "ab").symlink_to(tmp_path / "away")
    for command in ("scan", "audit"):
        assert "big.bin" in skipped(report(repo.folder, command)) or command == "audit"


def test_kept_submodules_behind_a_link(repo: Repository, tmp_path: Path) -> None:
    other = Repository(tmp_path / "other")
    other.commit("theirs", {"k.ini": LEAK})
    (tmp_path / "modules").mkdir()
    (other.folder / ".git").rename(tmp_path / "modules" / "x")
    (repo.folder / ".git" / "modules").symlink_to(tmp_path / "modules")
    assert not [one for one in report(repo.folder, "audit", code=(0, 3))["findings"] if one["rule_id"] == "CG103"]


def test_a_ref_leads_nowhere(repo: Repository, tmp_path: Path) -> None:
    (tmp_path / "x").write_text(SECRET)
    for target in ("ref: ../../../x", "ref: refs/heads/../../../../x", f"ref: {tmp_path}/x"):
        (repo.folder / ".git" / "refs" / "heads" / "odd").write_text(target + "\n")
        done = credguard("audit", "--format", "json", cwd=repo.folder)
        assert done.returncode in (0, 3), done.stdout + done.stderr  # git passes over a ref that is none
        assert SECRET not in done.stdout + done.stderr


def test_a_folder_of_a_repository_may_look_up_to_its_root(repo: Repository) -> None:
    """The ignore files above it count; what is above the root of the repository does not."""
    listing = open_tree(repo.folder / "a")
    assert listing.tree.read("../.gitignore") == b".env\n"
    assert listing.tree.read("../../c.ini") is None
    assert listing.tree.read("../a/../../c.ini") is None


@pytest.mark.parametrize("path", ["", ".", "..", "/x", "x/", "a//b", "a/./b", "a/../b", "a\0b", "\ud800"])
def test_what_is_no_plain_path(tmp_path: Path, path: str) -> None:
    assert not is_plain(path)
    with pytest.raises(OutsideError):
        Root(tmp_path).resolve_location(path)
    assert WorkTree(tmp_path, ()).read(path) is None


@pytest.mark.parametrize("path", ["x", "...", "..x/y", "a b", "-x", ":(top)x", "\udcff", "é", "C:\\x", "~", " ", "a\n"])
def test_what_is_one(tmp_path: Path, path: str) -> None:
    if os.name == "nt":
        pytest.skip("Windows takes some of these for others")
    assert is_plain(path) and is_checked_out(path)
    assert Root(tmp_path).resolve_location(path) == f"{tmp_path}/{path}"
