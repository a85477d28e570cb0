"""A repository without hooks, and what may stand in for Python and for one's git settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.auditing import Audit
from tests.keys import Filler
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """A repository without any hook."""
    return Repository(tmp_path / "repo")


@pytest.fixture
def hooks(repo: Repository) -> Path:
    """Where its hooks are by default."""
    return repo.folder / ".git" / "hooks"


@pytest.fixture
def stub(tmp_path: Path) -> str:
    """A stand-in for Python with credguard: notes its arguments and input in $LOG, ends with $OURS."""
    path = tmp_path / "stub python"
    path.write_text(
        '#!/bin/sh\nshift 3\n[ "$1" = hook ] || exit 0\n{ echo "ours $*"; cat; } >>"$LOG"\nexit "${OURS:-0}"\n'
    )
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Global git settings of this test's own. (git would replace /dev/null by a file.)"""
    path = tmp_path / "gitconfig"
    path.touch()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return path


@pytest.fixture
def filler(request: pytest.FixtureRequest) -> Filler:
    """Fills templates with keys of this test."""
    return Filler(request.node.name)


@pytest.fixture
def audit(capfd: pytest.CaptureFixture[str], filler: Filler) -> Audit:
    """Runs credguard and gives its report."""
    return Audit(capfd, filler)
