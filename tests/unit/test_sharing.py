"""Which credentials count as shared between projects."""

from __future__ import annotations

from itertools import count

import pytest

from credguard.engine.key_reuse import Repository, find_shared, find_sub_projects
from credguard.model.findings import Confidence, Finding, Location, Severity
from credguard.rules.account.key_shared_across_projects import RULE

IDS = count()


def pair(path: str, *values: str, rule: str = "CG103", severity: Severity = Severity.HIGH, key_id: str = "") -> Finding:
    attributes = {"access_key_id": key_id} if key_id else {}
    return Finding(
        rule,
        "x",
        severity,
        Confidence.HIGH,
        "m",
        str(next(IDS)),
        (Location(path),),
        attributes,
        values=frozenset(values),
    )


def places(findings: list[Finding], *repositories: Repository) -> list[list[str]]:
    return [[place.path for place in f.locations] for f in find_shared(findings, repositories, RULE)]


def test_sub_projects_are_the_topmost_folders_with_a_manifest() -> None:
    files = (
        "package.json api/go.mod api/inner/package.json web/Package.json infra/prod/main.tf infra/modules/x/main.tf "
        "node_modules/a/package.json tests/app/setup.py docs/a.md chart/Chart.yaml lib/lib.csproj"
    ).split()
    assert find_sub_projects(files) == {"api/", "web/", "infra/prod/", "chart/", "lib/"}


A, B = Repository("a/", ["x.py"]), Repository("b/", ["x.py"])
MONO = Repository("", ["api/go.mod", "web/package.json", "README.md"])


@pytest.mark.parametrize(
    ("findings", "repositories", "expected"),
    [
        ([], (A, B), []),
        ([pair("a/x.py", "1"), pair("b/x.py", "2")], (A, B), []),
        ([pair("a/x.py", "1"), pair("b/x.py", "1")], (A, B), [["a/x.py", "b/x.py"]]),
        ([pair("a/x.py", "1", "s"), pair("b/x.py", "s", rule="CG102")], (A, B), [["a/x.py", "b/x.py"]]),
        ([pair("a/x.py", "1"), pair("a/y.py", "1")], (A, B), []),
        ([pair("a/x.py", "1", rule="CG104"), pair("b/x.py", "1", rule="CG104")], (A, B), []),
        ([pair("a/x.py", "1", rule="CG101", key_id="ASIA" + "Q" * 16)] * 2, (A, B), []),
        ([pair("api/x.go", "1"), pair("web/x.js", "1")], (MONO,), [["api/x.go", "web/x.js"]]),
        ([pair("api/x.go", "1"), pair(".env", "1")], (MONO,), []),
        ([pair("api/x.go", "1"), pair("api/y/x.go", "1")], (MONO,), []),
        (
            [pair("api/x.go", "1"), pair("web/x.js", "2"), pair("web/y.js", "1", "2")], (MONO,),
            [["api/x.go", "web/x.js"]],
        ),
    ],
)  # fmt: skip
def test_shared(findings: list[Finding], repositories: tuple[Repository, ...], expected: list[list[str]]) -> None:
    assert places(findings, *repositories) == expected


def test_the_root_of_a_repository_counts_against_another() -> None:
    mono = Repository("m/", ["api/go.mod"])
    assert places([pair("m/.env", "1"), pair("b/x.py", "1")], mono, B) == [["m/.env", "b/x.py"]]


def test_repository_inside_another() -> None:
    outer, inner = Repository("a/", []), Repository("a/b/", [])
    assert places([pair("a/x", "1"), pair("a/b/x", "1")], outer, inner) == [["a/x", "a/b/x"]]


def test_words_and_severity() -> None:
    found = find_shared([pair("a/x.py", "1", key_id="AKIAIOSFODNN7EXAMPLE"), pair("b/x.py", "1")], (A, B), RULE)[0]
    assert found.message == "access key AKIAIOSFODNN7EXAMPLE is used by 2 projects: a/, b/"
    assert (found.rule_id, found.severity, found.attributes["projects"]) == ("CG502", Severity.HIGH, ["a/", "b/"])
    low = [pair(f"{name}/x.py", "1", severity=Severity.LOW) for name in "ab"]
    assert find_shared(low, (A, B), RULE)[0].severity is Severity.LOW
    again = find_shared([pair("b/y.py", "1"), pair("a/z.py", "1", key_id="AKIAIOSFODNN7EXAMPLE")], (A, B), RULE)[0]
    assert again.fingerprint == found.fingerprint
