"""Audits of real repositories in tests: run one, find its finding, and hold every secret against the output."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from credguard.cli import main
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.keys import Filler

PAIR = "aws_access_key_id = {{AKID}}\naws_secret_access_key = {{SECRET}}\n"
Report = dict[str, Any]


def begun(folder: Path) -> Repository:
    """A repository with one innocent commit, so that a planted one is not the first."""
    repository = Repository(folder)
    repository.commit("begin", {"README.md": "hello\n"})
    return repository


class Audit:
    """Runs credguard and gives its report; no output may hold a secret of `filler`."""

    def __init__(self, capfd: pytest.CaptureFixture[str], filler: Filler) -> None:
        self._capfd, self._filler = capfd, filler

    def __call__(self, *words: object) -> Report:
        """The report of a command line."""
        code = main([*map(str, words), "--format", "json", "--no-progress"])
        out, err = self._capfd.readouterr()
        for secret in self._filler.secrets:
            assert secret not in out
            assert secret not in err
        assert out, err
        report: Report = json.loads(out)
        assert report["exit_code"] == code
        return report

    def discard(self) -> None:
        """Drops what commands before have printed."""
        self._capfd.readouterr()


def found(report: Report, rule: str = "CG103") -> Report:
    """The one finding of the rule."""
    findings = [finding for finding in report["findings"] if finding["rule_id"] == rule]
    assert len(findings) == 1, report["findings"]
    return findings[0]  # type: ignore[no-any-return]


def removed(repo: Repository, path: str) -> str:
    """Deletes a file and commits that."""
    repo.git("rm", "-q", path)
    return repo.commit("remove")
