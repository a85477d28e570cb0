"""Audits of several repositories and of URLs: together, in processes of their own, taken up again, leaving nothing."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import string
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from credguard.cli import main
from credguard.git import clone
from credguard.model.findings import Blob
from credguard.scanning.scanner import Scanner
from tests import processes
from tests.keys import Filler
from tests.repos import Repository, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

FILL = Filler("several").fill
PAIR = FILL("aws_access_key_id={{AKID}}\naws_secret_access_key={{SECRET}}\n")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def credguard(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return processes.run_text(["audit", *args], cwd=cwd, env=clean_environment() | {"TMPDIR": str(cwd / "temporary")})


def report(*args: str, cwd: Path) -> dict[str, Any]:
    done = credguard(*args, "--format", "json", cwd=cwd)
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["exit_code"] == done.returncode
    return result


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """Two repositories that share a key, one of them only in its past, and a clean one."""
    one = Repository(tmp_path / "one")
    one.commit("leak", {"a.ini": PAIR})
    two = Repository(tmp_path / "two")
    two.commit("leak", {"b.ini": PAIR})
    two.commit("clean", {"b.ini": ""})
    Repository(tmp_path / "three").commit("fine", {"c.txt": "x\n"})
    return tmp_path


def found(result: dict[str, Any], rule: str) -> list[str]:
    return sorted({p["path"] for f in result["findings"] if f["rule_id"] == rule for p in f["locations"]})


@pytest.mark.parametrize("jobs", ["1", "3"])
def test_several_repositories_are_audited_together(three: Path, jobs: str) -> None:
    result = report("one", "two", "three", "--jobs", jobs, cwd=three)
    assert result["exit_code"] == 1
    assert found(result, "CG103") == ["one/a.ini", "two/b.ini"]
    assert found(result, "CG502") == ["one/a.ini", "two/b.ini"]
    assert result["coverage"]["commits"] == 4 and result["coverage"]["complete"]


def test_one_that_is_not_there_makes_the_audit_incomplete_and_the_others_are_looked_at(three: Path) -> None:
    result = report("nowhere", "three", (three / "gone").as_uri(), cwd=three)
    assert result["exit_code"] == 3 and result["coverage"]["commits"] == 1
    assert len(result["coverage"]["skipped"]) == 2


def test_a_url_is_cloned_audited_and_forgotten(three: Path, temporary: Path) -> None:
    result = report((three / "two").as_uri(), cwd=three)
    assert result["exit_code"] == 1 and found(result, "CG103") == ["b.ini"]
    (finding,) = [f for f in result["findings"] if f["rule_id"] == "CG103"]
    assert finding["exposure"]["pushed"] is True and finding["exposure"]["in_head"] is False
    assert not list(temporary.iterdir())


def test_no_password_of_a_url_is_said(three: Path) -> None:
    done = credguard("https://ada:hunter2hunter2@127.0.0.1:1/x.git", "--format", "json", "-v", cwd=three)
    assert done.returncode == 3 and "127.0.0.1" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr


WAYS = (
    "https://ada:{}/x@127.0.0.1:1/r", "https://ada:{}#x@127.0.0.1:1/r", "https://ada:{}?x@127.0.0.1:1",
    "git://ada:{}@127.0.0.1:1/x", "https://ada:{}\\@127.0.0.1:1/x", "ada:{}@127.0.0.1:path", "https:/ada:{}@host/x",
    "//ada:{}@host/x", " https://ada:{}@host/x", 'ext::sh -c "{}"', "http://127.0.0.1:1/x;token={}",
    "http://127.0.0.1:1/x?token={}", "http://127.0.0.1:1/x#{}", "https://ada:{}", "https://ada:{}/x", "{}@127.0.0.1:x",
    "ssh://ada:{}@127.0.0.1:1/x", "https://{}@127.0.0.1:1/", "file://ada:{}@host/x", "gopher://ada:{}@host/x",
    "https://ada:a@{}@127.0.0.1:1/x", "https://ada:{}%2fx@127.0.0.1:1/x", "./ada:{}@host/x",
)  # fmt: skip


SIGNS = string.ascii_letters + string.digits + "+/=!%&,$"


@pytest.mark.parametrize("options", [("--format", "json"), ("-v", "--debug", "--resume", "state.db")])
@pytest.mark.parametrize("way", WAYS)
def test_no_address_gives_its_password_away(
    way: str, options: tuple[str, ...], capfd: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(clone._ENVIRONMENT, "GIT_SSH_COMMAND", "false")
    chance = random.Random(way)
    password = "".join(chance.choices(SIGNS, k=chance.randint(12, 40))) + "/Zq"
    assert main(["audit", way.format(password), *options]) in (2, 3)
    done = capfd.readouterr()
    pieces = {password[at : at + 5] for at in range(len(password) - 4)}
    assert not [piece for piece in pieces if piece in done.out + done.err]


def test_one_repository_in_several_ways_is_one_project(three: Path) -> None:
    repo = Repository(three / "one")
    repo.git("worktree", "add", "--quiet", "--detach", str(three / "linked"))
    result = report("one", "linked", repo.folder.as_uri(), cwd=three)
    assert found(result, "CG103") and not found(result, "CG502")
    shared = report("one", "linked", repo.folder.as_uri(), "two", cwd=three)
    (finding,) = [f for f in shared["findings"] if f["rule_id"] == "CG502"]
    assert "used by 2 projects" in finding["message"]


def test_two_that_are_shown_alike_are_two_projects(three: Path) -> None:
    for name in ("@one", "@two"):
        (three / name).mkdir()
        (three / name[1:]).rename(three / name / "x@y")
    result = report(*((three / name).as_uri() + "/x@y" for name in ("@one", "@two")), cwd=three)
    assert found(result, "CG502") == ["file:///y (2)/b.ini", "file:///y/a.ini"]


def test_a_state_that_is_in_use_or_damaged_is_told_in_one_line(three: Path) -> None:
    credguard("one", "--resume", "state.db", cwd=three)
    with contextlib.closing(sqlite3.connect(three / "state.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        done = credguard("one", "--resume", "state.db", cwd=three)
        assert done.returncode == 2 and "another audit" in done.stderr and done.stderr.count("\n") == 1
    data = (three / "state.db").read_bytes()
    (three / "state.db").write_bytes(data[:4096] + b"\xa5" * (len(data) - 4096))
    done = credguard("one", "--resume", "state.db", cwd=three)
    assert done.returncode == 2 and "damaged" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="a shell")
def test_a_resumed_audit_runs_no_filter(three: Path) -> None:
    repo = Repository(three / "one")
    repo.commit("filter", {".gitattributes": "* filter=x\n"})
    for kind in ("clean", "smudge", "process"):
        repo.git("config", f"filter.x.{kind}", f"touch '{three / 'pwned'}'; cat")
    os.utime(three / "one" / "a.ini", (1, 1))
    assert credguard("one", "--resume", "state.db", cwd=three).returncode == 1
    assert not (three / "pwned").exists()


def test_an_address_that_would_run_a_program_is_refused(three: Path) -> None:
    done = credguard("ext::sh -c 'touch pwned'", cwd=three)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert not (three / "pwned").exists()


def test_what_is_done_and_unchanged_is_not_done_again(three: Path) -> None:
    first = report("one", "two", "--resume", "state.db", cwd=three)
    again = credguard("one", "two", "--resume", "state.db", "--format", "json", "--progress", cwd=three)
    assert json.loads(again.stdout)["findings"] == first["findings"]
    Repository(three / "two").commit("more", {"c.ini": FILL("x {{AKID.2}}\ny {{SECRET.2}}\n")})
    (three / "one" / "untracked.ini").write_text(FILL("aws_access_key_id={{AKID.3}}\n"))
    changed = report("one", "two", "--resume", "state.db", cwd=three)
    assert "one/untracked.ini" in found(changed, "CG101") and len(changed["findings"]) > len(first["findings"])
    if os.name == "posix":
        assert (three / "state.db").stat().st_mode & 0o777 == 0o600
    assert PAIR.split("=")[-1].strip().encode() not in (three / "state.db").read_bytes()


def test_a_state_answers_no_guess_and_survives_git_gc(three: Path) -> None:
    first = report("one", "two", "--resume", "state.db", cwd=three)
    stored = (three / "state.db").read_bytes()
    guesses = {finding["fingerprint"] for finding in first["findings"] if finding["rule_id"] != "CG502"}
    for finding in Scanner().scan_blob(Blob(PAIR.encode(), "guess.ini")):
        guesses |= {finding.fingerprint, *finding.values}
    assert len(guesses) > 3 and not [guess for guess in guesses if guess.encode() in stored]
    Repository(three / "one", exists=True).git("-c", "gc.reflogExpire=never", "gc", "--quiet", "--prune=now")
    again = credguard("one", "two", "--resume", "state.db", "--format", "json", cwd=three)
    assert json.loads(again.stdout)["findings"] == first["findings"]
    assert (three / "state.db").read_bytes() == stored  # nothing was audited anew


def test_a_named_policy_that_changed_is_followed(three: Path) -> None:
    policy = three / "policy.yaml"
    arguments = ("one", "--resume", "state.db", "--config", str(policy))
    policy.write_text("version: 1\n")
    assert found(report(*arguments, cwd=three), "CG103")
    policy.write_text("version: 1\nrules:\n  CG103: off\n")
    assert not found(report(*arguments, cwd=three), "CG103")


def test_a_file_that_is_no_state_is_refused(three: Path) -> None:
    (three / "x.txt").write_text("hello " * 100)
    done = credguard("one", "--resume", "x.txt", cwd=three)
    assert done.returncode == 2 and "no state" in done.stderr
    assert (three / "x.txt").read_text().startswith("hello")


def test_the_page_is_written(three: Path) -> None:
    done = credguard("one", "--html", "page.html", "-q", cwd=three)
    assert done.returncode == 1 and "<!DOCTYPE html>" in (three / "page.html").read_text()


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT", "SIGKILL"])
def test_a_killed_audit_leaves_nothing_behind(tmp_path: Path, temporary: Path, number: str) -> None:
    repo = Repository(tmp_path / "big")
    for n in range(3):
        repo.commit(str(n), {f"{n}-{k}.txt": os.urandom(60_000).hex() for k in range(60)})
    process = subprocess.Popen(
        [sys.executable, "-m", "credguard", "audit", "-q", "--jobs", "2", *[repo.folder.as_uri()] * 6],
        env=clean_environment() | {"TMPDIR": str(temporary)}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not clones(temporary) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(getattr(signal, number))
    process.wait(30)
    deadline = time.monotonic() + 30
    while clones(temporary) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not clones(temporary)


def clones(folder: Path) -> list[Path]:
    """What credguard has there; Python itself makes a file for a moment, to see whether it can."""
    return list(folder.glob("credguard-*"))
