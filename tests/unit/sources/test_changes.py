"""Staged content and commit ranges in repositories of every kind: found, or said not to have been looked at."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.hooking import credguard
from tests.keys import Filler
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path

LEAK = Filler("changes").fill("aws_access_key_id = {{AKID}}\naws_secret_access_key = {{SECRET}}\n")
OTHER = Filler("changes").fill("aws_access_key_id = {{AKID.2}}\naws_secret_access_key = {{SECRET.2}}\n")


@dataclass(frozen=True, slots=True)
class Report:
    """What `scan` said: exit code, paths of what blocks, what was not looked at, notes."""

    code: int
    paths: list[str]
    skipped: str
    notes: str
    stderr: str


def scan(folder: Path, *args: str, **environment: str) -> Report:
    done = credguard("scan", "--format=json", *args, cwd=folder, **environment)
    if not done.stdout:
        return Report(done.returncode, [], "", "", done.stderr)
    report = json.loads(done.stdout)
    paths = [
        f["locations"][0]["path"] for f in report["findings"] if f["rule_id"] == "CG103" and f["outcome"] == "report"
    ]
    coverage = report["coverage"]
    return Report(done.returncode, paths, str(coverage["skipped"]), str(coverage["notes"]), done.stderr)


def hook(folder: Path, **environment: str) -> int:
    return credguard("hook", "pre-commit", cwd=folder, **environment).returncode


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """A clean commit, one that brings a key, one that takes it away."""
    repo = Repository(tmp_path / "repo")
    repo.commit("begin", {"a.txt": "one\n"})
    repo.commit("leak", {"c.ini": LEAK})
    repo.git("rm", "-q", "c.ini")
    repo.commit("gone", {"a.txt": "two\n"})
    return repo


def clone(repo: Repository, folder: Path, *options: str) -> Repository:
    repo.git("clone", "-q", *options, f"file://{repo.folder}", str(folder))
    return Repository(folder)


def stage(repo: Repository, files: dict[str, str]) -> None:
    repo.write(files)
    repo.add(*files, force=True)


def test_a_range(repo: Repository) -> None:
    assert scan(repo.folder, "--range", "HEAD~2..HEAD") == Report(1, ["c.ini"], "[]", "[]", "")
    assert scan(repo.folder, "--range", "HEAD~1..HEAD").code == 0
    bad = scan(repo.folder, "--range", "nowhere..HEAD")
    assert bad.code == 3 and "nowhere" in bad.stderr


def test_a_partial_clone_is_incomplete_and_nothing_is_fetched(repo: Repository, tmp_path: Path) -> None:
    repo.git("config", "uploadpack.allowFilter", "true")
    partial = clone(repo, tmp_path / "partial", "--filter=blob:none")
    before = partial.git("count-objects", "-v"), partial.git("rev-list", "--objects", "--all", "--missing=print")
    found = scan(partial.folder, "--range", "HEAD~2..HEAD")
    assert found.code == 3
    assert "c.ini" in found.skipped or "cat-file" in found.stderr
    assert before == (
        partial.git("count-objects", "-v"),
        partial.git("rev-list", "--objects", "--all", "--missing=print"),
    )
    stage(partial, {"new.ini": LEAK})
    assert scan(partial.folder, "--staged").paths == ["new.ini"]


def test_a_shallow_clone_is_incomplete_where_it_is_cut_off(repo: Repository, tmp_path: Path) -> None:
    shallow = clone(repo, tmp_path / "shallow", "--depth=2")
    assert scan(shallow.folder, "--range", "HEAD~1..HEAD").code == 0
    cut = scan(shallow.folder, "--range", "HEAD")
    assert cut.code == 1 and "shallow" in cut.skipped  # the key lies in what the cut-off commit holds
    assert scan(shallow.folder, "--range", "HEAD~2..HEAD").code == 3
    shallowest = clone(repo, tmp_path / "shallowest", "--depth=1")
    cut = scan(shallowest.folder, "--range", "HEAD")
    assert cut.code == 3 and "git fetch --unshallow" in cut.skipped


@pytest.mark.parametrize("index", ["--no-sparse-index", "--sparse-index"])
def test_a_sparse_checkout(tmp_path: Path, index: str) -> None:
    repo = Repository(tmp_path)
    repo.commit("begin", {"in/a.txt": "a\n", "out/b.txt": "b\n", "out/deep/c.txt": "c\n"})
    repo.commit("leak", {"out/deep/c.txt": LEAK})
    repo.git("sparse-checkout", "set", "--cone", index, "in")
    assert not (tmp_path / "out").exists()
    stage(repo, {"in/a.txt": "b\n"})
    assert scan(tmp_path, "--staged").code == 0 and hook(tmp_path) == 0
    stage(repo, {"in/a.txt": LEAK})
    assert scan(tmp_path, "--staged").paths == ["in/a.txt"] and hook(tmp_path) == 1
    repo.git("reset", "-q", "--hard")
    repo.git("reset", "-q", "--soft", "HEAD~1")  # what is staged now lies outside
    assert scan(tmp_path, "--staged").paths == ["out/deep/c.txt"] and hook(tmp_path) == 1


def test_worktrees(repo: Repository, tmp_path: Path) -> None:
    repo.git("worktree", "add", "-q", "-b", "second", str(tmp_path / "second"))
    second = tmp_path / "second"
    (second / "n.ini").write_text(LEAK)
    repo.git("-C", str(second), "add", "n.ini")
    assert scan(second, "--staged").paths == ["n.ini"] and hook(second) == 1
    assert scan(repo.folder, "--staged").code == 0 and hook(repo.folder) == 0


def test_a_bare_repository(repo: Repository, tmp_path: Path) -> None:
    bare = tmp_path / "bare.git"
    repo.git("clone", "-q", "--bare", str(repo.folder), str(bare))
    assert scan(bare, "--range", "HEAD~2..HEAD").paths == ["c.ini"]
    assert scan(bare, "--range", "HEAD~1..HEAD").code == 0
    assert scan(tmp_path, "--range", "HEAD~2..HEAD", GIT_DIR=str(bare)).paths == ["c.ini"]


def test_a_repository_of_sha_256(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--object-format=sha256", str(tmp_path)], check=True)
    made = Repository(tmp_path)
    stage(made, {"c.ini": LEAK})
    assert scan(made.folder, "--staged").paths == ["c.ini"] and hook(made.folder) == 1  # the first commit
    made.commit("leak")
    assert len(made.git("rev-parse", "HEAD").strip()) == 64
    assert scan(made.folder, "--range", "HEAD").paths == ["c.ini"]
    stage(made, {"c.ini": "# above\n" + LEAK})
    assert hook(made.folder) == 0
    stage(made, {"c.ini": LEAK + OTHER})
    assert scan(made.folder, "--staged").paths == ["c.ini"] and hook(made.folder) == 1


def test_an_entry_that_is_only_intended(repo: Repository) -> None:
    """A commit of the index leaves it out; `commit -a` stages it first."""
    repo.write({"n.ini": LEAK})
    repo.git("add", "--intent-to-add", "n.ini")
    assert scan(repo.folder, "--staged").code == 0 and hook(repo.folder) == 0
    stage(repo, {"b.txt": "b\n"})
    assert scan(repo.folder, "--staged").code == 0 and hook(repo.folder) == 0
    repo.git("add", "-u")
    assert scan(repo.folder, "--staged").paths == ["n.ini"] and hook(repo.folder) == 1


def test_objects_of_alternates(repo: Repository, tmp_path: Path) -> None:
    repo.git("clone", "-q", "--shared", str(repo.folder), str(tmp_path / "shared"))
    shared = Repository(tmp_path / "shared")
    assert not list((shared.folder / ".git" / "objects").glob("??"))
    assert scan(shared.folder, "--range", "HEAD~2..HEAD").paths == ["c.ini"]
    shared.git("checkout", "-q", "HEAD~1", "--", "c.ini")
    assert scan(shared.folder, "--staged").paths == ["c.ini"] and hook(shared.folder) == 1


def test_another_index(repo: Repository, tmp_path: Path) -> None:
    index = tmp_path / "index"
    index.write_bytes((repo.folder / ".git" / "index").read_bytes())
    oid = repo.git("hash-object", "-w", "--stdin", stdin=LEAK).strip()
    other = {"GIT_INDEX_FILE": str(index)}
    git_with(repo, other, "update-index", "--add", "--cacheinfo", f"100644,{oid},n.ini")
    assert scan(repo.folder, "--staged").code == 0
    assert scan(repo.folder, "--staged", **other).paths == ["n.ini"] and hook(repo.folder, **other) == 1


def git_with(repo: Repository, environment: dict[str, str], *args: str, stdin: str = "") -> str:
    """git in an environment of its own, which `Repository.git` would not let through."""
    return subprocess.run(
        ["git", *args], cwd=repo.folder, env=os.environ | environment, input=stdin, text=True, capture_output=True,
        check=True,
    ).stdout.strip()  # fmt: skip


def test_another_object_directory(repo: Repository, tmp_path: Path) -> None:
    """As in the quarantine of a push, or in a scratch index."""
    (tmp_path / "objects").mkdir()
    other = {
        "GIT_OBJECT_DIRECTORY": str(tmp_path / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(repo.folder / ".git" / "objects"),
    }
    oid = git_with(repo, other, "hash-object", "-w", "--stdin", stdin=OTHER)
    repo.git("update-index", "--add", "--info-only", "--cacheinfo", f"100644,{oid},n.ini")
    assert scan(repo.folder, "--staged", **other).paths == ["n.ini"] and hook(repo.folder, **other) == 1
    assert scan(repo.folder, "--staged").code == 3 and hook(repo.folder) == 3  # it is not here


def test_submodules_are_named(repo: Repository) -> None:
    commit = repo.git("rev-parse", "HEAD").strip()
    repo.git("update-index", "--add", "--cacheinfo", f"160000,{commit},vendor/lib")
    found = scan(repo.folder, "--staged")
    assert found.code == 0 and "vendor/lib is a submodule" in found.notes and hook(repo.folder) == 0
    repo.git("commit", "-qm", "sub")
    assert "vendor/lib is a submodule" in scan(repo.folder, "--range", "HEAD~1..HEAD").notes
    repo.git("rm", "-q", "--cached", "vendor/lib")
    stage(repo, {"vendor/lib": LEAK})  # a file where the submodule was
    assert scan(repo.folder, "--staged").paths == ["vendor/lib"] and hook(repo.folder) == 1


def test_replacements_and_grafts_hide_nothing(repo: Repository) -> None:
    leak = repo.git("rev-parse", "HEAD~1:c.ini").strip()
    clean = repo.git("rev-parse", "HEAD:a.txt").strip()
    tip, root = repo.git("rev-parse", "HEAD", "HEAD~2").split()
    stage(repo, {"n.ini": LEAK})
    repo.git("replace", leak, clean)
    (repo.folder / ".git" / "info").mkdir(exist_ok=True)
    (repo.folder / ".git" / "info" / "grafts").write_text(f"{tip} {root}\n")
    assert scan(repo.folder, "--staged").paths == ["n.ini"] and hook(repo.folder) == 1
    assert scan(repo.folder, "--range", f"{root}..{tip}").paths == ["c.ini"]
    (repo.folder / ".git" / "info" / "grafts").unlink()
    repo.git("replace", "--graft", tip, root)
    assert scan(repo.folder, "--range", f"{root}..{tip}").paths == ["c.ini"]


def test_an_octopus_merge(repo: Repository) -> None:
    base = repo.git("rev-parse", "HEAD").strip()
    tips = []
    for name in ("x", "y", "z"):
        repo.git("checkout", "-q", "-b", name, base)
        tips.append(repo.commit(name, {f"{name}.txt": f"{name}\n"}))
    repo.git("checkout", "-q", "-b", "all", base)
    repo.git("merge", "-q", "--no-edit", "x", "y", "z")
    assert scan(repo.folder, "--range", f"{base}..all").code == 0
    stage(repo, {"evil.ini": LEAK})
    tree = repo.git("write-tree").strip()
    evil = repo.git("commit-tree", "-m", "evil", *(w for tip in tips for w in ("-p", tip)), tree).strip()
    assert scan(repo.folder, "--range", f"{base}..{evil}").paths == ["evil.ini"]
    assert scan(repo.folder, "--range", f"{evil}^!").paths == ["evil.ini"]


def test_a_merge_answers_for_what_no_parent_holds(repo: Repository) -> None:
    repo.git("checkout", "-q", "-b", "side")
    repo.commit("side", {"s.ini": LEAK})
    repo.git("checkout", "-q", "main")
    repo.commit("main", {"m.txt": "m\n"})
    repo.git("merge", "-q", "--no-edit", "side")
    assert scan(repo.folder, "--range", "HEAD^2..HEAD").code == 0  # main's own work, and the merge itself
    assert scan(repo.folder, "--range", "HEAD^1..HEAD").paths == ["s.ini"]


def test_root_commits(repo: Repository) -> None:
    repo.git("checkout", "-q", "--orphan", "fresh")
    repo.git("rm", "-q", "-rf", ".")
    repo.commit("root", {"r.ini": LEAK})
    assert scan(repo.folder, "--range", "main..fresh").paths == ["r.ini"]
    assert scan(repo.folder, "--range", "fresh").paths == ["r.ini"]


def test_a_rename_with_an_edit_is_new(repo: Repository) -> None:
    filling = "".join(f"line {n}\n" for n in range(200))
    repo.commit("known", {"old.ini": filling + LEAK})
    stage(repo, {"old.ini": filling + "more\n" + LEAK})
    assert scan(repo.folder, "--staged").code == 0 and hook(repo.folder) == 0
    repo.git("mv", "old.ini", "new.ini")
    assert scan(repo.folder, "--staged").paths == ["new.ini"] and hook(repo.folder) == 1
    repo.commit("renamed")
    assert scan(repo.folder, "--range", "HEAD~1..HEAD").paths == ["new.ini"]


def test_links_and_modes(repo: Repository) -> None:
    repo.commit("known", {"run.sh": LEAK})
    repo.git("update-index", "--chmod=+x", "run.sh")
    assert scan(repo.folder, "--staged").code == 0 and hook(repo.folder) == 0
    repo.git("rm", "-q", "-f", "run.sh")
    (repo.folder / "run.sh").symlink_to("a.txt")
    repo.git("add", "run.sh")
    repo.commit("a link")
    repo.git("rm", "-q", "run.sh")
    stage(repo, {"run.sh": LEAK})
    assert scan(repo.folder, "--staged").paths == ["run.sh"] and hook(repo.folder) == 1
