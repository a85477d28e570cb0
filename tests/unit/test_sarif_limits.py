"""A SARIF log that GitHub reads, however much was found, and what it says of where that was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from credguard.errors import ExitCode
from credguard.git.checkout import describe_checkout
from credguard.model.findings import Confidence, Coverage, Finding, Location, Outcome, ScanResult, Severity, Verdict
from credguard.report import sarif
from tests.repos import Repository

SCHEMA = Path(__file__).parent.parent / "schemas" / "sarif-2.1.0.json"


def verdict(number: int, severity: Severity, text: str = "x") -> Verdict:
    place = Location(f"{number}.txt", 1, 1, 1, 9, "secret")
    return Verdict(Finding("CG102", "n", severity, Confidence.HIGH, text, f"{number:032x}", (place,)), Outcome.REPORT)


def log(*verdicts: Verdict, **target: object) -> dict[str, Any]:
    report = sarif.render(ScanResult(target, verdicts, Coverage(), ExitCode.FINDINGS, "r", "p"))
    assert len(report) < 10_000_000
    run: dict[str, Any] = json.loads(report)["runs"][0]
    return run


def left_out(run: dict[str, Any]) -> list[str]:
    return [one["message"]["text"] for one in run["invocations"][0]["toolExecutionNotifications"]]


def test_the_most_severe_are_kept_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "_MOST_RESULTS", 3)
    severities = (Severity.LOW, Severity.HIGH, Severity.CRITICAL, Severity.MEDIUM, Severity.HIGH)
    run = log(*(verdict(number, severity) for number, severity in enumerate(severities)))
    assert [int(r["partialFingerprints"]["credguard/v1"], 16) for r in run["results"]] == [1, 2, 4]
    assert left_out(run) == [
        "2 more results are left out, which code scanning would not read: the JSON report has all of them"
    ]


def test_a_log_is_below_ten_megabytes() -> None:
    run = log(*(verdict(number, Severity.HIGH, "x" * 5_000) for number in range(3_000)))
    assert 1_000 < len(run["results"]) < 3_000
    assert left_out(run)[0].startswith(f"{3_000 - len(run['results']):,} more results")


def test_nothing_is_left_out_of_a_usual_one() -> None:
    run = log(verdict(1, Severity.HIGH))
    assert len(run["results"]) == 1 and not left_out(run)
    assert run["tool"]["driver"]["informationUri"].startswith("https://") and "versionControlProvenance" not in run


@pytest.mark.parametrize(
    ("remote", "uri"),
    [
        ("https://ada:pass1word@example.com/a/b.git?x=y", "https://example.com/a/b.git"),
        ("git@example.com:a/b.git", "ssh://example.com/a/b.git"),
        ("ssh://git@example.com:22/a/b.git", "ssh://example.com:22/a/b.git"),
    ],
)
def test_a_checkout_is_named_without_passwords(tmp_path: Path, remote: str, uri: str) -> None:
    repo = Repository(tmp_path)
    commit = repo.commit("begin")
    assert describe_checkout(tmp_path) == {"revisionId": commit, "branch": "main"}
    assert "versionControlProvenance" not in log(checkouts=[describe_checkout(tmp_path)])
    repo.git("config", "remote.origin.url", remote)
    found = describe_checkout(tmp_path)
    assert found == {"repositoryUri": uri, "revisionId": commit, "branch": "main"}
    run = log(verdict(1, Severity.HIGH), checkouts=[found])
    assert run["versionControlProvenance"] == [{**found, "mappedTo": {"uriBaseId": "ROOT"}}]
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    whole = json.loads(sarif.render(ScanResult({"checkouts": [found]}, (), Coverage(), ExitCode.CLEAN, "r", "p")))
    jsonschema.validators.validator_for(schema)(schema).validate(whole)


def test_a_folder_as_remote_is_not_named(tmp_path: Path) -> None:
    repo = Repository(tmp_path)
    repo.git("config", "remote.origin.url", "/srv/a.git")
    assert describe_checkout(tmp_path) == {"branch": "main"}
