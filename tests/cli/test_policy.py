"""The policy of a repository, as scans and hooks follow it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.hooking import LEAK, credguard
from tests.keys import Filler
from tests.repos import Repository, write

if TYPE_CHECKING:
    from pathlib import Path

POLICY = ".credguard.yaml"
LONE = Filler("policy").fill("id = {{AKID}}\n")
QUIET = {"GITHUB_ACTIONS": "", "CI": ""}


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    repo = Repository(tmp_path / "repo")
    repo.commit("begin", {".gitignore": ".env*\n", "src/a.ini": LEAK, "tests/b.txt": LONE, "tests/c.ini": LEAK})
    return repo


def report(folder: Path, *args: str, **environment: str) -> dict[str, object]:
    done = credguard(*(args or ("scan",)), "--format", "json", cwd=folder, **QUIET | environment)
    assert done.stdout, done.stderr
    result: dict[str, object] = json.loads(done.stdout)
    assert result["exit_code"] == done.returncode
    return result


def outcomes(folder: Path, *args: str, **environment: str) -> dict[tuple[str, str], tuple[str, str, str]]:
    """Severity, outcome and reason by rule and path."""
    found = report(folder, *args, **environment)["findings"]
    assert isinstance(found, list)
    return {
        (one["rule_id"], one["locations"][0]["path"]): (one["severity"], one["outcome"], one["outcome_reason"])
        for one in found
    }


def fingerprint(folder: Path, rule: str) -> str:
    found = report(folder)["findings"]
    assert isinstance(found, list)
    return next(str(one["fingerprint"]) for one in found if one["rule_id"] == rule)


def test_paths_hide_no_whole_credential(repo: Repository) -> None:
    repo.write({POLICY: "paths: {exclude: [tests/]}\n"})
    found = outcomes(repo.folder)
    assert found["CG101", "tests/b.txt"] == ("high", "allowed", "the policy excludes tests/")
    assert found["CG103", "tests/c.ini"][1] == "report" and found["CG103", "src/a.ini"][1] == "report"


def test_settings_by_path_and_rule(repo: Repository) -> None:
    repo.write({POLICY: "rules: {CG103: off}\npaths: {rules: {'tests/**': {CG101: low}}}\n"})
    assert outcomes(repo.folder) == {("CG101", "tests/b.txt"): ("low", "below-threshold", "below medium")}


def test_the_command_line_wins(repo: Repository) -> None:
    repo.write({POLICY: "fail-on: critical\nrules: {CG103: off}\n"})
    assert credguard("scan", cwd=repo.folder).returncode == 0
    assert credguard("scan", "--fail-on", "high", cwd=repo.folder).returncode == 1
    assert credguard("scan", "--select", "CG103", cwd=repo.folder).returncode == 1
    assert credguard("scan", "--ignore", "CG101", cwd=repo.folder).returncode == 0


def test_an_exception_follows_the_value(repo: Repository) -> None:
    mark = fingerprint(repo.folder, "CG103")
    repo.write({POLICY: f"allow:\n- {{fingerprint: {mark}, reason: planted, expires: 2999-01-01, by: ada}}\n"})
    repo.git("mv", "src/a.ini", "moved.ini")
    found = outcomes(repo.folder)
    assert found["CG103", "moved.ini"] == ("critical", "allowed", "planted (until 2999-01-01, by ada)")
    assert found["CG103", "tests/c.ini"][1] == "allowed" and found["CG101", "tests/b.txt"][1] == "report"


def test_exceptions_alone_switch_nothing_off(repo: Repository) -> None:
    before = outcomes(repo.folder)
    repo.write({POLICY: "allow:\n- {rule: CG101, path: nowhere/, reason: none}\n"})
    assert outcomes(repo.folder) == before
    notes = report(repo.folder)["coverage"]["notes"]  # type: ignore[index]
    assert f"{POLICY}:2: the exception for CG101 at nowhere/ matches nothing" in notes


def test_an_exception_whose_day_is_over(repo: Repository) -> None:
    mark = fingerprint(repo.folder, "CG101")
    repo.write({POLICY: f"fail-on: low\nallow:\n- {{fingerprint: {mark}, reason: x, expires: 2020-02-02}}\n"})
    found = outcomes(repo.folder)
    assert found["CG101", "tests/b.txt"][1] == "report" and found["CG004", POLICY][1] == "report"


def test_in_a_hook_only_where_it_would_have_counted(repo: Repository) -> None:
    mark = fingerprint(repo.folder, "CG101")
    repo.write({POLICY: f"allow:\n- {{fingerprint: {mark}, reason: x, expires: 2020-02-02}}\n", "d.py": "x = 1\n"})
    repo.add("d.py")
    assert not outcomes(repo.folder, "hook", "pre-commit")
    repo.write({"d.py": LONE})
    repo.add("d.py")
    assert {rule for rule, _ in outcomes(repo.folder, "hook", "pre-commit")} == {"CG101", "CG004"}


def test_the_baseline(repo: Repository) -> None:
    mark = fingerprint(repo.folder, "CG101")
    repo.write({".credguard-baseline": f"{mark} CG101 tests/b.txt -- known since the beginning\n"})
    assert outcomes(repo.folder)["CG101", "tests/b.txt"] == ("high", "baseline", "known since the beginning")
    assert report(repo.folder / "tests")["exit_code"] == 1
    assert outcomes(repo.folder / "tests")["CG101", "b.txt"][1] == "baseline"


def test_a_line_of_the_baseline_that_is_none(repo: Repository) -> None:
    repo.write({".credguard-baseline": "# known\n\nwhat is this?\n"})
    assert outcomes(repo.folder)["CG003", ".credguard-baseline"][1] == "report"


def test_a_comment(repo: Repository) -> None:
    repo.write({"d.py": f"key = '{LONE.split()[-1]}'  # credguard: allow CG101 -- planted\n"})
    assert outcomes(repo.folder)["CG101", "d.py"] == ("high", "inline", "planted")
    repo.add("d.py")
    assert outcomes(repo.folder, "hook", "pre-commit")["CG101", "d.py"][1] == "inline"


def test_comments_of_others(repo: Repository) -> None:
    repo.write({"d.py": f"key = '{LONE.split()[-1]}'  # gitleaks:allow\n"})
    assert outcomes(repo.folder)["CG101", "d.py"][1] == "inline"
    repo.write({POLICY: "markers: {foreign: off}\n"})
    assert outcomes(repo.folder)["CG101", "d.py"][1] == "report"


def test_our_accounts(repo: Repository) -> None:
    found = report(repo.folder)["findings"]
    assert isinstance(found, list)
    account = next(one["attributes"]["account"] for one in found if one["rule_id"] == "CG101")
    repo.write({POLICY: f'accounts: {{own: ["{account}"]}}\n'})
    assert outcomes(repo.folder)["CG101", "tests/b.txt"][0] == "critical"
    assert outcomes(repo.folder)["CG103", "src/a.ini"][0] == "high"


class TestStages:
    def test_scan_is_an_audit_or_ci(self, repo: Repository) -> None:
        repo.write({POLICY: "stages: {audit: warn}\n"})
        assert report(repo.folder)["exit_code"] == 0
        assert outcomes(repo.folder)["CG101", "tests/b.txt"][1:] == ("below-threshold", "warn in audit")
        assert report(repo.folder, CI="true")["exit_code"] == 1
        assert report(repo.folder, CI="false")["exit_code"] == 0

    def test_hooks(self, repo: Repository) -> None:
        repo.write({POLICY: "stages: {pre-commit: off}\n", "new.ini": LEAK.replace("aws", "AWS"), "message": LEAK})
        repo.add("new.ini")
        assert report(repo.folder, "hook", "pre-commit", "--whole-files")["exit_code"] == 0
        assert report(repo.folder, "hook", "commit-msg", "message")["exit_code"] == 1
        repo.write({POLICY: "stages: {commit-msg: warn}\n"})
        assert report(repo.folder, "hook", "pre-commit", "--whole-files")["exit_code"] == 1
        assert report(repo.folder, "hook", "commit-msg", "message")["exit_code"] == 0


class TestWhere:
    def test_below_the_root(self, repo: Repository) -> None:
        repo.write({POLICY: "paths: {exclude: [/tests/b.txt]}\n"})
        for args in (("scan", "tests"), ("scan", "tests/b.txt"), ("audit", "tests")):
            assert [found[1] for (rule, _), found in outcomes(repo.folder, *args).items() if rule == "CG101"] == [
                "allowed"
            ]
        assert outcomes(repo.folder / "tests", "scan", "b.txt")["CG101", "b.txt"][1] == "allowed"

    def test_each_repository_its_own(self, repo: Repository, tmp_path: Path) -> None:
        other = Repository(tmp_path / "other")
        other.commit("begin", {".gitignore": ".env*\n", "b.txt": LONE, POLICY: "rules: {CG101: off}\n"})
        repo.write({POLICY: "rules: {CG103: low}\n"})
        found = outcomes(tmp_path, "audit", "repo", "other")
        assert ("CG101", "other/b.txt") not in found and found["CG101", "repo/tests/b.txt"][1] == "report"
        assert found["CG103", "repo/src/a.ini"][0] == "low"

    def test_a_folder_that_is_no_repository(self, tmp_path: Path) -> None:
        write(tmp_path, {"b.txt": LONE, POLICY: "rules: {CG101: off}\n"})
        assert not outcomes(tmp_path)

    def test_a_bare_repository(self, repo: Repository, tmp_path: Path) -> None:
        repo.commit("policy", {POLICY: "rules: {CG103: off, CG101: low}\n"})
        repo.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare"))
        assert outcomes(tmp_path / "bare")["CG101", "tests/b.txt"][0] == "low"

    def test_another_file(self, repo: Repository, tmp_path: Path) -> None:
        write(tmp_path, {"team.yaml": "rules: {CG101: off, CG103: off}\n"})
        repo.write({POLICY: "this: is wrong\n"})
        assert not outcomes(repo.folder, "scan", "--config", "../team.yaml")
        assert not outcomes(repo.folder, "scan", "src", "--config", str(tmp_path / "team.yaml"))

    @pytest.mark.parametrize("args", [("scan",), ("audit",), ("hook", "pre-commit"), ("scan", "--staged")])
    def test_a_file_that_is_not_there(self, repo: Repository, args: tuple[str, ...]) -> None:
        done = credguard(*args, "--config", "none.yaml", cwd=repo.folder)
        assert done.returncode == 2 and not done.stdout
        assert done.stderr == "credguard: none.yaml: there is no such policy file; check the name\n"


@pytest.mark.parametrize(
    "args", [("scan",), ("audit", "."), ("hook", "pre-commit"), ("scan", "src/a.ini"), ("scan", "--stdin")]
)
@pytest.mark.parametrize("text", ["fail_on: low\n", "rules:\n\tCG101: off\n", "allow: [{rule: CG101}]\n"])
def test_a_policy_that_cannot_be_followed(repo: Repository, args: tuple[str, ...], text: str) -> None:
    repo.write({POLICY: text})
    done = credguard(*args, cwd=repo.folder)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.startswith(f"credguard: {POLICY}:") and done.stderr.count("\n") == 1


def test_a_misnamed_policy(repo: Repository) -> None:
    repo.write({".credguard.yml": "version: 1\n"})
    assert credguard("scan", cwd=repo.folder).returncode == 2


def test_the_report_names_the_effective_policy(repo: Repository) -> None:
    def policy_hash(text: str) -> object:
        repo.write({POLICY: text, "team.yaml": "fail-on: low\nrules: {CG201: off}\n"})
        return report(repo.folder)["tool"]["policy_hash"]  # type: ignore[index]

    assert policy_hash("extends: ./team.yaml\n") == policy_hash("rules: {CG201: off}\nfail-on: low\n")
    assert policy_hash("extends: recommended\n") == policy_hash("") != policy_hash("extends: strict\n")


class TestHookMessage:
    def test_says_how_to_record_an_exception(self, repo: Repository) -> None:
        repo.write({"new.ini": Filler("other").fill("id = {{AKID}}\n")})
        repo.add("new.ini")
        done = credguard("hook", "pre-commit", cwd=repo.folder)
        assert done.returncode == 1 and "no-verify" not in done.stderr
        (mark,) = re.findall(r'  credguard allow ([0-9a-f]{12}) --reason "why"\n', done.stderr)
        assert credguard("allow", mark, "--reason", "why", cwd=repo.folder).returncode == 0
        assert credguard("hook", "pre-commit", cwd=repo.folder).returncode == 0

    def test_once_for_several(self, repo: Repository) -> None:
        texts = {f"{n}.ini": Filler(f"several {n}").fill("id = {{AKID}}\n") for n in range(3)}
        repo.write(texts)
        repo.add(*texts)
        done = credguard("hook", "pre-commit", cwd=repo.folder)
        lines = re.findall(r'credguard allow ([0-9a-f]{12}) --reason "why"  # (\d).ini:1:6\n', done.stderr)
        assert [number for _, number in lines] == ["0", "1", "2"] and len({mark for mark, _ in lines}) == 3
