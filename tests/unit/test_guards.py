"""Calls of credguard that a change takes away, or that no longer stop anything."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from credguard.config.place import Folder
from credguard.guards import calls, taken_away
from tests.repos import write

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOW = ".github/workflows/ci.yml"
STEP = """\
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
    - uses: actions/checkout@v4
    - name: secrets
      run: credguard ci
    - run: make
"""
HOOKS = """\
repos:
- repo: https://github.com/example/credguard
  rev: v1
  hooks:
  - id: credguard
  - id: credguard-pre-push
"""


def lost(folder: Path, before: dict[str, str], after: dict[str, str]) -> list[str]:
    write(folder / "before", {".keep": "", **before})
    write(folder / "after", {".keep": "", **after})
    told = taken_away(calls(Folder(folder / "before")), calls(Folder(folder / "after")))
    return [f"{path} {text}" for path, text in told]


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (STEP.replace("credguard ci", "make lint"), "no longer calls credguard ci"),
        (STEP.replace("      run", "      # run"), "no longer calls credguard ci"),
        ("", "no longer calls credguard ci"),
        (STEP.replace("credguard ci", "credguard ci || true"), "lets credguard ci fail without consequence"),
        (STEP.replace("secrets\n", "secrets\n      continue-on-error: true\n"), "lets credguard ci fail"),
        (STEP.replace("secrets\n", "secrets\n      if: false\n"), "lets credguard ci fail"),
        (STEP.replace("secrets\n", "secrets\n      if: ${{ false }}\n"), "lets credguard ci fail"),
    ],
)
def test_a_step_that_no_longer_checks(tmp_path: Path, after: str, said: str) -> None:
    (told,) = lost(tmp_path, {WORKFLOW: STEP}, {WORKFLOW: after})
    assert told.startswith(f"{WORKFLOW} {said}")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("secrets\n", "secrets\n      if: github.actor != 'mallory'\n", "calls credguard only on more terms (if)"),
        ("secrets\n", "secrets\n      continue-on-error: ${{ true }}\n", "lets credguard ci fail"),
        ("    runs-on", "    continue-on-error: true\n    runs-on", "lets credguard ci fail"),
        ("    runs-on", "    if: false\n    runs-on", "lets credguard ci fail"),
        ("- run: make\n", "- run: make\n    if: github.ref == 'x'\n", "calls credguard only on more terms (if)"),
        ("on: [push, pull_request]", "on: workflow_dispatch", "calls credguard only on more terms (on)"),
        ("on: [push, pull_request]", "on:\n  push: {paths: [docs]}\n  pull_request:\n", "only on more terms (on)"),
        ("credguard ci", "credguard ci --ignore CG1", "calls credguard only on more terms (--ignore)"),
        ("credguard ci", "credguard ci --policy-from HEAD", "only on more terms (--policy-from)"),
        ("credguard ci", "credguard ci | cat", "only on more terms (pipe)"),
        ("credguard ci", "credguard ci &", "only on more terms (background)"),
        ("credguard ci", "echo credguard ci", "lets credguard ci fail"),
        ("credguard ci", "credguard ci || /bin/true", "lets credguard ci fail"),
        ("run: credguard ci", "run: |\n        set +e\n        credguard ci\n        ls", "lets credguard ci fail"),
    ],
)
def test_a_step_on_other_terms(tmp_path: Path, old: str, new: str, said: str) -> None:
    before = "on: [push, pull_request]\n" + STEP
    (told,) = lost(tmp_path, {WORKFLOW: before}, {WORKFLOW: before.replace(old, new)})
    assert said in told and not lost(tmp_path / "back", {WORKFLOW: before.replace(old, new)}, {WORKFLOW: before})


def test_terms_of_a_workflow_that_moves(tmp_path: Path) -> None:
    moved = {".github/workflows/new.yml": STEP.replace("secrets\n", "secrets\n      if: github.actor == 'x'\n")}
    (told,) = lost(tmp_path, {WORKFLOW: STEP}, moved)
    assert told == f"{WORKFLOW} calls credguard only on more terms (if)"
    assert lost(tmp_path / "off", {WORKFLOW: STEP}, {WORKFLOW + ".bak": STEP})


def test_whose_credguard_is_called(tmp_path: Path) -> None:
    step = "jobs:\n  a:\n    steps:\n    - uses: {}/credguard@{}\n"
    before = {WORKFLOW: step.format("example", "0a")}
    assert not lost(tmp_path / "new", before, {WORKFLOW: step.format("example", "1b")})
    assert lost(tmp_path / "other", before, {WORKFLOW: step.format("mallory", "0a")})


def test_a_job_of_gitlab(tmp_path: Path) -> None:
    name, job = ".gitlab-ci.yml", "keys:\n  script: credguard ci\nlint:\n  script: make\n"
    after = job.replace("make\n", "make\n  allow_failure: true\n  rules:\n  - when: never\n")
    assert not lost(tmp_path / "other job", {name: job}, {name: after})
    (told,) = lost(tmp_path, {name: job}, {name: job.replace("ci\n", "ci\n  rules:\n  - when: never\n")})
    assert told == f"{name} calls credguard only on more terms (rules)"


@pytest.mark.parametrize(
    "after",
    [
        {WORKFLOW: STEP},
        {WORKFLOW: STEP.replace("make", "make test || true")},
        {WORKFLOW: STEP.replace("checkout@v4\n", "checkout@v5\n      continue-on-error: true\n")},
        {".github/workflows/secrets.yml": STEP},
        {WORKFLOW: STEP + "    - run: credguard audit\n"},
        {WORKFLOW: STEP.replace("secrets\n", "secrets\n      if: always()\n")},
        {WORKFLOW: STEP + "  other:\n    if: false\n    steps:\n    - run: make | cat\n"},
    ],
)
def test_a_step_that_still_checks(tmp_path: Path, after: dict[str, str]) -> None:
    assert not lost(tmp_path, {WORKFLOW: STEP}, after)


def test_hook_settings(tmp_path: Path) -> None:
    name = ".pre-commit-config.yaml"
    assert lost(tmp_path, {name: HOOKS}, {name: HOOKS.replace("v1", "v2")}) == []
    (told,) = lost(tmp_path, {name: HOOKS}, {name: HOOKS.replace("  - id: credguard-pre-push\n", "")})
    assert told == f"{name} no longer calls credguard-pre-push"


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (HOOKS + "    exclude: .*\n", "(exclude)"),
        (HOOKS + "    stages:\n    - manual\n", "(stages)"),
        (HOOKS + "    args: [--ignore, CG1]\n", "(--ignore, args)"),
        ("files: ^$\n" + HOOKS, "(files)"),
        ("ci:\n  skip: [credguard]\n" + HOOKS, "(skip)"),
        ("ci:\n  skip:\n  - credguard\n" + HOOKS, "(skip)"),
        (HOOKS.replace("/example/", "/mallory/"), "no longer calls credguard"),
    ],
)
def test_hooks_on_other_terms(tmp_path: Path, after: str, said: str) -> None:
    (told,) = lost(tmp_path, {".pre-commit-config.yaml": HOOKS}, {".pre-commit-config.yaml": after})
    assert told.endswith(said)


def test_files_that_do_not_call(tmp_path: Path) -> None:
    assert not lost(tmp_path, {WORKFLOW: "# credguard\n", "README.md": "credguard ci"}, {})


def test_a_large_file_takes_no_time(tmp_path: Path) -> None:
    write(tmp_path, {"Makefile": "x:\n" + "\tcredguard ci\n" * 60_000})
    start = time.perf_counter()
    calls(Folder(tmp_path))
    assert time.perf_counter() - start < 5
