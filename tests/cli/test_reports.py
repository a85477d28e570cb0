"""Every report format: what its readers require, hostile names made inert, and no secret anywhere."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from credguard.report import FORMATS
from tests import processes
from tests.keys import Filler
from tests.repos import Repository

if TYPE_CHECKING:
    import subprocess

SCHEMAS = Path(__file__).parent.parent / "schemas"
HOSTILE = (
    "a,b::error::x.txt", "::set-output name=x::y.txt", "%0A::error::x.txt", "a\nb.txt", "a\rb.txt", "a\tb.txt",
    "=cmd|' -C calc'!A0.txt", "+1.txt", "-1.txt", "@SUM(1).txt", " =1+1.txt", "<script>alert(1)<script>.txt",
    "<img src=x onerror=alert(1)>.txt", "a&b.txt", "a\"b'.txt", "]]>.txt", "|pipe|.txt", "`code`.txt", "**bold**.txt",
    "[x](http:evil).txt", "![x](y).txt", "~~x~~.txt", "$x$.txt", "@everyone.txt", "#1.txt", "{{7*7}}.txt",
    "{% raw %}.txt", "${x}.txt", "$(id).txt", ";id.txt", "\x1b[31mred.txt", "\x1b]0;title\x07.txt", "\x07bell.txt",
    "\x7f.txt", "\u202etxt.exe", "\u200bzero.txt", "\ufeffbom.txt", "é.txt", "日本.txt", "😀.txt", "a b.txt",
    "a%20b.txt", "a#b.txt", "a?b.txt", "a:b.txt", "c\\d.txt", "--output=x.txt", "~.txt", "*.txt", "[a-z].txt",
    "!x.txt", ":(glob)x.txt", "x.txt ", ".txt.", "con.txt", "\ufffe.txt", "\x85.txt", "\u2028.txt", "a\x0bb.txt",
    "w" * 200 + ".txt",
)  # fmt: skip


def credguard(*args: str, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    return processes.run(args, cwd=cwd)


@pytest.fixture(scope="module")
def filler() -> Filler:
    return Filler("reports")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, filler: Filler) -> Path:
    """A repository in which every hostile name holds a key pair, one file a mere example of wide characters."""
    repo = Repository(tmp_path_factory.mktemp("reports") / "repo")
    files: dict[str, str | bytes] = {
        name: filler.fill(f"aws_access_key_id={{{{AKID.{n}}}}}\naws_secret_access_key={{{{SECRET.{n}}}}}\n")
        for n, name in enumerate(HOSTILE)
    }
    files["dir/wide.ini"] = filler.fill(
        "x='😀😀' aws_access_key_id={{AKID.901}}\ny='é' aws_secret_access_key={{SECRET.901}}\n"
    )
    repo.write(files | {".gitignore": ".env\n"})
    repo.add()
    return repo.folder


@pytest.fixture(scope="module")
def reports(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """One run that writes every format."""
    out = tmp_path_factory.mktemp("out")
    wanted = [f"--report={name}={out / name}" for name in FORMATS]
    done = credguard("scan", *wanted, cwd=folder)
    assert done.returncode == 1, done.stderr
    return {name: (out / name).read_bytes() for name in FORMATS}


def test_no_format_shows_a_secret(reports: dict[str, bytes], filler: Filler) -> None:
    assert len(filler.secrets) > 60
    for name, report in reports.items():
        text = report.decode()
        assert not [s for s in filler.secrets if s[5:] in text], f"{name} shows a secret"


def test_no_format_drives_a_terminal(reports: dict[str, bytes]) -> None:
    for name, report in reports.items():
        assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", report), name
        assert not re.search("[\u202e\u200b\u2028\x85\x9b]", report.decode()), name


@pytest.mark.parametrize("name", ["json", "sarif", "text"])
def test_a_report_does_not_depend_on_how_python_orders_sets(folder: Path, name: str) -> None:
    told = []
    for seed in ("1", "2", "3"):
        env = os.environ | {"PYTHONHASHSEED": seed}
        told.append(processes.run(["audit", "--no-progress", "--format", name], cwd=folder, env=env).stdout)
    assert told[0] and told[0] == told[1] == told[2]


def sarif(reports: dict[str, bytes]) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(reports["sarif"])
    return log


def test_sarif_is_valid(reports: dict[str, bytes]) -> None:
    schema = json.loads((SCHEMAS / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)
    validator(schema, format_checker=validator.FORMAT_CHECKER).validate(sarif(reports))


def test_sarif_names_files_as_encoded_relative_references(reports: dict[str, bytes]) -> None:
    results = sarif(reports)["runs"][0]["results"]
    uris = [r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for r in results]
    assert {unquote(uri) for uri in uris} >= set(HOSTILE)
    for uri in uris:
        assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri) and not uri.startswith("/")


def test_sarif_counts_columns_in_utf16_units(reports: dict[str, bytes]) -> None:
    run = sarif(reports)["runs"][0]
    assert run["columnKind"] == "utf16CodeUnits"
    (wide,) = [r for r in run["results"] if "wide.ini" in json.dumps(r["locations"])]
    region = wide["locations"][0]["physicalLocation"]["region"]
    # x=' is 3 units, each emoji 2, '␠aws_access_key_id= 20 more
    assert (region["startColumn"], region["endColumn"]) == (28, 48)
    assert wide["relatedLocations"][0]["physicalLocation"]["region"]["startLine"] == 2


def test_sarif_results_have_what_viewers_need(reports: dict[str, bytes]) -> None:
    run = sarif(reports)["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        rule = rules[result["ruleIndex"]]
        assert rule["id"] == result["ruleId"] and rule["help"]["markdown"] and rule["properties"]["security-severity"]
        assert re.fullmatch("[0-9a-f]{32}", result["partialFingerprints"]["credguard/v1"])
    assert run["invocations"][0]["executionSuccessful"] is True


def test_sarif_says_when_a_run_was_incomplete(tmp_path: Path) -> None:
    done = credguard("scan", "nowhere", "--format", "sarif", cwd=tmp_path)
    invocation = json.loads(done.stdout)["runs"][0]["invocations"][0]
    assert done.returncode == invocation["exitCode"] == 3
    assert invocation["executionSuccessful"] is False
    assert "does not exist" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def test_github_annotations_are_one_command_a_line(reports: dict[str, bytes]) -> None:
    lines = reports["github"].decode().split("\n")[:-1]
    assert len(lines) > len(HOSTILE)
    for line in lines:
        command = re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", line)
        assert command, line
        names = [part.partition("=")[0] for part in command[2].split(",")]
        assert names == ["file", "line", "endLine", "col", "endColumn", "title"]


def test_csv_holds_no_formula(reports: dict[str, bytes]) -> None:
    rows = list(csv.reader(io.StringIO(reports["csv"].decode(), newline="")))
    assert len({len(row) for row in rows}) == 1
    assert not [cell for row in rows for cell in row if cell.lstrip()[:1] in tuple("=+-@\t\r") and cell.strip()]


def test_junit_counts_what_it_lists(reports: dict[str, bytes]) -> None:
    suite = ET.fromstring(reports["junit"]).find("testsuite")  # noqa: S314 - our own output
    assert suite is not None
    assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure")) > len(HOSTILE)
    assert int(suite.attrib["tests"]) == len(suite.findall("testcase"))


def test_gitlab_code_quality_has_what_gitlab_requires(reports: dict[str, bytes]) -> None:
    issues = json.loads(reports["gitlab"])
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    for issue in issues:
        assert {"description", "check_name", "fingerprint", "severity", "location"} <= set(issue)
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert issue["location"]["lines"]["begin"] >= 1


def test_gitlab_secret_detection_has_what_gitlab_requires(reports: dict[str, bytes]) -> None:
    report = json.loads(reports["gitlab-secrets"])
    assert report["scan"]["type"] == "secret_detection" and report["scan"]["status"] == "success"
    for name in ("analyzer", "scanner"):
        assert {"id", "name", "version", "vendor"} <= set(report["scan"][name])
    ids = [vulnerability["id"] for vulnerability in report["vulnerabilities"]]
    assert len(ids) > len(HOSTILE)
    for vulnerability in report["vulnerabilities"]:
        assert vulnerability["identifiers"] and vulnerability["location"]["commit"]["sha"]


def test_markdown_begins_with_the_findings_and_takes_no_markup_from_names(reports: dict[str, bytes]) -> None:
    text = reports["markdown"].decode()
    assert text.index("## credguard: ") < text.index("### Findings") < text.index("### What to do")
    assert "### Practices" not in text, "they belong to an audit"
    table = text[text.index("### Findings") : text.index("### What to do")]
    for line in table.splitlines()[4:]:
        if line.startswith("| "):
            assert line.count("|") == 5, line
    for markup in ("<script", "<img", "](", "**bold", "`code", "~~x"):
        assert markup not in table


def without_times(report: bytes) -> bytes:
    """A report without the hours at which it was made, and without source lines, which no saved report has."""
    return re.sub(rb"(?m)^ +\d* \|.*\n|\d\d:\d\d(?::\d\d)?", b"", report)


def test_a_saved_report_converts_to_every_format_alike(reports: dict[str, bytes], tmp_path: Path) -> None:
    saved = tmp_path / "saved.json"
    saved.write_bytes(reports["json"])
    for name, wanted in {**reports, "": reports["text"]}.items():  # as text where no format is named
        done = credguard("report", "convert", str(saved), *(["--format", name] if name else []), cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        if name != "sarif":  # which says columns in UTF-16, that a report in JSON does not have
            assert without_times(done.stdout) == without_times(wanted), name


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "nul", '{"schema_version": 2}', "[" * 100_000, '{"schema_version": 1, "tool": 5}']
)
def test_what_is_no_report_is_refused_in_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)
    done = credguard("report", "convert", "x.json", "--format", "sarif", cwd=tmp_path)
    assert done.returncode == 2 and not done.stdout
    assert re.fullmatch(rb"credguard: x.json is no JSON report of credguard[^\n]*\n", done.stderr)


def test_reports_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    for wrong in ("sarif", "nonsense=x", "csv=", "csv=no/such/folder/x.csv"):
        done = credguard("scan", "--report", wrong, cwd=tmp_path)
        assert done.returncode == 2 and done.stderr.count(b"\n") == 1, (wrong, done.stderr)
    done = credguard("scan", "--report=csv=x", "--report=json=x", cwd=tmp_path)
    assert done.returncode == 2 and not (tmp_path / "x").exists()


def test_diff_tells_new_fixed_and_moved(tmp_path: Path) -> None:
    fill = Filler("diff").fill
    pair = "aws_access_key_id={{{{AKID.{0}}}}}\naws_secret_access_key={{{{SECRET.{0}}}}}\n"
    one, two, three = (fill(pair.format(n)) for n in (1, 2, 3))
    tree = tmp_path / "tree"
    tree.mkdir()

    def saved(name: str, **files: str) -> str:
        for old in tree.iterdir():
            old.unlink()
        for file, text in files.items():
            (tree / file).write_text(text)
        credguard("scan", "tree", "--format", "json", "--output", name, cwd=tmp_path)
        return name

    before = saved("old.json", a=one, b=two, c="\n" + three)
    after = saved("new.json", a=fill(pair.format(4)), moved=two, c="\n\n\n" + three)
    done = credguard("diff", before, after, "--format", "json", cwd=tmp_path)
    assert done.returncode == 1
    told = {kind: [finding["path"] for finding in found] for kind, found in json.loads(done.stdout).items()}
    assert told == {"new": ["a"], "fixed": ["a"], "moved": ["moved"], "unchanged": ["c"]}
    assert credguard("diff", after, after, cwd=tmp_path).returncode == 0
