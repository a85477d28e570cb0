"""The parts of `fix`: what an example may hold, and the shapes of a workflow that get a role."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from credguard.fixes import example_files
from credguard.fixes.edit import Edit, RefusedError, load_text, write_edit
from credguard.fixes.github_oidc import ROLE, patch_workflow
from credguard.sources.worktree import WorkTree
from tests.keys import Filler

if TYPE_CHECKING:
    from pathlib import Path

STEPS = """\
    steps:
      - uses: aws-actions/configure-aws-credentials@v4
        with:
          aws-access-key-id: ${{ secrets.A }}
          aws-secret-access-key: "${{ secrets.B }}"
          aws-region: eu-west-1
"""
HEAD = "on: push\njobs:\n  a:\n    runs-on: x\n"


def example(tmp_path: Path, text: str) -> str:
    edit = example_files.build_example(WorkTree(tmp_path, (".env",)), ".env", text.encode())
    return edit.after.decode() if edit else ""


@pytest.mark.parametrize(
    "line",
    [
        "# Database", "# see https://docs.example.com/setup.html", "# set DB_HOST, then DB_PORT (5432)",
        "#### Section ####", "# it's the web app's port; 3000 by default", "# DEBUG is on in development",
    ],
)  # fmt: skip
def test_comments_that_stay(tmp_path: Path, line: str) -> None:
    assert example(tmp_path, f"{line}\nA=1\n") == f"{line}\nA=\n"


@pytest.mark.parametrize(
    "line",
    [
        "# {{AKID}}", "# old: {{SECRET}}", "# the password is hunter", "# Password: swordfish", "# {{ALNUM:20}}",
        "# postgres://user:{{ALNUM:12}}@host/db", "# https://hooks.example.com/T0{{ALNUM:8}}/x", "# pa55w0rd!",
        "{{SECRET}}", "continued {{ALNUM:20}}",
    ],
)  # fmt: skip
def test_comments_and_lines_that_go(tmp_path: Path, line: str) -> None:
    assert example(tmp_path, Filler(line).fill(f"{line}\nA=1\n")) == "A=\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("A=1\nA=2\n", "A=\n"),
        ("\ufeffA=1\r\nB=2\r\n", "A=\nB=\n"),
        ("export A='x\ny'\nB=1", "export A=\nB=\n"),
        ("# token = abcdefgh\nA=1\n", "# token=\nA=\n"),
        ("", ""),
        ("nothing here\n", ""),
    ],
)
def test_examples(tmp_path: Path, text: str, wanted: str) -> None:
    shown = example(tmp_path, text).replace("\r", "")
    assert shown == wanted


@given(st.text(string.ascii_letters + string.digits + "=#'\" \n:/@$_-.", max_size=200), st.data())
def test_no_value_gets_into_an_example(text: str, data: st.DataObject) -> None:
    """Whatever stands around it, a generated value is not taken over."""
    secret = data.draw(st.text(string.ascii_letters + string.digits + "+/", min_size=40, max_size=40))
    secret = "aB3" + secret[3:]
    place = data.draw(st.integers(0, len(text)))
    whole = (text[:place] + secret + text[place:]).encode()
    lines = b"".join(example_files._iter_example_lines(whole)).decode()
    assert secret not in lines


def permissions(text: str) -> tuple[object, object]:
    """Those of the workflow and of job a, when the patch was made."""
    line = next(n for n, one in enumerate(text.split("\n"), 1) if "aws-access-key-id" in one)
    made = patch_workflow(text.encode(), {line})
    assert made.settled == {line}, made
    loaded = yaml.safe_load(made.data)
    given = next(step for step in loaded["jobs"]["a"]["steps"] if "with" in step)["with"]
    assert given == {"role-to-assume": ROLE, "aws-region": "eu-west-1"}
    assert patch_workflow(made.data, {line}).data == made.data
    return loaded.get("permissions"), loaded["jobs"]["a"].get("permissions")


WANTED = {"id-token": "write", "contents": "read"}


@pytest.mark.parametrize(
    ("text", "shared", "own"),
    [
        (HEAD + STEPS, None, WANTED),
        (HEAD + "    permissions:\n      packages: write\n" + STEPS, None, WANTED | {"packages": "write"}),
        (HEAD + "    permissions:\n      contents: write\n" + STEPS, None, WANTED | {"contents": "write"}),
        (HEAD + "    permissions:\n      id-token: write\n      contents: read\n" + STEPS, None, WANTED),
        (HEAD + "    permissions: write-all\n" + STEPS, None, "write-all"),
        ("permissions:\n  contents: read\n" + HEAD + STEPS, WANTED, None),
        ("permissions: {}\n" + HEAD + STEPS, {}, WANTED),
        ("permissions: write-all\n" + HEAD + STEPS, "write-all", None),
        (
            "permissions:\n  issues: write\n" + HEAD + STEPS + "  b:\n    runs-on: x\n    steps: []\n",
            {"issues": "write"}, WANTED | {"issues": "write"},
        ),
    ],
)  # fmt: skip
def test_permissions(text: str, shared: object, own: object) -> None:
    assert permissions(text) == (shared, own)


def test_windows_line_ends_and_a_role_that_is_there() -> None:
    text = (HEAD + STEPS + "          role-to-assume: mine\n").replace("\n", "\r\n")
    made = patch_workflow(text.encode(), {8})
    assert made.data.count(b"\n") == made.data.count(b"\r\n")
    assert yaml.safe_load(made.data)["jobs"]["a"]["steps"][0]["with"] == {
        "aws-region": "eu-west-1",
        "role-to-assume": "mine",
    }


@pytest.mark.parametrize(
    "text",
    [
        HEAD + STEPS.partition("        with:")[0] + "        with: {aws-access-key-id: a, aws-secret-access-key: b}\n",
        HEAD + STEPS.replace('"${{ secrets.B }}"', ">-\n            ${{ secrets.B }}"),
        HEAD + "    permissions: read-all\n" + STEPS,
        HEAD + "    permissions: {contents: read}\n" + STEPS,
        HEAD + "    permissions:\n      id-token: none\n" + STEPS,
        "permissions: read-all\n" + HEAD + STEPS,
        HEAD + STEPS.replace("configure-aws-credentials", "another"),
        "runs:\n  using: composite\n" + STEPS,
        "on: [push\n" + STEPS,
    ],
)  # fmt: skip
def test_other_shapes_are_left(text: str) -> None:
    lines = set(range(1, text.count("\n") + 2))
    assert patch_workflow(text.encode(), lines).data == text.encode()
    assert not patch_workflow(text.encode(), lines).settled


def test_an_edit_is_written_whole_and_only_where_nothing_has_changed(tmp_path: Path) -> None:
    write_edit(tmp_path, Edit("a/b/c", None, b"1\n"))
    assert load_text(tmp_path, "a/b/c") == b"1\n"
    with pytest.raises(RefusedError, match="has changed"):
        write_edit(tmp_path, Edit("a/b/c", b"0\n", b"2\n"))
    (tmp_path / "link").symlink_to(tmp_path / "a")
    for path in ("link/b/c", "../out", "a/../../out", "/etc/hostname"):
        with pytest.raises(RefusedError):
            load_text(tmp_path, path)
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["c"]
    with pytest.raises(RefusedError, match="is not a file"):
        load_text(tmp_path, "a")


def test_a_diff_hides_what_it_is_told_to() -> None:
    shown = "\n".join(Edit("x", b"a\nK=secret-value\n", b"a\nK=\n", ("secret-value",)).diff())
    assert "-K=secr••••" in shown
    assert "secret-value" not in shown
