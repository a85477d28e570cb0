"""Runs that share a store do no work twice, take over what a dead one has begun, and go on after a full disk."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.fleet.conftest import Fleet, list_found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

posix = pytest.mark.skipif(not hasattr(os, "killpg"), reason="process groups")
_SECONDS = 30.0


def wait_for(condition: Callable[[], object]) -> None:
    """Waits until something is so."""
    end = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def list_leases(fleet: Fleet) -> list[Path]:
    with contextlib.suppress(FileNotFoundError):
        return [path for path in (fleet.folder / "store" / "leases").iterdir() if path.name[0] != "."]
    return []


def begin_slowly(fleet: Fleet) -> subprocess.Popen[bytes]:
    """A run that has begun `two` and is held up there; git is as before for the runs that follow."""
    before = dict(fleet.variables)
    fleet.replace_git("mirrors/two", f"while [ ! -e '{fleet.folder}/go' ]; do sleep 0.1; done")
    process = fleet.start("run", "plan.jsonl", "--store", "store", "--jobs", "1")
    fleet.variables = before
    (two,) = [entry["id"] for entry in read_plan(fleet) if entry["address"].endswith("two")]
    wait_for(lambda: [path for path in list_leases(fleet) if path.stem == two])
    return process


def read_plan(fleet: Fleet) -> list[dict[str, str]]:
    return [json.loads(line) for line in (fleet.folder / "plan.jsonl").read_text().splitlines()]


@posix
def test_what_another_run_has_begun_is_left_to_it(fleet: Fleet) -> None:
    fleet.plan()
    first = begin_slowly(fleet)
    done = fleet.scan("--jobs", "1")
    assert done.returncode == 3 and "1 leased" in done.stderr and "two: another worker is at it" in done.stderr
    (fleet.folder / "go").touch()
    assert first.communicate()[1].count(b"3 repositories") == 1 and first.returncode == 0
    assert not list_leases(fleet)
    report = fleet.merge()
    assert report["exit_code"] == 1 and len(list_found(report, "CG103")) == 2


@posix
def test_what_a_dead_run_has_begun_is_taken_over(fleet: Fleet) -> None:
    fleet.plan()
    first = begin_slowly(fleet)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert list_leases(fleet)
    done = fleet.scan("--jobs", "1")
    first.communicate()  # its workers, which end with it, hold this pipe too
    assert done.returncode == 0 and "leased" not in done.stderr
    assert len(list_found(fleet.merge(), "CG103")) == 2


@pytest.mark.parametrize("seconds", [-1, 600])
def test_a_lease_of_another_machine_holds_until_its_time(fleet: Fleet, seconds: int) -> None:
    fleet.plan("--mirrors", "mirrors/one")
    (entry,) = read_plan(fleet)
    lease = fleet.folder / "store" / "leases" / f"{entry['id']}.json"
    lease.parent.mkdir(parents=True)
    lease.write_text(json.dumps({"worker": f"not-{socket.gethostname()}:1", "until": time.time() + seconds}))
    done = fleet.scan("--jobs", "1")
    assert (done.returncode, "1 leased" in done.stderr) == ((0, False) if seconds < 0 else (3, True))


@pytest.fixture
def small_disk(fleet: Fleet) -> Iterator[Callable[[str], None]]:
    """A file system of its own as the store; what is given sets its size anew."""
    place = fleet.folder / "store"
    place.mkdir()

    def mount(size: str, *more: str) -> None:
        options = ",".join((f"size={size}", *more))
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True, capture_output=True, timeout=30
        )

    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can mount a small file system")
    try:
        mount("64k")
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"no file system can be mounted here: {error}")
    yield lambda size: mount(size, "remount")
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_told_and_nothing_half_written_stays(fleet: Fleet, small_disk: Callable[[str], None]) -> None:
    for number in range(12):
        fleet.add(f"more-{number}", {f"{number}.ini": fleet.filler.fill(f"k={{{{AKID.{number}}}}}\n") * 20})
    fleet.plan()
    done = fleet.scan("--jobs", "2", "--tries", "1")
    assert done.returncode == 3 and "No space left on device" in done.stderr
    for path in (fleet.folder / "store" / "results").iterdir():
        result = json.loads(path.read_bytes())
        assert path.name[0] != "." and bool(result["part"]) == (result["state"] == "whole")
    before = fleet.merge()
    assert before["exit_code"] in (1, 3) and before["target"]["fleet"]["night"]["missing"]
    small_disk("8m")
    done = fleet.scan("--jobs", "2")
    assert done.returncode == 0 and "15 repositories" in done.stderr
    assert fleet.scan("--jobs", "2", store="quiet").returncode == 0
    assert fleet.merge() == fleet.merge(store="quiet")
