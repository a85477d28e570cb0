"""The practices list, and the scorecard of an audit: what a run says of a practice must be true."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from credguard.enforcement.inventory import find_file_enforcement, merge_enforcements
from credguard.model.practices import PRACTICES, Enforcement
from credguard.rules import load_rules
from credguard.sources.snapshots import FolderSnapshot
from tests.hooking import credguard, hook
from tests.keys import Filler
from tests.repos import Repository, write

if TYPE_CHECKING:
    from pathlib import Path

PAIR = Filler("practices").fill("aws_access_key_id = {{AKID}}\naws_secret_access_key = {{SECRET}}\n")
CALL = "jobs: {a: {steps: [{run: credguard ci}]}}\n"


def card(folder: Path, *args: str, command: str = "audit") -> dict[str, dict[str, Any]]:
    """The practices of the JSON report, by ID."""
    report = json.loads(credguard(command, *args, "--format", "json", cwd=folder).stdout)
    return {one["id"]: one for one in report["practices"]}


def test_list_names_every_practice_and_only_rules_that_exist(tmp_path: Path) -> None:
    listed = json.loads(credguard("practices", "--format", "json", cwd=tmp_path).stdout)
    known = {rule.id: rule.name for rule in load_rules()}
    assert [one["id"] for one in listed] == [f"P{n:02}" for n in range(1, 21)]
    assert all(known[rule["id"]] == rule["name"] for one in listed for rule in one["rules"])
    assert all(one["also"] for one in listed)
    text = credguard("practices", cwd=tmp_path)
    assert text.returncode == 0
    assert "P17  examples hold placeholders only" in text.stdout
    assert max(map(len, text.stdout.splitlines())) <= 125


def test_every_rule_serves_a_practice_of_the_table() -> None:
    known = {practice.id for practice in PRACTICES}
    assert not [rule.id for rule in load_rules() if set(rule.practices) - known]
    assert not [rule.id for rule in load_rules() if list(rule.practices) != sorted(set(rule.practices))]


VALUES = {f"CG{number}" for number in (*range(101, 110), 150, *range(160, 191))}


def test_the_rules_of_each_practice_are_those_of_the_contract(tmp_path: Path) -> None:
    listed = json.loads(credguard("practices", "--format", "json", cwd=tmp_path).stdout)
    found = {one["id"]: {rule["id"] for rule in one["rules"]} for one in listed}
    assert {one for one, rules in found.items() if "CG160" in rules} == {"P01", "P10", "P16", "P19"}
    secrets = found["P01"]
    assert secrets <= VALUES and {"CG101", "CG105", "CG109", "CG150", "CG190"} <= secrets
    assert found == {
        "P01": secrets, "P02": {"CG201", "CG202", "CG204"}, "P03": {"CG101", "CG102", "CG103", "CG104", "CG405"},
        "P04": {"CG301", "CG302", "CG303", "CG304", "CG305"}, "P05": {"CG502"}, "P06": {"CG401", "CG402", "CG406"},
        "P07": {"CG501"}, "P08": {"CG504"}, "P09": {"CG505"}, "P10": secrets, "P11": {"CG503"},
        "P12": {"CG404", "CG405"}, "P13": {"CG403"}, "P14": {"CG109", "CG203", "CG601", "CG603", "CG604"},
        "P15": {"CG203", "CG301"},
        "P16": secrets | {"CG206"}, "P17": {"CG205"}, "P18": {"CG602"}, "P19": secrets | {"CG506"},
        "P20": {"CG003", "CG004", "CG005"},
    }  # fmt: skip


def test_a_clean_repository_passes_what_was_looked_at_and_nothing_else(repo: Repository) -> None:
    repo.commit("one", {".gitignore": ".env\n.env.*\n!.env.example\n", "a.py": "x = 1\n"})
    found = card(repo.folder)
    assert found["P02"]["status"] == "pass"
    assert found["P03"]["status"] == "pass"
    assert found["P17"]["status"] == "nothing-to-check"
    for one, words in {
        "P04": "--credential-report", "P05": "audit A B C", "P07": "--credential-report", "P08": "--credential-report",
        "P11": "--credential-report", "P14": "credguard doctor", "P10": "credguard scan FILE",
    }.items():  # fmt: skip
        assert found[one]["status"] in ("not-checked", "partial"), one
        assert words in found[one]["reason"], one
    assert found["P09"]["status"] != "pass"
    assert not any(one["findings"] for one in found.values())


def test_findings_fail_their_practices_and_count(repo: Repository) -> None:
    repo.commit(
        "one", {"config.ini": PAIR, "a.py": f'"""{PAIR}"""', ".env": "AWS_BUCKET=x\nDB_PASSWORD=Tr0ub4dor-and-3\n"}
    )
    found = card(repo.folder)
    assert found["P01"]["status"] == found["P03"]["status"] == found["P19"]["status"] == "fail"
    assert found["P02"]["status"] == "fail"
    assert found["P01"]["findings"] >= 1
    assert found["P16"]["status"] == "fail"
    assert found["P17"]["status"] == "nothing-to-check"


def test_what_is_suppressed_does_not_fail(repo: Repository) -> None:
    policy = "version: 1\nrules: {CG202: off}\n"
    repo.commit("one", {".credguard.yaml": policy, "app.py": "from dotenv import load_dotenv\nload_dotenv()\n"})
    found = card(repo.folder)
    assert found["P02"]["status"] == "partial"
    assert "CG202: switched off" in found["P02"]["reason"]


def test_without_git_what_only_git_knows_is_not_passed(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    found = card(tmp_path)
    assert found["P02"]["status"] == "not-checked"
    assert "git repository" in found["P02"]["reason"]
    assert found["P20"]["status"] == "not-checked"


def test_what_could_not_be_looked_at_is_not_passed(repo: Repository) -> None:
    repo.commit("one", {"a.py": "x = 1\n" * 400, ".gitignore": ".env\n"})
    found = card(repo.folder, "--max-file-size", "1K")
    assert found["P03"]["status"] == "partial"
    assert "could not be read" in found["P03"]["reason"]


def test_a_look_at_standard_input_checks_no_practice(tmp_path: Path) -> None:
    assert {one["status"] for one in card(tmp_path, "--stdin", command="scan").values()} == {"not-checked"}


def test_neither_hook_nor_ci(repo: Repository) -> None:
    repo.commit("one", {"a.py": "x = 1\n"})
    found = card(repo.folder)["P20"]
    assert found["status"] == "fail"
    assert found["enforced_in"] == []
    assert "credguard install" in found["reason"]
    assert "credguard init" in found["reason"]


def test_hooks_and_ci(repo: Repository, hooks: Path) -> None:
    repo.commit("one", {"a.py": "x = 1\n", ".gitignore": ".env\n"})
    hook(hooks, "pre-commit", "#!/bin/sh\ncredguard hook pre-commit\n")
    hook(hooks, "pre-push", "#!/bin/sh\n# credguard hook pre-push\n")
    half = card(repo.folder)
    assert half["P20"]["status"] == "partial"
    assert half["P20"]["enforced_in"] == ["pre-commit"]
    repo.write({".github/workflows/x.yml": CALL})
    whole = card(repo.folder)
    assert whole["P20"]["status"] == "pass"
    assert whole["P20"]["enforced_in"] == ["pre-commit", "ci:.github/workflows/x.yml"]
    assert whole["P02"]["enforced_in"] == whole["P20"]["enforced_in"]
    assert whole["P06"]["enforced_in"] == ["ci:.github/workflows/x.yml"]  # its rules do not speak in hooks
    text = credguard("audit", cwd=repo.folder).stdout
    assert "Enforced in: pre-commit, ci:.github/workflows/x.yml" in text
    assert credguard("audit", "-q", cwd=repo.folder).stdout.find("Practices") < 0


def test_a_hook_that_is_not_executable_enforces_nothing(repo: Repository, hooks: Path) -> None:
    hook(hooks, "pre-commit", "#!/bin/sh\ncredguard hook pre-commit\n", mode=0o644)
    assert card(repo.folder)["P20"]["enforced_in"] == []


@pytest.mark.parametrize(
    ("files", "shared", "ci", "loose"),
    [
        ({".pre-commit-config.yaml": "repos: [{repo: x, hooks: [{id: credguard}]}]\n"}, 1, 0, 0),
        ({".husky/pre-commit": "credguard hook pre-commit\n"}, 1, 0, 0),
        ({"lefthook.yml": "pre-commit:\n  commands: {c: {run: credguard hook pre-commit}}\n"}, 1, 0, 0),
        ({".gitlab-ci.yml": "a:\n  script:\n  - credguard ci\n"}, 0, 1, 0),
        ({".circleci/config.yml": "a:\n- run: credguard ci\n"}, 0, 1, 0),
        ({"bitbucket-pipelines.yml": "- credguard ci\n"}, 0, 1, 0),
        ({"azure-pipelines.yml": "- script: credguard ci\n"}, 0, 1, 0),
        ({"Jenkinsfile": "sh 'credguard ci'\n"}, 0, 1, 0),
        ({".buildkite/pipeline.yml": "- command: credguard ci\n"}, 0, 1, 0),
        ({".github/workflows/a.yml": "steps:\n- uses: o/credguard@v1\n"}, 0, 1, 0),
        ({".github/workflows/a.yml": "steps:\n# - uses: o/credguard@v1\n"}, 0, 0, 0),
        ({".github/workflows/a.yml": "steps:\n- run: credguard audit\n"}, 0, 1, 1),
        ({".github/workflows/a.yml": "steps:\n- run: credguard ci || true\n"}, 0, 1, 1),
        ({".github/workflows/a.yml": "- uses: pre-commit/action@v3\n"}, 0, 0, 0),
        ({".github/workflows/a.yml": "- uses: pre-commit/action@v3\n",
          ".pre-commit-config.yaml": "repos: [{hooks: [{id: credguard}]}]\n"}, 1, 1, 1),
        ({"docs/a.yml": "- run: credguard ci\n", "README.md": "credguard ci\n"}, 0, 0, 0),
    ],
)  # fmt: skip
def test_where_credguard_is_called(tmp_path: Path, files: dict[str, str], shared: int, ci: int, loose: int) -> None:
    write(tmp_path, files)
    found = find_file_enforcement(FolderSnapshot(tmp_path))
    assert (len(found.shared), len(found.ci), len(found.loose)) == (shared, ci, loose)


def test_several_repositories_enforce_what_all_of_them_do() -> None:
    one, two = Enforcement(("pre-commit",), (), ("a.yml",)), Enforcement((), ("x",), ())
    found = merge_enforcements([("a/", one), ("b/", two), ("c/", None)])
    assert found == Enforcement(("a/pre-commit",), ("b/x",), (), ())
    assert merge_enforcements([("a/", None)]) is None


def test_a_saved_report_keeps_its_scorecard(repo: Repository) -> None:
    repo.commit("one", {"a.py": "x = 1\n"})
    credguard("audit", "--format", "json", "--output", "r.json", cwd=repo.folder)
    again = json.loads(credguard("report", "convert", "r.json", "--format", "json", cwd=repo.folder).stdout)
    assert again["practices"] == json.loads((repo.folder / "r.json").read_text())["practices"]
    page = credguard("report", "convert", "r.json", "--format", "markdown", cwd=repo.folder).stdout
    assert "audit A B C" in page
