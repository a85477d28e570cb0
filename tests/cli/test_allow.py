"""`credguard allow`: an exception in the policy, for one finding that is there now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.hooking import LEAK, credguard
from tests.keys import Filler
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path
    from subprocess import CompletedProcess

POLICY = ".credguard.yaml"
LONE = Filler("allow").fill("id = {{AKID}}\n")


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    repo = Repository(tmp_path / "repo")
    repo.commit("begin", {".gitignore": ".env*\n", "a.ini": LEAK, "b.txt": LONE})
    return repo


def findings(folder: Path) -> dict[str, dict[str, str]]:
    """What a scan finds, by rule."""
    done = credguard("scan", "--format", "json", cwd=folder)
    return {one["rule_id"]: one for one in json.loads(done.stdout)["findings"]}


def allow(folder: Path, *args: str, **environment: str) -> CompletedProcess[str]:
    return credguard("allow", *args, cwd=folder, **environment)


def test_by_the_beginning_of_the_fingerprint(repo: Repository) -> None:
    mark = findings(repo.folder)["CG101"]["fingerprint"]
    done = allow(
        repo.folder, mark[:8].upper(), "--reason", "planted: in 2024", "--expires", "2999-12-31", "--by", "ada"
    )
    assert done.returncode == 0, done.stderr
    assert (repo.folder / POLICY).read_text() == (
        f"version: 1\nallow:\n- rule: CG101\n  fingerprint: {mark}\n"
        '  reason: "planted: in 2024"\n  expires: 2999-12-31\n  by: ada\n'
    )
    assert f"+  fingerprint: {mark}" in done.stdout and "b.txt:1" in done.stdout
    found = findings(repo.folder)
    assert (found["CG101"]["outcome"], found["CG103"]["outcome"]) == ("allowed", "report")


def test_below_the_root_and_beside_what_is_there(repo: Repository) -> None:
    before = "# ours\nversion: 1   # first\n\nrules:\n  CG202: off\n"
    repo.write({POLICY: before, "sub/x": ""})
    mark = findings(repo.folder)["CG103"]["fingerprint"]
    assert allow(repo.folder / "sub", mark, "--reason", "known").returncode == 0
    after = (repo.folder / POLICY).read_text()
    assert after == before + f"allow:\n- rule: CG103\n  fingerprint: {mark}\n  reason: known\n"
    assert findings(repo.folder)["CG103"]["outcome"] == "allowed"


def test_a_dry_run_writes_nothing(repo: Repository) -> None:
    mark = findings(repo.folder)["CG101"]["fingerprint"]
    done = allow(repo.folder, mark, "--reason", "known", "--dry-run")
    assert done.returncode == 0 and f"+  fingerprint: {mark}" in done.stdout
    assert not (repo.folder / POLICY).exists()


def test_paths(repo: Repository) -> None:
    done = allow(repo.folder, findings(repo.folder)["CG101"]["fingerprint"], "--path", "*.txt", "--reason", "x")
    assert done.returncode == 0, done.stderr
    assert '- rule: CG101\n  path: "*.txt"\n' in (repo.folder / POLICY).read_text()
    assert findings(repo.folder)["CG101"]["outcome"] == "allowed"
    assert allow(repo.folder, "--path", "docs/**", "--rule", "cg305", "--reason", "x").returncode == 0
    assert '- rule: CG305\n  path: "docs/**"\n' in (repo.folder / POLICY).read_text()


def test_what_only_the_history_holds(repo: Repository) -> None:
    mark = findings(repo.folder)["CG101"]["fingerprint"]
    repo.git("rm", "-q", "b.txt")
    repo.commit("removed")
    assert "CG101" not in findings(repo.folder)
    done = allow(repo.folder, mark[:12], "--reason", "deactivated")
    assert done.returncode == 0 and "b.txt:1" in done.stdout, done.stderr


def test_force_records_what_is_not_there(repo: Repository) -> None:
    assert allow(repo.folder, "f" * 32, "--reason", "x", "--force", "--rule", "CG102").returncode == 0
    assert f"- rule: CG102\n  fingerprint: {'f' * 32}\n" in (repo.folder / POLICY).read_text()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["{mark}"], "needs a reason"),
        (["{mark}", "--reason", " . "], "the reason is empty"),
        (["--reason", "x"], "no finding is given"),
        (["--reason", "x", "--path", "x"], "no finding is given"),
        (["{mark}", "--reason", "x", "--expires", "tomorrow"], "not a date"),
        (["{mark}", "--reason", "x", "--expires", "2020-01-01"], "has passed"),
        (["0123456", "--reason", "x"], "8 to 32"),
        (["01234567", "--reason", "x"], "no current finding"),
        (["01234567", "--reason", "x", "--force"], "all 32 digits"),
        (["{mark}", "--reason", "x", "--rule", "CG103"], "not of CG103"),
        (["--reason", "x", "--rule", "CG777", "--path", "x"], "no rule CG777"),
        (["--reason", "x", "--rule", "CG003", "--path", "x"], "cannot be allowed"),
        (["--reason", "x", "--rule", "CG103", "--path", "x"], "complete credentials"),
        (["--reason", "x", "--rule", "CG101", "--path", "../x"], "cannot be written"),
        (["{mark}", "--reason", "x", "--config", "../other.yaml"], "outside of the repository"),
    ],
)
def test_what_it_refuses(repo: Repository, args: list[str], said: str) -> None:
    repo.write({"../other.yaml": "version: 1\n"})
    mark = findings(repo.folder)["CG101"]["fingerprint"]
    done = allow(repo.folder, *(arg.format(mark=mark) for arg in args))
    assert done.returncode == 2 and said in done.stderr and len(done.stderr.splitlines()) == 1
    assert not (repo.folder / POLICY).exists()


def test_what_is_allowed_already(repo: Repository) -> None:
    mark = findings(repo.folder)["CG101"]["fingerprint"]
    repo.write({POLICY: f"allow:\n- {{fingerprint: {mark}, reason: x, expires: 2020-02-02}}\n"})
    done = allow(repo.folder, mark, "--reason", "x")
    assert done.returncode == 2 and f"{POLICY}:2 already allows it until 2020-02-02" in done.stderr


@pytest.mark.parametrize("name", ["GIT_INDEX_FILE", "PRE_COMMIT"])
@pytest.mark.parametrize("command", [["allow", "01234567", "--reason", "x"], ["baseline", "create"]])
def test_never_from_a_hook(repo: Repository, name: str, command: list[str]) -> None:
    done = credguard(*command, cwd=repo.folder, **{name: "1"})
    assert done.returncode == 2 and "must not run in a hook" in done.stderr


def test_a_policy_behind_a_link_is_left_alone(repo: Repository) -> None:
    repo.write({"real.yaml": "version: 1\n"})
    (repo.folder / POLICY).symlink_to("real.yaml")
    assert allow(repo.folder, "01234567", "--reason", "x").returncode == 2
    assert (repo.folder / "real.yaml").read_text() == "version: 1\n"


@pytest.mark.parametrize(
    ("policy", "code", "words"),
    [
        ("allow: [{rule: CG001, path: a, reason: x}]", 2, "cannot be set"),
        ("allow: [{rule: CG002, path: a, reason: x}]", 2, "cannot be set"),
        ("rules: {CG001: off}", 2, "cannot be set"),
        ("rules: {CG002: low}", 2, "cannot be set"),
        ("version: 1", 1, "CG003"),
        ("rules: {CG003: off}", 0, ""),
        ("rules: {CG003: low}", 0, "below-threshold"),
        ("allow: [{rule: CG003, path: .credguard-baseline, reason: x}]", 0, ""),
        ("allow: [{rule: CG101, path: a.py, reason: x, expires: 2020-01-01}]\nrules: {CG003: off}", 1, "CG004"),
        ("allow: [{rule: CG101, path: a.py, reason: x, expires: 2020-01-01}]\nrules: {CG003: off, CG004: off}", 0, ""),
    ],
)
def test_what_the_docs_say_of_rules_about_credguard_itself(tmp_path: Path, policy: str, code: int, words: str) -> None:
    """The table in docs/suppression.md; CG005 has tests of its own."""
    repo = Repository(tmp_path / "other")
    repo.commit("a", {"a.py": "x = 1\n", ".gitignore": ".env*\n", ".credguard-baseline": "no fingerprint\n"})
    repo.write({".credguard.yaml": policy + "\n"})
    done = credguard("scan", cwd=repo.folder)
    assert done.returncode == code and words in done.stdout + done.stderr, done.stdout + done.stderr
