"""A plan is scanned by processes that may die, and what the store then holds is whole, joined, and silent."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from credguard.model.findings import Blob
from credguard.model.secret import compute_fingerprint
from credguard.scanning.scanner import Scanner
from tests.fleet.conftest import Fleet, list_found
from tests.repos import Repository

POSIX = hasattr(os, "killpg") and os.path.exists("/proc/self/environ")
posix = pytest.mark.skipif(not POSIX, reason="process groups, and processes in /proc")


def list_states(report: dict[str, Any]) -> dict[str, str]:
    return {one["name"].rpartition("/")[2]: one["state"] for one in report["target"]["fleet"]["repositories"]}


def list_processes(mark: str) -> list[tuple[int, bytes]]:
    """Processes with this word in their environment, and their command lines."""
    found = []
    for number in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if mark.encode() in Path("/proc", number, "environ").read_bytes():
                found.append((int(number), Path("/proc", number, "cmdline").read_bytes()))
    return [(number, command) for number, command in found if number != os.getpid()]


def test_a_fleet_is_planned_scanned_and_merged(fleet: Fleet) -> None:
    fleet.plan()
    done = fleet.scan()
    assert done.returncode == 0 and "3 repositories: 3 whole" in done.stderr
    report = fleet.merge()
    names = [str(fleet.folder / "mirrors" / name) for name in ("one/a.ini", "two/b.ini")]
    assert report["exit_code"] == 1 and list_found(report, "CG103") == names and list_found(report, "CG502") == names
    (shared,) = [one for one in report["target"]["fleet"]["reuse"] if one["kind"] == "credential"]
    assert shared["count"] == 2 and [one["kind"] for one in report["target"]["fleet"]["reuse"]] == [
        "credential", "account",
    ]  # fmt: skip
    assert report["target"]["fleet"]["night"] | {"date": ""} == {
        "date": "", "planned": 3, "whole": 3, "incomplete": 0, "unreachable": 0, "failed": 0, "late": 0, "missing": 0,
        "blocking": 5, "reused": 2,
    }  # fmt: skip
    check_the_store_answers_no_guess(fleet)
    check_tables(fleet)
    check_nights(fleet)


def check_the_store_answers_no_guess(fleet: Fleet) -> None:
    """Who has the store and guesses a value finds nothing in it: neither the value nor a digest without the key."""
    stored = b"".join(path.read_bytes() for path in (fleet.folder / "store").rglob("*") if path.is_file())
    guesses = {fleet.filler.fill("{{SECRET}}").encode()}
    for finding in Scanner().scan_blob(Blob(fleet.pair.encode(), "guess.ini")):
        guesses |= {finding.fingerprint.encode(), *(value.encode() for value in finding.values)}
    guesses.add(compute_fingerprint("CG102", (fleet.filler.fill("{{SECRET}}").encode(),)).encode())
    blob = Repository(fleet.folder / "mirrors" / "one", exists=True).git("rev-parse", "HEAD:a.ini").strip()
    guesses.add(blob.encode())  # whoever guesses a whole file knows its ID
    assert len(guesses) > 4 and not [guess for guess in guesses if guess in stored]
    results = [json.loads(path.read_bytes()) for path in (fleet.folder / "store" / "results").iterdir()]
    tags = [set(values) for one in results for values in one["part"]["values"]]
    assert tags[0] and tags[0] == tags[1]  # and yet both are known to be the same
    done = fleet.run("merge", "store", "--plan", "plan.jsonl", "--reuse-key-file", "plan.jsonl")
    assert done.returncode == 2 and "no key of a fleet" in done.stderr
    (fleet.folder / "other.key").write_text("ab" * 32)
    done = fleet.run("merge", "store", "--plan", "plan.jsonl", "--reuse-key-file", "other.key")
    assert done.returncode == 2 and "under the key" in done.stderr
    if os.name == "posix":
        assert (fleet.folder / "plan.jsonl.key").stat().st_mode & 0o777 == 0o600
        assert not [path for path in (fleet.folder / "store").rglob("*") if path.stat().st_mode & 0o077]


def check_tables(fleet: Fleet) -> None:
    fleet.merge("--tables", "tables")
    rows = [json.loads(line) for line in (fleet.folder / "tables" / "findings.jsonl").read_text().splitlines()]
    assert {row["path"] for row in rows if row["rule_id"] == "CG103"} == {"a.ini", "b.ini"}
    assert len((fleet.folder / "tables" / "repositories.jsonl").read_text().splitlines()) == 3


def check_nights(fleet: Fleet) -> None:
    """What has not changed is kept, git gc is no change, a commit is; and the report says what is new and gone."""
    report = fleet.merge()
    (fleet.folder / "first.json").write_text(json.dumps(report))
    mirror = fleet.folder / "mirrors" / "one"
    Repository(mirror, exists=True).git("-c", "gc.reflogExpire=never", "gc", "--quiet", "--prune=now")
    three = Repository(fleet.folder / "mirrors" / "three")
    three.commit(
        "leak", {"d.ini": fleet.filler.fill("aws_access_key_id={{AKID.7}}\naws_secret_access_key={{SECRET.7}}\n")}
    )
    done = fleet.scan()
    assert "3 repositories: 2 kept, 1 whole" in done.stderr
    second = fleet.merge("--compare", "first.json")
    changes = second["target"]["fleet"]["changes"]
    assert {name for name, _ in changes["new"]} == {str(three.folder)} and not changes["gone"]
    (fleet.folder / "second.json").write_text(json.dumps(second))
    fleet.run("plan", "--mirrors", "mirrors", "--exclude", "*/three", "-o", "plan.jsonl")
    third = fleet.merge("--compare", "second.json")
    gone = third["target"]["fleet"]["changes"]["gone"]
    assert {tuple(one) for one in gone} == {tuple(one) for one in changes["new"]}
    (fleet.folder / "third.json").write_text(json.dumps(third))
    fleet.plan()
    fourth = fleet.merge("--compare", "third.json")["target"]["fleet"]
    assert fourth["changes"]["reopened"] == changes["new"] and not fourth["changes"]["new"]
    assert len(fourth["trend"]) == 4


@posix
def test_workers_that_are_killed_change_nothing(fleet: Fleet) -> None:
    for number in range(5):
        fleet.add(f"more-{number}", {f"{number}.ini": fleet.pair, "big.txt": os.urandom(50_000).hex()})
    fleet.plan()
    assert fleet.scan("--jobs", "2", store="quiet").returncode == 0
    fleet.variables["FLEET_MARK"] = mark = str(fleet.folder)
    process, killed = (
        fleet.start("run", "plan.jsonl", "--store", "store", "--jobs", "2", "--tries", "50", "--pause", "0"),
        0,
    )
    while process.poll() is None:
        time.sleep(0.7 if killed else 0.3)
        workers = [number for number, command in list_processes(mark) if b"spawn_main" in command]
        if workers and killed < 4:
            with contextlib.suppress(OSError):
                os.kill(workers[killed % len(workers)], signal.SIGKILL)
            killed += 1
    said = process.communicate()[1].decode()
    assert process.returncode == 0 and "8 repositories: 8 whole" in said and killed
    assert fleet.merge() == fleet.merge(store="quiet")
    deadline = time.monotonic() + 20
    while list_processes(mark) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not list_processes(mark) and not list((fleet.folder / "store" / "leases").iterdir())


@posix
def test_a_repository_that_ends_its_worker_hides_no_other(fleet: Fleet) -> None:
    fleet.replace_git("mirrors/two", "kill -9 $PPID")
    fleet.plan()
    done = fleet.scan("--tries", "2")
    assert done.returncode == 3 and "its worker ended each time" in done.stderr and "2 whole" in done.stderr
    report = fleet.merge()
    assert list_states(report) == {"one": "whole", "two": "failed", "three": "whole"}
    assert list_found(report, "CG103") == [str(fleet.folder / "mirrors/one/a.ini")]
    done = fleet.run("status", "store", "--plan", "plan.jsonl")
    assert done.returncode == 3 and "2 whole" in done.stdout and "two: failed" in done.stdout


@posix
def test_what_takes_too_long_ends_with_all_that_it_started(fleet: Fleet) -> None:
    fleet.plan()
    fleet.scan()
    fleet.variables["FLEET_MARK"] = str(fleet.folder)
    fleet.replace_git("mirrors/two", "sleep 300")
    done = fleet.scan("--timeout", "3", "--full")
    assert done.returncode == 3 and "it took over 3 s" in done.stderr
    assert not list_processes(f"FLEET_MARK={fleet.folder}")
    report = fleet.merge()  # of which what was known before is not lost
    assert report["exit_code"] == 1 and len(list_found(report, "CG103")) == 2
    assert [one["reason"].partition(";")[0] for one in report["coverage"]["skipped"]] == ["it took over 3 s"]


def test_what_cannot_be_reached_and_what_is_too_large_is_named(fleet: Fleet) -> None:
    big = fleet.add("big", {"big.bin": os.urandom(3 << 20)})
    (fleet.folder / "list.txt").write_text(
        f"# ours\nhttp://127.0.0.1:1/gone.git\n{big.folder.as_uri()}\n{(fleet.folder / 'mirrors/two').as_uri()}\n"
    )
    fleet.plan("--from", "list.txt")
    done = fleet.scan("--jobs", "1", "--tries", "2", *(("--disk", "1M") if POSIX else ()))
    assert done.returncode == 3 and "127.0.0.1:1/gone.git could not be cloned" in done.stderr
    report = fleet.merge()
    assert report["exit_code"] == 1 and list_states(report)["gone"] == "unreachable"
    assert list_found(report, "CG103") == [str(fleet.folder / "mirrors/two/b.ini")]
    if POSIX:
        assert list_states(report)["big"] == "unreachable" and "larger than the room" in done.stderr
    assert not list((fleet.folder / "temporary").glob("credguard-*"))
    (fleet.folder / "store/results").joinpath(next(iter(os.listdir(fleet.folder / "store/results")))).write_text("{")
    fleet.plan("--mirrors", "mirrors/three")
    assert fleet.merge()["exit_code"] == 3  # it was planned and nobody scanned it


def test_shards_have_each_repository_once(fleet: Fleet) -> None:
    fleet.plan()
    for index in ("1", "2"):
        assert fleet.scan("--shard", f"{index}/2", "--jobs", "1").returncode == 0
    assert list_states(fleet.merge()) == dict.fromkeys(("one", "two", "three"), "whole")
    fleet.variables["JOB_COMPLETION_INDEX"] = "1"
    done = fleet.scan()
    assert done.returncode == 2 and "--shard auto/N" in done.stderr
    assert "shard 2 of 2" in fleet.scan("--shard", "auto/2", "--jobs", "1").stderr


def test_a_store_that_is_full_is_told_and_goes_on_later(fleet: Fleet) -> None:
    fleet.plan()
    (fleet.folder / "store").mkdir()
    (fleet.folder / "store" / "results").write_text("in the way")
    done = fleet.scan("--jobs", "1")
    assert done.returncode == 3 and "could not be" in done.stderr
    (fleet.folder / "store" / "results").unlink()
    assert fleet.scan("--jobs", "1").returncode == 0
