"""A document that credguard reads for somebody (another scanner's rules or findings, a policy, a saved report, hook
settings, a credential report) may be broken in any way: the run ends with one line and exit code 2, never with a crash.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.hooking import credguard
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path

DEEP = 100_000
TOML = {
    "arrays": "x = " + "[" * DEEP + "]" * DEEP,
    "arrays, not closed": "x = " + "[" * DEEP,
    "tables": "x = " + "{a = " * 5000 + "1" + "}" * 5000,
    "dotted": "a." * 5000 + "a = 1",
    "headers": "[" + "a." * 5000 + "a]",
    "a long number": "x = " + "9" * 100_000,
    "a long number in hex": "[[rules]]\nid = 0x" + "f" * 100_000,
    "a day that is none": "x = 2026-02-30",
    "a year that is none": "x = 0000-01-01T00:00:00Z",
    "twice": "x = 1\nx = 2",
    "NUL": "x = '\0'",
    "no rules": "x = 1",
    "rules are text": 'rules = "all"',
    "rules are numbers": "rules = [1, 2]",
    "keywords are a number": '[[rules]]\nid = "a"\nregex = "abcdef"\nkeywords = 5',
    "keywords are numbers": '[[rules]]\nid = "a"\nregex = "abcdef"\nkeywords = 5.5',
    "entropy is text": '[[rules]]\nid = "a"\nregex = "abcdef"\nentropy = "much"',
    "entropy is a table": '[[rules]]\nid = "a"\nregex = "abcdef"\nentropy = {a = 1}',
    "allowlists are text": '[[rules]]\nid = "a"\nregex = "abcdef"\nallowlists = "x"',
    "an allowlist is a list": '[[rules]]\nid = "a"\nregex = "abcdef"\nallowlist = [1]',
    "a condition is a number": '[[rules]]\nid = "a"\nregex = "abcdef"\nallowlist = {condition = 1}',
    "a global allowlist is a number": 'allowlist = 1\n[[rules]]\nid = "a"\nregex = "abcdef"',
}
BYTES = {"UTF-16": "x = 1".encode("utf-16"), "no text": b"\xff\xfe\xfd", "empty": b"", "NULs": bytes(100)}


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repo")
    made.commit("begin", {"README.md": "hello\n", ".gitignore": ".env\n"})
    return made


def refused(folder: Path, *args: str, code: int = 2) -> str:
    """What a run says in the one line with which it ends."""
    done = credguard(*args, cwd=folder, CI="", GITHUB_ACTIONS="")
    assert done.returncode == code, (done.stdout[-500:], done.stderr[-500:])
    assert done.stderr.count("\n") == 1 and len(done.stderr) < 1000, done.stderr[:2000]
    return done.stderr


@pytest.mark.parametrize("text", TOML.values(), ids=TOML)
def test_rules_of_gitleaks(tmp_path: Path, text: str) -> None:
    (tmp_path / "rules.toml").write_text(text)
    assert "rules.toml" in refused(tmp_path, "init", "--import-gitleaks", "rules.toml")


@pytest.mark.parametrize("data", BYTES.values(), ids=BYTES)
def test_rules_of_gitleaks_that_are_no_text(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "rules.toml").write_bytes(data)
    assert "rules.toml" in refused(tmp_path, "init", "--import-gitleaks", "rules.toml")


def test_rules_of_gitleaks_that_are_too_large(tmp_path: Path) -> None:
    """They are not cut, and the rest forgotten."""
    (tmp_path / "rules.toml").write_text('[[rules]]\nid = "a"\nregex = "abcdef"\n' + "#" * (8 << 20))
    assert "larger" in refused(tmp_path, "init", "--import-gitleaks", "rules.toml")


def test_numbers_without_an_end_are_limited(tmp_path: Path) -> None:
    for number in ("inf", "nan", "1e400", "-1"):
        (tmp_path / "rules.toml").write_text(f'[[rules]]\nid = "a"\nregex = "abcdef"\nentropy = {number}\n')
        done = credguard("init", "--import-gitleaks", "rules.toml", cwd=tmp_path)
        assert done.returncode in (0, 2), done.stderr


FINDINGS = {
    "deep": "[" * DEEP,
    "deep objects": '{"a":' * DEEP,
    "deep inside": '[{"File": "a", "StartLine": 1, "RuleID": ' + "[" * 900 + "]" * 900 + "}]",
    "a long number": '[{"File": "a", "StartLine": ' + "9" * 100_000 + "}]",
    "lines": '{"a": 1}\n{',
    "NaN": '[{"File": "a", "StartLine": NaN}]',
    "Infinity": '[{"File": "a", "StartLine": Infinity}]',
    "no findings": '[1, "x", null]',
    "hashes": '{"results": {"a": [{"hashed_secret": 5}]}}',
    "hashes of nothing": '{"results": {"a": [null]}}',
    "a path that is a list": '[{"File": ["a"], "StartLine": 1}]',
}


@pytest.mark.parametrize("text", FINDINGS.values(), ids=FINDINGS)
def test_findings_of_another_scanner(repo: Repository, text: str) -> None:
    (repo.folder / "theirs.json").write_text(text)
    done = credguard("baseline", "create", "--import", "theirs.json", "--reason", "theirs", cwd=repo.folder)
    assert done.returncode == 2 or (done.returncode == 0 and "deep inside" in FINDINGS), done.stderr[-500:]
    assert "Traceback" not in done.stderr and "a bug" not in done.stderr, done.stderr


@pytest.mark.parametrize("field", ["File", "Secret", "RuleID"])
def test_a_lone_surrogate_in_their_findings(repo: Repository, field: str) -> None:
    finding = {"File": "README.md", "StartLine": 1, "Secret": "x" * 20, "RuleID": "a", field: "\ud800\udfff\ud800" * 9}
    (repo.folder / "theirs.json").write_text(json.dumps([finding]))
    done = credguard("baseline", "create", "--import", "theirs.json", "--reason", "theirs", cwd=repo.folder)
    assert done.returncode in (0, 2), done.stderr


@pytest.mark.parametrize("data", BYTES.values(), ids=BYTES)
def test_findings_that_are_no_text(repo: Repository, data: bytes) -> None:
    for name in ("theirs.json", ".gitleaksignore", ".gitallowed"):
        (repo.folder / name).write_bytes(data)
        done = credguard("baseline", "create", "--import", name, "--reason", "theirs", cwd=repo.folder)
        assert done.returncode in (0, 2) and "a bug" not in done.stderr, done.stderr


POLICIES = {
    "deep": "[" * DEEP,
    "deep mappings": "{a: " * DEEP,
    "deep blocks": "\n".join(" " * number + "a:" for number in range(400)),
    "deep lists": "- " * 5000,
    "aliases": "a: &a [x]\nb: [*a, *a]",
    "a circle": "&a [*a]",
    "merged": "<<: {fail-on: low}",
    "twice": "fail-on: low\nfail-on: high",
    "a long number": "rotation-days: " + "9" * 100_000,
    "a number without an end": "rotation-days: .inf",
    "a long size": "limits: {file-size: " + "9" * 10_000 + "}",
    "a day that is none": "allow: [{path: a, rule: CG101, reason: because, expires: 2026-02-30}]",
    "a day beyond all": "allow: [{path: a, rule: CG101, reason: because, expires: 99999-01-01}]",
    "NUL": 'fail-on: "\\0"',
    "a control character": "fail-on: \x01",
    "a lone surrogate": 'fail-on: "\\ud800"',
    "two documents": "fail-on: low\n---\nfail-on: high",
    "tags": "fail-on: !!python/object:os.system x",
    "tabs": "fail-on:\n\t- x",
    "a list": "- x",
    "a word": "hello",
    "a custom rule that is deep": "custom-rules: [{id: A1, name: a, keywords: [abc], pattern: '" + "(" * 5000 + "'}]",
}


@pytest.mark.parametrize("text", POLICIES.values(), ids=POLICIES)
def test_a_policy(repo: Repository, text: str) -> None:
    repo.write({".credguard.yaml": text + "\n"})
    assert ".credguard.yaml" in refused(repo.folder, "scan")


@pytest.mark.parametrize(
    "data", [BYTES["UTF-16"], BYTES["no text"], b"#" * (2 << 20)], ids=["UTF-16", "no text", "large"]
)
def test_a_policy_that_is_no_text(repo: Repository, data: bytes) -> None:
    repo.write({".credguard.yaml": data})
    assert ".credguard.yaml" in refused(repo.folder, "scan")


REPORT = {
    "schema_version": 1, "tool": {"name": "credguard", "version": "1", "rules_hash": "", "policy_hash": ""},
    "target": {}, "exit_code": 0,
    "coverage": {"complete": True, "files": 1, "blobs": 1, "commits": 1, "bytes": 1, "skipped": [], "notes": []},
    "findings": [{
        "rule_id": "CG101", "rule_name": "n", "severity": "high", "confidence": "high", "message": "m",
        "fingerprint": "0" * 32, "outcome": "report", "outcome_reason": "", "attributes": {}, "practices": ["P01"],
        "locations": [{
            "path": "a", "line": 1, "column": 1, "end_line": 1, "end_column": 1, "role": "file", "commit": None,
        }], "remediation": ["r"], "exposure": {},
    }],
}  # fmt: skip


def changed(place: str, value: object) -> str:
    """The report as JSON with another value at a dotted place."""
    report = json.loads(json.dumps(REPORT))
    *way, last = [int(word) if word.isdigit() else word for word in place.split(".")]
    inner = report
    for step in way:
        inner = inner[step]
    inner[last] = value
    return json.dumps(report)


REPORTS = {
    "deep": "[" * DEEP,
    "deep inside": changed("target", 0).replace('"target": 0', '"target": {"a": ' + "[" * 900 + "]" * 900 + "}"),
    "Infinity": changed("coverage.files", float("inf")),
    "NaN": changed("coverage.files", float("nan")),
    "a long number": changed("coverage.files", 0).replace('"files": 0', '"files": ' + "9" * 10_000),
    "findings are a word": changed("findings", "x"),
    "no severity": changed("findings.0.severity", 5),
    "no places": changed("findings.0.locations", []),
    "skipped are numbers": changed("coverage.skipped", [1]),
    "an exit code": changed("exit_code", 77),
    "no fingerprint": changed("findings.0.fingerprint", "\ud800"),
    "exposure is odd": changed("findings.0.exposure", {"refs": 5, "commits": "x", "pushed": []}),
    "attributes are odd": changed("findings.0.attributes", {"access_key_id": {"a": 1}}),
    "a target of numbers": changed("target", {"paths": 5}),
}


@pytest.mark.parametrize("text", REPORTS.values(), ids=REPORTS)
@pytest.mark.parametrize("form", ["text", "sarif", "html", "gitlab-secrets"])
def test_a_saved_report(tmp_path: Path, text: str, form: str) -> None:
    (tmp_path / "r.json").write_text(text)
    done = credguard("report", "convert", "r.json", "--format", form, cwd=tmp_path)
    assert done.returncode in (0, 2) and "a bug" not in done.stderr, done.stderr
    (tmp_path / "good.json").write_text(json.dumps(REPORT))
    done = credguard("diff", "good.json", "r.json", cwd=tmp_path)
    assert done.returncode in (0, 1, 2) and "a bug" not in done.stderr, done.stderr


SETTINGS = {
    "deep": "[" * 5000,
    "deep mappings": "{a: " * 5000,
    "a bomb": "a: &a [x]\n"
    + "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1 if n else str()}'] * 9)}]" for n in range(30)),
    "repos are text": "repos: x",
    "repos are a mapping": "repos: {a: b}",
    "hooks are text": "repos: [{hooks: x}]",
    "a key that is a list": "? [a]\n: b",
    "no text": "\udcff\udcfe",
}


@pytest.mark.parametrize("text", SETTINGS.values(), ids=SETTINGS)
def test_settings_of_pre_commit(repo: Repository, text: str) -> None:
    """What cannot be changed safely is left to a person."""
    repo.write({".pre-commit-config.yaml": text.encode("utf-8", "surrogateescape")})
    for words in (("init",), ("scan",)):
        done = credguard(*words, cwd=repo.folder)
        assert done.returncode != 4 and "a bug" not in done.stderr, done.stderr


@pytest.mark.parametrize(
    "text",
    [
        "{" * DEEP,
        '{"Content": "\\ud800"}',
        '{"Content": 5}',
        "user,arn\n" + '"' * 200_001,
        "user\n\0",
        "\ufeffuser,arn\n",
    ],
    ids=["deep", "surrogate", "number", "field", "NUL", "BOM"],
)
def test_a_credential_report(repo: Repository, text: str) -> None:
    (repo.folder / "report.csv").write_text(text)
    done = credguard("audit", "--credential-report", "report.csv", cwd=repo.folder)
    assert done.returncode in (0, 1, 2, 3) and "a bug" not in done.stderr, done.stderr
