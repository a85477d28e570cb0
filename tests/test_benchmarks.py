"""The benchmark scripts run, in small and without other programs, and the page is made from what they leave."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.keys import Filler
from tests.repos import Repository

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.skipif(not hasattr(os, "sysconf"), reason="the benchmarks ask a POSIX system about itself")
SCRIPTS = Path(__file__).parent.parent / "benchmarks"
SECTIONS = {
    "hook": "The pre-commit hook", "tree": "Files", "history": "Histories", "growth": "Growth",
    "fleet": "Fleets", "quality": "Right and wrong",
}  # fmt: skip
# As other programs report the third and the fourth line of the first file of a folder; {path} is that file.
REPORTS = {
    "gitleaks": '[{"File": "{path}", "StartLine": 3, "EndLine": 3, "RuleID": "one"}]',
    "betterleaks": """{"findings": [{"rule_id": "one", "location": {"path": "./{path}", "start_line": 1, "end_line": 1},
        "component_sets": [{"components": [
            {"rule_id": "one", "location": {"path": "./{path}", "start_line": 3, "end_line": 4}}]}]}]}""",
    "kingfisher": '{"findings": [{"rule": {"id": "one"}, "finding": {"path": "./{path}", "line": 3}}]}',
    "trufflehog": """{"level": "info"}
{"SourceMetadata": {"Data": {"Filesystem": {"file": "{path}", "line": 3}}}, "DetectorName": "one"}""",
    "detect-secrets": '{"results": {"{path}": [{"type": "one", "line_number": 3}]}}',
}
FAKE = """#!{python}
import pathlib, sys
report = next((word for word in sys.argv if word.endswith("report.json")), None)
print({text!r}, file=open(report, "w") if report else sys.stdout)
"""


def run(script: str, *words: str | Path, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, SCRIPTS / script, *words], capture_output=True, text=True, encoding="utf-8", check=False,
        env=os.environ | {"BENCH_CACHE": os.environ["XDG_CACHE_HOME"]},
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def labelled(folder: Path) -> Path:
    """A file of two labelled lines: one holds a secret, the other none."""
    rows = [
        {
            "label": "T",
            "before": ["import boto3", ""],
            "text": ['key = "{{AKID}}"', 'aws_secret_access_key = "{{SECRET}}"'],
        },
        {"label": "F", "before": [], "text": ["key = None"]},
    ]
    common = {"file": "src/app.py", "category": ["Key"], "after": ["pass"]}
    path = folder / "lines.jsonl"
    path.write_text(Filler("benchmarks").fill("".join(json.dumps(common | row) + "\n" for row in rows)))
    return path


def program(median: float, *, stopped: bool = False, target: float | None = None) -> dict[str, Any]:
    return {
        "median": median, "fastest": median, "seconds": [median], "processor_seconds": [median],
        "largest_bytes": 20_000_000, "private_bytes": None, "credguard_share": None if stopped else 0.5,
        "default_share": None,
        "target": target, "exit_code": 0, "stopped": stopped,
    }  # fmt: skip


def results(folder: Path) -> Path:
    """A folder with a made-up result of every script."""
    machine = {
        "system": "Linux", "cpu": "some processor", "cores": 2, "memory_gb": None, "python": "3.12.1",
        "versions": {"credguard": "0.1.0"},
    }  # fmt: skip
    timed = {"credguard": program(0.5), "slow one": program(60, stopped=True, target=0.2)}
    score = {"wanted": 4, "right": 3, "wrong": 1, "recall": 0.75, "precision": 0.75, "by_rule": {}}
    rows = [{"size": n, "processor": n + 0.5, "seconds": n + 0.5, "peak_mb": 30, "private_mb": 20} for n in (0, 1, 4)]
    slopes = {"processor": 0.79, "seconds": 0.79, "peak_mb": 0.0, "private_mb": 0.0}
    corpus = {"name": "a/b", "wanted": "12" * 20, "has_it": False, "head": "34" * 20, "commits": 1, "objects": 5000}
    told: dict[str, dict[str, Any]] = {
        "hook": {"results": {"5 files": {name: row | {"stops_a_key": True} for name, row in timed.items()}}},
        "tree": {"results": {"made-up": timed}, "commands": {"credguard": "credguard scan ."}},
        "history": {"results": {"a/b": timed}, "corpora": [corpus]},
        "growth": {"results": {"rules": {"rows": rows, "exponents": slopes}}},
        "fleet": {"results": {"200 repositories, 2 processes": {"CPU s each": 0.1203, "a second": 12.5}}},
        "quality": {"results": {"credguard, all rules": score, "credguard, all rules: held out": score}, "lines": 9},
    }
    folder.mkdir()
    for kind, record in told.items():
        common = {
            "kind": kind,
            "date": "2026-01-02",
            "arguments": ["--rounds", "1"],
            "machine": machine,
            "commands": {},
        }
        (folder / f"{kind}.json").write_text(json.dumps(common | record))
    return folder


def headings(page: str) -> list[str]:
    return re.findall(r"^## (.*)$", page, re.MULTILINE)


@pytest.mark.parametrize("kind", SECTIONS)
def test_each_of_them_in_small(kind: str, tmp_path: Path) -> None:
    black = Repository(tmp_path / "corpora" / "psf" / "black")
    for number in range(3):
        black.commit(files={"a.py": f"value = {number}\n", f"{number}.md": "words\n"})
    places = {"--output": tmp_path / "results", "--docs": tmp_path / "docs", "--corpora": tmp_path / "corpora"}
    options = [word for pair in places.items() for word in pair]
    said = run("all.py", "--small", "--rounds", "1", "--only", kind, "--lines", labelled(tmp_path), *options)
    record = json.loads((tmp_path / "results" / f"{kind}.json").read_text())
    assert record["kind"] == kind
    assert record["date"] and record["machine"]["versions"]["credguard"]
    told = record["results"]
    if kind == "history":
        assert "psf/black: HEAD" in said and "LACKS 8947c48ef207" in said
        assert [one["has_it"] for one in record["corpora"]] == [False]
    elif kind == "hook":
        assert all(row["credguard"]["stops_a_key"] for row in told.values())
    elif kind == "quality":
        assert told["credguard, default rules"]["by_rule"] == {"CG103": {"right": 1, "wrong": 0}}
    page = (tmp_path / "docs" / "benchmarks.md").read_text()
    assert headings(page) == [SECTIONS[kind]]
    assert str(tmp_path) not in page


def test_whole_files_are_scored_by_the_lines_that_are_labelled(tmp_path: Path) -> None:
    """What is found on a line without a label is wrong."""
    files, lines, output = tmp_path / "files", tmp_path / "lines.jsonl", tmp_path / "quality.json"
    texts = ["x = 1", 'db_password = "{{ALNUM:20}}7"', 'old_password = "{{ALNUM:21}}7"', 'key = "{{ALNUM:22}}7"']
    (files / "src").mkdir(parents=True)
    (files / "src" / "app.py").write_text(Filler("files").fill("\n".join(texts)))
    row = {"file": "src/app.py", "line": 2, "label": "T", "text": [texts[1]], "category": ["Password"]}
    lines.write_text(f"{json.dumps(row)}\n{json.dumps(row | {'line': 1, 'label': 'F'})}\n")
    run("bench_quality.py", lines, "--files", files, "--output", output)
    told = json.loads(output.read_text())["results"]
    found = {name: (one["right"], one["wrong"], one["wanted"]) for name, one in told.items()}
    assert found == {"credguard, default rules": (1, 1, 1), "credguard, all rules": (1, 2, 1)}


@pytest.mark.parametrize("name", REPORTS)
def test_another_program_is_judged_by_its_report(name: str, tmp_path: Path) -> None:
    fake(tmp_path / "peers" / "bin" / name, REPORTS[name].replace("{path}", "row0/src/app.py"))
    output = tmp_path / "quality.json"
    run("bench_quality.py", labelled(tmp_path), "--strict", "--peers", tmp_path / "peers", "--output", output)
    record = json.loads(output.read_text())
    told = record["results"][name]
    assert (told["right"], told["wrong"], told["by_rule"]) == (1, 0, {"one": {"right": 1, "wrong": 0}})
    assert record["commands"][name].startswith(f"{name} ")


def fake(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(FAKE.format(python=sys.executable, text=text))
    path.chmod(0o755)


def test_the_page_has_every_result(tmp_path: Path) -> None:
    run("report.py", results(tmp_path / "results"), "--docs", tmp_path)
    page = (tmp_path / "benchmarks.md").read_text()
    assert headings(page) == list(SECTIONS.values())
    for words in (
        "some processor",
        "| slow one | stopped after 60 |",
        "12" * 6 + ": NO",
        "| exponent | 0.79 |",
        "0.7500",
        "| 200 repositories, 2 processes | 0.12 CPU s each, 12.5 a second |",
    ):
        assert words in page


def test_the_plot_is_the_same_each_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra `bench` is not installed")
    made = results(tmp_path / "results")
    plots = []
    for name in ("one", "two"):
        run("report.py", made, "--docs", tmp_path / name)
        assert "](images/benchmarks.svg)" in (tmp_path / name / "benchmarks.md").read_text()
        plots.append((tmp_path / name / "images" / "benchmarks.svg").read_bytes())
    assert plots[0] == plots[1]
    assert b"slow one" in plots[0] and b"<dc:date>" not in plots[0]


def test_no_page_from_no_results(tmp_path: Path) -> None:
    assert "no results" in run("report.py", tmp_path, "--docs", tmp_path, code=2)
    assert not (tmp_path / "benchmarks.md").exists()
    first = results(tmp_path / "results")
    shutil.copy(first / "hook.json", first / "other.json")
    assert "another result of hook" in run("report.py", first, "--docs", tmp_path, code=2)


def test_ours_is_not_timed_when_it_fails(tmp_path: Path) -> None:
    no_repository: Mapping[str, Path] = {"--output": tmp_path / "history.json"}
    broken = Repository(tmp_path / "repo")
    broken.commit()
    (broken.folder / ".credguard.yaml").write_text("version: 99\n")
    words = [word for pair in no_repository.items() for word in pair]
    assert "RuntimeError" in run("bench_history.py", broken.folder, "--rounds", "1", *words, code=1)
    assert not (tmp_path / "history.json").exists()


@pytest.mark.skipif(os.name != "posix", reason="hooks and processor times")
def test_pushes_with_and_without_the_hook() -> None:
    told = run("bench_push.py", "--rounds", "1", "--commits", "5")
    assert [line.split(" | ")[0] for line in told.splitlines()[2:]] == ["| one commit", "| nothing new", "| 5 commits"]
