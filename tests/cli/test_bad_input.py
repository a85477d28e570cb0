"""Input that cannot be looked at is named, the rest is scanned, and the exit code is never 0."""

from __future__ import annotations

import json
import os
import shutil
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tests import processes
from tests.caches import owners
from tests.keys import Filler
from tests.repos import Repository

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path


def fill(text: str, case: str) -> str:
    return Filler(case).fill(text)


KEY = fill("aws_access_key_id={{AKID}}\naws_secret_access_key={{SECRET}}\n", "bad input")
ROOT = not hasattr(os, "geteuid") or os.geteuid() == 0


def credguard(*args: str, cwd: Path, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    return processes.run(args, cwd=cwd, env=os.environ | environment, stdin=stdin)


def report(*args: str, cwd: Path) -> dict[str, Any]:
    done = credguard(*args, "--format", "json", cwd=cwd)
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["exit_code"] == done.returncode
    return result


def skipped(result: dict[str, Any]) -> dict[str, str]:
    return {skip["path"]: skip["reason"] for skip in result["coverage"]["skipped"]}


@pytest.mark.parametrize("command", ["scan", "audit"])
def test_a_missing_path_is_incomplete_and_the_rest_is_scanned(tmp_path: Path, command: str) -> None:
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "a.py").write_text("x = 1\n")
    result = report(command, "good", "nowhere", cwd=tmp_path)
    assert result["exit_code"] == 3
    assert "does not exist" in skipped(result)["nowhere"]
    assert result["coverage"]["files"] == 1
    assert not result["coverage"]["complete"]


def test_a_finding_outranks_incompleteness(tmp_path: Path) -> None:
    (tmp_path / "a.ini").write_text(KEY)
    assert report("scan", "a.ini", "nowhere", cwd=tmp_path)["exit_code"] == 1


@pytest.mark.skipif(ROOT, reason="root may read everything")
def test_an_unreadable_folder_and_file(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir()
    (tmp_path / "secret.txt").write_text("x")
    closed.chmod(0)
    (tmp_path / "secret.txt").chmod(0)
    result = report("scan", ".", cwd=tmp_path)
    closed.chmod(0o700)
    assert result["exit_code"] == 3
    assert "no permission" in skipped(result)["closed/"]
    assert "no permission" in skipped(result)["secret.txt"]


def test_a_broken_repository_is_read_without_git(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "r")
    repo.commit("a", {"a.ini": KEY})
    (tmp_path / "r" / ".git" / "HEAD").write_bytes(b"garbage")
    result = report("audit", "r", cwd=tmp_path)
    assert result["exit_code"] == 1  # the file is found although git fails
    assert "git" in skipped(result)["."]
    (tmp_path / "r" / "a.ini").write_text("x")
    assert report("audit", "r", cwd=tmp_path)["exit_code"] == 3


def test_without_git_on_the_path(tmp_path: Path) -> None:
    Repository(tmp_path / "r").write({"a.py": "x = 1\n"})
    done = credguard("audit", "r", cwd=tmp_path, PATH=str(tmp_path))
    assert done.returncode == 3
    assert b"install git" in done.stdout


def test_a_corrupt_index(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "r")
    repo.commit("a", {"a.py": "x = 1\n"})
    (tmp_path / "r" / ".git" / "index").write_bytes(b"DIRC garbage")
    assert report("audit", "r", cwd=tmp_path)["exit_code"] == 3


def test_a_file_over_the_limit(tmp_path: Path) -> None:
    with (tmp_path / "big.bin").open("wb") as handle:
        handle.truncate(2 << 30)
    (tmp_path / "a.ini").write_text("x")
    result = report("scan", ".", cwd=tmp_path)
    assert result["exit_code"] == 3
    assert "--max-file-size 2048M" in skipped(result)["big.bin"]
    assert result["coverage"]["files"] == 1


def test_a_long_line_is_scanned_whole(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_bytes(b"secret " * 2_000_000 + KEY.encode().replace(b"\n", b" "))
    result = report("scan", ".", cwd=tmp_path)
    assert [f["rule_id"] for f in result["findings"]] == ["CG103"]


def test_binary_and_invalid_utf8_hide_nothing(tmp_path: Path) -> None:
    (tmp_path / "b.bin").write_bytes(bytes(range(256)) * 50 + b"\n" + KEY.encode() + b"\xff\xfe\x00")
    (tmp_path / "l.txt").write_bytes(b"caf\xe9\n" + KEY.encode())
    result = report("scan", ".", cwd=tmp_path)
    assert [f["rule_id"] for f in result["findings"]] == ["CG103", "CG103"]


def test_pipes_and_sockets_do_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "sock"))
        (tmp_path / "a.ini").write_text(KEY)
        result = report("scan", ".", cwd=tmp_path)
    assert result["exit_code"] == 1
    assert len(result["coverage"]["notes"]) >= 2


def test_symbolic_links_are_not_followed_but_their_text_is_scanned(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.ini").write_text(KEY)
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link").symlink_to(outside)
    (inside / "file").symlink_to(outside / "a.ini")
    assert report("scan", "inside", cwd=tmp_path)["exit_code"] == 0
    (inside / "told").symlink_to(fill("s3://{{AKID}}:{{SECRET|percent}}@b", "link").replace("/", "|"))
    result = report("scan", "inside", cwd=tmp_path)
    assert [f["locations"][0]["path"] for f in result["findings"]] == ["told"]


def test_a_tracked_file_behind_a_linked_folder_comes_from_git(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "r")
    repo.commit("a", {"d/a.ini": KEY})
    shutil.rmtree(tmp_path / "r" / "d")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.ini").write_text("x")
    (tmp_path / "r" / "d").symlink_to(tmp_path / "other")
    assert report("audit", "r", cwd=tmp_path)["exit_code"] == 1


def test_a_deleted_tracked_file_is_read_from_the_index(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "r")
    repo.commit("a", {"a.ini": KEY})
    (tmp_path / "r" / "a.ini").unlink()
    assert report("audit", "r", cwd=tmp_path)["exit_code"] == 1


def test_a_bare_repository_is_read_from_its_objects(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "r")
    repo.commit("a", {"d/a.ini": KEY})
    repo.git("clone", "-q", "--bare", str(tmp_path / "r"), str(tmp_path / "b.git"))
    result = report("audit", "b.git", cwd=tmp_path)
    assert {f["locations"][0]["path"] for f in result["findings"] if f["rule_id"] == "CG103"} == {"d/a.ini"}
    Repository(tmp_path / "empty.git", bare=True)
    assert report("audit", "empty.git", cwd=tmp_path)["exit_code"] == 0


def test_a_missing_object_is_said(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "r")
    repo.commit("a", {"a.ini": "x"})
    (tmp_path / "r" / "a.ini").unlink()
    oid = repo.git("ls-files", "--stage").split()[1]
    (tmp_path / "r" / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    result = report("audit", "r", cwd=tmp_path)
    assert result["exit_code"] == 3
    assert "missing" in skipped(result)["a.ini"]


def test_secrets_in_file_names_are_found_and_masked(tmp_path: Path) -> None:
    key_id, secret = fill("{{AKID}} {{ALNUM:40}}", "name").split()
    (tmp_path / f"{key_id}.txt").write_text("x")
    (tmp_path / f"aws_secret_access_key={secret}.txt").write_text("x")
    for form in ("text", "json"):
        done = credguard("scan", ".", "--format", form, "-v", cwd=tmp_path)
        assert done.returncode == 1
        assert key_id.encode() in done.stdout
        assert secret[4:].encode() not in done.stdout + done.stderr


def test_control_characters_of_names_never_reach_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "a\x1b[2J\n\u202e.ini").write_text(KEY)
    (tmp_path / os.fsdecode(b"b\xff.ini")).write_text(KEY)
    done = credguard("scan", ".", cwd=tmp_path)
    assert b"\x1b" not in done.stdout and "\u202e".encode() not in done.stdout
    assert rb"a\x1b[2J\n\u202e.ini" in done.stdout and rb"b\xff.ini" in done.stdout


def test_standard_input(tmp_path: Path) -> None:
    done = credguard("scan", "--stdin", cwd=tmp_path, stdin=KEY.encode())
    assert done.returncode == 1 and b"<stdin>" in done.stdout
    assert credguard("scan", "--stdin", cwd=tmp_path, stdin=b"x").returncode == 0


@pytest.mark.parametrize(
    "args",
    [["scan", "--ignore", "CG999"], ["scan", "--max-file-size", "many"], ["scan", "--stdin", "x"], ["explain", "CG777"],
     ["nothing"], ["scan", "--fail-on", "never"], ["scan", "--output", "no/such/folder/x"]],
)  # fmt: skip
def test_usage_errors_are_one_line_and_exit_2(tmp_path: Path, args: list[str]) -> None:
    done = credguard(*args, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith((b"credguard: ", b"usage: ")) and b"Traceback" not in done.stderr


@owners
def test_a_damaged_cache_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "a.ini").write_text(KEY)
    cache = tmp_path / "cache"
    assert credguard("scan", "w", cwd=tmp_path, XDG_CACHE_HOME=str(cache)).returncode == 1
    (stored,) = (cache / "credguard").iterdir()
    assert stored.stat().st_mode & 0o777 == 0o600
    body = stored.read_bytes()
    for damage in (b"", b"x", body[:100], body[:-1] + b"x"):
        stored.write_bytes(damage)
        assert credguard("scan", "w", cwd=tmp_path, XDG_CACHE_HOME=str(cache)).returncode == 1
    assert stored.read_bytes() == body  # written anew
    stored.chmod(0o666)  # another user could have written it
    assert credguard("scan", "w", cwd=tmp_path, XDG_CACHE_HOME="/proc/nowhere").returncode == 1
