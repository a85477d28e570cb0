"""What `audit --resume STATE` takes for done, this user or root alone can have written: a state that others can have
made or changed, or that what is audited holds, is refused in one line."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.caches import OTHER, as_root, owners, posix
from tests.hooking import LEAK, credguard
from tests.repos import Repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a repository that has a key, and beside it a state in which the audit found nothing."""
    folder = Path(tempfile.mkdtemp(prefix="credguard-attack-"))
    repo = Repository(folder / "repo")
    repo.commit("begin", {"README.md": "hello\n"})
    repo.commit("leak", {"c.ini": LEAK})
    (folder / "own").mkdir(mode=0o700)
    assert credguard("audit", "repo", "--resume", "own/state.db", cwd=folder).returncode == 1
    with closing(sqlite3.connect(folder / "own/state.db", isolation_level=None)) as database:
        assert database.execute("SELECT count(*) FROM done").fetchone() == (2,)
    yield folder
    shutil.rmtree(folder)


def refused(place: Path, state: str, *paths: str, why: str = "not believed") -> None:
    """The state is refused in one line, with exit code 2."""
    done = credguard("audit", *(paths or ("repo",)), "--resume", state, cwd=place)
    assert done.returncode == 2, done.stdout
    assert done.stderr.count("\n") == 1 and why in done.stderr and "Traceback" not in done.stderr


def test_our_own_state_is_believed(place: Path) -> None:
    assert credguard("audit", "repo", "--resume", "own/state.db", cwd=place).returncode == 1


def others(state: Path) -> None:
    os.chown(state, OTHER, OTHER)


def of_another_folder(state: Path) -> None:
    os.chown(state.parent, OTHER, OTHER)


def open_file(state: Path) -> None:
    state.chmod(0o666)


def open_to_a_group(state: Path) -> None:
    state.chmod(0o660)


def open_folder(state: Path) -> None:
    state.parent.chmod(0o777)


def sticky_folder(state: Path) -> None:
    state.parent.chmod(0o1777)


def open_folder_above(state: Path) -> None:
    state.parent.parent.chmod(0o777)


def journal_of_another(state: Path) -> None:
    journal = Path(f"{state}-journal")
    journal.write_bytes(b"x" * 600)
    others(journal)


def log_of_another(state: Path) -> None:
    journal = Path(f"{state}-wal")
    journal.write_bytes(b"x" * 600)
    others(journal)


def a_link(state: Path) -> None:
    state.rename(state.with_name("real.db"))
    state.symlink_to("real.db")


def a_pipe(state: Path) -> None:
    state.unlink()
    os.mkfifo(state)


def a_journal_that_is_a_link(state: Path) -> None:
    Path(f"{state}-journal").symlink_to(state)


def a_folder(state: Path) -> None:
    state.unlink()
    state.mkdir()


WAYS = (
    others, of_another_folder, open_file, open_to_a_group, open_folder, sticky_folder, open_folder_above,
    journal_of_another, log_of_another, a_link, a_pipe, a_journal_that_is_a_link, a_folder,
)  # fmt: skip


@as_root
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_a_state_that_another_user_can_have_made_is_refused(place: Path, way: Callable[[Path], None]) -> None:
    way(place / "own/state.db")
    refused(place, "own/state.db")


@owners
def test_a_state_that_is_not_there_yet_is_not_made_where_others_may_write(place: Path) -> None:
    (place / "own").chmod(0o1777)
    refused(place, "own/new.db")
    assert not (place / "own/new.db").exists()


@posix
@pytest.mark.parametrize("where", ["repo/state.db", "repo/.git/state.db", "own/../repo/sub/state.db", "link/state.db"])
@pytest.mark.parametrize("committed", [False, True], ids=["untracked", "committed"])
def test_a_state_in_what_is_audited_is_refused(place: Path, where: str, *, committed: bool) -> None:
    (place / "repo/sub").mkdir()
    (place / "link").symlink_to("repo/sub")
    shutil.copy(place / "own/state.db", place / where)
    if committed:
        Repository(place / "repo").commit("state", {})
        Repository(place / "repo").add(force=True)
    refused(place, where)
    (place / where).unlink()
    refused(place, where)
    assert not (place / where).exists()


@posix
def test_nor_one_in_a_folder_of_repositories_or_in_another_repository(place: Path) -> None:
    refused(place, "own/state.db", ".")
    (place / "other").mkdir()
    Repository(place / "other").commit("begin", {"README.md": "hello\n"})
    shutil.copy(place / "own/state.db", place / "other/state.db")
    refused(place, "other/state.db")


def tables(state: Path, *statements: str) -> None:
    with closing(sqlite3.connect(state, isolation_level=None)) as database:
        for statement in statements:
            database.execute(statement)


@posix
@pytest.mark.parametrize(
    "statements",
    [
        ("CREATE TRIGGER t BEFORE INSERT ON done BEGIN SELECT RAISE(IGNORE); END",),
        ("ALTER TABLE done RENAME TO real", "CREATE VIEW done AS SELECT target, digest, result FROM real"),
        ("CREATE TABLE more (x)",),
        ("DROP TABLE done", "CREATE TABLE done (target, digest, result)"),
        (
            "DROP TABLE done",
            "CREATE VIEW done AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
            "SELECT i AS target, i AS digest, i AS result FROM n",
        ),
        ("PRAGMA application_id = 1",),
    ],
)
def test_a_state_of_another_shape_is_refused(place: Path, statements: tuple[str, ...]) -> None:
    tables(place / "own/state.db", *statements)
    refused(place, "own/state.db", why="no state")
