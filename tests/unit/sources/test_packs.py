"""Objects read from packs, beside what git says of them."""

from __future__ import annotations

import random
import subprocess
import zlib
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from credguard.git import inflate, object_store, packfile
from credguard.git.object_store import Store
from credguard.git.repository import Git, GitError
from credguard.history.objects import History
from tests.repos import Repository, clean_environment
from tests.unit.sources.test_history import LIMIT, filled, objects

if TYPE_CHECKING:
    from pathlib import Path


def packed(tmp_path: Path, *, again: bool = True, sha256: bool = False) -> Repository:
    """A repository with many versions of a few files, all in one pack."""
    repo = Repository(tmp_path / "repo")
    if sha256:
        subprocess.run(["rm", "-rf", str(repo.folder)], check=True)
        command = ["git", "init", "-q", "--object-format=sha256", str(repo.folder)]
        subprocess.run(command, check=True, env=clean_environment())
    seeded = random.Random(5)
    lines = [f"line {seeded.random()}\n" for _ in range(2000)]
    for number in range(25):
        lines[seeded.randrange(len(lines))] = f"changed {number} {seeded.random()}\n"
        repo.commit(f"c{number}", {"a.txt": "".join(lines), "b/c.txt": "".join(lines[:40]), f"n{number}": str(number)})
    if again:
        repo.git("repack", "-q", "-a", "-d", "-f")
    return repo


def same_as_git(repo: Repository) -> int:
    """Compares all objects with git's; gives how many were left to git."""
    found = objects(History(Git(repo.folder), LIMIT))
    listed = repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split()
    assert sorted(found) == sorted(listed)
    for name, content in zip(listed, Git(repo.folder).read_blobs(listed, LIMIT), strict=True):
        assert found[name] == content
    return left(repo)


def left(repo: Repository) -> int:
    """How many objects are left to git."""
    with closing(Store(Git(repo.folder))) as stored:
        for pack in stored.packs:
            for roots in pack.iter_families():
                list(pack.iter_objects(roots, LIMIT))
        return len(list(stored.iter_unread()))


def pack_folder(repo: Repository) -> Path:
    return repo.folder / ".git" / "objects" / "pack"


def test_a_pack_of_deltas_is_read_whole(tmp_path: Path) -> None:
    repo = packed(tmp_path)
    deltas = repo.git("verify-pack", "-v", str(next(pack_folder(repo).glob("*.idx")))).count(" 2 ")
    assert deltas
    assert same_as_git(repo) == 0


def test_without_isal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows on ARM has Python's own zlib alone: the same objects, and damage is left to git as before."""
    monkeypatch.setattr(inflate, "library", zlib)
    monkeypatch.setattr(inflate, "DamageError", zlib.error)
    repo = packed(tmp_path)
    assert same_as_git(repo) == 0
    (pack,) = pack_folder(repo).glob("*.pack")
    data = bytearray(pack.read_bytes())
    data[len(data) // 2] ^= 1
    pack.chmod(0o644)
    pack.write_bytes(data)
    assert left(repo)


def test_longer_object_names(tmp_path: Path) -> None:
    assert same_as_git(packed(tmp_path, sha256=True)) == 0


def test_an_object_in_several_packs_and_loose_comes_once(tmp_path: Path) -> None:
    repo = packed(tmp_path)
    some = repo.git("rev-list", "--objects", "--no-object-names", "HEAD~5..HEAD")
    for part in (some, some[: len(some) // 82 * 41]):
        command = ["git", "pack-objects", "-q", "--delta-base-offset", ".git/objects/pack/pack"]
        subprocess.run(command, check=True, cwd=repo.folder, input=part.encode(), stdout=subprocess.DEVNULL)
    repo.commit("more", {"more": "more"})
    assert len(list(pack_folder(repo).glob("*.idx"))) > 1
    assert same_as_git(repo) == 3


def test_bases_by_name_are_left_to_git(tmp_path: Path) -> None:
    repo = packed(tmp_path, again=False)
    repo.git("-c", "repack.useDeltaBaseOffset=false", "repack", "-q", "-a", "-d", "-f")
    assert same_as_git(repo) > 20


def test_another_version_of_the_index_is_left_to_git(tmp_path: Path) -> None:
    repo = packed(tmp_path)
    repo.git("-c", "pack.indexVersion=1", "repack", "-q", "-a", "-d", "-f")
    assert same_as_git(repo) > 100


def test_borrowed_objects(tmp_path: Path) -> None:
    lender = packed(tmp_path)
    repo = Repository(tmp_path / "borrower")
    (repo.folder / ".git" / "objects" / "info").mkdir(exist_ok=True)
    (repo.folder / ".git" / "objects" / "info" / "alternates").write_text(f"{lender.folder}/.git/objects\n")
    repo.git("update-ref", "refs/heads/theirs", lender.git("rev-parse", "HEAD").strip())
    repo.commit("own", {"own": "own"})
    assert same_as_git(repo) == 3


def test_what_is_large_is_left_to_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = packed(tmp_path)
    monkeypatch.setattr(packfile, "LARGEST_OBJECT", 5_000)
    assert same_as_git(repo) == 25


def test_very_many_objects_are_left_to_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "_MOST", 10)
    assert same_as_git(packed(tmp_path)) > 100


def test_a_limit_below_the_size_of_a_base(tmp_path: Path) -> None:
    repo = filled(tmp_path)
    looked = History(Git(repo.folder), 300)
    found = objects(looked)
    assert max(map(len, found.values())) <= 300
    assert len(found) + len(looked.over) == len(repo.git("rev-list", "--objects", "--all").splitlines())


@pytest.mark.parametrize("kind", ["pack", "idx"])
def test_damage_is_never_a_crash_and_never_another_content(tmp_path: Path, kind: str) -> None:
    repo = packed(tmp_path)
    whole = objects(History(Git(repo.folder), LIMIT))
    path = next(pack_folder(repo).glob(f"*.{kind}"))
    path.chmod(0o644)
    data = path.read_bytes()
    seeded = random.Random(6)
    for turn in range(30):
        damaged = bytearray(data)
        for _ in range(seeded.choice((1, 1, 5))):
            damaged[seeded.randrange(len(data))] ^= 1 << seeded.randrange(8)
        path.write_bytes(damaged[: seeded.randrange(len(data))] if turn % 5 == 4 else damaged)
        looked = History(Git(repo.folder), LIMIT)
        try:
            found = objects(looked)
        except GitError:
            continue
        listed = set(repo.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split())
        assert listed <= {*found, *looked.broken, *(name for _, name, _ in looked.over)}
        if kind == "pack":
            assert found.items() <= whole.items()


def test_a_pack_that_inflates_without_end_is_held_in_bounds(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "repo")
    repo.commit("bomb", {"small": "x", "zeros": "0" * (40 << 20)})
    repo.git("repack", "-q", "-a", "-d")
    assert left(repo) == 1


@pytest.mark.parametrize("damage", ["none", "zeros", "swapped", "short", "too large", "empty"])
def test_a_reverse_index_counts_where_it_is_right(tmp_path: Path, damage: str) -> None:
    repo = packed(tmp_path, again=False)
    repo.git("-c", "pack.writeReverseIndex=true", "repack", "-q", "-a", "-d", "-f")
    (reverse,) = pack_folder(repo).glob("*.rev")
    data = bytearray(reverse.read_bytes())
    data[12:] = {
        "none": data[12:], "zeros": bytes(len(data) - 12), "swapped": data[16:20] + data[12:16] + data[20:],
        "short": data[12:40], "too large": b"\xff" * (len(data) - 12), "empty": b"",
    }[damage]  # fmt: skip
    reverse.chmod(0o644)
    reverse.write_bytes(data)
    with closing(packfile.Pack(reverse.with_suffix(".idx"), 20)) as pack:
        assert list(pack._offsets) == sorted(pack._offsets)
    assert same_as_git(repo) == 0
