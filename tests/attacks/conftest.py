"""A blind cache, a repository with a key, and a folder that other users can reach."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.hooking import LEAK, credguard
from tests.repos import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator


from tests.caches import blind


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with all that scan, audit, ci and the hooks keep, each file of it blind."""
    folder = tmp_path_factory.mktemp("planted")
    repo = Repository(folder / "repo")
    repo.commit("begin", {"README.md": "hello\n"})
    repo.commit("more", {"a.py": "x = 1\n"})
    for words in (("scan",), ("audit",), ("ci",), ("hook", "pre-commit")):
        done = credguard(*words, cwd=repo.folder, XDG_CACHE_HOME=str(folder / "cache"))
        assert done.returncode in (0, 3), done.stderr
    for path in (folder / "cache/credguard").iterdir():
        path.write_bytes(blind(path.read_bytes()))
    assert (folder / "cache/credguard/quick.db").exists()
    return folder / "cache/credguard"


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """A repository with a key that is staged, and committed before."""
    repo = Repository(tmp_path / "repo")
    repo.commit("begin", {"README.md": "hello\n"})
    repo.commit("leak", {"c.ini": LEAK})
    repo.write({"d.py": LEAK})
    repo.add()
    return repo


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that other users can reach."""
    folder = Path(tempfile.mkdtemp(prefix="credguard-attack-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
