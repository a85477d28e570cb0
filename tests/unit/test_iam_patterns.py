"""Patterns of IAM policies are matched exactly, and in time that grows with their length."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credguard.aws.iam_patterns import match_action, match_pattern


@settings(deadline=None, derandomize=True, max_examples=500)
@given(st.text("ab*?", max_size=9), st.text("ab?*", max_size=9))
def test_a_pattern_matches_as_aws_says(pattern: str, text: str) -> None:
    words = {"*": "[ab?*]*", "?": "[ab?*]"}
    expected = re.fullmatch("".join(words.get(one, one) for one in pattern), text)
    assert match_pattern(pattern, text) == bool(expected)


@pytest.mark.parametrize(
    ("pattern", "action", "expected"),
    [
        ("IAM:passrole", "iam:PassRole", True),
        ("iam:Pass*", "iam:PassRole", True),
        ("iam:PassRol?*", "iam:PassRole", True),
        ("iam:PassRole?*", "iam:PassRole", False),
        ("iam:PassRole*?", "iam:PassRole", False),
        ("iam:*a*s*s*r*o*l*e", "iam:PassRole", True),
        ("iam:Pass", "iam:PassRole", False),
    ],
)
def test_actions(pattern: str, action: str, expected: bool) -> None:
    assert match_action(pattern, action) is expected


def test_many_stars_take_no_time() -> None:
    start = time.process_time()
    assert not match_pattern("*a" * 400, "a" * 4_000 + "b")
    assert time.process_time() - start < 5
