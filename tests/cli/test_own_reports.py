"""Reports of credguard that lie in a repository: they are no findings, and hide none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.hooking import credguard

if TYPE_CHECKING:
    from pathlib import Path

    from tests.keys import Filler

FORMATS = "json sarif gitlab gitlab-secrets junit html csv markdown text github".split()


@pytest.fixture
def reports(tmp_path: Path, filler: Filler) -> Path:
    """A folder with every report on a pair, a lone ID and temporary credentials."""
    (tmp_path / "code").mkdir()
    (tmp_path / "out" / "deep").mkdir(parents=True)
    pair = "[default]\naws_access_key_id = {{AKID}}\naws_secret_access_key = {{SECRET}}\n"
    (tmp_path / "code" / "c.ini").write_text(filler.fill(pair))
    (tmp_path / "code" / "d.txt").write_text(filler.fill("key {{AKID.2}} here\n"))
    (tmp_path / "code" / "e.txt").write_text(filler.fill("key {{ASIA}} here\n"))
    wanted = [word for name in FORMATS for word in ("--report", f"{name}={tmp_path}/out/deep/report.{name}")]
    done = credguard("scan", *wanted, ".", cwd=tmp_path / "code")
    assert done.returncode == 1, done.stderr
    return tmp_path / "out"


def scan(folder: Path) -> list[tuple[str, str]]:
    report = json.loads(credguard("scan", "--format", "json", ".", cwd=folder).stdout)
    return [(one["rule_id"], one["locations"][0]["path"]) for one in report["findings"]]


def test_none_is_a_finding(reports: Path) -> None:
    assert sorted(path.name for path in (reports / "deep").iterdir()) == sorted(f"report.{one}" for one in FORMATS)
    assert scan(reports) == []


def test_a_report_hides_no_other_key(reports: Path, filler: Filler) -> None:
    for path in (reports / "deep").iterdir():
        path.write_text(path.read_text() + filler.fill("\n{{AKID.9}} aws_secret_access_key={{SECRET.8}}\n"))
    assert {path for rule, path in scan(reports) if rule in ("CG102", "CG103")} == {
        f"deep/report.{name}" for name in FORMATS
    }


def test_a_secret_beside_an_id_that_the_report_names(reports: Path, filler: Filler) -> None:
    path = reports / "deep" / "report.json"
    path.write_text(path.read_text().replace("secret access key " + filler.fill("{{SECRET}}")[:4] + "****", "x"))
    path.write_text(path.read_text() + filler.fill("\naws_access_key_id={{AKID}}\naws_secret_access_key={{SECRET}}\n"))
    assert ("CG103", "deep/report.json") in scan(reports)


def test_a_mark_alone_hides_nothing(tmp_path: Path, filler: Filler) -> None:
    (tmp_path / "a.json").write_text(filler.fill('{"tool": {"name": "credguard"}, "key": "{{AKID}}"}\n'))
    assert scan(tmp_path) == [("CG101", "a.json")]
