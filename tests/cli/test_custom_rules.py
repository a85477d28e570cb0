"""Custom rules of a repository's policy, in scans, hooks, history and judged changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.hooking import commit_leak, credguard, git, hooked
from tests.judging import POLICY, found, judge
from tests.repos import Repository

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RULE = """custom-rules:
- id: ACME1
  name: acme-token
  keywords: [acme]
  pattern: 'at_[a-z0-9]{12,20}'
"""
LEAK = "acme = at_0123456789ab\n"
QUIET = {"GITHUB_ACTIONS": "", "CI": ""}


def outcomes(folder: Path, *args: str) -> dict[str, tuple[str, str]]:
    """Severity and outcome of each ACME1 finding by its path, of a run that ends as it says."""
    done = credguard(*(args or ("scan",)), "--format", "json", cwd=folder, **QUIET)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert report["exit_code"] == done.returncode
    findings = [one for one in report["findings"] if one["rule_id"] == "ACME1"]
    return {one["locations"][0]["path"]: (one["severity"], one["outcome"]) for one in findings}


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repo")
    files = {"a.ini": LEAK, "docs/b.txt": LEAK.replace("at_", "at_x"), "c.txt": "at_0123456789ab"}
    made.commit("begin", {".gitignore": ".env*\n", POLICY: RULE, **files})
    return made


def test_scan(repo: Repository) -> None:
    assert outcomes(repo.folder) == {"a.ini": ("high", "report"), "docs/b.txt": ("high", "report")}
    assert outcomes(repo.folder, "scan", "--select", "ACME1", "docs") == {"b.txt": ("high", "report")}
    assert credguard("scan", "--select", "ACME2", cwd=repo.folder).returncode == 2


def test_settings_and_exceptions(repo: Repository) -> None:
    repo.write({
        POLICY: RULE + "rules: {ACME1: low}\npaths: {exclude: [docs/]}\n",
        "d.py": f"# credguard: allow ACME1 -- planted\n{LEAK}",
    })  # fmt: skip
    assert outcomes(repo.folder) == {
        "a.ini": ("low", "below-threshold"), "docs/b.txt": ("low", "allowed"), "d.py": ("low", "inline")
    }  # fmt: skip
    repo.write({POLICY: RULE + "  paths: [docs/]\n"})
    assert outcomes(repo.folder) == {"docs/b.txt": ("high", "report")}
    repo.write({POLICY: RULE + "rules: {ACME1: off}\n"})
    assert outcomes(repo.folder) == {}


def test_baseline(repo: Repository) -> None:
    assert credguard("baseline", "create", "--reason", "old", cwd=repo.folder, **QUIET).returncode == 0
    assert {outcome for _, outcome in outcomes(repo.folder).values()} == {"baseline"}


def test_history(repo: Repository) -> None:
    repo.commit("mend", {"a.ini": "", "docs/b.txt": ""})
    assert set(outcomes(repo.folder, "audit")) == {"a.ini", "docs/b.txt"}
    repo.write({POLICY: RULE + "  paths: [docs/]\n"})
    assert set(outcomes(repo.folder, "audit")) == {"docs/b.txt"}


def test_hooks(tmp_path: Path) -> None:
    repo = hooked(tmp_path / "repo")
    repo.commit("policy", {POLICY: RULE})
    for _ in range(2):  # the quick way must not have learnt that this policy adds nothing
        (repo.folder / "x.py").write_text("print(1)\n")
        repo.git("add", "x.py")
        assert git(repo.folder, "commit", "-qm", "clean", "--allow-empty").returncode == 0
        (repo.folder / "x.py").write_text(LEAK)
        repo.git("add", "x.py")
        stopped = git(repo.folder, "commit", "-qm", "leak")
        assert stopped.returncode == 1 and "ACME1" in stopped.stderr
        assert git(repo.folder, "commit", "-qm", LEAK, "--allow-empty", "-o").returncode == 1
    commit_leak(repo, "y.py", LEAK)
    assert git(repo.folder, "push", "-q", str(tmp_path / "none"), "main").returncode != 0


def test_listed_and_explained(repo: Repository) -> None:
    assert "ACME1  high      acme-token" in credguard("rules", cwd=repo.folder).stdout
    page = credguard("explain", "acme1", cwd=repo.folder).stdout
    assert "acme-token" in page and f"{POLICY}:2" in page
    repo.write({POLICY: "x: 1\n"})
    assert credguard("rules", cwd=repo.folder).returncode == 0


def test_broken_rule_stops_every_run(repo: Repository) -> None:
    repo.write({POLICY: RULE + "  match: [nothing]\n"})
    done = credguard("scan", cwd=repo.folder)
    assert done.returncode == 2 and f"{POLICY}:6:11" in done.stderr and "ACME1 finds nothing" in done.stderr


@pytest.mark.parametrize(
    "policy", ["", RULE.replace("acme]", "apex]"), RULE.replace("{12,20}", "{20}"), RULE + "rules: {ACME1: off}\n"]
)
def test_a_change_that_loosens_it(make: Callable[..., Repository], policy: str) -> None:
    repo = make(RULE)
    repo.commit("work", {POLICY: policy, "key.txt": LEAK})
    done = judge(repo)
    rules = {(rule, path) for rule, path, _, outcome in found(done) if outcome == "report"}
    assert done.returncode == 1 and {("ACME1", "key.txt"), ("CG005", POLICY)} <= rules


def test_a_change_that_adds_one(make: Callable[..., Repository]) -> None:
    repo = make()
    repo.commit("work", {POLICY: RULE, "key.txt": "nothing\n"})
    assert judge(repo).returncode == 0


def test_import(tmp_path: Path) -> None:
    rules = '[[rules]]\nid = "acme"\nregex = "acme_[0-9]{8}"\n[[rules]]\nid = "p"\npath = "x"\n'
    (tmp_path / "g.toml").write_text(rules)
    done = credguard("init", "--import-gitleaks", "g.toml", cwd=tmp_path)
    assert done.returncode == 0 and "name: acme" in done.stdout and "p: it matches only file names" in done.stderr
    words = ("init", "--import-gitleaks", "g.toml", "--output", "team.yaml")
    assert credguard(*words, cwd=tmp_path).returncode == 0 and credguard(*words, cwd=tmp_path).returncode == 2
    (tmp_path / POLICY).write_text("extends: [./team.yaml]\n")
    assert "acme" in credguard("rules", cwd=tmp_path).stdout
    for name in ("none.toml", POLICY):
        assert credguard("init", "--import-gitleaks", name, cwd=tmp_path).returncode == 2


def test_sarif_names_the_rule(repo: Repository) -> None:
    done = credguard("scan", "--format", "sarif", cwd=repo.folder, **QUIET)
    (run,) = json.loads(done.stdout)["runs"]
    results = [one for one in run["results"] if one["ruleId"] == "ACME1"]
    assert len(results) == 2
    for one in results:
        rule = run["tool"]["driver"]["rules"][one["ruleIndex"]]
        assert (rule["id"], rule["name"], rule["defaultConfiguration"]["level"]) == ("ACME1", "acme-token", "error")
