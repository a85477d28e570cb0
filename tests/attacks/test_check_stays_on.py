"""A change cannot switch off unseen what checks it: whatever it alters in a call of credguard, or in what that call
inherits, is a finding, and nothing else is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from credguard.enforcement.calls import load_calls
from credguard.enforcement.inventory import find_file_enforcement
from credguard.enforcement.removed_calls import find_removed_calls
from credguard.sources.snapshots import FolderSnapshot
from tests.cases import read_cases
from tests.hooking import credguard
from tests.repos import Repository, clean_environment, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _pytest.mark import ParameterSet

CASES = read_cases(Path(__file__).with_name("check_stays_on.yaml"))

Files = dict[str, str]
Edit = tuple[str, str] | dict[str, str | None]


def edited(base: Files, edit: Edit) -> Files:
    if isinstance(edit, dict):
        after = base | edit
        return {path: text for path, text in after.items() if text is not None}
    old, new = edit
    path, text = next(iter(base.items()))
    assert text.count(old) >= 1, old
    return base | {path: text.replace(old, new, 1)}


def edits(kind: str) -> Iterator[ParameterSet]:
    for case in CASES:
        for number, edit in enumerate(case.get(kind, ())):
            yield pytest.param(case["base"], edit, id=f"{case['name']}, {kind} {number}")


def taken(folder: Path, base: Files, after: Files) -> list[str]:
    write(folder / "before", {".keep": "", **base})
    write(folder / "after", {".keep": "", **after})
    return [
        one.words
        for one in find_removed_calls(
            load_calls(FolderSnapshot(folder / "before")), load_calls(FolderSnapshot(folder / "after"))
        )
    ]


@pytest.mark.parametrize(("base", "edit"), list(edits("reported")))
def test_an_edit_that_may_switch_it_off_is_reported(tmp_path: Path, base: Files, edit: Edit) -> None:
    assert taken(tmp_path, base, edited(base, edit))


@pytest.mark.parametrize(("base", "edit"), list(edits("silent")))
def test_an_edit_of_something_else_is_silent(tmp_path: Path, base: Files, edit: Edit) -> None:
    assert taken(tmp_path, base, edited(base, edit)) == []


STEP = """\
on: [push, pull_request]
jobs:
  keys:
    runs-on: ubuntu-latest
    steps:
    - uses: actions/checkout@v4
    - uses: example/credguard@0123456789abcdef0123456789abcdef01234567
"""
WORKFLOW, POLICY = ".github/workflows/keys.yml", ".credguard.yaml"
OLD, NEW = "0123456789abcdef0123456789abcdef01234567", "fedcba9876543210fedcba9876543210fedcba98"
OFF = STEP.replace("    runs-on", "    if: false\n    runs-on")


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """A repository whose main branch has the step; work goes on on a branch of its own."""
    made = Repository(tmp_path / "repo")
    made.commit("begin", {WORKFLOW: STEP, "a.py": "x = 1\n"})
    made.git("switch", "--quiet", "--create", "work")
    return made


Told = list[tuple[str, int, str, str]]


def judged(repo: Repository, words: str = "main..HEAD") -> tuple[int, Told]:
    """Exit code, and for each CG005 path, line, outcome and message."""
    done = credguard("scan", "--range", words, "--format", "json", cwd=repo.folder)
    return done.returncode, told(done.stdout)


def told(report: str) -> Told:
    return [
        (one["locations"][0]["path"], one["locations"][0]["line"], one["outcome"], one["message"])
        for one in json.loads(report[report.index("{") :])["findings"]
        if one["rule_id"] == "CG005"
    ]


def test_a_range_names_the_key_and_the_line(repo: Repository) -> None:
    repo.commit("off", {WORKFLOW: OFF})
    code, ((path, line, outcome, message),) = judged(repo)
    assert (code, path, line, outcome) == (1, WORKFLOW, 4, "report")
    assert "jobs.keys.if: is new: false" in message


def test_a_range_without_a_difference_is_silent(repo: Repository) -> None:
    repo.commit("words", {WORKFLOW: "# the check\n" + STEP.replace("[push, pull_request]", "['push', pull_request]")})
    repo.commit("more", {".github/workflows/more.yml": "on: push\njobs: {x: {runs-on: x, steps: [{run: x}]}}\n"})
    assert judged(repo) == (0, [])


@pytest.mark.parametrize("mode", ["change", "tree"])
def test_a_pull_request(repo: Repository, tmp_path: Path, mode: str) -> None:
    head = repo.commit("off", {WORKFLOW: OFF})
    base = repo.git("rev-parse", "main").strip()
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"base": {"sha": base}, "head": {"sha": head}}}))
    given = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request", "GITHUB_EVENT_PATH": str(event)}
    done = credguard("ci", "--mode", mode, "--format", "json", cwd=repo.folder, GITHUB_SHA=head, **given)
    assert done.returncode == 1 and [one[:2] for one in told(done.stdout)] == [(WORKFLOW, 4)]


def test_a_push_to_the_server(repo: Repository, tmp_path: Path) -> None:
    server = Repository(tmp_path / "server", bare=True)
    new = repo.commit("off", {WORKFLOW: OFF})
    repo.git("push", "--quiet", str(server.folder), "main", "work:refs/heads/other")
    line = f"{repo.git('rev-parse', 'main').strip()} {new} refs/heads/main\n"
    command = [sys.executable, "-m", "credguard", "hook", "pre-receive", "--format", "json"]
    done = subprocess.run(
        command, cwd=server.folder, env=clean_environment(), input=line, text=True, capture_output=True, check=False
    )
    assert done.returncode == 1 and [one[:2] for one in told(done.stdout)] == [(WORKFLOW, 4)]


def test_what_the_base_changed_meanwhile_hides_nothing(repo: Repository) -> None:
    repo.commit("off", {WORKFLOW: OFF})
    repo.git("switch", "--quiet", "main")
    repo.commit("bump", {WORKFLOW: STEP.replace(OLD, NEW)})
    _, ((_, _, _, message),) = judged(repo, "main..work")
    assert "jobs.keys.if" in message and "uses" not in message
    repo.git("mv", WORKFLOW, ".github/workflows/renamed.yml")
    repo.commit("rename")
    assert len(judged(repo, "main..work")[1]) == 1


def test_what_the_base_changed_meanwhile_is_not_held_against_the_branch(repo: Repository) -> None:
    repo.commit("work", {"a.py": "x = 2\n"})
    repo.git("switch", "--quiet", "main")
    repo.commit("bump", {WORKFLOW: STEP.replace(OLD, NEW)})
    assert judged(repo, "main..work") == (0, [])


def test_a_bump_passes_once_the_base_agreed_on_the_revision(repo: Repository) -> None:
    pin = f"enforcement:\n  pins:\n  - example/credguard@{NEW}\n"
    repo.commit("bump", {WORKFLOW: STEP.replace(OLD, NEW)})
    assert judged(repo)[0] == 1
    repo.commit("agree with oneself", {POLICY: pin})
    code, found = judged(repo)
    assert code == 1 and {one[0] for one in found} == {WORKFLOW, POLICY}
    repo.git("switch", "--quiet", "main")
    repo.commit("agreed", {POLICY: pin})
    assert judged(repo, "main..work") == (0, [])
    repo.git("switch", "--quiet", "work")
    repo.commit("more", {WORKFLOW: OFF.replace(OLD, NEW)})
    code, ((_, _, _, message),) = judged(repo)
    assert code == 1 and "jobs.keys.if" in message and "uses" not in message


def test_an_exception_in_the_base_covers_exactly_one_difference(repo: Repository) -> None:
    repo.commit("other runner", {WORKFLOW: STEP.replace("ubuntu-latest", "ubuntu-24.04")})
    report = json.loads(credguard("scan", "--range", "main..HEAD", "--format", "json", cwd=repo.folder).stdout)
    mark = report["findings"][0]["fingerprint"]
    allow = {POLICY: f"allow: [{{rule: CG005, fingerprint: {mark}, reason: read by Ada}}]\n"}
    repo.git("switch", "--quiet", "main")
    repo.commit("allow", allow)
    code, ((_, _, outcome, _),) = judged(repo, "main..work")
    assert (code, outcome) == (0, "allowed")
    repo.git("switch", "--quiet", "work")
    repo.commit("another", {WORKFLOW: STEP.replace("ubuntu-latest", "nobody")})
    assert judged(repo, "main..work")[0] == 1


def test_a_settings_file_that_becomes_a_link_or_goes_away(repo: Repository) -> None:
    (repo.folder / WORKFLOW).unlink()
    (repo.folder / WORKFLOW).symlink_to("../../a.py")
    repo.add(WORKFLOW)
    repo.commit("link")
    code, ((path, _, _, message),) = judged(repo)
    assert code == 1 and path == WORKFLOW and "symbolic link" in message
    repo.git("rm", "--quiet", WORKFLOW)
    repo.commit("gone")
    assert "is gone" in judged(repo)[1][0][3]


@pytest.mark.parametrize("text", [STEP + "\tx\n", "a: [\n" + STEP, STEP + "#" * (1 << 20) + "\n", STEP + "\0"])
def test_a_settings_file_that_cannot_be_read_any_more(repo: Repository, text: str) -> None:
    repo.commit("broken", {WORKFLOW: text})
    code, ((path, _, _, message),) = judged(repo)
    assert code == 1 and path == WORKFLOW and "cannot be read any more" in message


def test_a_workflow_that_moves_is_silent_where_it_still_runs(repo: Repository) -> None:
    repo.git("mv", WORKFLOW, ".github/workflows/other.yml")
    repo.commit("moved")
    assert judged(repo) == (0, [])
    repo.git("mv", ".github/workflows/other.yml", ".github/other.yml")
    repo.commit("away")
    assert judged(repo)[0] == 1


def test_a_hook_that_may_no_longer_run(repo: Repository) -> None:
    name = ".githooks/pre-push"
    repo.git("switch", "--quiet", "main")
    repo.commit("hook", {name: '#!/bin/sh\nexec credguard hook pre-push "$@"\n'})
    repo.git("update-index", "--chmod=+x", name)
    repo.commit("mode")
    repo.git("switch", "--quiet", "--create", "more")
    repo.git("update-index", "--chmod=-x", name)
    repo.commit("no mode")
    code, ((path, _, _, message),) = judged(repo)
    assert code == 1 and path == name and "not executable" in message


def test_no_report_quotes_a_value(repo: Repository) -> None:
    secret = "Tr0ub4dor-and-3-horses"
    repo.commit("off", {WORKFLOW: STEP.replace("    steps", f"    env: {{X: '{secret}', {secret}: x}}\n    steps")})
    for name in ("text", "json", "sarif", "markdown"):
        out = credguard("scan", "--range", "main..HEAD", "--format", name, cwd=repo.folder).stdout
        assert "CG005" in out and secret[5:] not in out, name


@pytest.mark.parametrize(
    ("step", "enforces"),
    [
        ("run: credguard ci", True), ("uses: example/credguard@v1", True), ("run: python -m credguard ci", True),
        ("run: cd x && credguard ci", True), ("run: .venv/bin/credguard scan --range main..HEAD", True),
        ("run: true credguard ci", False), ("run: echo credguard", False), ("run: credguard --version", False),
        ("run: credguard ci || true", False), ("{run: credguard ci, if: false}", False),
        ("run: credguard ci --help", False), ("{id: credguard, run: echo no}", False),
        ("{run: credguard ci, 'continue-on-error': 'true'}", False), ("run: pip install credguard", False),
        ("{run: credguard ci, if: '${{ false }}'}", False), ("run: credguard ci & true", False),
        ("{run: 'exit 0; credguard ci'}", False), ("run: ': credguard ci'", False), ("run: credguard audit", False),
    ],
)  # fmt: skip
def test_what_does_not_check_is_not_counted_as_a_check(tmp_path: Path, step: str, enforces: bool) -> None:
    write(tmp_path, {WORKFLOW: f"on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n    - {step}\n"})
    found = find_file_enforcement(FolderSnapshot(tmp_path))
    assert (set(found.ci) > set(found.loose)) is enforces
