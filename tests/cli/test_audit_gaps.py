"""`credguard audit` where not all can be looked at, and `scan --history` where not all is asked for."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from credguard.cli import main
from tests.auditing import PAIR, Audit, begun, found, removed
from tests.repos import Repository, clean_environment, write

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from tests.keys import Filler


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """A repository with one innocent commit."""
    return begun(tmp_path / "repo")


def test_a_shallow_clone_is_incomplete(tmp_path: Path, repo: Repository, audit: Audit) -> None:
    repo.commit("two", {"b": "b"})
    repo.git("clone", "-q", "--depth=1", f"file://{repo.folder}", str(tmp_path / "clone"))
    report = audit("audit", tmp_path / "clone")
    assert report["exit_code"] == 3
    assert "shallow" in report["coverage"]["skipped"][0]["reason"]


def name_gaps(report: dict[str, Any]) -> str:
    """What was not scanned, and why."""
    return " ".join(f"{skip['path']}: {skip['reason']}" for skip in report["coverage"]["skipped"])


def _object_file(repo: Repository, name: str) -> Path:
    oid = repo.git("rev-parse", name).strip()
    return repo.folder / ".git" / "objects" / oid[:2] / oid[2:]


def test_a_corrupt_object_is_named_and_the_rest_is_read(repo: Repository, filler: Filler, audit: Audit) -> None:
    repo.commit("several", {f"f{n}.txt": f"{n}\n" for n in range(20)} | {"a.ini": filler.fill(PAIR)})
    path = _object_file(repo, "HEAD:f7.txt")
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-4] + b"\0\0\0\0")
    (repo.folder / "f7.txt").unlink()
    report = audit("audit", repo.folder)
    reasons = name_gaps(report)
    assert repo.git("rev-parse", "HEAD:f7.txt").strip() in reasons
    assert found(report)["exposure"]["in_head"]
    assert report["exit_code"] == 1


def test_a_missing_object_makes_an_audit_incomplete(repo: Repository, audit: Audit) -> None:
    repo.commit("two", {"gone.txt": "gone\n"})
    oid = repo.git("rev-parse", "HEAD:gone.txt").strip()
    _object_file(repo, "HEAD:gone.txt").unlink()
    removed_from_disk = repo.folder / "gone.txt"
    removed_from_disk.unlink()
    repo.git("update-index", "--force-remove", "gone.txt")
    report = audit("audit", repo.folder)
    assert report["exit_code"] == 3
    assert f"object {oid}: missing or corrupt" in name_gaps(report)


@pytest.mark.parametrize("where", ["index", "other index", "bare index", "tree", "former tree", "tags of a tree"])
def test_an_object_without_a_commit_that_is_missing(repo: Repository, audit: Audit, where: str) -> None:
    if where == "other index":
        repo.git("worktree", "add", "-q", str(repo.folder.parent / "other"))
        repo.folder = repo.folder.parent / "other"
    repo.write({"gone.txt": "gone\n"})
    repo.git("add", "gone.txt")
    oid = repo.git("rev-parse", ":gone.txt").strip()
    if where == "bare index":
        repo.git("config", "core.bare", "true")
    if "tree" in where:
        kept = repo.git("write-tree").strip()
        for number in range(22 if where == "tags of a tree" else 0):
            repo.git("tag", "-a", "-m", "more", f"t{number}", kept)
            kept = f"t{number}"
        repo.git("update-ref", "--create-reflog", "refs/kept", kept)
        repo.git("rm", "-q", "--cached", "gone.txt")
    if where == "former tree":
        repo.git("update-ref", "refs/kept", "HEAD")
    store = repo.folder.parent / "repo"
    (store / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    report = audit("audit", store)
    assert report["exit_code"] == 3
    assert f"object {oid}: missing or corrupt" in name_gaps(report)


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="there is no file here that root cannot read")
def test_a_reflog_that_cannot_be_read_is_named(repo: Repository, audit: Audit) -> None:
    (repo.folder / ".git" / "logs" / "refs" / "odd").symlink_to("/proc/self/mem")
    report = audit("audit", repo.folder)
    assert report["exit_code"] == 3
    assert any("reflog" in skip["reason"] for skip in report["coverage"]["skipped"])


def test_what_nothing_leads_to_need_not_be_whole(repo: Repository, filler: Filler, audit: Audit) -> None:
    repo.git("checkout", "-q", "-b", "side")
    repo.commit("keys", {"keys.ini": filler.fill(PAIR), "gone.txt": "gone\n"})
    lost = _object_file(repo, "HEAD:gone.txt")
    repo.git("checkout", "-q", "main")
    repo.git("branch", "-q", "-D", "side")
    repo.git("reflog", "expire", "--expire=now", "--all")
    lost.unlink()
    report = audit("audit", repo.folder)
    assert found(report)["exposure"]["unreachable"]
    assert not report["coverage"]["skipped"]


def test_a_missing_commit_makes_an_audit_incomplete(repo: Repository, audit: Audit) -> None:
    repo.commit("two", {"b": "b"})
    _object_file(repo, "HEAD^").unlink()
    report = audit("audit", repo.folder)
    assert report["exit_code"] == 3


def test_a_partial_clone_fetches_nothing_and_is_incomplete(tmp_path: Path, repo: Repository, audit: Audit) -> None:
    repo.commit("two", {"big.txt": "big\n" * 1000})
    removed(repo, "big.txt")
    repo.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    subprocess.run(
        ["git", "clone", "-q", "--filter=blob:none", f"file://{repo.folder}", str(clone)],
        check=True,
        env=clean_environment(),
    )
    before = sorted(os.listdir(clone / ".git" / "objects" / "pack"))
    report = audit("audit", clone)
    assert sorted(os.listdir(clone / ".git" / "objects" / "pack")) == before
    assert report["exit_code"] == 3
    assert "refetch" in " ".join(skip["reason"] for skip in report["coverage"]["skipped"])


def test_over_the_limit_is_named(repo: Repository, audit: Audit) -> None:
    repo.commit("big", {"big.bin": "x" * 3000})
    removed(repo, "big.bin")
    report = audit("audit", repo.folder, "--max-file-size", "2000")
    assert report["exit_code"] == 3
    assert "over the limit" in report["coverage"]["skipped"][0]["reason"]


def test_a_clean_history_is_clean(repo: Repository, audit: Audit) -> None:
    report = audit("audit", repo.folder, "--ignore", "CG2")
    assert report["exit_code"] == 0
    assert report["coverage"]["commits"] == 1


def test_one_that_git_ignores_is_not_told_of_a_history(repo: Repository, filler: Filler, audit: Audit) -> None:
    repo.write({"new.ini": filler.fill(PAIR)})
    assert found(audit("audit", repo.folder))["exposure"] == {}


def test_history_alone_and_narrowed(
    repo: Repository, filler: Filler, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.commit("bad", {"a.ini": filler.fill(PAIR)})
    removed(repo, "a.ini")
    repo.commit("later", {"c": "c"})
    monkeypatch.chdir(repo.folder)
    assert audit("scan", "--history")["exit_code"] == 1
    assert audit("scan", "--history", "--max-commits", "1")["exit_code"] == 0
    assert audit("scan", "--history", "--rev", "HEAD", "--rev", "^HEAD~2")["exit_code"] == 0
    assert audit("scan", "--history", "--branch", "main")["exit_code"] == 1
    assert audit("scan", "--history", "--since", "2026-01-01")["exit_code"] == 1
    assert audit("scan", "--history", "--rev", "HEAD~2..HEAD~1")["coverage"]["commits"] == 1


@pytest.mark.parametrize(
    "words",
    [
        ["--rev", "--output=/tmp/x"], ["--branch", "--all"], ["--since", "--output=x"], ["--since", "whenever"],
        ["--max-commits", "-1"], ["--rev", "nothing"], ["--branch", "nothing"], ["--rev", "a\nb"],
    ],
)  # fmt: skip
def test_narrowing_takes_no_options_and_no_nonsense(
    repo: Repository, words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repo.folder)
    try:
        code = main(["scan", "--history", *words])
    except SystemExit as error:
        code = error.code  # type: ignore[assignment]
    assert code in (2, 3)
    assert "looked at" not in capsys.readouterr().out.lower()


def _with_submodule(tmp_path: Path, repo: Repository, filler: Filler) -> None:
    inner = begun(tmp_path / "inner")
    inner.commit("keys", {"keys.ini": filler.fill(PAIR)})
    removed(inner, "keys.ini")
    repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.folder), "part")
    repo.git("commit", "-q", "-m", "part")


def test_the_history_of_a_submodule_is_looked_at(
    tmp_path: Path, repo: Repository, filler: Filler, audit: Audit
) -> None:
    _with_submodule(tmp_path, repo, filler)
    report = audit("audit", repo.folder)
    assert found(report)["locations"][0]["path"] == "part/keys.ini"
    assert not found(report)["exposure"]["in_head"]
    assert not report["coverage"]["skipped"]  # the commit that the submodule stands at lies elsewhere


def test_the_history_of_a_submodule_that_is_not_checked_out(
    tmp_path: Path, repo: Repository, filler: Filler, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    _with_submodule(tmp_path, repo, filler)
    repo.git("submodule", "--quiet", "deinit", "-f", "part")
    assert found(audit("audit", repo.folder))["locations"][0]["path"] == ".git/modules/part/keys.ini"
    monkeypatch.chdir(repo.folder)
    assert found(audit("scan", "--history"))["locations"][0]["path"] == ".git/modules/part/keys.ini"


def test_the_history_of_a_repository_inside_a_folder(tmp_path: Path, filler: Filler, audit: Audit) -> None:
    inner = begun(tmp_path / "all" / "one")
    inner.commit("keys", {"keys.ini": filler.fill(PAIR)})
    removed(inner, "keys.ini")
    assert found(audit("audit", tmp_path / "all"))["locations"][0]["path"] == "one/keys.ini"


def test_a_repository_inside_that_git_refuses_is_named(repo: Repository, audit: Audit) -> None:
    inner = begun(repo.folder / "inner")
    (inner.folder / ".git" / "config").write_text("[core\n")
    report = audit("audit", repo.folder)
    assert report["exit_code"] == 3
    assert any(skip["path"].startswith("inner/") for skip in report["coverage"]["skipped"])


def _packed_away(repo: Repository, filler: Filler) -> Path:
    """A pack that holds nothing but a commit with keys that no ref leads to."""
    repo.git("repack", "-q", "-a", "-d")
    begin = repo.git("rev-parse", "HEAD").strip()
    repo.commit("keys", {"keys.ini": filler.fill(PAIR)})
    repo.git("repack", "-q", "-d")
    repo.git("reset", "-q", "--hard", begin)
    repo.git("reflog", "expire", "--expire=now", "--all")
    return max((repo.folder / ".git" / "objects" / "pack").glob("*.pack"), key=lambda path: path.stat().st_mtime_ns)


@pytest.mark.parametrize("damage", ["no index", "empty index", "cut index", "no pack", "empty pack", "short pack"])
def test_a_pack_that_cannot_be_read_is_named(repo: Repository, filler: Filler, audit: Audit, damage: str) -> None:
    pack = _packed_away(repo, filler)
    assert found(audit("audit", repo.folder))["exposure"]["unreachable"]
    path = pack if damage.endswith("pack") else pack.with_suffix(".idx")
    path.chmod(0o644)
    if damage.startswith("no "):
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: {"empty": 0, "cut": 1100, "short": 15}[damage.split(maxsplit=1)[0]]])
    report = audit("audit", repo.folder)
    assert report["exit_code"] == 3
    assert any(
        "object store" in skip["reason"] or "corrupt" in skip["reason"] for skip in report["coverage"]["skipped"]
    )


def test_a_missing_commit_that_the_commit_graph_knows(repo: Repository, audit: Audit) -> None:
    for number in range(3):
        repo.commit(f"c{number}", {"a": str(number)})
    repo.git("commit-graph", "write", "--reachable")
    _object_file(repo, "HEAD~1").unlink()
    assert audit("audit", repo.folder)["exit_code"] == 3


def test_a_lender_that_is_gone_is_named(repo: Repository, audit: Audit) -> None:
    (repo.folder / ".git" / "objects" / "info" / "alternates").write_text("/nowhere/at/all\n")
    assert audit("audit", repo.folder)["exit_code"] == 3


@pytest.mark.parametrize("setting", [("core.bare", "true"), ("core.worktree", "/etc"), ("core.worktree", "/nowhere")])
def test_settings_do_not_hide_a_history(
    repo: Repository, filler: Filler, audit: Audit, setting: tuple[str, str]
) -> None:
    repo.commit("keys", {"keys.ini": filler.fill(PAIR)})
    removed(repo, "keys.ini")
    repo.git("config", *setting)
    report = audit("audit", repo.folder)
    assert found(report)["exposure"]["pushed"] is False


def test_a_dangling_link_to_a_repository_is_no_plain_folder(tmp_path: Path, audit: Audit) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / ".git").symlink_to("nowhere")
    assert audit("audit", tmp_path / "folder")["exit_code"] == 3


def test_a_folder_of_bare_repositories(tmp_path: Path, repo: Repository, filler: Filler, audit: Audit) -> None:
    repo.commit("keys", {"keys.ini": filler.fill(PAIR)})
    repo.git("clone", "-q", "--bare", str(repo.folder), str(tmp_path / "srv" / "one.git"))
    assert found(audit("audit", tmp_path / "srv"))["locations"][0]["path"] == "one.git/keys.ini"
    host = begun(tmp_path / "host")
    repo.git("clone", "-q", "--bare", str(repo.folder), str(host.folder / "two.git"))
    assert found(audit("audit", host.folder))["locations"][0]["path"] == "two.git/keys.ini"


@pytest.mark.parametrize("name", ["notes.txt", "ab/" + "c" * 38, "pack/pack-1.idx", "pack/pack-" + "d" * 40 + ".pack"])
def test_a_file_beside_the_objects_of_a_repository_inside(
    tmp_path: Path, repo: Repository, filler: Filler, audit: Audit, name: str
) -> None:
    repo.git("clone", "-q", "--bare", str(repo.folder), str(tmp_path / "srv" / "one.git"))
    write(tmp_path / "srv" / "one.git" / "objects", {name: filler.fill(PAIR)})
    assert found(audit("audit", tmp_path / "srv"))["locations"][0]["path"] == f"one.git/objects/{name}"


def test_a_broken_index_hides_no_history(repo: Repository, filler: Filler, audit: Audit) -> None:
    repo.commit("keys", {"keys.ini": filler.fill(PAIR)})
    removed(repo, "keys.ini")
    (repo.folder / ".git" / "index").write_bytes(b"garbage")
    report = audit("audit", repo.folder)
    assert found(report)["exposure"]["first_commit"]
    assert report["coverage"]["skipped"]


def test_what_was_noted_stays_when_git_cannot_follow(repo: Repository, audit: Audit) -> None:
    for number in range(3):
        repo.commit(f"c{number}", {"a": str(number), "big": "x" * 3000})
    lost = repo.git("rev-parse", "HEAD~1").strip()
    _object_file(repo, "HEAD~1").unlink()
    report = audit("audit", repo.folder, "--max-file-size", "2000")
    reasons = name_gaps(report)
    assert lost in reasons and "over the limit" in reasons and "hint:" not in reasons


def test_an_inner_repository_that_git_passes_over_is_named(repo: Repository, audit: Audit) -> None:
    inner = begun(repo.folder / "link")
    repo.git("add", "link")
    repo.git("commit", "-q", "-m", "link")
    (inner.folder / ".git" / "HEAD").write_text("nonsense")
    report = audit("audit", repo.folder)
    assert report["exit_code"] == 3
    assert any("link" in skip["path"] for skip in report["coverage"]["skipped"])
