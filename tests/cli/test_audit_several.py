"""Audits of several repositories and of URLs: together, in processes of their own, taken up again, leaving nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

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
    return subprocess.run(
        [sys.executable, "-m", "credguard", "audit", *args], cwd=cwd, capture_output=True, text=True, check=False,
        timeout=120, env=clean_environment() | {"TMPDIR": str(cwd / "temporary")},
    )  # fmt: skip


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
        assert (three / "state.db").stat().st_mode & 0o077 == 0
    assert PAIR.split("=")[-1].strip().encode() not in (three / "state.db").read_bytes()


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
    while not list(temporary.iterdir()) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(getattr(signal, number))
    process.wait(30)
    deadline = time.monotonic() + 30
    while list(temporary.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not list(temporary.iterdir())
