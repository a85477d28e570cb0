"""An object store whose objects are not what their names say hides nothing, and is named.

git trusts the index of a pack: it never hashes what it reads from one. So each copy of an object that git might give is
looked at, and what does not match its hash or its checksum makes the run incomplete.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from credguard.git import object_store
from tests.auditing import PAIR, Audit, begun
from tests.keys import Filler
from tests.packing import Packed, write_loose, write_pack
from tests.repos import Repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLEAN = b"nothing = here\n"


@pytest.fixture
def filler(request: pytest.FixtureRequest) -> Filler:
    """Fills templates with keys of this test."""
    return Filler(request.node.nodeid)


@pytest.fixture
def audit(capfd: pytest.CaptureFixture[str], filler: Filler) -> Audit:
    """Runs an audit; no output may hold a secret."""
    return Audit(capfd, filler)


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """A repository with a clean file `a.ini`, all in one pack."""
    repo = begun(tmp_path / "repo")
    repo.commit("more", {"a.ini": CLEAN, "b.txt": "b\n"})
    repo.git("repack", "-a", "-d", "-q")
    repo.git("prune-packed")
    return repo


def objects_of(repo: Repository) -> Path:
    return repo.folder / ".git/objects"


def pack_of(repo: Repository) -> Path:
    (pack,) = objects_of(repo).glob("pack/*.pack")
    return pack


def change(path: Path, edit: Callable[[bytearray], None]) -> None:
    """Replaces a file that git has made read-only."""
    data = bytearray(path.read_bytes())
    edit(data)
    path.unlink()
    path.write_bytes(data)


def skips(report: dict[str, object]) -> str:
    return str(report["coverage"])


def rules(report: dict[str, object]) -> list[str]:
    return [finding["rule_id"] for finding in report["findings"]]  # type: ignore[attr-defined]


@pytest.fixture
def misnamed(repo: Repository, filler: Filler) -> Packed:
    """A pair under the name of the clean file."""
    return Packed(filler.fill(PAIR).encode(), repo.git("rev-parse", "HEAD:a.ini").strip())


class TestWholeStores:
    """What git itself makes is whole, however it is kept."""

    def test_one_pack(self, repo: Repository, audit: Audit) -> None:
        assert audit("audit", repo.folder)["exit_code"] == 0

    def test_loose_objects(self, tmp_path: Path, audit: Audit) -> None:
        assert audit("audit", begun(tmp_path / "loose").folder)["exit_code"] == 0

    def test_objects_in_several_packs_are_counted_once(self, repo: Repository, audit: Audit) -> None:
        before = audit("audit", repo.folder)["coverage"]
        kept = pack_of(repo)
        kept.with_suffix(".keep").write_bytes(b"")
        repo.git("repack", "-a", "-d", "-q", "--no-write-bitmap-index", "--pack-kept-objects")
        write_pack(objects_of(repo), [Packed(CLEAN)])
        assert len(list(objects_of(repo).glob("pack/*.pack"))) > 1
        report = audit("audit", repo.folder)
        assert report["exit_code"] == 0
        assert report["coverage"]["blobs"] == before["blobs"]

    def test_a_large_object_in_several_packs(self, repo: Repository, audit: Audit) -> None:
        large = Packed(b"large\n" * (2 << 20))
        for more in (b"1", b"2"):
            write_pack(objects_of(repo), [large, Packed(more)])
        assert audit("audit", repo.folder)["exit_code"] == 0

    def test_borrowed_objects(self, repo: Repository, tmp_path: Path, audit: Audit) -> None:
        repo.git("clone", "-q", "--reference", ".", f"file://{repo.folder}", str(tmp_path / "other"))
        write_pack(tmp_path / "other/.git/objects", [Packed(CLEAN)])
        assert audit("audit", tmp_path / "other")["exit_code"] == 0

    def test_an_index_of_several_packs(self, repo: Repository, audit: Audit) -> None:
        write_pack(objects_of(repo), [Packed(CLEAN), Packed(b"more")])
        repo.git("multi-pack-index", "write")
        assert audit("audit", repo.folder)["exit_code"] == 0

    def test_indexes_of_version_1(self, repo: Repository, audit: Audit) -> None:
        repo.git("-c", "pack.indexVersion=1", "repack", "-a", "-d", "-q", "-f")
        assert audit("audit", repo.folder)["exit_code"] == 0

    def test_hashes_of_32_bytes(self, tmp_path: Path, audit: Audit) -> None:
        folder = tmp_path / "long"
        folder.mkdir()
        repo = Repository.__new__(Repository)
        repo.folder = folder
        repo.git("init", "-q", "--object-format=sha256", "--initial-branch=main")
        repo.commit("begin", {"a.ini": CLEAN})
        repo.commit("loose", {"b.ini": b"b\n"})
        assert audit("audit", folder)["exit_code"] == 0
        repo.git("repack", "-a", "-d", "-q")
        assert audit("audit", folder)["exit_code"] == 0


class TestTwoPacksWithOneName:
    """Which of two git reads depends on their times: both are looked at."""

    @pytest.mark.parametrize("newest", [True, False])
    @pytest.mark.parametrize("large", [True, False])
    def test_a_pair_in_either_is_found(
        self, repo: Repository, misnamed: Packed, audit: Audit, monkeypatch: pytest.MonkeyPatch, *, newest: bool,
        large: bool,
    ) -> None:  # fmt: skip
        if large:
            monkeypatch.setattr(object_store, "_FEW", 0)  # as in a store that is not hashed whole
        pack = write_pack(objects_of(repo), [misnamed])
        os.utime(pack, (2e9, 2e9) if newest else (1e9, 1e9))
        report = audit("audit", repo.folder)
        assert report["exit_code"] == 1
        assert "CG103" in rules(report)
        assert misnamed.oid in skips(report)

    def test_a_clean_one_beside_it_is_named(self, repo: Repository, misnamed: Packed, audit: Audit) -> None:
        write_pack(objects_of(repo), [Packed(b"other\n", misnamed.oid)])
        report = audit("audit", repo.folder)
        assert report["exit_code"] == 3
        assert misnamed.oid in skips(report)

    def test_in_a_store_that_is_borrowed(
        self, repo: Repository, misnamed: Packed, tmp_path: Path, audit: Audit
    ) -> None:
        repo.git("clone", "-q", "--no-local", ".", str(tmp_path / "other"))
        write_pack(objects_of(repo), [misnamed])
        (tmp_path / "other/.git/objects/info").mkdir(exist_ok=True)
        (tmp_path / "other/.git/objects/info/alternates").write_text(f"{objects_of(repo)}\n")
        assert audit("audit", tmp_path / "other")["exit_code"] == 1

    def test_one_that_is_too_large_to_be_held(
        self, repo: Repository, filler: Filler, misnamed: Packed, audit: Audit
    ) -> None:
        pair = filler.fill(PAIR).encode()
        write_pack(objects_of(repo), [Packed(b"x\n" * (5 << 20) + pair, misnamed.oid)])
        report = audit("audit", repo.folder)
        assert report["exit_code"] == 3
        assert "does not match its index" in skips(report)

    def test_one_in_a_pack_that_only_git_reads(self, repo: Repository, misnamed: Packed, audit: Audit) -> None:
        pack = write_pack(objects_of(repo), [misnamed])

        def to_version_3(data: bytearray) -> None:
            data[7] = 3

        change(pack, to_version_3)
        assert audit("audit", repo.folder)["exit_code"] == 3


class TestFalseNames:
    """An object alone under a false name."""

    def test_of_a_loose_object(self, repo: Repository, audit: Audit) -> None:
        write_loose(objects_of(repo), Packed(b"another\n", "ab" * 20))
        report = audit("audit", repo.folder)
        assert report["exit_code"] == 3
        assert "ab" * 20 in skips(report)

    def test_of_a_loose_object_with_a_pair(self, repo: Repository, filler: Filler, audit: Audit) -> None:
        write_loose(objects_of(repo), Packed(filler.fill(PAIR).encode(), "ab" * 20))
        report = audit("audit", repo.folder)
        assert "CG103" in rules(report)
        assert "ab" * 20 in skips(report)

    @pytest.mark.parametrize("kind", ["blob", "commit", "tree", "tag"])
    def test_in_a_pack(self, repo: Repository, audit: Audit, kind: str) -> None:
        write_pack(objects_of(repo), [Packed(b"", "ab" * 20, kind)])
        report = audit("audit", repo.folder)
        assert report["exit_code"] == 3
        assert "ab" * 20 in skips(report)

    def test_in_a_large_pack_with_a_pair(
        self, repo: Repository, filler: Filler, audit: Audit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(object_store, "_FEW", 0)
        write_pack(objects_of(repo), [Packed(filler.fill(PAIR).encode(), "ab" * 20)])
        report = audit("audit", repo.folder)
        assert "CG103" in rules(report)
        assert "ab" * 20 in skips(report)

    def test_in_a_range_of_commits(self, repo: Repository, audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(repo.folder)
        repo.commit("last", {"c.ini": "c\n"})
        oid = repo.git("rev-parse", "HEAD:c.ini").strip()
        write_loose(objects_of(repo), Packed(b"another\n", oid))
        report = audit("scan", "--history", "--rev", "HEAD~1..HEAD")
        assert report["exit_code"] == 3
        assert oid in skips(report)


class TestDamage:
    """A byte that is not as it was."""

    @pytest.mark.parametrize("suffix", [".pack", ".idx"])
    @pytest.mark.parametrize("at", ["end", "middle"])
    def test_of_a_pack(self, repo: Repository, audit: Audit, suffix: str, at: str) -> None:
        def flip(data: bytearray) -> None:
            data[-1 if at == "end" else len(data) // 2] ^= 1

        change(pack_of(repo).with_suffix(suffix), flip)
        report = audit("audit", repo.folder)
        assert report["exit_code"] == 3
        assert ".pack or its index does not match its checksum" in skips(report)

    @pytest.mark.parametrize("more", [b"x", b"x" * 20])
    def test_bytes_behind_a_pack(self, repo: Repository, audit: Audit, more: bytes) -> None:
        change(pack_of(repo), lambda data: data.extend(more))
        assert audit("audit", repo.folder)["exit_code"] == 3

    def test_a_pack_that_is_cut_off(self, repo: Repository, audit: Audit) -> None:
        def cut(data: bytearray) -> None:
            del data[-25:]

        change(pack_of(repo), cut)
        assert audit("audit", repo.folder)["exit_code"] == 3

    def test_the_index_of_another_pack(self, repo: Repository, audit: Audit) -> None:
        one, two = (write_pack(objects_of(repo), [Packed(content)]) for content in (b"1", b"2"))
        change(
            one.with_suffix(".idx"), lambda data: data.__setitem__(slice(None), two.with_suffix(".idx").read_bytes())
        )
        assert audit("audit", repo.folder)["exit_code"] == 3

    def test_an_index_of_several_packs_that_says_otherwise(self, repo: Repository, audit: Audit) -> None:
        write_pack(objects_of(repo), [Packed(b"1"), Packed(b"2")])
        repo.git("multi-pack-index", "write")
        path = objects_of(repo) / "pack/multi-pack-index"

        def swap(data: bytearray) -> None:
            """The last two places of the table of offsets, which stands before the checksum."""
            data[-36:-20] = data[-28:-20] + data[-36:-28]

        change(path, swap)
        report = audit("audit", repo.folder)
        assert report["exit_code"] == 3
        assert "multi-pack-index" in skips(report)
