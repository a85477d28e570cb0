"""`credguard audit` on real repositories: what only the history holds, and how far it has come."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.auditing import PAIR, Audit, begun, found, removed
from tests.repos import Repository, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.keys import Filler


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """A repository with one innocent commit."""
    return begun(tmp_path / "repo")


def test_a_deleted_file(repo: Repository, filler: Filler, audit: Audit) -> None:
    first = repo.commit("add settings", {"conf/aws.ini": filler.fill(PAIR)})
    removed(repo, "conf/aws.ini")
    report = audit("audit", repo.folder)
    finding = found(report)
    exposure = finding["exposure"]
    assert report["exit_code"] == 1
    assert [place["path"] for place in finding["locations"]] == ["conf/aws.ini"] * 2
    assert {place["commit"] for place in finding["locations"]} == {first}
    assert exposure["first_commit"] == first
    assert exposure["first_seen"] == "2026-01-02T03:04:05Z"
    assert exposure["author"] == "Ada <ada@example.com>"
    assert exposure["paths"] == ["conf/aws.ini"]
    assert not exposure["in_head"]
    assert not exposure["pushed"]
    assert not exposure["unreachable"]
    assert exposure["refs"]["branches"] == ["main"]
    assert exposure["refs"]["counts"] == {"branches": 1, "tags": 0, "remotes": 0, "pulls": 0, "others": 0}
    assert any(f"git rebase --interactive {first[:12]}^" in step for step in finding["remediation"])
    assert report["coverage"]["commits"] == 3
    assert report["coverage"]["complete"]


def test_many_versions_are_one_finding_with_all_paths(repo: Repository, filler: Filler, audit: Audit) -> None:
    pair = filler.fill(PAIR)
    first = repo.commit("one", {"a.ini": pair})
    for number in range(5):
        repo.commit("more", {"a.ini": f"{pair}# {number}\n"})
    repo.git("mv", "a.ini", "b.ini")
    repo.commit("rename")
    finding = found(audit("audit", repo.folder))
    assert finding["exposure"]["first_commit"] == first
    assert finding["exposure"]["paths"] == ["a.ini", "b.ini"]
    assert finding["exposure"]["versions"] == 6
    assert finding["exposure"]["in_head"]
    assert finding["locations"][0]["path"] == "b.ini"
    assert finding["locations"][0]["commit"] is None


def test_a_lone_half_before_the_whole_is_not_told_twice(repo: Repository, filler: Filler, audit: Audit) -> None:
    first = repo.commit("half", {"a.ini": filler.fill("aws_access_key_id = {{AKID}}\n")})
    repo.commit("whole", {"a.ini": filler.fill(PAIR)})
    report = audit("audit", repo.folder)
    assert found(report)["exposure"]["first_commit"] == first
    assert not [f for f in report["findings"] if f["rule_id"] == "CG101"]


def test_stash_and_its_untracked_files(repo: Repository, filler: Filler, audit: Audit) -> None:
    repo.write({"README.md": filler.fill(PAIR), "new.txt": filler.fill("key: {{AKID.2}}\n")})
    repo.git("stash", "push", "-q", "--include-untracked")
    report = audit("audit", repo.folder)
    for rule, path in (("CG103", "README.md"), ("CG101", "new.txt")):
        finding = found(report, rule)
        assert finding["exposure"]["paths"] == [path]
        assert finding["exposure"]["refs"]["others"] == ["stash"]
        assert any("git stash drop" in step for step in finding["remediation"])


def test_an_older_stash_entry(repo: Repository, filler: Filler, audit: Audit) -> None:
    repo.write({"README.md": filler.fill(PAIR)})
    repo.git("stash", "push", "-q")
    repo.write({"README.md": "other\n"})
    repo.git("stash", "push", "-q")
    exposure = found(audit("audit", repo.folder))["exposure"]
    assert exposure["unreachable"]
    assert exposure["reflog"]


def test_reflog_only(repo: Repository, filler: Filler, audit: Audit) -> None:
    first = repo.commit("oops", {"a.ini": filler.fill(PAIR)})
    repo.git("reset", "-q", "--hard", "HEAD^")
    finding = found(audit("audit", repo.folder))
    assert finding["exposure"]["first_commit"] == first
    assert finding["exposure"]["unreachable"]
    assert finding["exposure"]["reflog"]
    assert any("git reflog expire" in step for step in finding["remediation"])


def test_unreachable(repo: Repository, filler: Filler, audit: Audit) -> None:
    first = repo.commit("oops", {"a.ini": filler.fill(PAIR)})
    repo.git("reset", "-q", "--hard", "HEAD^")
    repo.git("reflog", "expire", "--expire=now", "--all")
    exposure = found(audit("audit", repo.folder))["exposure"]
    assert exposure["first_commit"] == first
    assert exposure["paths"] == ["a.ini"]
    assert exposure["unreachable"]
    assert not exposure["reflog"]


def test_a_blob_that_no_commit_ever_held(repo: Repository, filler: Filler, audit: Audit) -> None:
    oid = repo.git("hash-object", "-w", "--stdin", stdin=filler.fill(PAIR)).strip()
    finding = found(audit("audit", repo.folder))
    assert finding["exposure"]["first_commit"] is None
    assert finding["exposure"]["unreachable"]
    assert finding["locations"][0]["path"] == f"object {oid[:12]}"


def test_the_name_of_a_branch(repo: Repository, filler: Filler, audit: Audit) -> None:
    name = filler.fill("try/{{AKID}}")
    repo.git("branch", name)
    report = audit("audit", repo.folder)
    assert found(report, "CG101")["locations"][0]["path"] == f"refs/heads/{name}"


def test_notes_messages_and_tags(repo: Repository, filler: Filler, audit: Audit) -> None:
    commit = repo.commit(filler.fill("use {{AKID}}"))
    repo.git("notes", "add", "-m", filler.fill("or {{AKID.2}}"))
    repo.git("tag", "-a", "v1", "-m", filler.fill("not {{AKID.3}}"))
    report = audit("audit", repo.folder)
    by_id = {
        finding["attributes"]["access_key_id"]: finding
        for finding in report["findings"]
        if finding["rule_id"] == "CG101"
    }
    said, noted, tagged = (by_id[filler.fill(f"{{{{AKID{n}}}}}")] for n in ("", ".2", ".3"))
    assert said["locations"][0]["path"] == f"commit {commit[:12]}"
    assert said["locations"][0]["line"] == said["locations"][0]["end_line"] == 1  # of the message
    assert [line["line"] for line in said["context"]] == [1]
    assert said["exposure"]["first_commit"] == commit
    assert said["exposure"]["refs"]["tags"] == ["v1"]
    assert noted["exposure"]["refs"]["others"] == ["notes/commits"]
    assert tagged["locations"][0]["path"] == "tag v1"
    assert tagged["exposure"]["refs"]["tags"] == ["v1"]
    assert tagged["exposure"]["author"] == "Ada <ada@example.com>"


def test_a_merge_that_brings_what_no_parent_has(repo: Repository, filler: Filler, audit: Audit) -> None:
    repo.git("checkout", "-q", "-b", "side")
    repo.commit("side", {"side.txt": "x\n"})
    repo.git("checkout", "-q", "main")
    repo.commit("main", {"main.txt": "y\n"})
    repo.git("merge", "-q", "--no-commit", "side")
    merge = repo.commit("merge", {"evil.ini": filler.fill(PAIR)})
    removed(repo, "evil.ini")
    finding = found(audit("audit", repo.folder))
    assert finding["exposure"]["first_commit"] == merge
    assert finding["exposure"]["refs"]["branches"] == ["main"]


def test_an_orphan_branch_and_an_octopus_merge(repo: Repository, filler: Filler, audit: Audit) -> None:
    repo.git("checkout", "-q", "--orphan", "pages")
    first = repo.commit("orphan", {"o.ini": filler.fill(PAIR)})
    repo.git("rm", "-q", "-r", ".")
    repo.commit("empty")
    repo.git("checkout", "-q", "main")
    for name in ("one", "two"):
        repo.git("checkout", "-q", "-b", name, "main")
        repo.commit(name, {name: name})
    repo.git("checkout", "-q", "main")
    repo.git("merge", "-q", "-m", "octopus", "one", "two", "--no-ff")
    exposure = found(audit("audit", repo.folder))["exposure"]
    assert exposure["first_commit"] == first
    assert exposure["refs"]["branches"] == ["pages"]


def test_pushed_and_not(tmp_path: Path, repo: Repository, filler: Filler, audit: Audit) -> None:
    Repository(tmp_path / "server", bare=True)
    repo.commit("pushed", {"a.txt": filler.fill("{{AKID}}\n")})
    removed(repo, "a.txt")
    repo.git("remote", "add", "origin", str(tmp_path / "server"))
    repo.git("push", "-q", "origin", "main")
    repo.commit("kept", {"b.txt": filler.fill("{{AKID.2}}\n")})
    report = audit("audit", repo.folder)
    by_id = {f["attributes"]["access_key_id"]: f for f in report["findings"] if f["rule_id"] == "CG101"}
    pushed, kept = by_id[filler.fill("{{AKID}}")], by_id[filler.fill("{{AKID.2}}")]
    assert pushed["exposure"]["pushed"]
    assert pushed["exposure"]["refs"]["remotes"] == ["origin/main"]
    assert pushed["severity"] == "critical"
    assert pushed["remediation"][1].startswith("pushed: ")
    assert any("--replace-text expressions.txt" in step for step in pushed["remediation"])
    assert not kept["exposure"]["pushed"]
    assert kept["severity"] == "high"
    assert any("--amend" in step for step in kept["remediation"])


def test_a_bare_repository_with_pull_requests(tmp_path: Path, filler: Filler, audit: Audit) -> None:
    work = Repository(tmp_path / "work")
    work.commit("begin", {"a": "a"})
    work.git("checkout", "-q", "-b", "topic")
    work.commit("topic", {"b.ini": filler.fill(PAIR)})
    server = Repository(tmp_path / "server.git", bare=True)
    work.git(
        "push", "-q", str(server.folder), "main:main", "topic:refs/pull/7/head", "topic:refs/merge-requests/8/head"
    )
    finding = found(audit("audit", server.folder))
    assert finding["exposure"]["pushed"]
    assert finding["exposure"]["refs"]["pulls"] == ["merge-requests/8/head", "pull/7/head"]
    assert finding["exposure"]["refs"]["branches"] == []
    assert any("pull request" in step for step in finding["remediation"])


def test_temporary_credentials_that_have_died(repo: Repository, filler: Filler, audit: Audit) -> None:
    repo.commit("sts", {"a.txt": filler.fill("{{ASIA}}\n")})
    removed(repo, "a.txt")
    finding = found(audit("audit", repo.folder), "CG101")
    assert finding["severity"] == "low"
    assert finding["exposure"]["alive"] is False


def test_a_key_that_only_the_history_has_is_old(repo: Repository, filler: Filler, audit: Audit) -> None:
    repo.git("config", "user.name", "Ada")
    environment = clean_environment() | {
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("DATE", "2020-01-01T00:00:00Z"), ("NAME", "Bob\x1b[31m"), ("EMAIL", "b@example.com"))
    }
    repo.write({"old.ini": filler.fill(PAIR)})
    repo.add("old.ini")
    subprocess.run(["git", "commit", "-q", "-m", "old"], cwd=repo.folder, env=environment, check=True)
    removed(repo, "old.ini")
    report = audit("audit", repo.folder)
    assert found(report)["exposure"]["over_rotation_limit"]
    assert "\x1b" not in found(report)["exposure"]["author"]
    assert found(report, "CG501")["attributes"]["access_key_id"] == filler.fill("{{AKID}}")


def test_a_key_in_a_file_name(repo: Repository, filler: Filler, audit: Audit) -> None:
    name = filler.fill("aws_secret_access_key={{B64:20}}.{{AKID}}.txt")
    first = repo.commit("name", {f"deep/{name}": "x"})
    removed(repo, f"deep/{name}")
    finding = found(audit("audit", repo.folder), "CG101")
    assert finding["exposure"]["first_commit"] == first


def test_files_that_were_tracked_once(repo: Repository, filler: Filler, audit: Audit) -> None:
    repo.write(
        {
            ".env": filler.fill("DB_PASSWORD={{ALNUM:30}}\n"),
            "rootkey.csv": filler.fill("AWSAccessKeyId={{AKID}}\r\nAWSSecretKey={{SECRET}}\r\n"),
        }
    )
    repo.write(
        {
            "home/.aws/credentials": filler.fill(
                "[default]\naws_access_key_id={{AKID.2}}\naws_secret_access_key={{SECRET.2}}\n"
            )
        }
    )
    repo.add(force=True)
    first = repo.commit("all")
    repo.git("rm", "-q", ".env", "rootkey.csv", "home/.aws/credentials")
    repo.commit("clean up")
    report = audit("audit", repo.folder)
    for rule in ("CG201", "CG103", "CG301"):
        assert found(report, rule)["exposure"]["first_commit"] == first
    assert [one["rule_id"] for one in found(report, "CG103")["attributes"]["also"]] == ["CG203"]
    assert "was tracked" in found(report, "CG201")["message"]


def test_replaced_objects_and_grafts_hide_nothing(repo: Repository, filler: Filler, audit: Audit) -> None:
    first = repo.commit("bad", {"a.ini": filler.fill(PAIR)})
    last = removed(repo, "a.ini")
    good = repo.git("commit-tree", f"{last}^{{tree}}", "-m", "innocent").strip()
    repo.git("replace", first, good)
    assert found(audit("audit", repo.folder))["exposure"]["first_commit"] == first
    repo.git("replace", "-d", first)
    grafts = repo.folder / ".git" / "info" / "grafts"
    grafts.parent.mkdir(exist_ok=True)
    grafts.write_text(f"{last}\n")
    report = audit("audit", repo.folder)
    assert found(report)["exposure"]["first_commit"] == first
    assert "grafts" in report["coverage"]["skipped"][0]["reason"]


def test_alternates_packs_and_loose_objects(tmp_path: Path, repo: Repository, filler: Filler, audit: Audit) -> None:
    repo.commit("packed", {"a.txt": filler.fill("{{AKID}}\n")})
    removed(repo, "a.txt")
    repo.git("repack", "-q", "-a", "-d")
    repo.git("clone", "-q", "--shared", str(repo.folder), str(tmp_path / "clone"))
    clone = Repository(tmp_path / "clone")
    clone.commit("loose", {"b.txt": filler.fill("{{AKID.2}}\n")})
    removed(clone, "b.txt")
    report = audit("audit", clone.folder)
    ids = {f["attributes"]["access_key_id"] for f in report["findings"] if f["rule_id"] == "CG101"}
    assert ids == {filler.fill("{{AKID}}"), filler.fill("{{AKID.2}}")}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32"])
def test_small_texts_in_wide_letters(
    repo: Repository, filler: Filler, audit: Audit, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    repo.commit(
        "texts", {f"{n}.txt": "more\n" for n in range(3)} | {"my.txt": filler.fill("my {{NPM}}\n").encode(encoding)}
    )
    monkeypatch.chdir(repo.folder)
    assert found(audit("scan", "--history"), "CG164")["locations"][0]["path"] == "my.txt"


def test_sha256(tmp_path: Path, filler: Filler, audit: Audit) -> None:
    folder = tmp_path / "wide"
    subprocess.run(["git", "init", "-q", "--object-format=sha256", str(folder)], check=True, env=clean_environment())
    repo = Repository(folder)
    first = repo.commit("bad", {".env": filler.fill(PAIR)})
    removed(repo, ".env")
    exposure = found(audit("audit", folder))["exposure"]
    assert len(first) == 64
    assert exposure["first_commit"] == first
    assert found(audit("audit", folder), "CG201")
