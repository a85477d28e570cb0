"""Folders, files, branches, tags and remotes whose names are no UTF-8 are names like all others, for every command."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path

import pytest

from tests import processes
from tests.hooking import IDENTITY, LEAK, SECRET
from tests.repos import Repository

ODD = os.fsdecode(b"\xff\xe9")
ZERO = "0" * 40


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """Everything in it is called `\\xff\\xe9` and holds a key; so are its folder and its remote."""
    if ODD == "\ufffd" * 2 or os.name == "nt":
        pytest.skip("names are text on this system")
    try:
        (tmp_path / ODD).mkdir()
    except OSError:
        pytest.skip("names are text on this file system")
    made = Repository(tmp_path / ODD / "repo")
    made.commit("begin", {"README.md": "hello\n"})
    made.git("branch", f"b{ODD}")
    made.commit("leak", {f"{ODD}/{ODD}.ini": LEAK, f"{ODD}.env": LEAK})
    made.git("tag", ODD)
    made.git("init", "-q", "--bare", str(tmp_path / ODD / "remote"))
    made.git("remote", "add", "origin", str(tmp_path / ODD / "remote"))
    made.git("push", "-q", "origin", f"main:{ODD}")
    made.write({f"{ODD}.py": LEAK})
    made.add()
    return made


COMMANDS: dict[str, int] = {
    "scan": 1, "scan @/@.ini": 1, "scan --staged": 1, "scan --history": 1, "scan --range b@..HEAD": 1,
    "scan --range b@...main": 1, "scan --report html=@.html --output @.json --format json": 1, "audit": 1,
    "ci --base nothing@": 1, "baseline create --reason known": 0, "fix": 1,
    "fix --apply": 0, "init": 1, "doctor": 1, "install": 0, "hook doctor": 1, "hook pre-commit": 1,
    "hook commit-msg ../@.txt": 1, "warm --to ../../@": 0, "fleet plan --mirrors .. -o ../@.jsonl": 0,
    "install --agent all --project": 0, "scan --baseline nothing@": 1, "scan nothing@": 3, "audit nothing@": 3,
    "scan --policy nothing@": 3, "explain @": 2, "@": 2, "rules @": 2, "diff @ @": 2, "queue run nothing@": 2,
}  # fmt: skip


def run(repo: Repository, *words: str, stdin: str = "", code: int) -> bytes:
    done = processes.run(
        words,
        cwd=repo.folder,
        stdin=os.fsencode(stdin),
        env={**os.environ, **IDENTITY, "HOME": str(repo.folder.parents[1])},
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert b"a bug" not in done.stderr and b"Traceback" not in done.stderr
    assert SECRET.encode() not in done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command(repo: Repository, words: str) -> None:
    (repo.folder.parent / f"{ODD}.txt").write_text(LEAK)
    run(repo, *words.replace("@", ODD).split(" "), code=COMMANDS[words])


def test_a_report_names_them_all(repo: Repository) -> None:
    for words in (("scan",), ("audit",)):
        report = json.loads(run(repo, *words, "--format", "json", code=1))
        paths = {place["path"] for one in report["findings"] for place in one["locations"]}
        assert len({path for path in paths if "\\xff\\xe9" in path}) == 3, paths


def test_members_of_archives(repo: Repository) -> None:
    """Two that differ in such a byte alone are two."""
    data, names = LEAK.encode(), (b"a\xfe.ini", b"a\xff.ini")
    size = len(data).to_bytes(4, "little")
    members = [
        (
            b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name + b"/", 0, 0, 0, b"644", len(data)) + data
            + b"\n" * (len(data) % 2),
            b"PK\3\4\x14\0\0\x08\0\0\0\0\0\0" + zlib.crc32(data).to_bytes(4, "little") + size * 2
            + len(name).to_bytes(2, "little") + b"\0\0" + name + data,
        )
        for name in names
    ]  # fmt: skip
    ar, cut_zip = (b"".join(some) for some in zip(*members, strict=True))
    repo.write({"x.a": b"!<arch>\n" + ar, "y.zip": cut_zip})
    for name in ("x.a", "y.zip"):
        done = processes.run(("scan", "--format", "json", name), cwd=repo.folder)
        paths = {place["path"] for one in json.loads(done.stdout)["findings"] for place in one["locations"]}
        assert {f"{name}!a\\xfe.ini", f"{name}!a\\xff.ini"} <= paths, paths


def test_pushes(repo: Repository) -> None:
    head = repo.git("rev-parse", "HEAD").strip()
    remote = str(repo.folder.parent / "remote")
    line = f"refs/heads/{ODD} {head} refs/heads/new{ODD} {ZERO}\n"
    run(repo, "hook", "pre-push", ODD, str(repo.folder.parent / "elsewhere"), stdin=line, code=1)
    there = Repository(Path(remote), exists=True)
    there.git("update-ref", "-d", f"refs/heads/{ODD}")
    run(there, "hook", "pre-receive", stdin=f"{ZERO} {head} refs/heads/{ODD}\n", code=1)


def test_a_state_knows_them_again(repo: Repository, tmp_path: Path) -> None:
    for _ in range(2):
        run(repo, "audit", str(repo.folder), "../remote", "--resume", str(tmp_path / f"{ODD}.db"), code=1)
