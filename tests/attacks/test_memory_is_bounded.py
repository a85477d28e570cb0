"""A flood of findings fills neither the memory nor the disk, and hides nothing: what is over the bound is said and is
never a clean run.

The bounds are 2,000 findings of a file and 5,000 of a run, far more than anybody reads.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from credguard.errors import ExitCode
from credguard.scanning import limits
from tests.repos import Repository, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = ("text", "json", "sarif", "html", "junit", "csv", "markdown", "gitlab", "github")
MEMORY, REPORT = 250 << 20, 25 << 20
_IDS, _SECRETS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
CHILD = """
import re, sys
from credguard.cli import main
code = main(sys.argv[1:])
if sys.platform == "linux":  # where ru_maxrss is also that of the process which started this one
    most = int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1]) * 1024
elif sys.platform == "win32":  # which has no way to ask in Python
    most = 0
else:
    import resource
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(most, file=sys.stderr)
sys.exit(code)
"""


class Maker:
    """Makes values that were never anybody's, the same ones each time."""

    def __init__(self) -> None:
        self._random = random.Random(13)

    def key_id(self) -> str:
        """An access key ID of the new format."""
        return "AK" + "IA" + self._random.choice("QRSTUVWXYZ") + "".join(self._random.choices(_IDS, k=15))

    def secret(self) -> str:
        """A secret access key."""
        return "".join(self._random.choices(_SECRETS, k=40))


def run(folder: Path, *arguments: str) -> tuple[int, bytes, int]:
    """Exit code, standard output, and the most memory that the process had."""
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *arguments], cwd=folder, env=clean_environment(), capture_output=True,
        check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode in tuple(ExitCode), done.stderr.decode()
    return done.returncode, done.stdout, int(done.stderr.split()[-1])


def report(folder: Path, *arguments: str) -> dict[str, object]:
    _, output, _ = run(folder, *arguments, "--format", "json")
    found: dict[str, object] = json.loads(output)
    return found


def skipped(found: dict[str, object]) -> list[tuple[str, str]]:
    coverage = found["coverage"]
    assert isinstance(coverage, dict) and coverage["complete"] is False
    return [(one["path"], one["reason"]) for one in coverage["skipped"]]


@pytest.fixture(scope="module")
def flood(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More key IDs than a file may have findings, each on a line of its own, and on one line."""
    folder, make = tmp_path_factory.mktemp("flood"), Maker()
    ids = [make.key_id() for _ in range(5_000)]
    (folder / "ids.txt").write_text("\n".join(ids))
    (folder / "line.txt").write_text(" ".join(ids[:2_500]))
    return folder


def test_a_flood_of_key_ids(flood: Path, tmp_path: Path) -> None:
    """In every format, and all of them take no more memory together."""
    reports = {kind: tmp_path / kind for kind in FORMATS}
    wanted = [f"--report={kind}={path}" for kind, path in reports.items()]
    code, output, memory = run(flood, "scan", "ids.txt", *wanted)
    assert code == ExitCode.FINDINGS and memory < MEMORY and len(output) < REPORT
    assert not [kind for kind, path in reports.items() if not 0 < path.stat().st_size < REPORT]


def test_what_is_over_the_bound_is_counted(flood: Path) -> None:
    for name, least in (("ids.txt", 4_950), ("line.txt", 2_450)):  # a few of them say that they are examples
        ((path, reason),) = skipped(report(flood, "scan", name))
        total = int(reason.split()[1].replace(",", ""))
        assert path == name and reason == limits.explain_file_overflow(limits.OF_FILE, total) and total >= least


def test_the_most_severe_are_kept(tmp_path: Path) -> None:
    make = Maker()
    pair = f"[last]\naws_access_key_id = {make.key_id()}\naws_secret_access_key = {make.secret()}\n"
    (tmp_path / "a.ini").write_text(
        "".join(f"{make.key_id()}\n\n" for _ in range(limits.OF_FILE + 50)) + "\n" * 99 + pair
    )
    found = report(tmp_path, "scan", "a.ini")
    findings = found["findings"]
    assert isinstance(findings, list) and "CG103" in {one["rule_id"] for one in findings}


def test_findings_that_do_not_block_leave_the_run_incomplete(flood: Path) -> None:
    (flood / ".credguard.yaml").write_text("rules: {CG101: low}\n")
    try:
        code, output, _ = run(flood, "scan", ".", "--format", "json")
    finally:
        (flood / ".credguard.yaml").unlink()
    assert code == ExitCode.INCOMPLETE and skipped(json.loads(output))


def test_a_baseline_of_a_flood_is_not_whole(tmp_path: Path, flood: Path) -> None:
    repo = Repository(tmp_path / "repo")
    repo.commit("flood", {"ids.txt": (flood / "line.txt").read_text()})
    assert run(repo.folder, "baseline", "create", "--reason", "a flood")[0] != ExitCode.CLEAN
    assert run(repo.folder, "scan", ".")[0] != ExitCode.CLEAN


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A repository with more findings than a run may have, in its tree, its history and its names."""
    repo, make = Repository(tmp_path_factory.mktemp("history")), Maker()
    for commit in range(2):
        repo.commit("more", {f"{commit}-{n}.txt": "\n".join(make.key_id() for _ in range(900)) for n in range(3)})
    repo.git("rm", "--quiet", *(f"0-{n}.txt" for n in range(3)))
    repo.commit("gone")
    return repo


def test_many_files_and_versions(repo: Repository) -> None:
    answers = set()
    for jobs in ("1", "2"):
        code, output, memory = run(repo.folder, "audit", "--no-progress", "--jobs", jobs, "--format", "json")
        assert code == ExitCode.FINDINGS and memory < MEMORY and len(output) < REPORT
        found = json.loads(output)
        assert (".", f"there are {limits.explain_overflow(limits.OF_RUN)}") in skipped(found)
        answers.add(json.dumps([one["fingerprint"] for one in found["findings"]]))
    assert len(answers) == 1, "the same is kept, however many processes look"


def test_what_was_not_looked_at_is_counted_as_well(tmp_path: Path) -> None:
    for number in range(limits.SKIPS + 100):
        (tmp_path / f"{number}.gz").write_bytes(b"\x1f\x8b\x08\x00broken")
    found = report(tmp_path, "scan", ".")
    named = skipped(found)
    assert len(named) == limits.SKIPS + 1 and named[-1][1].startswith("100 more inputs were not scanned")
