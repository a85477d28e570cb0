"""Where files have no owners (Windows), a cache is believed in the user's profile alone, out of which the system keeps
other users, and never in a repository. It may cost time, never an answer."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.caches import blind, plant
from tests.hooking import LEAK
from tests.other_systems import without
from tests.repos import Repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def finds(repo: Repository, profile: Path, cache: Path) -> bool:
    """Whether a scan finds the key that the repository has, with this profile and this cache."""
    done = without(
        repo.folder, "scan", HOME=str(profile), USERPROFILE=str(profile), XDG_CACHE_HOME=str(cache),
        LOCALAPPDATA=str(cache),
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    return done.returncode == 1


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that such a system keeps in the profile, each file of it blind."""
    folder = tmp_path_factory.mktemp("planted")
    repo = Repository(folder / "repo")
    repo.commit("leak", {"c.ini": LEAK})
    assert finds(repo, folder, folder / "cache")
    for path in (folder / "cache/credguard").iterdir():
        path.write_bytes(blind(path.read_bytes()))
    return folder / "cache/credguard"


def list_content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_cache_in_the_profile_is_believed(planted: Path, repo: Repository, tmp_path: Path) -> None:
    """Shown by a blind one: the answer is the cache's."""
    (tmp_path / "profile").mkdir()
    folder = plant(planted, tmp_path / "profile" / "local")
    assert not finds(repo, tmp_path / "profile", folder.parent)
    (stored,) = folder.iterdir()
    stored.write_bytes(stored.read_bytes()[:-1])
    assert finds(repo, tmp_path / "profile", folder.parent)
    assert finds(repo, tmp_path / "nowhere", plant(planted, tmp_path / "other").parent)


def beside_the_profile(planted: Path, profile: Path, _repo: Repository) -> Path:
    return plant(planted, profile.parent / "cache").parent


def of_a_longer_name(planted: Path, profile: Path, _repo: Repository) -> Path:
    return plant(planted, profile.with_name(f"{profile.name}2") / "cache").parent


def by_dots(planted: Path, profile: Path, _repo: Repository) -> Path:
    return profile / ".." / plant(planted, profile.parent / "cache").parent.name


def by_a_link_out(planted: Path, profile: Path, _repo: Repository) -> Path:
    (profile / "link").symlink_to(plant(planted, profile.parent / "cache").parent)
    return profile / "link"


def in_the_checkout(planted: Path, _profile: Path, repo: Repository) -> Path:
    return plant(planted, repo.folder / ".cache").parent


def in_another_repository(planted: Path, profile: Path, _repo: Repository) -> Path:
    return plant(planted, Repository(profile / "other").folder / ".cache").parent


def as_links(planted: Path, profile: Path, _repo: Repository) -> Path:
    folder = plant(planted, profile / "cache")
    for path in [*folder.iterdir()]:
        away = profile.parent / path.name
        path.rename(away)
        path.symlink_to(away)
    return folder.parent


WAYS = (
    beside_the_profile, of_a_longer_name, by_dots, by_a_link_out, in_the_checkout, in_another_repository, as_links,
)  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_any_other_is_neither_read_nor_written(
    planted: Path, tmp_path: Path, repo: Repository, way: Callable[[Path, Path, Repository], Path]
) -> None:
    """The repository is in the profile too, as it is on most machines."""
    profile = tmp_path / "profile"
    profile.mkdir()
    shutil.copytree(repo.folder, profile / "work")
    moved = Repository(profile / "work", exists=True)
    cache = way(planted, profile, moved)
    before = list_content(cache / "credguard")
    assert finds(moved, profile, cache)
    assert list_content(cache / "credguard") == before


@pytest.mark.usefixtures("repo")
def test_a_state_outside_of_the_profile_is_refused(tmp_path: Path) -> None:
    (tmp_path / "profile").mkdir()
    for folder, code in ((tmp_path / "profile", 1), (tmp_path, 2)):
        done = without(
            tmp_path, "audit", "repo", "--resume", str(folder / "state.db"), HOME=str(tmp_path / "profile"),
            USERPROFILE=str(tmp_path / "profile"),
        )  # fmt: skip
        assert done.returncode == code, done.stderr
    assert b"outside of the user's profile" in done.stderr and not (tmp_path / "state.db").exists()
