"""Calls of credguard that a change alters: what is said of them, and what is passed over."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from credguard.enforcement.calls import load_calls
from credguard.enforcement.removed_calls import find_removed_calls
from credguard.enforcement.shell import find_calls as commands
from credguard.enforcement.tree_diff import redact_text
from credguard.sources.snapshots import FolderSnapshot
from tests.keys import Filler
from tests.pace import PACE
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


def lost(
    folder: Path, before: dict[str, str], after: dict[str, str], pins: tuple[str, ...] = ()
) -> list[tuple[str, int]]:
    write(folder / "before", {".keep": "", **before})
    write(folder / "after", {".keep": "", **after})
    told = find_removed_calls(
        load_calls(FolderSnapshot(folder / "before")), load_calls(FolderSnapshot(folder / "after")), pins
    )
    return [(one.words, one.line) for one in told]


@pytest.mark.parametrize(
    ("old", "new", "said", "line"),
    [
        ("credguard ci", "true credguard ci", "jobs.check.steps[1].run: credguard ci → true credguard ci", 7),
        ("secrets\n", "secrets\n      if: false\n", "jobs.check.steps[1].if: is new: false", 7),
        ("    runs-on", "    continue-on-error: true\n    runs-on", "jobs.check.continue-on-error: is new: true", 3),
        ("checkout@v4", "checkout@v5", "jobs.check.steps[0].uses: actions/checkout@v4 → actions/checkout@v5", 5),
        ("- name: s", "- run: exit 0\n    - name: s", "jobs.check.steps[1]: is new: {run: exit 0}", 6),
        (
            "    - name: secrets\n      run: credguard ci\n",
            "",
            "no longer calls credguard ci in jobs.check.steps[1]",
            6,
        ),
    ],
)
def test_the_key_is_named_and_what_stands_there(tmp_path: Path, old: str, new: str, said: str, line: int) -> None:
    (told,) = lost(tmp_path, {WORKFLOW: STEP}, {WORKFLOW: STEP.replace(old, new)})
    assert said in told[0] and WORKFLOW in told[0] and told[1] == line


def test_what_several_hooks_share_is_said_once(tmp_path: Path) -> None:
    name = ".pre-commit-config.yaml"
    (told,) = lost(tmp_path, {name: HOOKS}, {name: HOOKS.replace("v1", "v2")})
    assert "repos.rev: v1 → v2" in told[0] and told[1] == 3
    (told,) = lost(tmp_path / "one", {name: HOOKS}, {name: HOOKS.replace("  - id: credguard-pre-push\n", "")})
    assert "no longer calls" in told[0]


def test_what_got_stricter_is_silent(tmp_path: Path) -> None:
    for old, new in (("credguard ci", "credguard ci || true"), ("secrets\n", "secrets\n      if: false\n")):
        assert not lost(tmp_path / new[:9].strip(), {WORKFLOW: STEP.replace(old, new)}, {WORKFLOW: STEP})


def test_a_workflow_that_moves_as_it_is(tmp_path: Path) -> None:
    assert not lost(tmp_path, {WORKFLOW: STEP}, {".github/workflows/new.yml": STEP})
    assert lost(tmp_path / "off", {WORKFLOW: STEP}, {WORKFLOW + ".bak": STEP})
    assert lost(tmp_path / "other", {WORKFLOW: STEP}, {".github/workflows/new.yml": "on: push\n" + STEP})


@pytest.mark.parametrize(
    ("name", "before", "after", "pin", "silent"),
    [
        (WORKFLOW, "uses: o/credguard@aa11bb2", "uses: o/credguard@cc33dd4", "o/credguard@cc33dd4", True),
        (WORKFLOW, "uses: o/credguard@aa11bb2", "uses: o/credguard@cc33dd5", "o/credguard@cc33dd4", False),
        (WORKFLOW, "uses: o/credguard@aa11bb2", "uses: o/credguard@cc33dd4\n      if: x", "o/credguard@cc33dd4", False),
        (WORKFLOW, "uses: o/credguard@aa11bb2", "uses: m/credguard@cc33dd4", "m/credguard@cc33dd4", False),
        (WORKFLOW, "run: pipx run credguard==1.0 ci", "run: pipx run credguard==1.1 ci", "credguard==1.1", True),
        (WORKFLOW, "run: uvx --from credguard-cli==1.0 credguard ci", "run: uvx --from credguard-cli==1.1 credguard ci",
         "credguard-cli==1.1", True),
        (WORKFLOW, "run: uvx --from credguard-cli==1.0 credguard ci", "run: uvx --from credguard==1.1 credguard ci",
         "credguard-cli==1.1", False),
        (WORKFLOW, "run: pipx run credguard==1.0 ci", "run: pipx run credguard==1.1 rules", "credguard==1.1", False),
        (WORKFLOW, "run: pipx run credguard==1.0 ci", "run: pipx run my-credguard==1.1 ci", "credguard==1.1", False),
    ],
)  # fmt: skip
def test_a_revision_that_was_agreed_on(
    tmp_path: Path, name: str, before: str, after: str, pin: str, silent: bool
) -> None:
    old, new = ({name: STEP.replace("run: credguard ci", text)} for text in (before, after))
    assert (not lost(tmp_path, old, new, (pin,))) is silent


def test_a_revision_of_a_hook_that_was_agreed_on(tmp_path: Path) -> None:
    name, pin = ".pre-commit-config.yaml", "https://github.com/example/credguard@v2"
    assert not lost(tmp_path, {name: HOOKS}, {name: HOOKS.replace("v1", "v2")}, (pin,))
    mallory = HOOKS.replace("v1", "v2").replace("/example/", "/mallory/")
    assert lost(tmp_path / "other", {name: HOOKS}, {name: mallory}, (pin,))


def test_files_that_do_not_call(tmp_path: Path) -> None:
    assert not lost(tmp_path, {WORKFLOW: "# credguard\n", "README.md": "credguard ci"}, {})


def test_no_value_is_quoted(tmp_path: Path) -> None:
    secret = Filler("guards").fill("{{SECRET}}")
    for text in (secret, f"x={secret}", "Tr0ub4dor-and-3"):
        after = STEP.replace("secrets\n", f"secrets\n      env:\n        KEY: {text}\n")
        (told,) = lost(tmp_path / str(len(text)), {WORKFLOW: STEP}, {WORKFLOW: after})
        assert text not in told[0] and text[5:] not in told[0]
    assert secret[5:] not in redact_text(secret, "if") and secret[5:] not in redact_text(f"curl -u me:{secret}", "run")


@pytest.mark.parametrize(
    ("text", "muted"),
    [
        ("credguard ci", False), ("set -e\ncredguard ci\nmake", False), ("cd x && credguard ci", False),
        ("python3 -m credguard scan --range a..b", False), (".venv/bin/credguard ci", False),
        ("X=1 exec credguard hook pre-commit", False), ("credguard ci || exit 1", False),
        ("bash -c 'credguard ci'", False), ("pipx run --spec x credguard ci", False),
        ("if ! credguard ci; then exit 1; fi", False), ("mkdir -p x && credguard ci --report junit=x/y", False),
        ("credguard ci || true", True), ("credguard ci || (exit 0)", True), ("credguard ci & wait", True),
        ("credguard ci | cat", True), ("exit 0\ncredguard ci", True), ("set +e\ncredguard ci", True),
        ("if credguard ci; then :; fi", True), ("true || credguard ci", True), ("credguard ci; exit 0", True),
        ("true credguard ci", None), ("echo credguard ci", None), ("credguard --version", None),
        ("credguard ci --help", None), ("pip install credguard", None), ("# credguard ci", None),
        ("command -v credguard", None), (": credguard ci", None), ("echo 'credguard ci'", None),
    ],
)  # fmt: skip
def test_which_commands_check(text: str, muted: bool | None) -> None:
    found = [call.muted for call in commands(text)]
    assert found == ([] if muted is None else [muted])


@pytest.mark.slow
def test_a_large_file_takes_no_time(tmp_path: Path) -> None:
    steps, lines = "    - run: credguard ci\n", "\tcredguard ci\n"
    before = {"Makefile": "x:\n" + lines * 12_000, WORKFLOW: STEP + steps * 2_000}
    after = {"Makefile": "x:\n" + "\ttrue\n" + lines[::-1] * 12_000, WORKFLOW: STEP + steps * 1_800 + "    - run: x\n"}
    start = time.process_time()
    assert len(lost(tmp_path, before, after)) == 2
    assert time.process_time() - start < 12 * PACE
