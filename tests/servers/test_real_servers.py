"""Pushes to real servers: good ones come in, nothing bad ever does, and no answer shows a secret."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.hooking import KEY_ID, LEAK, SECRET, credguard
from tests.repos import Repository
from tests.serving import Server, begin_push, find_reason, push, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.servers
_COMMITS = 1000
_REFS = {"http": 500, "ssh": 10}  # gitolite starts a hook of its own for each
_AT_ONCE = {"http": 20, "ssh": 5}


@pytest.fixture(scope="module", params=["http", "ssh"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if reason := find_reason(request.param):
        pytest.skip(reason)
    with serve(request.param, tmp_path_factory.mktemp(request.param)) as running:
        first = Repository(tmp_path_factory.mktemp("first"))
        first.commit("begin", {"a.py": "x = 1\n"})
        assert push(running, first.folder, running.url, "main").returncode == 0
        yield running


@pytest.fixture
def work(server: Server, tmp_path: Path) -> Repository:
    """A clone, with the repository of the server as it was at first."""
    for name in server.git("for-each-ref", "--format=%(refname)").split():
        if name != "refs/heads/main":
            server.git("update-ref", "-d", name)
    subprocess.run(
        ["git", "clone", "-q", server.url, str(tmp_path / "work")], env=server.environment, check=True, timeout=60
    )
    return Repository(tmp_path / "work")


def branches(server: Server) -> set[str]:
    return set(server.git("for-each-ref", "--format=%(refname:short)").split())


def comes_in(server: Server, work: Repository, *refs: str) -> bool:
    """Whether a push comes in; else it is refused by a finding, and nothing of it has come in."""
    before = server.git("for-each-ref")
    done = push(server, work.folder, "--force", server.url, *refs)
    assert SECRET[4:] not in done.stderr + done.stdout
    if done.returncode:
        assert "CG1" in done.stderr, done.stderr
        assert server.git("for-each-ref") == before
    return done.returncode == 0


def test_pushes_of_every_kind(server: Server, work: Repository) -> None:
    work.git("checkout", "-q", "-b", "good")
    work.commit("good", {"src/good.py": "print(1)\n"})
    assert comes_in(server, work, "good", "good:refs/heads/again")
    assert comes_in(server, work, "good:refs/heads/nothing-new")
    work.git("tag", "-a", "-m", LEAK, "loud")
    work.git("tag", "-a", "-m", "a release", "quiet")
    assert not comes_in(server, work, "loud")
    assert comes_in(server, work, "quiet")
    work.git("checkout", "-q", "-b", "bad")
    work.commit("bad", {"src/key.py": LEAK})
    assert not comes_in(server, work, "bad")
    work.commit("removed again", {"src/key.py": "k = 1\n"})
    assert not comes_in(server, work, "bad")
    assert not comes_in(server, work, "good", "bad")  # of two, none
    assert not comes_in(server, work, "bad:refs/heads/good")
    assert not comes_in(server, work, f"good:refs/heads/try/{KEY_ID}")
    work.git("checkout", "-q", "good")
    work.git("commit", "-q", "--amend", "--allow-empty", "-m", "again")
    assert comes_in(server, work, "good")  # over what was there
    assert comes_in(server, work, ":again", ":nothing-new")
    assert branches(server) == {"main", "good", "quiet"}


def test_many_refs_and_many_commits(server: Server, work: Repository) -> None:
    commits = "".join(
        f"commit refs/heads/many\ncommitter Ann <ann@example.com> {1_700_000_000 + number} +0000\ndata 4\nwork\n"
        + (f"from {work.git('rev-parse', 'main')}" if not number else "")
        + f"M 644 inline src/f{number % 99}.py\ndata {len(str(number)) + 5}\nv = {number}\n\n"
        for number in range(_COMMITS)
    )
    work.git("fast-import", "--quiet", stdin=commits)
    count = _REFS[server.kind]
    assert comes_in(server, work, *(f"many~{number}:refs/heads/r{number}" for number in range(count)))
    assert len(branches(server)) == count + 1
    work.git("checkout", "-q", "many")
    work.commit("bad", {"src/key.py": LEAK})
    assert not comes_in(server, work, *(f"many~1:refs/heads/s{number}" for number in range(9)), "many")


def test_many_at_once(server: Server, work: Repository) -> None:
    every = range(_AT_ONCE[server.kind])
    good = [number % 3 > 0 for number in every]
    for number in every:
        work.git("checkout", "-q", "-B", f"b{number}", "main")
        work.commit("work", {f"src/{number}.py": f"v = {number}\n" if good[number] else LEAK})
    running = [begin_push(server, work.folder, server.url, f"b{number}") for number in every]
    said = [process.communicate(timeout=120)[0] for process in running]
    assert [process.returncode == 0 for process in running] == good, said
    assert branches(server) == {"main", *(f"b{number}" for number in every if good[number])}
    assert all(SECRET[4:].encode() not in one for one in said)


def test_a_deadline(server: Server, work: Repository, tmp_path: Path) -> None:
    queue = tmp_path / "queue"
    work.git("checkout", "-q", "-b", "late")
    work.commit("late", {"src/key.py": LEAK})
    try:
        server.settle("--deadline", "0.001")
        done = push(server, work.folder, server.url, "late")
        assert done.returncode and "not scanned within 0.001 s" in done.stderr and branches(server) == {"main"}
        server.settle("--deadline", "0.001", "--on-deadline", "accept-and-queue", "--queue", str(queue))
        done = push(server, work.folder, server.url, "late")
        assert done.returncode == 0 and "scanned later" in done.stderr and "late" in branches(server)
    finally:
        server.settle()
    found = credguard("queue", "run", str(queue), cwd=tmp_path)
    assert found.returncode == 1 and "CG103" in found.stdout and SECRET[4:] not in found.stdout
    assert not list(queue.iterdir())


def test_a_push_that_is_killed(server: Server, work: Repository, tmp_path: Path) -> None:
    """Its hook, or the client while the hook runs: neither lets anything in."""
    work.git("checkout", "-q", "-b", "killed")
    work.commit("bad", {"src/key.py": LEAK})
    hook = server.bare / "hooks" / "pre-receive"
    place, target = hook.read_text(), os.path.realpath(hook)
    own = tmp_path / "pre-receive"
    own.write_text(place)
    own.chmod(0o755)
    started, go, ended = (tmp_path / name for name in ("started", "go", "ended"))
    waits = f"touch {started}\nwhile [ ! -e {go} ]; do sleep 0.02; done"
    try:
        _write(target, f"#!/bin/sh\n{waits}\n{own}\ncode=$?\ntouch {ended}\nexit $code\n")
        client = begin_push(server, work.folder, server.url, "killed")
        _wait(started.exists)
        os.killpg(client.pid, signal.SIGKILL)
        client.communicate()
        go.touch()
        _wait(ended.exists)
        _write(target, place.replace('-c "$start"', '-c "import os; os.kill(os.getpid(), 9)"'))
        assert push(server, work.folder, server.url, "main:refs/heads/clean").returncode
    finally:
        _write(target, place)
    assert branches(server) == {"main"}
    assert not comes_in(server, work, "killed") and comes_in(server, work, "main:refs/heads/clean")


def _write(path: str, text: str) -> None:
    """Into the file that is there, which keeps its mode and is the target of gitolite's link."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _wait(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
