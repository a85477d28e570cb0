"""What tells a generated value from words: each sign of it by itself."""

from __future__ import annotations

import pytest

from credguard.heuristics.generic_values import _CLUSTER, _RARE, _is_random, is_unreadable

SIGNS = {
    b"aeiouqzaeiou": "rare", b"aeoxzqiuea": "rare", b"aeiobcdfgaeio": "rare cluster", b"aeintstlaei": "cluster",
    b"drgundr": "few vowels", b"sunset": "", b"patient": "", b"xqzk": "too short rare cluster",
}  # fmt: skip


@pytest.mark.parametrize("value", SIGNS)
def test_letters_that_make_no_word(value: bytes) -> None:
    """A pair that no word has, a run of consonants, or few vowels: one of them is enough, in five letters."""
    signs = SIGNS[value]
    assert bool(_RARE.search(value)) == ("rare" in signs)
    assert bool(_CLUSTER.search(value)) == ("cluster" in signs)
    assert is_unreadable(value) == (signs != "" and "short" not in signs)


@pytest.mark.parametrize(
    ("value", "random"),
    [
        (b"sunrise4821harbor7", True), (b"sunriseharbor", False), (b"aeiouqzaeiou", True), (b"48213957206", False),
        (b"sun4har", False), (b"aaaa1111", False),
    ],
)  # fmt: skip
def test_a_generated_value(value: bytes, random: bool) -> None:
    """Letters and digits, or letters that make no word; of eight characters at least, and not the same ones again."""
    assert _is_random(value) == random
