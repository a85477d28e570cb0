"""`--credential-report`, the age of keys in git, and keys that projects share, as the commands report them."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from credguard.engine.key_lifecycle import list_executed_rules
from credguard.engine.session import Session
from credguard.model.result import Result
from tests import processes
from tests.keys import Filler
from tests.repos import Repository, clean_environment, write

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime.now(timezone.utc).replace(microsecond=0)
HEADER = (
    "user,arn,password_enabled,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date\n"
)
FILL = Filler("lifecycle").fill
PAIR = FILL("AWS_ACCESS_KEY_ID={{AKID}}\nAWS_SECRET_ACCESS_KEY={{SECRET}}\n")
ID, SECRET = FILL("{{AKID}}"), FILL("{{SECRET}}")


def ago(days: float) -> str:
    return (NOW - timedelta(days=days)).isoformat()


def row(user: str, account: str = "123456789012", **cells: str) -> str:
    usual = {"password": "false", "mfa": "true", "active": "false", "rotated": "N/A", "used": "N/A"} | cells
    arn = f"arn:aws:iam::{account}:" + ("root" if user == "<root_account>" else f"user/{user}")
    return ",".join([user, arn, *usual.values()]) + "\n"


REPORT = (
    HEADER + row("<root_account>", active="true", rotated=ago(900))
    + row("old", active="true", rotated=ago(100), used=ago(1))
    + row("never", active="true", rotated=ago(3)) + row("phished", password="true", mfa="false")
    + row("fine", password="true", active="true", rotated=ago(5), used=ago(1))
)  # fmt: skip
EXPECTED = [("CG303", 2), ("CG501", 3), ("CG503", 4), ("CG504", 5)]


def credguard(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return processes.run_text(args, cwd=cwd)


def report(*args: str, cwd: Path) -> dict[str, Any]:
    done = credguard(*args, "--format", "json", cwd=cwd)
    assert done.stdout, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["exit_code"] == done.returncode
    assert SECRET[4:] not in done.stdout
    return result


def found(result: dict[str, Any], *rules: str) -> list[tuple[str, int]]:
    chosen = [f for f in result["findings"] if f["rule_id"].startswith(rules or ("CG3", "CG5"))]
    return [(f["rule_id"], f["locations"][0]["line"]) for f in chosen]


@pytest.mark.parametrize("command", ["audit", "scan"])
def test_given(repo: Repository, tmp_path: Path, command: str) -> None:
    write(tmp_path, {"report.csv": REPORT})
    result = report(command, "--credential-report", "../report.csv", cwd=repo.folder)
    assert found(result) == EXPECTED
    assert result["exit_code"] == 1
    paths = {f["locations"][0]["path"] for f in result["findings"] if f["severity"] != "low"}
    assert paths == {"../report.csv"}


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + REPORT.replace("\n", "\r\n").encode(),
        REPORT.encode("utf-16"),
        base64.b64encode(REPORT.encode()),
        base64.encodebytes(REPORT.encode()),
        json.dumps({"Content": base64.b64encode(REPORT.encode()).decode(), "ReportFormat": "text/csv",
                    "GeneratedTime": NOW.isoformat()}, indent=1).encode(),
        json.dumps({"Content": REPORT}).encode(),
    ],
    ids=["bom", "utf-16", "base64", "wrapped base64", "answer", "answer in plain"],
)  # fmt: skip
def test_ways_of_saving_it(repo: Repository, tmp_path: Path, content: bytes) -> None:
    write(tmp_path, {"r": content})
    assert found(report("audit", "--credential-report", str(tmp_path / "r"), cwd=repo.folder)) == EXPECTED


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no IAM credential report"), (b"name,size\na,1\n", "is no IAM credential report"),
        (b"\0\xff" * 500, "is no IAM credential report"), (b"{}", "is no IAM credential report"),
        (b'{"Content": 5}', "is no IAM credential report"), (b"[" * 100_000, "is no IAM credential report"),
        (HEADER.encode(), "holds a header and no row"),
        (HEADER.encode() + b'"' + b"x" * 200_000, "is not valid CSV: line 2"),
    ],
)  # fmt: skip
def test_no_report(repo: Repository, tmp_path: Path, content: bytes, said: str) -> None:
    write(tmp_path, {"r.csv": content})
    done = credguard("audit", "--credential-report", str(tmp_path / "r.csv"), cwd=repo.folder)
    assert done.returncode == 2
    assert done.stdout == ""
    assert said in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_not_readable(repo: Repository, name: str) -> None:
    done = credguard("audit", "--credential-report", name, cwd=repo.folder)
    assert done.returncode == 2
    assert "could not be read" in done.stderr


def test_a_copy_in_the_tree_is_told_once(repo: Repository) -> None:
    text = REPORT.replace("123456789012", "604179283516")
    repo.commit("report", {"ops/report.csv": text})
    inside = report("audit", cwd=repo.folder)
    # The age of the newest date in it is a day: a key of three days may have been made just before.
    assert found(inside) == [(rule, line) for rule, line in EXPECTED if rule != "CG503"]
    both = report("audit", "--credential-report", "ops/report.csv", cwd=repo.folder)
    assert found(both) == EXPECTED
    assert len([f for f in both["findings"] if f["severity"] != "low"]) == 4


def test_its_age_counts(repo: Repository, tmp_path: Path) -> None:
    text = HEADER + row("alice", active="true", rotated=ago(120), used=ago(40))
    write(tmp_path, {"r.csv": text})
    then = (NOW - timedelta(days=35)).timestamp()
    os.utime(tmp_path / "r.csv", (then, then))
    result = report("audit", "--credential-report", str(tmp_path / "r.csv"), cwd=repo.folder)
    assert found(result) == []
    assert any("35 days old" in note for note in result["coverage"]["notes"])
    os.utime(tmp_path / "r.csv", (0, 0))  # as archives leave it
    assert found(report("audit", "--credential-report", str(tmp_path / "r.csv"), cwd=repo.folder)) == [("CG501", 2)]


def test_what_could_not_be_judged(repo: Repository, tmp_path: Path) -> None:
    write(tmp_path, {"r.csv": HEADER + row("alice", active="true", rotated="1/2/2026 3:04", used=ago(1))})
    result = report("audit", "--credential-report", str(tmp_path / "r.csv"), cwd=repo.folder)
    assert result["exit_code"] == 3
    assert "line 2: access_key_1_last_rotated is not a date" in result["coverage"]["skipped"][0]["reason"]


def test_ran(repo: Repository) -> None:
    session = Session()
    run = session.scan_folder(repo.folder)
    ran = list_executed_rules(session, run)
    assert {"CG303", "CG501", "CG502", "CG503", "CG504", "CG601"}.isdisjoint(ran)
    assert {"CG101", "CG202", "CG602"} <= ran
    asked = run.add(Result(rules=frozenset(("CG501", "CG503"))))
    assert {"CG501", "CG503"} <= list_executed_rules(session, asked)


def commit(repo: Repository, days: int, files: dict[str, str]) -> str:
    repo.write(files)
    repo.add(*files, force=True)
    dates = {"GIT_AUTHOR_DATE": ago(days), "GIT_COMMITTER_DATE": ago(days)}
    who = {f"GIT_{a}_{b}": "x" for a in ("AUTHOR", "COMMITTER") for b in ("NAME", "EMAIL")}
    subprocess.run(["git", "commit", "-qm", "x"], cwd=repo.folder, env=clean_environment() | dates | who, check=True)
    return repo.git("rev-parse", "HEAD").strip()


def test_age_from_git(repo: Repository) -> None:
    first = commit(repo, 200, {"conf/a.py": f"key = '{ID}'\n"})
    commit(repo, 100, {"b.env": "x=1\n"})
    commit(repo, 50, {"b.env": PAIR, "young.py": FILL("k = '{{AKID.2}}'\n")})
    commit(repo, 300, {"temporary.py": FILL("k = '{{ASIA}}'\n"), "canary.py": FILL("k = '{{CANARY}}'\n")})
    repo.write({"untracked.py": FILL("k = '{{AKID.3}}'\n")})
    result = report("audit", cwd=repo.folder)
    aged = [f for f in result["findings"] if f["rule_id"] == "CG501"]
    assert len(aged) == 1
    assert aged[0]["attributes"]["access_key_id"] == ID
    assert aged[0]["attributes"]["first_commit"] == first
    assert aged[0]["attributes"]["age_days"] in (199, 200)
    assert [place["path"] for place in aged[0]["locations"]] == ["b.env", "conf/a.py"]
    assert aged[0]["severity"] == "medium"


def test_age_of_a_file_that_was_renamed(repo: Repository) -> None:
    commit(repo, 200, {'old "name".py': f"key = '{ID}'\n"})
    repo.git("mv", 'old "name".py', 'new "name".py')
    commit(repo, 10, {'new "name".py': f"key = '{ID}'\n"})
    aged = [f for f in report("audit", cwd=repo.folder)["findings"] if f["rule_id"] == "CG501"]
    assert [f["attributes"]["age_days"] for f in aged] in ([199], [200])


def test_age_of_an_encoded_key(repo: Repository) -> None:
    encoded = base64.b64encode(ID.encode()).decode()
    commit(repo, 200, {"s.yaml": f"kind: Secret\ndata:\n  key: {encoded}\n"})
    assert "CG501" in [rule for rule, _ in found(report("audit", "--select", "CG501", cwd=repo.folder))]


def test_shared_by_repositories(tmp_path: Path) -> None:
    for name, text in {"a": PAIR, "b": f"key: {ID}\n", "c": FILL("AWS_ACCESS_KEY_ID={{AKID.9}}\n")}.items():
        Repository(tmp_path / name).commit("x", {"conf.txt": text})
    result = report("audit", "a", "b", "c", cwd=tmp_path)
    shared = [f for f in result["findings"] if f["rule_id"] == "CG502"]
    assert [[place["path"] for place in f["locations"]] for f in shared] == [["a/conf.txt", "b/conf.txt"]]
    assert shared[0]["severity"] == "high"
    assert [f["rule_id"] for f in report("audit", "a", "b", "--select", "CG502", cwd=tmp_path)["findings"]] == ["CG502"]
    assert "CG502" not in {f["rule_id"] for f in report("audit", "a", "c", cwd=tmp_path)["findings"]}


def test_shared_by_sub_projects(repo: Repository) -> None:
    repo.commit(
        "x", {"api/go.mod": "module x\n", "api/k.go": f'k := "{ID}"\n', "web/package.json": "{}\n", "web/x.env": PAIR}
    )
    shared = [f for f in report("audit", cwd=repo.folder)["findings"] if f["rule_id"] == "CG502"]
    assert [[place["path"] for place in f["locations"]] for f in shared] == [["api/k.go", "web/x.env"]]
