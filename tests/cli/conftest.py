"""A repository without hooks, and what may stand in for Python and for one's git settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.auditing import Audit
from tests.keys import Filler
from tests.pages import launch_browser, write_audit, write_report
from tests.repos import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser


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


@pytest.fixture(scope="module")  # playwright's loop would be in the way of the tests of the editor's server
def browser() -> Iterator[Browser]:
    """A Chromium; tests that ask for it are skipped where there is none."""
    with launch_browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def report_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a scan of a folder."""
    return write_report(tmp_path_factory.mktemp("html"))


@pytest.fixture(scope="session")
def audit_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of an audit of a repository."""
    return write_audit(tmp_path_factory.mktemp("audit"))
