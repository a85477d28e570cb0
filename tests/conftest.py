"""Keeps this machine out of the tests: its home, AWS files, git settings, pattern cache and ignored signals."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from credguard.ci.systems import VARIABLES
from credguard.system import compat
from tests import databases
from tests.judging import BASE, POLICY
from tests.repos import Repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FOREIGN = ("AWS_", "GIT_", "CREDGUARD_", "BOTO_")
_JOB = ("CI", "PRE_COMMIT", *VARIABLES)
"""A test means the same in a CI job, in a hook, and at a desk."""
_FOLDERS = ("HOME", "USERPROFILE", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
_CACHES = ("LOCALAPPDATA", "XDG_CACHE_HOME")
_SLOW = {
    "account",
    "attacks",
    "cli",
    "servers",
    "fleet",
    "sources",
    "test_benchmarks.py",
    "test_docs.py",
    "test_plumbing.py",
    "test_resume.py",
}
_MEMORY = Path("/dev/shm")  # noqa: S108 - what is made there is made by mkdtemp
"""A file system in memory, on which git takes two thirds of the time."""
_PLACE = "TESTS_PLACE"
"""Names the folder there that this run has made for its files."""
_MUCH = 4 << 30
_STARTUP = Path(__file__).with_name("startup")
_DATABASES = "TESTS_DATABASES"
"""Names the folder of compiled databases that all processes of one run share: to compile one takes two seconds."""


def pytest_configure() -> None:
    """Names the shared cache before any test module is imported; xdist's workers inherit the name."""
    if _DATABASES not in os.environ:
        _place_files()
        os.environ[_DATABASES] = tempfile.mkdtemp(prefix="credguard-tests-")
    for name in _CACHES:
        os.environ[name] = os.environ[_DATABASES]
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # else each of some thousand processes compiles all of credguard
    sys.dont_write_bytecode = False
    _lead_to(str(_STARTUP))
    databases.share(os.environ[_DATABASES])


def _place_files() -> None:
    """Has this run and all that it starts make their files in memory, if there is room and nobody has said where."""
    if "TMPDIR" not in os.environ and _is_fit(_MEMORY):
        tempfile.tempdir = os.environ["TMPDIR"] = os.environ[_PLACE] = tempfile.mkdtemp("", "credguard-tests-", _MEMORY)
        Path(tempfile.tempdir).chmod(0o1777)  # as /tmp


def _is_fit(folder: Path) -> bool:
    """Whether files of tests can be there: programs and devices too, and all of a run, which is half a gigabyte."""
    if sys.platform != "linux" or not hasattr(os, "statvfs") or not os.access(folder, os.W_OK | os.X_OK):
        return False
    system = os.statvfs(folder)
    return system.f_bavail * system.f_frsize > _MUCH and not system.f_flag & (os.ST_NOEXEC | os.ST_NODEV)


def _lead_to(folder: str) -> None:
    """Has each Python that is started from here look there for what to do first."""
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if folder not in known:
        os.environ["PYTHONPATH"] = os.pathsep.join([folder, *filter(None, known)])


def pytest_unconfigure(config: pytest.Config) -> None:
    """Removes the shared cache, and files in memory, when the process that made it ends."""
    if not hasattr(config, "workerinput"):
        for name in (_DATABASES, _PLACE):
            shutil.rmtree(os.environ.pop(name, ""), ignore_errors=True)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """With `-m "not slow"`, what is slow as a whole is not even read."""
    return True if config.option.markexpr == "not slow" and collection_path.name in _SLOW else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what starts processes; `-m "not slow"` leaves the rules and the modules."""
    for item in items:
        if not _SLOW.isdisjoint(item.path.parts):
            item.add_marker("slow")


@pytest.fixture(scope="session", autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(_FOREIGN) or name in _JOB:
                patch.delenv(name)
        for name in _FOLDERS:
            patch.setenv(name, str(home / name.lower()))
            (home / name.lower()).mkdir()
        if compat.get_user_id() is None:  # there, what a run believes is in the user's profile
            for name in ("HOME", "USERPROFILE"):
                patch.setenv(name, os.path.realpath(tempfile.gettempdir()))
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        yield


@pytest.fixture(scope="session", autouse=True)
def _heeded_interrupt() -> None:
    """A shell starts what it runs in the background deaf to Ctrl-C, and all that this starts."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str], Repository]:
    """Makes a repository whose main branch has this policy; work goes on on a branch of its own."""

    def made(policy: str = "", **more: str) -> Repository:
        repo = Repository(tmp_path / "repo")
        repo.commit("begin", {**BASE, **({POLICY: policy} if policy else {}), **more})
        repo.git("switch", "--quiet", "--create", "work")
        return repo

    return made
