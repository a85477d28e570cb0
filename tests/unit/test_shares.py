"""A large folder is scanned by several processes, and nobody can tell that from the result."""

from __future__ import annotations

import os
import signal
import time
import zipfile
from typing import TYPE_CHECKING

import pytest

from credguard.engine.session import Session
from credguard.model.findings import Coverage
from credguard.model.result import Result
from credguard.scanning.scanner import Scanner
from credguard.scanning.shares import SHARE, count_processes, scan_shares
from credguard.system.compat import can_fork
from tests.keys import Filler
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path

    from credguard.engine.run import Run

pytestmark = pytest.mark.skipif(not can_fork, reason="needs fork")
FILES = 17 * SHARE


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of many small files with keys here and there, archives, one of them cut off, a pipe, and files
    that only git has."""
    tmp_path = tmp_path_factory.mktemp("shares")
    repository = Repository(tmp_path)
    files = {f"d1/f{number:04}.py": f"x = {number}\n" for number in range(FILES)}
    for number in range(0, FILES, 97):
        files[f"d1/f{number:04}.py"] = _fill_pair(number)
    repository.commit("begin", files)
    for number in (5, 97, FILES - 1):
        os.unlink(tmp_path / f"d1/f{number:04}.py")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in.ini", _fill_pair(-1))
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "broken.zip").write_bytes((tmp_path / "a.zip").read_bytes()[:60])
    return tmp_path


def _fill_pair(number: int) -> str:
    filler = Filler(case=str(number), secrets=set())
    return filler.fill("aws_access_key_id = {{AKID}}\naws_secret_access_key = {{SECRET}}\n")


def _list_parts(run: Run) -> tuple[object, ...]:
    result = run.result
    problems = result.problems
    of_run = result.coverage
    coverage = (of_run.files, of_run.bytes, sorted(of_run.notes), of_run.skipped)
    findings = sorted(result.findings, key=lambda one: (one.locations[0].path, one.rule_id))
    return findings, coverage, dict(problems.unread), problems.failures, result.material


@pytest.mark.parametrize("inner", ["", "d1"])
def test_same_result(tree: Path, inner: str) -> None:
    """Findings, counts, what was not read, and the values that no path may show."""
    sessions = [Session(jobs=jobs) for jobs in (1, 3)]
    alone, several = (session.scan_folder(tree / inner) for session in sessions)
    assert len(alone.result.findings) > 3
    assert _list_parts(alone) == _list_parts(several)
    assert sessions[0].scanner.secrets == sessions[1].scanner.secrets


def test_count_of_processes() -> None:
    """A small folder is not worth another process."""
    assert [count_processes(shares, 3) for shares in (0, 1, 15, 16, 400)] == [1, 1, 1, 2, 3]
    assert count_processes(400, 1) == 1


@pytest.mark.parametrize("end", ["killed", "raises"])
def test_process_that_ends(end: str) -> None:
    """The result of the others alone is none: who asked scans again, and alone."""
    here, scanner = os.getpid(), Scanner([])

    def scan(number: int) -> Result:
        if os.getpid() == here:
            time.sleep(0.002)
            return Result(coverage=Coverage(files=1))
        if end == "raises":
            raise ValueError(number)
        os.kill(os.getpid(), signal.SIGKILL)
        return Result()

    assert scan_shares(scan, 400, 2, scanner, None) is None


def test_budget_is_of_the_run() -> None:
    """Processes together unpack no more than one may."""
    scanner = Scanner([])
    scanner.budget.left = 100

    def scan(_number: int) -> Result:
        scanner.budget.left -= 1
        return Result()

    assert scan_shares(scan, 120, 2, scanner, None) is None
    assert scanner.budget.left == 100
    assert scan_shares(scan, 80, 2, scanner, None) is not None
    assert scanner.budget.left == 20
