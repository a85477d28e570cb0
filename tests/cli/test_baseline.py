"""`credguard baseline`: known findings, from this tool and from others."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from tests.hooking import LEAK, credguard
from tests.keys import Filler
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path

NAME = ".credguard-baseline"
LONE = Filler("baseline").fill("id = {{AKID}}\n")
NEW = Filler("baseline, new").fill("id = {{AKID}}\n")
UNION = f"{NAME} merge=union\n"


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    repo = Repository(tmp_path / "repo")
    repo.commit("begin", {".gitignore": ".env*\n"})
    repo.write({"a.ini": LEAK, "b b.txt": LONE})
    repo.add(".")
    return repo


def outcomes(folder: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """Outcome and reason of what a scan finds, by rule and path."""
    found = json.loads(credguard("scan", "--format", "json", cwd=folder).stdout)["findings"]
    return {(one["rule_id"], one["locations"][0]["path"]): (one["outcome"], one["outcome_reason"]) for one in found}


def baseline(folder: Path, *args: str, code: int = 0) -> str:
    """What the command prints, once it has ended as expected."""
    done = credguard("baseline", *args, cwd=folder)
    assert done.returncode == code, (done.stdout, done.stderr)
    assert LEAK.split()[-1] not in done.stdout + done.stderr
    return done.stdout + done.stderr


def lines(folder: Path) -> list[str]:
    """The entries without their fingerprints."""
    rows = (folder / NAME).read_text().splitlines()
    return sorted(row[33:] for row in rows if not row.startswith("#"))


KNOWN = "stood there when the baseline was written"


class TestCreate:
    def test_only_what_is_new_blocks_then(self, repo: Repository) -> None:
        said = baseline(repo.folder, "create")
        assert lines(repo.folder) == [f"CG101 b%20b.txt -- {KNOWN}", f"CG103 a.ini -- {KNOWN}"]
        assert (repo.folder / ".gitattributes").read_text() == UNION
        assert f"git add -- {NAME} .gitattributes" in said and "+++ b/.gitattributes" in said
        assert set(outcomes(repo.folder).values()) == {("baseline", KNOWN)}
        repo.write({"c.txt": NEW, "d.txt": LONE})
        found = outcomes(repo.folder)
        assert found["CG101", "c.txt"][0] == found["CG101", "d.txt"][0] == "report"

    def test_it_survives_edits_above(self, repo: Repository) -> None:
        baseline(repo.folder, "create")
        repo.write({"a.ini": f"# one\n\n{LEAK}"})
        assert outcomes(repo.folder)["CG103", "a.ini"][0] == "baseline"

    def test_reason_and_date(self, repo: Repository) -> None:
        baseline(repo.folder, "create", "--reason", " in  rotation ", "--expires", "2999-12-31")
        assert lines(repo.folder)[0] == "CG101 b%20b.txt expires=2999-12-31 -- in rotation"

    def test_it_does_not_overwrite(self, repo: Repository) -> None:
        repo.write({NAME: ""})
        assert "baseline update" in baseline(repo.folder, "create", code=2)
        assert (repo.folder / NAME).read_text() == ""

    def test_a_dry_run_shows_it(self, repo: Repository) -> None:
        assert f"CG103 a.ini -- {KNOWN}" in baseline(repo.folder, "create", "--dry-run")
        assert not (repo.folder / NAME).exists() and not (repo.folder / ".gitattributes").exists()

    def test_nothing_found(self, tmp_path: Path) -> None:
        repo = Repository(tmp_path / "clean")
        repo.commit("begin", {".gitignore": ".env*\n", "a.py": "x = 1\n"})
        assert "Nothing to create" in baseline(repo.folder, "create")
        assert not (repo.folder / NAME).exists()

    def test_the_same_repository_gives_the_same_bytes(self, repo: Repository) -> None:
        baseline(repo.folder, "create")
        first = (repo.folder / NAME).read_bytes()
        (repo.folder / NAME).unlink()
        baseline(repo.folder, "create")
        assert (repo.folder / NAME).read_bytes() == first

    def test_another_name_from_below(self, repo: Repository) -> None:
        repo.write({".credguard.yaml": "baseline: ci/known\n", "sub/x": "", ".gitattributes": "* text"})
        baseline(repo.folder / "sub", "create")
        assert "CG103 a.ini" in (repo.folder / "ci/known").read_text()
        assert (repo.folder / ".gitattributes").read_text() == "* text\nci/known merge=union\n"

    @pytest.mark.parametrize("attributes", [UNION, "*baseline merge=ours\n", f"{NAME} -merge\n"])
    def test_attributes_that_say_it_stay(self, repo: Repository, attributes: str) -> None:
        repo.write({".gitattributes": attributes})
        baseline(repo.folder, "create")
        assert (repo.folder / ".gitattributes").read_text() == attributes

    def test_no_attributes(self, repo: Repository) -> None:
        baseline(repo.folder, "create", "--no-gitattributes")
        assert not (repo.folder / ".gitattributes").exists()

    def test_what_is_allowed_is_left_out(self, repo: Repository) -> None:
        repo.write({".credguard.yaml": "allow:\n- {rule: CG101, path: '*.txt', reason: x}\n"})
        baseline(repo.folder, "create")
        assert lines(repo.folder) == [f"CG103 a.ini -- {KNOWN}"]

    def test_what_only_older_commits_hold(self, repo: Repository) -> None:
        repo.write({".credguard.yaml": "rotation-days: 3650\n"})
        repo.commit("leak", {"gone.txt": NEW})
        repo.git("rm", "-q", "gone.txt")
        repo.commit("removed")
        assert "CG101 gone.txt" not in baseline(repo.folder, "create", "--no-history", "--dry-run")
        baseline(repo.folder, "create")
        assert f"CG101 gone.txt -- {KNOWN}" in lines(repo.folder)
        assert credguard("audit", cwd=repo.folder).returncode == 0
        assert "Nothing to prune" in baseline(repo.folder, "prune")


class TestUpdate:
    def test_it_adds_and_keeps(self, repo: Repository) -> None:
        baseline(repo.folder, "create", "--reason", "old")
        repo.write({"c.txt": NEW, NAME: "# ours\n" + (repo.folder / NAME).read_text()})
        baseline(repo.folder, "update", "--reason", "new")
        assert lines(repo.folder) == ["CG101 b%20b.txt -- old", "CG101 c.txt -- new", "CG103 a.ini -- old"]
        assert (repo.folder / NAME).read_text().startswith("# ours\n# Known findings")
        assert "Nothing to update" in baseline(repo.folder, "update")

    def test_a_renamed_file_keeps_its_reason(self, repo: Repository) -> None:
        baseline(repo.folder, "create", "--reason", "old", "--expires", "2999-12-31")
        repo.git("mv", "a.ini", "z.ini")
        baseline(repo.folder, "update")
        assert "CG103 z.ini expires=2999-12-31 -- old" in lines(repo.folder)

    def test_an_expired_entry_is_not_renewed(self, repo: Repository) -> None:
        baseline(repo.folder, "create")
        text = (repo.folder / NAME).read_text().replace("a.ini --", "a.ini expires=2020-01-01 --")
        repo.write({NAME: text})
        assert outcomes(repo.folder)["CG103", "a.ini"][0] == "report"
        assert outcomes(repo.folder)["CG004", NAME][0] == "report"
        baseline(repo.folder, "update")
        assert (repo.folder / NAME).read_text() == text

    def test_it_heals_a_merge_and_loses_no_line(self, repo: Repository) -> None:
        baseline(repo.folder, "create")
        first, second = [row for row in (repo.folder / NAME).read_text().splitlines() if row[0] != "#"]
        repo.write({NAME: f"<<<<<<< HEAD\n{second}\n=======\n{first}\n>>>>>>> x\n"})
        assert ("CG003", NAME) in outcomes(repo.folder)
        baseline(repo.folder, "update")
        assert ("CG003", NAME) not in outcomes(repo.folder) and len(lines(repo.folder)) == 2
        repo.write({NAME: f"{first}\n{second.partition(' -- ')[0]}\n"})
        assert "gives no reason" in baseline(repo.folder, "update", code=2)


class TestPrune:
    def test_what_is_gone_goes(self, repo: Repository) -> None:
        repo.write({"c.txt": NEW})
        baseline(repo.folder, "create")
        assert f"CG101 c.txt -- {KNOWN}" in lines(repo.folder)
        repo.write({"c.txt": "x = 1\n", "d.txt": NEW})
        baseline(repo.folder, "prune")
        assert lines(repo.folder) == [f"CG101 b%20b.txt -- {KNOWN}", f"CG103 a.ini -- {KNOWN}"]
        assert "Nothing to prune" in baseline(repo.folder, "prune")

    def test_rules_that_did_not_look_keep_theirs(self, repo: Repository) -> None:
        baseline(repo.folder, "create")
        repo.write({".credguard.yaml": "rules: {CG101: off}\n"})
        assert "Nothing to prune" in baseline(repo.folder, "prune")

    def test_not_where_something_could_not_be_looked_at(self, repo: Repository) -> None:
        baseline(repo.folder, "create")
        repo.write({"a.ini": "x = 1\n", ".credguard.yaml": "limits: {file-size: 5}\n"})
        assert "the scan is incomplete" in baseline(repo.folder, "prune", code=3)
        assert len(lines(repo.folder)) == 2

    def test_not_in_an_incomplete_scan(self, repo: Repository) -> None:
        baseline(repo.folder, "create")
        repo.write({"a.ini": "x = 1\n", "b.gz": b"\x1f\x8b\x08\0\0\0\0\0\0\0cut"})
        assert "the scan is incomplete" in baseline(repo.folder, "prune", code=3)
        assert len(lines(repo.folder)) == 2

    def test_it_wants_a_baseline_and_adds_nothing(self, repo: Repository) -> None:
        assert "no baseline" in baseline(repo.folder, "prune", code=2)
        assert "adds nothing" in baseline(repo.folder, "prune", "--reason", "x", code=2)
        assert "history" in baseline(repo.folder, "prune", "--no-history", code=2)


class TestImport:
    def test_of_detect_secrets(self, repo: Repository) -> None:
        digest = hashlib.sha1(LEAK.split()[-1].encode(), usedforsecurity=False).hexdigest()
        entry = {"type": "AWS Access Key", "hashed_secret": digest, "line_number": 7, "is_secret": False}
        gone = {"type": "AWS Access Key", "hashed_secret": "0" * 40, "line_number": 9}
        repo.write({".secrets.baseline": json.dumps({"version": "1.5.0", "results": {"a.ini": [entry, gone]}})})
        said = baseline(repo.folder, "create", "--import", ".secrets.baseline")
        assert lines(repo.folder) == ["CG103 a.ini -- known to detect-secrets, audited there as not a secret"]
        assert ".secrets.baseline, a.ini:9: matches no current finding" in said

    def test_of_gitleaks_and_git_secrets(self, repo: Repository) -> None:
        repo.write(
            {".gitleaksignore": "a.ini:aws-access-token:1\nz.py:aws-access-token:3\n", ".gitallowed": "b b[.]txt\n"}
        )
        said = baseline(repo.folder, "create", "--import", ".gitleaksignore", "--from", ".gitallowed")
        assert lines(repo.folder) == ["CG101 b%20b.txt -- known to git-secrets", "CG103 a.ini -- known to gitleaks"]
        assert ".gitleaksignore:2: matches no current finding" in said

    def test_of_history(self, repo: Repository) -> None:
        commit = repo.commit("leak", {"gone.txt": f"\n{NEW}", "rest.txt": f"{NEW}{LONE}"})
        repo.git("rm", "-q", "gone.txt", "rest.txt")
        repo.commit("removed")
        digest = hashlib.sha1(LONE.split()[-1].encode(), usedforsecurity=False).hexdigest()
        found = {"results": {"rest.txt": [{"hashed_secret": digest}]}}
        repo.write(
            {".gitleaksignore": f"{commit}:gone.txt:aws-access-token:2\n", ".secrets.baseline": json.dumps(found)}
        )
        baseline(repo.folder, "create", "--import", ".gitleaksignore", "--import", ".secrets.baseline")
        assert "CG101 gone.txt -- known to gitleaks" in lines(repo.folder)

    def test_of_a_report(self, repo: Repository, tmp_path: Path) -> None:
        finding = {
            "RuleID": "aws-access-token",
            "File": "b b.txt",
            "StartLine": 99,
            "EndLine": 99,
            "Secret": LONE.split()[-1],
        }
        report = tmp_path / "report.json"
        report.write_text(json.dumps([finding]))
        baseline(repo.folder, "create", "--reason", "moved over")
        (repo.folder / NAME).unlink()
        baseline(repo.folder, "update", "--import", str(report), "--reason", "moved over")
        assert lines(repo.folder) == ["CG101 b%20b.txt -- moved over"]

    @pytest.mark.parametrize("content", [None, b"\xff", b"{", b"hello"])
    def test_what_is_no_such_file_ends_in_one_line(self, repo: Repository, content: bytes | None) -> None:
        if content is not None:
            repo.write({"x": content})
        said = baseline(repo.folder, "create", "--import", "x", code=2)
        assert len(said.splitlines()) == 1 and not (repo.folder / NAME).exists()


def test_two_branches_that_both_update_it_merge(repo: Repository) -> None:
    repo.write({".credguard.yaml": "rotation-days: 3650\n"})
    baseline(repo.folder, "create")
    repo.add(".")
    repo.commit("baseline")
    for branch, name, text in (("left", "l.txt", NEW), ("right", "r.txt", NEW)):
        repo.git("checkout", "-q", "-b", branch, "main")
        repo.write({name: text})
        baseline(repo.folder, "update", "--reason", branch)
        repo.add(".")
        repo.commit(branch)
    repo.git("merge", "-q", "-m", "merge", "left")
    assert {outcome for outcome, _ in outcomes(repo.folder).values()} == {"baseline"}
    assert {"CG101 l.txt -- left", "CG101 r.txt -- right"} <= set(lines(repo.folder))


def test_no_repository(tmp_path: Path) -> None:
    (tmp_path / "a.ini").write_text(LEAK)
    baseline(tmp_path, "create")
    assert lines(tmp_path) == [f"CG103 a.ini -- {KNOWN}"] and not (tmp_path / ".gitattributes").exists()
    assert "is not a folder" in baseline(tmp_path, "update", "nowhere", code=2)
