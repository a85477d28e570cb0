"""What a kept result depends on: every change that an audit could see is noticed, nothing that is configured runs."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from credguard.engine import checkpoint
from credguard.errors import CredguardError, ExitCode
from credguard.git.repository import Git
from tests.repos import Repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Place:
    """A repository with whatever may stand around and inside of it."""

    def __init__(self, folder: Path) -> None:
        self.lender = Repository(folder / "lender")
        self.lender.commit("lent", {"l.txt": "lent\n"})
        self.origin = Repository(folder / "module")
        self.origin.commit("begin", {"m.txt": "module\n"})
        self.repo = Repository(folder / "repo")
        alternates = self.repo.folder / ".git/objects/info/alternates"
        alternates.write_text(f"{self.lender.folder / '.git/objects'}\n")
        self.first = self.repo.commit("begin", {"a.txt": "one\n", "b.txt": "two\n", ".gitignore": "*.log\n"})
        self.repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(self.origin.folder), "sub")
        self.linked = Repository(self.repo.folder / "link")
        self.linked.commit("begin", {"k.txt": "linked\n"})
        self.repo.git("-c", "advice.addEmbeddedRepo=false", "add", "link")
        self.repo.commit("modules")
        self.repo.git("worktree", "add", "--quiet", "--detach", str(folder / "tree"))
        self.repo.write({"new.txt": "three\n", "x.log": "ignored\n", "sub/m.txt": "dirty\n"})

    def standing(self) -> str | None:
        return checkpoint.fingerprint_repository(Git(self.repo.folder))

    @property
    def git_dir(self) -> Path:
        return self.repo.folder / ".git"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """One that is built once; what it was built as lies beside it."""
    folder = tmp_path_factory.mktemp("place") / "here"
    made = Place(folder)
    shutil.copytree(folder, folder.with_name("saved"), symlinks=True)
    return made


@pytest.fixture
def place(built: Place) -> Place:
    """It as it was built, and where: its repositories know each other by their paths."""
    folder = built.repo.folder.parent
    shutil.rmtree(folder)
    shutil.copytree(folder.with_name("saved"), folder, symlinks=True)
    time.sleep(0.02)  # times of files are told by the system's clock ticks
    return built


def same_size_and_time(path: Path, content: str) -> None:
    info = path.stat()
    assert len(content) == info.st_size
    path.write_text(content)
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


def hidden(place: Place, flag: str) -> None:
    place.repo.git("update-index", flag, "a.txt")


def reflog_only(place: Place) -> None:
    place.repo.commit("gone", {"a.txt": "secret\n"})
    place.repo.git("reset", "--quiet", "--hard", "HEAD~")
    place.repo.write({"sub/m.txt": "dirty\n"})


def vanished(place: Place) -> None:
    oid = place.repo.git("rev-parse", "HEAD:b.txt").strip()
    path = place.git_dir / "objects" / oid[:2] / oid[2:]
    path.chmod(0o600)
    path.unlink()


CHANGES: dict[str, Callable[[Place], object]] = {
    "a reflog": reflog_only,
    "a dangling blob": lambda p: p.repo.git("hash-object", "-w", "--stdin", stdin="dangling"),
    "a branch of a gitlink": lambda p: p.linked.git("branch", "more"),
    "a commit of a gitlink": lambda p: p.linked.commit("more", {"k.txt": "more\n"}),
    "a dirty file of a submodule": lambda p: p.repo.write({"sub/m.txt": "dirti\n"}),
    "a branch of a submodule": lambda p: Repository(p.repo.folder / "sub").git("branch", "more"),
    "a commit in the lender": lambda p: p.lender.commit("more", {"l.txt": "more\n"}),
    "a commit in another work tree": lambda p: Repository(p.repo.folder.parent / "tree").commit("x", {"t.txt": "t"}),
    "an untracked file of the same size and time": lambda p: same_size_and_time(p.repo.folder / "new.txt", "THREE\n"),
    "an ignored file": lambda p: p.repo.write({"x.log": "IGNORED\n"}),
    "an object that vanished": vanished,
    "a shallow file": lambda p: (p.git_dir / "shallow").write_text(p.first + "\n"),
    "grafts": lambda p: p.repo.write({".git/info/grafts": p.first + "\n"}),
    "the index": lambda p: p.repo.git("rm", "--quiet", "--cached", "b.txt"),
    "HEAD": lambda p: p.repo.git("symbolic-ref", "HEAD", "refs/heads/none"),
    "ignore rules": lambda p: p.repo.write({".git/info/exclude": "new.txt\n"}),
    "a hook": lambda p: p.repo.write({".git/hooks/pre-commit": "#!/bin/sh\n"}),
    "a setting": lambda p: p.repo.git("config", "core.ignoreCase", "true"),
    "the mode of a file": lambda p: (p.repo.folder / "a.txt").chmod(0o600),
    "a file that is gone": lambda p: (p.repo.folder / "a.txt").unlink(),
}


@pytest.mark.skipif(os.name != "posix", reason="the time of a change of a file")
@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_noticed(place: Place, what: str) -> None:
    before = place.standing()
    assert before and place.standing() == before
    CHANGES[what](place)
    assert place.standing() not in (before, None)


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_a_file_that_git_is_told_not_to_look_at_is_looked_at(place: Place, flag: str) -> None:
    hidden(place, flag)
    before = place.standing()
    same_size_and_time(place.repo.folder / "a.txt", "ONE\n")
    assert place.standing() not in (before, None)


@pytest.mark.parametrize("key", ["filter.x.clean", "filter.x.process", "core.fsmonitor", "diff.x.textconv"])
def test_nothing_that_the_repository_configures_runs(place: Place, key: str, tmp_path: Path) -> None:
    place.repo.write({".gitattributes": "* filter=x diff=x\n"})
    place.repo.git("config", key, f"touch '{tmp_path / 'ran'}'")
    place.repo.git("config", "filter.x.required", "true")
    os.utime(place.repo.folder / "a.txt", (1, 1))
    assert place.standing()
    assert not (tmp_path / "ran").exists()


def test_a_bare_repository_stands_by_its_refs_and_objects(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "bare", bare=True)
    before = checkpoint.fingerprint_repository(Git(repo.folder))
    repo.git("hash-object", "-w", "--stdin", stdin="dangling")
    assert before and checkpoint.fingerprint_repository(Git(repo.folder)) not in (before, None)


def test_what_cannot_be_told_is_never_kept(place: Place) -> None:
    (place.git_dir / "logs" / "elsewhere").symlink_to(place.lender.folder)
    assert place.standing() is None


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The file of a state with two results, over several pages."""
    path = tmp_path / "state.db"
    made = checkpoint.Checkpoint(path)
    made.keep("one", "d1", b"1" * 50_000)
    made.keep("two", "d2", b"2" * 50_000)
    assert made.find("one", "d1") == b"1" * 50_000 and made.find("one", "d2") is None
    made.close()
    return path


@pytest.mark.parametrize("start", [100, 4096, 8192, 12_288])
def test_damaged_pages_are_told_in_one_line(state: Path, start: int) -> None:
    data = bytearray(state.read_bytes())
    data[start : start + 4096] = b"\xa5" * 4096
    state.write_bytes(data)
    with pytest.raises(CredguardError) as refused:
        used(state)
    assert refused.value.code is ExitCode.USAGE
    assert "no state" in refused.value.message and "\n" not in refused.value.message


def used(path: Path) -> None:
    """Takes what is there, all of which must be as it was put there, and adds to it; ends as if it was refused."""
    with contextlib.closing(checkpoint.Checkpoint(path)) as state:
        assert state.find("one", "d1") in (None, b"1" * 50_000)
        assert state.find("two", "d2") in (None, b"2" * 50_000)
        state.keep("three", "d3", b"3")
    raise CredguardError("no state is taken that is damaged")


def test_a_flipped_byte_of_a_result_makes_it_none(state: Path) -> None:
    state.write_bytes(state.read_bytes().replace(b"1" * 200, b"1" * 199 + b"0", 1))
    with contextlib.closing(checkpoint.Checkpoint(state)) as damaged:
        assert damaged.find("one", "d1") is None


def test_a_state_that_another_audit_uses_is_not_to_be_removed(state: Path) -> None:
    other = sqlite3.connect(state, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(CredguardError) as refused:
        checkpoint.Checkpoint(state)
    assert "another audit uses" in refused.value.message and "remove" not in refused.value.hint
    other.close()
