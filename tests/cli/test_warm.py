"""`credguard warm`: no run after it compiles anything, whoever runs it."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from tests.caches import owners
from tests.hooking import LEAK, credguard
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path

STRICT = "version: 1\nextends: strict\n"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("warm") / "cache"
    done = credguard("warm", "--to", str(folder), cwd=folder.parent)
    assert done.returncode == 0 and f"CREDGUARD_CACHE_DIR={folder}" in done.stdout, done.stderr
    return folder


@pytest.mark.parametrize("policy", ["", STRICT, "version: 1\nextends: recommended\n"])
@pytest.mark.parametrize("words", [("scan",), ("audit",), ("ci", "--mode", "history"), ("hook", "pre-commit")])
def test_nothing_is_compiled_after_it(cache: Path, tmp_path: Path, words: tuple[str, ...], policy: str) -> None:
    repo = Repository(tmp_path / "repo")
    repo.commit("begin", {"a.py": "x = 1\n", ".gitignore": ".env\n", **({".credguard.yaml": policy} if policy else {})})
    repo.write({"c.ini": LEAK})
    repo.add()
    before = {path.name for path in cache.iterdir() if path.suffix == ".db"}
    done = credguard(*words, cwd=repo.folder, CREDGUARD_CACHE_DIR=str(cache))
    assert done.returncode == 1, done.stderr
    assert {path.name for path in cache.iterdir() if path.suffix == ".db"} == before


def test_other_users_may_read_it(cache: Path) -> None:
    assert stat.S_IMODE(cache.stat().st_mode) == 0o755
    assert {stat.S_IMODE(path.stat().st_mode) for path in cache.iterdir() if path.suffix == ".db"} == {0o644}


@owners
def test_a_folder_that_no_run_would_believe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    done = credguard("warm", "--to", str(tmp_path / "open"), cwd=tmp_path)
    assert done.returncode == 2 and "no cache can be stored" in done.stderr
    assert not list((tmp_path / "open").iterdir())


def test_doctor_says_that_a_hook_starts_cold(cache: Path, tmp_path: Path) -> None:
    repo = Repository(tmp_path / "repo")
    assert credguard("install", cwd=repo.folder).returncode == 0
    cold = credguard("hook", "doctor", cwd=repo.folder, CREDGUARD_CACHE_DIR=str(tmp_path / "none"))
    assert cold.returncode == 0 and "run `credguard warm`" in cold.stdout
    warm = credguard("hook", "doctor", cwd=repo.folder, CREDGUARD_CACHE_DIR=str(cache))
    assert warm.returncode == 0 and "credguard warm" not in warm.stdout
