"""Files are written whole or not at all, keep mode and owner, and a kill leaves nothing that stays."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from credguard.system import atomic, compat

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="pipes, links and modes of POSIX")

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


def test_a_pipe_that_nobody_reads_does_not_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(atomic, "_READER_SECONDS", 0.1)
    with pytest.raises(OSError, match="this pipe has no reader"):
        atomic.write_output(tmp_path / "pipe", b"x")


def test_all_names_of_a_file_show_the_report(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("old and longer")
    os.link(tmp_path / "one", tmp_path / "two")
    atomic.write_output(tmp_path / "one", b"new")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes() == b"new"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444, 0o777])
def test_a_report_that_was_there_keeps_its_mode_and_owner(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "report"
    path.write_text("old")
    if AS_ROOT:
        os.chown(path, 65534, 65533)
    path.chmod(mode)
    before = path.stat()
    if not AS_ROOT and not mode & 0o200:
        pytest.skip("only root writes what is read-only")
    atomic.write_output(path, b"new")
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    assert path.read_bytes() == b"new"


def test_a_new_report_belongs_to_the_group_that_its_folder_gives(tmp_path: Path) -> None:
    if AS_ROOT:
        os.chown(tmp_path, -1, 65533)
    tmp_path.chmod(0o2755)
    atomic.write_output(tmp_path / "report", b"new")
    assert (tmp_path / "report").stat().st_gid == tmp_path.stat().st_gid


@pytest.mark.skipif(not AS_ROOT, reason="only root can become another user")
def test_a_file_that_may_be_written_in_a_folder_that_may_not(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "ours").write_text("old and longer")
    (folder / "roots").write_text("old and longer")
    os.chown(folder / "ours", 65534, 65534)
    (folder / "roots").chmod(0o666)

    def act() -> None:
        atomic.write_output("ours", b"new")
        atomic.write_output("roots", b"new")
        for name in ("fresh", "/proc/1/fd/1"):
            with pytest.raises(PermissionError):
                atomic.write_output(name, b"new")

    as_nobody(folder, act)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"ours": b"new", "roots": b"new"}
    assert (folder / "roots").stat().st_uid == 0


def as_nobody(folder: Path, act: Callable[[], None]) -> None:
    """Does something in a folder as a user without rights, in a process of its own."""
    process = os.fork()
    if not process:
        code = 1
        try:
            os.chdir(folder)
            os.setgid(65534)
            os.setuid(65534)
            act()
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(process, 0)[1] == 0


def test_names_that_are_as_long_as_can_be(tmp_path: Path) -> None:
    for name in ("x" * 255, "\u00e9" * 127, "\U0001f600" * 63, os.fsdecode(b"\xff" * 255), " ", "-", "new\nline"):
        atomic.write_output(tmp_path / name, b"one")
        atomic.write_output(tmp_path / name, b"two")
        assert os.listdir(tmp_path) == [name] and (tmp_path / name).read_bytes() == b"two"
        (tmp_path / name).unlink()


WITHOUT = """
import os, sys
for name in sys.argv[1].split(","):
    if hasattr(os, name):
        delattr(os, name)
if "fcntl" in sys.argv[1]:
    sys.modules["fcntl"] = None
if "proc" in sys.argv[1]:
    exists = os.path.exists
    os.path.exists = lambda path: not str(path).startswith("/proc") and exists(path)
from credguard.system import atomic
for data in (b"one", b"two"):
    atomic.write_output("report", data)
    atomic.replace_file("own", data, 0o640)
assert open("report").read() == open("own").read() == "two"
"""


@pytest.mark.parametrize(
    "names", ["O_TMPFILE", "proc", "fcntl", "O_TMPFILE,fchmod,fchown,geteuid,O_NOFOLLOW,O_NOCTTY,O_NONBLOCK,fcntl"]
)
def test_systems_that_have_less(tmp_path: Path, names: str) -> None:
    subprocess.run([sys.executable, "-c", WITHOUT, names], cwd=tmp_path, check=True, timeout=60)
    assert sorted(os.listdir(tmp_path)) == ["own", "report"]
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o640


KILLED = """
import os, signal, sys
number, without = int(sys.argv[1]), sys.argv[2]
if without:
    delattr(os, without)
from credguard.system import atomic

def die(event, arguments):
    global number
    if event in ("open", "os.rename", "os.link", "os.remove", "os.chmod", "os.listdir"):
        number -= 1
        if not number:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(die)
atomic.write_output("r.html", b"new" * 100_000)
"""


@pytest.mark.parametrize("without", ["", "O_TMPFILE"])
def test_a_kill_leaves_the_old_report_or_the_new_one_and_the_next_run_tidies_up(tmp_path: Path, without: str) -> None:
    for number in range(1, 100):
        (tmp_path / "r.html").write_bytes(b"old")
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(number), without], cwd=tmp_path, check=False, timeout=60
        )
        assert (tmp_path / "r.html").read_bytes() in (b"old", b"new" * 100_000)
        assert len(os.listdir(tmp_path)) <= 2
        if not done.returncode:
            break
    assert number > 3
    atomic.write_output(tmp_path / "r.html", b"x")
    assert os.listdir(tmp_path) == ["r.html"]


@pytest.mark.skipif(not compat.can_lock(), reason="what another run holds cannot be told without locks")
def test_what_another_run_is_writing_is_not_tidied_up(tmp_path: Path) -> None:
    with atomic.create_temp_file(tmp_path / "r.html", b"slow") as slow:
        atomic.write_output(tmp_path / "r.html", b"fast")
        os.replace(slow, tmp_path / "r.html")
    assert (tmp_path / "r.html").read_bytes() == b"slow" and os.listdir(tmp_path) == ["r.html"]
