"""Which commit's policy counts: CI ranges, pre-receive, --policy-from; and what is no tampering."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests import processes
from tests.hooking import credguard
from tests.judging import BASELINE, KEY, LONE, OLD, POLICY, found, judge, mark, only
from tests.repos import Repository, clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class TestWhatIsNoTampering:
    @pytest.mark.parametrize(
        "text",
        [
            "fail-on: low\n", "rules: {CG202: critical}\n", "extends: strict\n", "extends: recommended\n",
            "markers: {foreign: off}\n", "rotation-days: 30\n", "accounts: {own: ['210987654321']}\n",
            "paths: {rules: {'prod/**': {CG101: critical}}}\n", "limits: {file-size: 1G}\n", "# words\n",
            "stages: {ci: block}\n", "paths: {exclude: ['!src/']}\n",
        ],
    )  # fmt: skip
    def test_tightening(self, make: Callable[..., Repository], text: str) -> None:
        repo = make("fail-on: medium\n")
        repo.commit("work", {POLICY: text})
        assert only(repo) == []

    def test_taking_exceptions_away(self, make: Callable[..., Repository], tmp_path: Path) -> None:
        line = f"{mark(OLD, tmp_path)} CG101 old.txt -- old\n"
        repo = make(f"version: 1\nallow: [{{fingerprint: {mark(OLD, tmp_path)}, reason: x}}]\n", **{BASELINE: line})
        repo.commit("work", {POLICY: "version: 1\n", BASELINE: ""})
        assert only(repo) == []

    def test_words_and_order(self, make: Callable[..., Repository]) -> None:
        repo = make("rules: {CG202: off, CG204: low}\nallow: [{rule: CG101, path: x/, reason: old words}]\n")
        repo.commit(
            "work", {POLICY: "allow: [{path: x/, reason: new, rule: CG101}]\nrules: {CG204: low, CG202: off}\n"}
        )
        assert only(repo) == []

    def test_what_the_base_has_come_to_demand_meanwhile(self, make: Callable[..., Repository]) -> None:
        repo = make("rules: {CG202: off}\n")
        repo.commit("work", {"b.py": "x = 1\n"})
        repo.git("switch", "--quiet", "main")
        repo.commit("stricter", {POLICY: "fail-on: low\n"})
        repo.git("switch", "--quiet", "work")
        assert only(repo) == []

    def test_what_the_base_allows(self, make: Callable[..., Repository], tmp_path: Path) -> None:
        repo = make(f"allow: [{{fingerprint: {mark(LONE, tmp_path)}, reason: fine}}]\n")
        repo.commit("work", {"key.txt": LONE})
        done = judge(repo)
        assert found(done) == [("CG101", "key.txt", 1, "allowed")] and done.returncode == 0

    def test_a_comment_that_stood_there(self, make: Callable[..., Repository]) -> None:
        line = f"key = '{KEY}'  # credguard: allow CG101 -- planted\n"
        repo = make(**{"b.py": line})
        repo.commit("work", {"b.py": "x = 1\n" + line})
        repo.git("mv", "b.py", "c.py")
        repo.commit("renamed")
        repo.commit("back", {"b.py": line})
        assert judge(repo, "main..HEAD~2").returncode == 0
        assert ("CG101", "b.py", 1, "inline") in found(judge(repo))

    def test_a_policy_that_was_broken_may_be_mended(self, make: Callable[..., Repository]) -> None:
        repo = make("fail_on: low\n")
        assert judge(repo, "main..HEAD").returncode == 2
        repo.commit("mend", {POLICY: "fail-on: low\n"})
        assert judge(repo).returncode == 0


class TestBase:
    def test_of_three_dots_is_the_merge_base(self, make: Callable[..., Repository]) -> None:
        repo = make("rules: {CG101: off}\n")
        repo.commit("work", {"key.txt": LONE})
        repo.git("switch", "--quiet", "main")
        repo.commit("stricter", {POLICY: "version: 1\n"})
        assert judge(repo, "main...work").returncode == 0
        assert judge(repo, "main..work").returncode == 1

    def test_without_a_policy_the_defaults_hold(self, make: Callable[..., Repository]) -> None:
        repo = make()
        repo.commit("work", {POLICY: "extends: recommended\n", "key.txt": LONE})
        assert found(judge(repo)) == [("CG101", "key.txt", 1, "report")]

    def test_no_range(self, make: Callable[..., Repository]) -> None:
        repo = make("rules: {CG101: off}\n")
        done = judge(repo, "HEAD")
        assert done.returncode == 1 and "--policy-from" in done.stdout
        assert judge(repo, "HEAD", "--policy-from", "main").returncode == 0

    @pytest.mark.parametrize("words", ["none..HEAD", "main..none", "--all..HEAD"])
    def test_that_is_not_there(self, make: Callable[..., Repository], words: str) -> None:
        done = credguard("scan", f"--range={words}", cwd=make().folder)
        assert done.returncode == 3 and not done.stdout


class TestPolicyFrom:
    def test_scan(self, make: Callable[..., Repository]) -> None:
        repo = make("rules: {CG202: low}\n")
        repo.write({POLICY: "rules: {CG101: off}\n", "key.py": f"k = '{KEY}'  # gitleaks:allow\n"})
        args = ("--policy-from", "main", "--format", "json")
        for command in (("scan",), ("audit",), ("scan", "key.py", "old.txt")):
            result = found(credguard(*command, *args, cwd=repo.folder))
            assert ("CG101", "old.txt", 1, "report") in result and ("CG101", "key.py", 1, "report") in result
            assert [one[1:3] for one in result if one[0] == "CG005"] == [(POLICY, 1), ("key.py", 1)]

    def test_hook(self, make: Callable[..., Repository]) -> None:
        repo = make("version: 1\n")
        repo.write({POLICY: "rules: {CG101: off}\n", "key.txt": LONE})
        repo.add("key.txt")
        assert credguard("hook", "pre-commit", cwd=repo.folder).returncode == 0
        done = credguard("hook", "pre-commit", "--policy-from", "HEAD", "--format", "json", cwd=repo.folder)
        assert done.returncode == 1 and found(done) == [("CG101", "key.txt", 1, "report")]
        repo.add(POLICY)
        done = credguard("hook", "pre-commit", "--policy-from", "HEAD", "--format", "json", cwd=repo.folder)
        assert [one[0] for one in found(done)] == ["CG005", "CG101"]

    @pytest.mark.parametrize("ref", ["none", "--all", "HEAD:a.py"])
    def test_what_is_no_commit(self, make: Callable[..., Repository], ref: str) -> None:
        done = credguard("scan", f"--policy-from={ref}", cwd=make().folder)
        assert done.returncode == 3 and "there is no commit" in done.stderr


class TestHooks:
    def test_at_home_the_work_trees_policy_counts(self, make: Callable[..., Repository]) -> None:
        repo = make()
        repo.write({POLICY: "rules: {CG101: off}\n", "key.txt": LONE, "message": LONE})
        repo.add()
        for args in (("pre-commit",), ("commit-msg", "message")):
            done = credguard("hook", *args, "--format", "json", cwd=repo.folder)
            assert done.returncode == 0 and not found(done)

    def received(
        self, server: Repository, *lines: str, options: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        return processes.run_text(
            ["hook", "pre-receive", "--format", "json", *options],
            cwd=server.folder,
            env=clean_environment(),
            stdin="".join(f"{line}\n" for line in lines),
        )

    @pytest.fixture
    def server(self, make: Callable[..., Repository], tmp_path: Path) -> tuple[Repository, Repository]:
        work = make("rules: {CG202: low}\n")
        server = Repository(tmp_path / "server", bare=True)
        work.git("push", "--quiet", str(server.folder), "main")
        return work, server

    def push(self, work: Repository, server: Repository) -> str:
        """Brings the commit to the server's objects without a ref."""
        head = work.git("rev-parse", "HEAD").strip()
        pack = subprocess.run(
            ["git", "pack-objects", "--all", "--stdout"], cwd=work.folder, input=b"", capture_output=True, check=True
        ).stdout
        subprocess.run(["git", "unpack-objects", "-q"], cwd=server.folder, input=pack, check=True)
        return head

    def test_pre_receive(self, server: tuple[Repository, Repository]) -> None:
        work, bare = server
        old = work.git("rev-parse", "main").strip()
        work.commit("work", {POLICY: "rules: {CG101: off}\n", "key.txt": LONE})
        new = self.push(work, bare)
        for line in (f"{old} {new} refs/heads/main", f"{'0' * 40} {new} refs/heads/new"):
            done = self.received(bare, line)
            assert done.returncode == 1
            assert [one[0] for one in found(done)] == ["CG005", "CG101"]

    def test_the_default_branch_counts_for_every_ref(self, server: tuple[Repository, Repository]) -> None:
        work, bare = server
        loosened = work.commit("loosened by a push before", {POLICY: "rules: {CG101: off}\n"})
        self.push(work, bare)
        bare.git("update-ref", "refs/heads/work", loosened)
        new = work.commit("work", {"key.txt": LONE})
        self.push(work, bare)
        done = self.received(bare, f"{loosened} {new} refs/heads/work")
        assert done.returncode == 1 and ("CG101", "key.txt", 1, "report") in found(done)
        bare.git("update-ref", "refs/heads/main", loosened)  # merged by somebody who may
        assert self.received(bare, f"{loosened} {new} refs/heads/work").returncode == 0

    def test_the_first_push(self, server: tuple[Repository, Repository], tmp_path: Path) -> None:
        work, _ = server
        empty = Repository(tmp_path / "empty", bare=True)
        work.commit("quiet", {POLICY: "rules: {CG101: off}\n"})
        new = self.push(work, empty)
        done = self.received(empty, f"{'0' * 40} {new} refs/heads/main")
        assert ("CG101", "old.txt", 1, "report") in found(done) and done.returncode == 1
        assert self.received(empty, f"{new} {'0' * 40} refs/heads/main").returncode == 0

    def test_what_leads_to_no_commit(self, server: tuple[Repository, Repository]) -> None:
        _, bare = server
        blob = bare.git("rev-parse", "main:old.txt").strip()
        done = self.received(bare, f"{'0' * 40} {blob} refs/tags/file")
        assert {one[0] for one in found(done)} == {"CG101"} and done.returncode == 1

    def test_the_servers_own_file(self, server: tuple[Repository, Repository], tmp_path: Path) -> None:
        work, bare = server
        old, new = work.git("rev-parse", "main").strip(), work.commit("work", {"key.txt": LONE})
        self.push(work, bare)
        for place in (bare.folder / "policy.yaml", tmp_path / "policy.yaml"):
            place.write_text("rules: {CG101: off}\n")
            line = f"{old} {new} refs/heads/main"
            assert self.received(bare, line, options=("--config", str(place))).returncode == 0

    def test_a_range_of_the_framework_in_ci(self, make: Callable[..., Repository]) -> None:
        repo = make()
        repo.commit("work", {POLICY: "rules: {CG101: off}\n", "key.txt": LONE})
        given = {"PRE_COMMIT": "1", "PRE_COMMIT_FROM_REF": "main", "PRE_COMMIT_TO_REF": "HEAD"}
        args = ("hook", "pre-commit", "--format", "json")
        assert credguard(*args, cwd=repo.folder, CI="", **given).returncode == 0
        done = credguard(*args, cwd=repo.folder, CI="true", **given)
        assert done.returncode == 1 and [one[0] for one in found(done)] == ["CG005", "CG101"]
