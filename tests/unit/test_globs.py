"""Patterns select the paths that git would ignore by them."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credguard.policy import globs
from tests.pace import PACE
from tests.repos import Repository, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

_PART = st.sampled_from(["a", "b", "ab", "*", "a*", "**", "?", "[ab]", "[!a]", "*.py", "b.py"])
_PATTERN = st.builds(
    lambda no, first, parts, last: f"{no}{first}{'/'.join(parts)}{last}",
    st.sampled_from(["", "", "!"]), st.sampled_from(["", "/"]), st.lists(_PART, min_size=1, max_size=3),
    st.sampled_from(["", "/"]),
)  # fmt: skip
_PATHS = "a b ab b.py a/b b/a a/b.py ab/b a/a/b a/b/a b/ab/a.py a/a/a/b.py x x/a x/y/b".split()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Repository(tmp_path_factory.mktemp("globs")).folder


def ignored(folder: Path, patterns: list[str]) -> set[str]:
    (folder / ".gitignore").write_text("".join(f"{pattern}\n" for pattern in patterns))
    done = subprocess.run(
        ["git", "check-ignore", "--no-index", "--stdin"], cwd=folder, input="\n".join(_PATHS), text=True,
        env=clean_environment(), capture_output=True, check=False,
    )  # fmt: skip
    return set(done.stdout.split())


@pytest.mark.slow
@given(st.lists(_PATTERN.filter(lambda p: not globs.find_glob_problem(p)), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_as_git(folder: Path, patterns: list[str]) -> None:
    told = {path for path in _PATHS if globs.find_last_match(tuple(patterns), path)}
    if any(pattern.startswith("!") for pattern in patterns):
        # git does not look into an ignored folder again; taking back more hides less
        assert told <= ignored(folder, patterns)
    else:
        assert told == ignored(folder, patterns)


@pytest.mark.parametrize(
    "pattern",
    ["", " ", "!", "/", "#x", "a[", "[!]", "a\\", "[z-a]", "../a", "a/../b", "./a", " a", "a ", "x" * 201, "*a" * 31],
)
def test_no_patterns(pattern: str) -> None:
    assert globs.find_glob_problem(pattern)


def test_the_deciding_pattern_is_named() -> None:
    assert globs.find_last_match(("a/", "*.py"), "a/b.py") == "*.py"
    assert globs.find_last_match(("*.py", "!b.py"), "a/b.py") == ""
    assert globs.find_last_match((), "a") == ""


def test_hostile_patterns_take_no_time() -> None:
    start = time.process_time()
    for pattern in ("*a" * 30, "**/" * 15 + "x", "[!a]*" * 15, "?*" * 15):
        assert not globs.find_glob_problem(pattern)
        globs.find_last_match((pattern + "z",), "a" * 4000)
        globs.find_last_match((pattern,), "a/" * 2000)
    assert time.process_time() - start < 3 * PACE
