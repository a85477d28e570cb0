"""`credguard audit`: who, when and what leads to a value in odd histories, told without a secret and without loss."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.auditing import PAIR, Audit, Report, begun, found, removed
from tests.repos import Repository, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.keys import Filler

_PEOPLE = "author Ada <ada@example.com> 1700000000 +0000\ncommitter Ada <ada@example.com> 1700000000 +0000\n"


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """A repository with one innocent commit."""
    return begun(tmp_path / "repo")


def forgotten(repo: Repository, commit: str = "HEAD~1") -> None:
    """Takes commits back; no reflog knows them any more."""
    repo.git("reset", "-q", "--hard", commit)
    repo.git("reflog", "expire", "--expire=now", "--all")


def raw_commit(repo: Repository, lines: bytes, files: dict[str, str], parent: str = "HEAD") -> str:
    """A commit with these lines for author and committer, and just these files."""
    entries = [(name, repo.git("hash-object", "-w", "--stdin", stdin=text).strip()) for name, text in files.items()]
    tree = repo.git("mktree", stdin="".join(f"100644 blob {oid}\t{name}\n" for name, oid in entries)).strip()
    above = f"parent {repo.git('rev-parse', parent).strip()}\n" if parent else ""
    data = f"tree {tree}\n{above}".encode() + lines + b"\nmessage\n"
    command = ["git", "hash-object", "-t", "commit", "-w", "--literally", "--stdin"]
    done = subprocess.run(
        command, cwd=repo.folder, input=data, env=clean_environment(), capture_output=True, check=True
    )
    return done.stdout.decode().strip()


def advice(finding: Report) -> str:
    """All steps in one text."""
    return "\n".join(finding["remediation"])


def test_no_secret_in_the_names_of_people_and_refs(repo: Repository, filler: Filler, audit: Audit) -> None:
    name = filler.fill("aws_secret_access_key={{SECRET}}")
    branch = filler.fill("aws_secret_access_key={{ALNUM:40}}")
    filler.secrets.add(branch.partition("=")[2])
    repo.git("checkout", "-q", "-b", branch)
    repo.git("tag", branch)
    repo.git("branch", filler.fill("{{AKID.2}}-{{ALNUM:40}}"), "HEAD")
    repo.write({"a.ini": filler.fill("id: {{AKID}}\n")})
    repo.add()
    repo.git("-c", f"user.name={name}", "commit", "-qm", "x", f"--author={name} <ada@example.com>")
    removed(repo, "a.ini")
    report = audit("audit", repo.folder, "--include-ignored", "--max-file-size", "1M")
    (checkout,) = report["target"]["checkouts"]
    assert "aws_secret_access_key=" in checkout["branch"] and checkout["branch"].endswith("****")
    assert report["target"]["options"] == ["--max-file-size 1M", "--include-ignored"]
    finding = next(f for f in report["findings"] if f["locations"][0]["path"] == "a.ini")
    assert finding["exposure"]["author"].startswith("aws_secret_access_key=")
    assert finding["exposure"]["refs"]["branches"][0].startswith("aws_secret_access_key=")


def test_a_file_name_in_an_unreachable_commit(repo: Repository, filler: Filler, audit: Audit) -> None:
    first = repo.commit("name", {f"{filler.fill('{{AKID}}')}.txt": "hello\n", ".env": "DB_PASSWORD=x8Jf2kQ0vLm3\n"})
    forgotten(repo)
    report = audit("audit", repo.folder)
    assert report["exit_code"] == 1
    for rule in ("CG101", "CG201"):
        assert found(report, rule)["exposure"]["first_commit"] == first
        assert found(report, rule)["exposure"]["unreachable"]


def test_file_names_in_trees_that_no_commit_has(repo: Repository, filler: Filler, audit: Audit) -> None:
    repo.commit("other", {"x/.aws/credentials": "[default]\nregion = eu-west-1\n"})
    removed(repo, "x/.aws/credentials")
    oid = repo.git("hash-object", "-w", "--stdin", stdin="hello\n").strip()
    text = filler.fill("[default]\naws_access_key_id={{AKID.2}}\naws_secret_access_key={{SECRET.2}}\n")
    held = repo.git("hash-object", "-w", "--stdin", stdin=text).strip()
    inner = repo.git("mktree", stdin=f"100644 blob {held}\tcredentials\n").strip()
    name = filler.fill("{{AKID}}")
    tree = repo.git("mktree", stdin=f"100644 blob {oid}\t{name}.txt\n040000 tree {inner}\t.aws\n").strip()
    report = audit("audit", repo.folder)
    finding = found(report, "CG101")
    assert finding["locations"][0]["path"] == f"tree {tree[:12]}/{name}.txt"
    assert finding["locations"][0]["commit"] is None
    assert finding["exposure"]["first_commit"] is None
    paths = {f["locations"][0]["path"] for f in report["findings"] if f["rule_id"] == "CG203"}
    assert f"tree {tree[:12]}/.aws/credentials" in paths


def test_a_damaged_object_costs_no_report(repo: Repository, filler: Filler, audit: Audit) -> None:
    repo.commit("key", {"a.ini": filler.fill(PAIR)})
    noise = filler.fill("".join(f"N{n}={{{{ALNUM.{n}:40}}}}\n" for n in range(2, 200)))
    repo.commit("env", {".env": noise})
    blob = repo.git("rev-parse", "HEAD:.env").strip()
    removed(repo, ".env")
    repo.git("repack", "-q", "-a", "-d")
    (index,) = (repo.folder / ".git/objects/pack").glob("*.idx")
    words = next(line.split() for line in repo.git("verify-pack", "-v", str(index)).splitlines() if line[:40] == blob)
    pack = index.with_suffix(".pack")
    pack.chmod(0o644)
    with pack.open("r+b") as handle:
        handle.seek(int(words[4]) + int(words[3]) // 2)
        handle.write(b"\xff" * 30)
    report = audit("audit", repo.folder)
    assert report["exit_code"] == 1
    assert found(report)["exposure"]["in_head"]
    assert found(report, "CG201")
    assert any(skip["path"] == f"object {blob}" for skip in report["coverage"]["skipped"])


@pytest.mark.parametrize(
    ("lines", "author"),
    [
        (b"committer Ada <ada@example.com> 1700000000 +0000\n", None),
        (b"author Ada <ada@example.com>\ncommitter Ada <ada@example.com>\n", "Ada <ada@example.com>"),
        (b"author Ada <a@b> -86400 +0000\ncommitter Ada <a@b> -86400 +0000\n", "Ada <a@b>"),
        (b"author A\0da <a@b> 1700000000 +0000\ncommitter A\0da <a@b> 1700000000 +0000\n", "A?da <a@b>"),
        (_PEOPLE.encode().replace(b"Ada", b"L" * 3000), "L" * 3000 + " <ada@example.com>"),
        (_PEOPLE.encode().replace(b"Ada", b"J\xf6rg") + b"encoding ISO-8859-1\n", "Jörg <ada@example.com>"),
        (_PEOPLE.encode().replace(b"Ada", b"J\xc3\xb6rg") + b"encoding base64\n", "Jörg <ada@example.com>"),
    ],
)
def test_odd_commits(repo: Repository, filler: Filler, audit: Audit, lines: bytes, author: str | None) -> None:
    commit = raw_commit(repo, lines, {"a.ini": filler.fill(PAIR)})
    repo.git("update-ref", "refs/heads/main", commit)
    repo.git("checkout", "-q", "-f", "main")
    exposure = found(audit("audit", repo.folder))["exposure"]
    assert exposure["first_commit"] == commit
    assert exposure["author"] == author


def test_the_same_value_in_several_files(repo: Repository, filler: Filler, audit: Audit) -> None:
    first = repo.commit("two", {"a.ini": filler.fill(PAIR), "b.ini": filler.fill(PAIR)})
    report = audit("audit", repo.folder)
    whole = [f for f in report["findings"] if f["rule_id"] == "CG103"]
    assert [f["locations"][0]["path"] for f in whole] == ["a.ini", "b.ini"]
    assert {f["exposure"]["first_commit"] for f in whole} == {first}


def test_a_value_in_an_outer_and_an_inner_repository(repo: Repository, filler: Filler, audit: Audit) -> None:
    outer = repo.commit("outer", {"a.ini": filler.fill(PAIR)})
    inner = Repository(repo.folder / "sub").commit("inner", {"b.ini": filler.fill(PAIR)})
    by_path = {f["locations"][0]["path"]: f for f in audit("audit", repo.folder)["findings"] if f["rule_id"] == "CG103"}
    assert {path: one["exposure"]["first_commit"] for path, one in by_path.items()} == {
        "a.ini": outer,
        "sub/b.ini": inner,
    }


def test_a_later_stash_is_not_to_be_dropped(repo: Repository, filler: Filler, audit: Audit) -> None:
    first = repo.commit("key", {"a.ini": filler.fill(PAIR)})
    removed(repo, "a.ini")
    repo.write({"README.md": "work\n"})
    repo.git("stash", "push", "-q")
    steps = advice(found(audit("audit", repo.folder)))
    assert f"git rebase --interactive {first[:12]}^" in steps
    assert "git reflog expire --expire=now HEAD refs/heads/main && git gc" in steps
    assert "--all" not in steps


def test_an_older_stash_goes_alone(repo: Repository, filler: Filler, audit: Audit) -> None:
    repo.write({"new.txt": filler.fill(PAIR)})
    repo.git("stash", "push", "-q", "--include-untracked")
    repo.write({"README.md": "other\n"})
    repo.git("stash", "push", "-q")
    finding = found(audit("audit", repo.folder))
    assert "git stash drop stash@{1}" in advice(finding)
    assert "reflog" not in advice(finding)
    assert "stash" in finding["remediation"][1]


def test_the_first_commit_of_all(tmp_path: Path, filler: Filler, audit: Audit) -> None:
    other = Repository(tmp_path / "other")
    other.commit("first", {"a.ini": filler.fill(PAIR)})
    removed(other, "a.ini")
    assert "git rebase --interactive --root" in advice(found(audit("audit", other.folder)))


def test_tags_notes_and_other_branches(repo: Repository, filler: Filler, audit: Audit) -> None:
    commit = repo.commit("last")
    repo.git("notes", "add", "-m", filler.fill("or {{AKID.2}}"))
    repo.git("tag", "-a", "v1;x", "-m", filler.fill("not {{AKID.3}}"))
    repo.git("tag", "blob", repo.git("hash-object", "-w", "--stdin", stdin=filler.fill("{{AKID.4}}\n")).strip())
    repo.git("checkout", "-q", "-b", "side")
    repo.commit("side", {"a.txt": filler.fill("{{AKID.5}}\n")})
    repo.git("checkout", "-q", "main")
    findings = [f for f in audit("audit", repo.folder)["findings"] if f["rule_id"] == "CG101"]
    by_id = {f["attributes"]["access_key_id"]: advice(f) for f in findings}
    noted, tagged, blob, side = (by_id[filler.fill(f"{{{{AKID.{n}}}}}")] for n in (2, 3, 4, 5))
    assert f"git notes --ref=refs/notes/commits edit {commit}" in noted
    assert "git tag -d 'v1;x'" in tagged
    assert "git tag -d blob" in blob
    assert "rebase" not in noted + tagged + blob
    assert "git switch side" in side


def test_what_refs_lead_to_without_a_commit(repo: Repository, filler: Filler, audit: Audit) -> None:
    oids = [
        repo.git("hash-object", "-w", "--stdin", stdin=filler.fill(f"{{{{AKID.{n}}}}}\n")).strip() for n in range(3)
    ]
    repo.git("tag", "-a", "one", "-m", "x", oids[0])
    repo.git("tag", "-a", "inner", "-m", "x", oids[1])
    repo.git("tag", "-a", "two", "-m", "x", "inner")
    repo.git("tag", "-d", "inner")
    repo.git("update-ref", "refs/remotes/origin/two", "refs/tags/two")
    repo.git("tag", "tree", repo.git("mktree", stdin=f"100644 blob {oids[2]}\tx.txt\n").strip())
    findings = [f for f in audit("audit", repo.folder)["findings"] if f["rule_id"] == "CG101"]
    by_id = {f["attributes"]["access_key_id"]: f for f in findings}
    one, two, tree = (by_id[filler.fill(f"{{{{AKID.{n}}}}}")] for n in range(3))
    assert one["exposure"]["refs"]["tags"] == ["one"]
    assert two["exposure"]["refs"]["remotes"] == ["origin/two"]
    assert two["exposure"]["pushed"]
    assert tree["exposure"]["refs"]["tags"] == ["tree"]
    assert tree["locations"][0]["path"] == "tree:x.txt"
    assert not any(f["exposure"]["unreachable"] for f in (one, two, tree))


def test_other_work_trees(repo: Repository, tmp_path: Path, filler: Filler, audit: Audit) -> None:
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "other"))
    other = Repository.__new__(Repository)
    other.folder = tmp_path / "other"
    other.commit("there", {"a.txt": filler.fill("{{AKID}}\n")})
    other.write({"staged.txt": filler.fill("{{AKID.2}}\n")})
    other.add("staged.txt")
    findings = [f for f in audit("audit", repo.folder)["findings"] if f["rule_id"] == "CG101"]
    by_id = {f["attributes"]["access_key_id"]: f for f in findings}
    there, staged = by_id[filler.fill("{{AKID}}")], by_id[filler.fill("{{AKID.2}}")]
    assert there["exposure"]["refs"]["others"] == ["worktrees/other/HEAD"]
    assert not there["exposure"]["unreachable"]
    assert staged["locations"][0]["path"] == "staged.txt"


def test_an_unreachable_chain_whose_dates_run_backwards(repo: Repository, filler: Filler, audit: Audit) -> None:
    dated = "author A <a@b> {0} +0000\ncommitter A <a@b> {0} +0000\n"
    parent, commits = "HEAD", []
    for number in range(6):
        lines = dated.format(1700000000 - number * 86400).encode()
        parent = raw_commit(repo, lines, {"a.ini": filler.fill(PAIR) + f"# {number}\n"}, parent)
        commits.append(parent)
    exposure = found(audit("audit", repo.folder))["exposure"]
    assert exposure["first_commit"] == commits[0]
    assert exposure["versions"] == 6


def test_a_shallow_boundary_is_said(repo: Repository, tmp_path: Path, filler: Filler, audit: Audit) -> None:
    repo.commit("key", {"a.ini": filler.fill(PAIR)})
    last = repo.commit("later", {"b": "b"})
    repo.git("clone", "-q", "--depth=1", f"file://{repo.folder}", str(tmp_path / "clone"))
    finding = found(audit("audit", tmp_path / "clone"))
    assert finding["exposure"]["first_commit"] == last
    assert finding["exposure"]["cut_off"]
    assert "shallow" in finding["message"]


def test_entries_with_modes_that_git_does_not_know(repo: Repository, filler: Filler, audit: Audit) -> None:
    oid = repo.git("hash-object", "-w", "--stdin", stdin=filler.fill(PAIR)).strip()
    data = b"".join(mode + b" " + name + b"\0" + bytes.fromhex(oid) for mode, name in ((b"777777", b"a"), (b"1", b"b")))
    command = ["git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin"]
    tree = subprocess.run(
        command, cwd=repo.folder, input=data, env=clean_environment(), capture_output=True, check=True
    )
    commit = repo.git("commit-tree", tree.stdout.decode().strip(), "-p", "HEAD", "-m", "odd").strip()
    repo.git("update-ref", "refs/heads/odd", commit)
    exposure = found(audit("audit", repo.folder))["exposure"]
    assert exposure["first_commit"] == commit
    assert sorted(exposure["paths"]) == ["a", "b"]
