"""Objects out of git in pieces: none is lost or cut, and what cannot be had is said."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from credguard.git import spawn
from credguard.system import compat
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not compat.can_spawn, reason="the quick way needs posix_spawn")
MOST = 8 << 20


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    repo = Repository(tmp_path)
    monkeypatch.chdir(tmp_path)
    return repo


def stored(repo: Repository, contents: list[bytes]) -> list[bytes]:
    """The object IDs of new files with these contents."""
    for number, content in enumerate(contents):
        (repo.folder / f"f{number}").write_bytes(content)
    names = "".join(f"f{number}\n" for number in range(len(contents)))
    return repo.git("hash-object", "-w", "--stdin-paths", stdin=names).encode().split()


def read(oids: list[bytes]) -> list[bytes]:
    return [bytes(content) for piece in spawn.stream_objects(oids, MOST) for content in spawn.iter_contents(piece)]


@pytest.mark.parametrize(
    "sizes",
    [
        [0], [1], [0, 0, 0], [5, (1 << 20) - 60, 7], [1 << 20], [(1 << 20) + 1, 3], [3 << 20, 0, 3 << 20],
        [100] * 63, [100] * 64, [2000] * 1500, [1] * 200 + [2 << 20] + [1] * 200,
    ],
    ids=lambda sizes: f"{len(sizes)} of {max(sizes)}",
)  # fmt: skip
def test_every_object_once_and_whole(repo: Repository, sizes: list[int]) -> None:
    source = random.Random(1)
    contents = [source.randbytes(size - size // 2) + b"\n" * (size // 2) for size in sizes]
    assert sorted(read(stored(repo, contents))) == sorted(contents)


def test_nothing_is_asked() -> None:
    assert read([]) == []


@pytest.mark.parametrize("count", [1, 100])
def test_a_missing_object(repo: Repository, count: int) -> None:
    oids = stored(repo, [b"%d" % number for number in range(count)])
    with pytest.raises(spawn.Failed):
        read([*oids, b"1" * 40])


def test_an_object_that_is_too_large(repo: Repository) -> None:
    with pytest.raises(spawn.Failed):
        read(stored(repo, [b"x", bytes(MOST + 1)]))


def test_a_broken_object(repo: Repository) -> None:
    (oid,) = stored(repo, [b"x" * 10_000])
    path = repo.folder / ".git" / "objects" / oid[:2].decode() / oid[2:].decode()
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(spawn.Failed):
        read([oid])


def test_stopping_early_leaves_no_process(repo: Repository) -> None:
    oids = stored(repo, [bytes(50_000)] * 1 + [b"%d" % number for number in range(500)])
    pieces = spawn.stream_objects(oids * 4, MOST)
    next(pieces)
    pieces.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_long_object_ids_do_not_fill_the_pipe() -> None:
    assert all(len(b"\n".join(part)) < spawn.MOST_INPUT for part in spawn._split_parts([b"0" * 64] * 5000))
    assert sum(map(len, spawn._split_parts([b"0" * 64] * 5001))) == 5001


@pytest.mark.parametrize("kind", ["LITERAL", "GLOB", "NOGLOB", "ICASE"])
@pytest.mark.parametrize("inherit", [True, False])
def test_how_the_user_has_paths_read_does_not_count(kind: str, inherit: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"GIT_{kind}_PATHSPECS", "1")
    assert f"GIT_{kind}_PATHSPECS" not in spawn.build_environment(inherit=inherit)
