"""Which hits are worth a look: none that leads to a finding is dropped, and what stands far away has no say."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credguard.matching.pattern import REACH, Pattern
from credguard.model.findings import Blob
from credguard.rules import load_rules
from credguard.scanning.scanner import _EVERYWHERE, Scanner
from tests.keys import Filler

RULES = [rule for rule in load_rules() if rule.check_blob]
CHOOSY = {
    pattern.name: pattern
    for pattern in (*_EVERYWHERE, *(pattern for rule in RULES for pattern in rule.patterns))
    if pattern.is_worth
}
PIECES = [
    Filler("worth").fill(text)
    for text in (
        "{{SECRET}}", "{{AKID}}", "{{AKID|b64}}", "{{SECRET.2|b64}}", "{{ALNUM:24}}", "{{ALNUM.2:11}}", "hunter2!Xq",
        "password", "passwd", "secret_key", "aws_secret_access_key", "Secret Access Key", "access key", "api_key",
        "token", "PASSWORD ", "identified by ", "mysql -uroot -p", "a", "name", "-", "_", ",", ";", "\t", "|", "\n",
        '"', "'", "`", "=", ": ", " := ", "=>", "(", ")", "==", "\\n", "\\", "%2B", "/", "?", "&", "{", "}", "x" * 30,
        "the words of a text that says nothing ", "\n\n", "\nname,Secret access key" + ",more" * 58 + "\n",
        "a,{{SECRET.3}},b\n",
        "{{SECRET.4}} # AWS secret", "the_long_name_of_one_more_password = ", "\r\n", " ",
    )
]  # fmt: skip
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map(lambda pieces: "".join(pieces).encode())


@pytest.fixture(scope="module")
def choosy() -> Scanner:
    """All rules, as they are."""
    return Scanner(RULES)


@pytest.fixture(scope="module")
def thorough() -> Scanner:
    """All rules, which look at every hit."""
    scanner = Scanner(RULES)
    scanner.matcher.is_worth = {}
    return scanner


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(TEXTS, st.sampled_from(["notes.txt", "main.py", ".env"]))
def test_nothing_is_lost(choosy: Scanner, thorough: Scanner, data: bytes, path: str) -> None:
    blob = Blob(data, path)
    assert choosy.scan_blob(blob) == thorough.scan_blob(replace(blob))


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS)
def test_what_is_far_away_has_no_say(
    choosy: Scanner, near: bytes, before: bytes, after: bytes, start: bytes, end: bytes
) -> None:
    around = [
        (near.rjust(REACH, b"."), near[::-1].ljust(REACH, b".")),
        (near.rjust(REACH, b"\n"), near.ljust(REACH, b" ")),
    ]
    for left, right in around:
        text = left[-REACH:] + right[:REACH]
        for name, ends in choosy.matcher.scan(text).items():
            if name in CHOOSY and REACH in ends:
                is_worth = CHOOSY[name].is_worth
                assert is_worth
                assert is_worth(before + text + after, len(before) + REACH) == is_worth(
                    start + text + end, len(start) + REACH
                )


@pytest.mark.parametrize("distance", range(283, 301))
def test_a_value_as_far_from_its_name_as_it_may_be(choosy: Scanner, distance: int) -> None:
    text = Filler("far").fill("accesssecret: " + "-" * (distance - 2) + "{{SECRET}}\n")
    assert [finding.rule_id for finding in choosy.scan_blob(Blob(text.encode(), "notes.txt"))] == ["CG102"]


@pytest.mark.parametrize(
    "text", ['set the password "Str0ng&Long9 and more" there', "mysql -uroot -p'Str0ng&Long9 and more'"]
)
def test_a_quoted_text_is_no_password_by_its_first_word(choosy: Scanner, text: str) -> None:
    assert not choosy.scan_blob(Blob(text.encode(), "notes.txt"))
    ends = text.index(" and"), text.rindex(text[-1] if text[-1] == "'" else '"')
    shorter = text[: ends[0]] + text[ends[1] :]
    assert [finding.rule_id for finding in choosy.scan_blob(Blob(shorter.encode(), "notes.txt"))] == ["CG190"]


@pytest.mark.parametrize("pattern", CHOOSY.values(), ids=CHOOSY)
def test_each_drops_something(pattern: Pattern) -> None:
    assert pattern.is_worth
    assert not pattern.is_worth(b"\nsecret key\n", 11)
