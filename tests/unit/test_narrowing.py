"""The options that narrow a history: what says nothing is refused, never taken for "all of it"."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

from credguard.commands import _revision_options
from credguard.errors import CredguardError
from credguard.git.repository import Git
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path


def given(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    _revision_options.add_revision_options(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(
    "words", [("--since", ""), ("--until", " "), ("--rev", ""), ("--branch", ""), ("--max-commits", "0")]
)
def test_an_empty_limit_is_refused(words: tuple[str, ...], tmp_path: Path) -> None:
    repo = Repository(tmp_path)
    repo.commit("begin")
    options = given(*words)
    assert _revision_options.is_given(options)
    with pytest.raises(CredguardError):
        _revision_options.build_rev_list_arguments(options, Git(repo.folder))


def test_without_a_limit_all_is_looked_at(tmp_path: Path) -> None:
    assert (
        not _revision_options.is_given(given())
        and _revision_options.build_rev_list_arguments(given(), Git(tmp_path)) == ()
    )
