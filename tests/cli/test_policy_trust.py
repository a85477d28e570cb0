"""A change must not choose the policy that it is judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hooking import LEAK, credguard
from tests.judging import BASELINE, KEY, LONE, POLICY, WORKFLOW, Found, found, judge, mark, only

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.repos import Repository


class TestTampering:
    """Each change below brings a key and what would let it pass."""

    def judged(self, repo: Repository, **files: str) -> Found:
        repo.commit("work", {"key.txt": LONE, **files})
        done = judge(repo)
        assert done.returncode == 1
        result = found(done)
        assert ("CG101", "key.txt", 1, "report") in result
        return [one for one in result if one[0] == "CG005"]

    def test_allows_it(self, make: Callable[..., Repository], tmp_path: Path) -> None:
        text = f"version: 1\nallow:\n- {{fingerprint: {mark(LONE, tmp_path)}, reason: mine}}\n"
        assert self.judged(make(), **{POLICY: text}) == [("CG005", POLICY, 3, "report")]

    def test_lists_it_in_the_baseline(self, make: Callable[..., Repository], tmp_path: Path) -> None:
        line = f"{mark(LONE, tmp_path)} CG101 key.txt -- mine\n"
        assert self.judged(make(), **{BASELINE: line}) == [("CG005", BASELINE, 1, "report")]

    def test_names_another_baseline(self, make: Callable[..., Repository], tmp_path: Path) -> None:
        files = {POLICY: "baseline: known\n", "known": f"{mark(LONE, tmp_path)} CG101 key.txt -- mine\n"}
        assert self.judged(make(), **files) == [("CG005", "known", 1, "report")]

    def test_switches_the_rule_off(self, make: Callable[..., Repository]) -> None:
        repo = make("fail-on: low\nrules: {CG202: off}\n")
        text = "fail-on: low\nrules:\n  CG202: off\n  CG101: off\n"
        assert self.judged(repo, **{POLICY: text}) == [("CG005", POLICY, 4, "report")]

    def test_extends_another_file(self, make: Callable[..., Repository]) -> None:
        files = {POLICY: "extends: ./quiet.yaml\n", "quiet.yaml": "version: 1\nrules:\n  CG101: low\n"}
        assert self.judged(make("version: 1\n"), **files) == [("CG005", "quiet.yaml", 3, "report")]

    def test_changes_a_file_that_is_extended(self, make: Callable[..., Repository]) -> None:
        repo = make("extends: ./team.yaml\n", **{"team.yaml": "version: 1\n"})
        assert self.judged(repo, **{"team.yaml": "rules: {CG101: off}\n"}) == [("CG005", "team.yaml", 1, "report")]

    def test_excludes_the_path(self, make: Callable[..., Repository]) -> None:
        text = "paths:\n  exclude:\n  - '*.txt'\n"
        assert self.judged(make(), **{POLICY: text}) == [("CG005", POLICY, 3, "report")]

    def test_softens_the_stage(self, make: Callable[..., Repository]) -> None:
        result = self.judged(make(), **{POLICY: "stages:\n  audit: off\n  ci: warn\n"})
        assert result == [("CG005", POLICY, 2, "report"), ("CG005", POLICY, 3, "report")]

    def test_names_an_account_so_that_others_count_less(self, make: Callable[..., Repository]) -> None:
        repo = make("fail-on: critical\nrules: {CG101: critical}\n")
        text = "fail-on: critical\nrules: {CG101: critical}\naccounts:\n  own: ['111111111111']\n"
        assert self.judged(repo, **{POLICY: text})[0][:3] == ("CG005", POLICY, 4)

    def test_makes_the_ci_step_depend_on_more(self, make: Callable[..., Repository]) -> None:
        name = ".github/workflows/ci.yml"
        text = WORKFLOW.replace("credguard ci", "credguard ci --ignore CG1")
        assert self.judged(make(), **{name: text}) == [("CG005", name, 5, "report")]

    def test_raises_the_threshold(self, make: Callable[..., Repository]) -> None:
        assert self.judged(make(), **{POLICY: "\n\nfail-on: critical\n"}) == [("CG005", POLICY, 3, "report")]

    @pytest.mark.parametrize("text", ["credguard: allow CG101 -- mine", "gitleaks:allow", "pragma: allowlist secret"])
    def test_marks_the_line(self, make: Callable[..., Repository], text: str) -> None:
        repo = make()
        repo.commit("work", {"b.py": f"x = 1\nkey = '{KEY}'  # {text}\n"})
        done = judge(repo)
        assert done.returncode == 1
        assert found(done) == [("CG005", "b.py", 2, "report"), ("CG101", "b.py", 2, "report")]

    def test_takes_the_policy_away(self, make: Callable[..., Repository]) -> None:
        repo = make("rules: {CG101: {severity: critical}}\n")
        repo.git("rm", "--quiet", POLICY)
        repo.commit("work", {"key.txt": LONE})
        done = judge(repo, "main..HEAD", "--fail-on", "critical")
        assert ("CG101", "key.txt", 1, "report") in found(done) and done.returncode == 1
        assert (POLICY, 1) in [one[1:3] for one in found(judge(repo)) if one[0] == "CG005"]

    def test_renames_the_policy(self, make: Callable[..., Repository]) -> None:
        repo = make("fail-on: low\n")
        repo.git("mv", POLICY, "policy.yaml")
        repo.commit("work")
        assert (POLICY, 1) in only(repo)

    @pytest.mark.parametrize(
        "text", ["rules: {CG101: offf}\n", "allow:\n\t- x\n", "a: &x [*x]\n", "#" * (1 << 20) + "\n"]
    )
    def test_breaks_the_policy(self, make: Callable[..., Repository], text: str) -> None:
        repo = make("version: 1\n")
        repo.commit("work", {POLICY: text})
        done = judge(repo)
        assert done.returncode == 3 and found(done) == [("CG001", POLICY, 1, "report")]

    def test_makes_the_policy_a_link(self, make: Callable[..., Repository]) -> None:
        repo = make("version: 1\n")
        (repo.folder / POLICY).unlink()
        (repo.folder / POLICY).symlink_to("a.py")
        repo.add()
        repo.commit("work", {"key.txt": LONE})
        assert {one[0] for one in found(judge(repo))} == {"CG001", "CG101"} and judge(repo).returncode == 1

    def test_misnames_the_policy(self, make: Callable[..., Repository]) -> None:
        repo = make("version: 1\n")
        repo.git("mv", POLICY, ".credguard.yml")
        repo.commit("work")
        assert judge(repo).returncode == 3

    def test_takes_the_ci_step_away(self, make: Callable[..., Repository]) -> None:
        name = ".github/workflows/ci.yml"
        assert self.judged(make(), **{name: WORKFLOW.replace("credguard ci", "make lint")}) == [
            ("CG005", name, 5, "report")
        ]

    def test_takes_the_hook_away(self, make: Callable[..., Repository]) -> None:
        repo = make()
        repo.git("rm", "--quiet", ".pre-commit-config.yaml")
        repo.commit("work")
        assert only(repo) == [(".pre-commit-config.yaml", 1)]

    def test_by_several_commits(self, make: Callable[..., Repository]) -> None:
        repo = make()
        repo.commit("quiet", {POLICY: "rules: {CG101: off}\n"})
        repo.commit("key", {"key.txt": LONE})
        repo.git("rm", "--quiet", "key.txt", POLICY)
        repo.commit("nothing to see")
        assert found(judge(repo)) == [("CG101", "key.txt", 1, "report")]

    def test_names_the_work_trees_policy(self, make: Callable[..., Repository]) -> None:
        repo = make("version: 1\n")
        repo.commit("work", {POLICY: "rules: {CG101: off}\n", "key.txt": LONE})
        done = judge(repo, "main..HEAD", "--config", POLICY)
        assert [one[0] for one in found(done)] == ["CG005", "CG101"] and done.returncode == 1

    def test_prolongs_an_exception(self, make: Callable[..., Repository], tmp_path: Path) -> None:
        entry = f"allow: [{{fingerprint: {mark(LONE, tmp_path)}, reason: x, expires: {{day}}}}]\n"
        repo = make(entry.replace("{day}", "2020-01-01"))
        assert ("CG005", POLICY, 1, "report") in self.judged(repo, **{POLICY: entry.replace("{day}", "2999-01-01")})


def test_a_leak_is_not_quoted(make: Callable[..., Repository]) -> None:
    repo = make()
    secret = LEAK.split()[-1]
    repo.commit("work", {POLICY: f"rules: {{{secret}: off}}\n", BASELINE: f"{secret}\n"})
    for name in ("text", "json", "sarif"):
        assert secret[:8] not in credguard("scan", "--range", "main..HEAD", "--format", name, cwd=repo.folder).stdout
