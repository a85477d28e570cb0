"""What tells the form of a value: whether its letters make words, and what else it may be."""

from __future__ import annotations

import pytest

from credguard.heuristics.generic_values import Form, classify_form, is_worded
from credguard.heuristics.letter_pairs import is_unreadable, list_rare_pairs
from credguard.lazy_re import compile_lazily


@pytest.mark.parametrize(
    ("value", "unreadable"),
    [
        (b"sunset", False), (b"patient", False), (b"kubernetes", False), (b"wachtwoord", False),
        (b"Adgangskode", False),
        (b"vqkxwz", True), (b"jqwhfkte", True), (b"sunset-qzxvkw", True), (b"xqzk", False), (b"0123456789", False),
    ],
)  # fmt: skip
def test_letters_that_make_no_word(value: bytes, unreadable: bool) -> None:
    """Five letters at least, in one part of the value or in all of it."""
    assert is_unreadable(value) == unreadable


@pytest.mark.parametrize("value", [b"vqkxwz", b"jqwhfkte", b"bhdwzpgq"])
def test_unreadable_values_have_a_rare_pair(value: bytes) -> None:
    assert compile_lazily(list_rare_pairs()).search(value)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (b"sunset", Form.NONE), (b"X-Powered-By", Form.NONE), (b"object:12", Form.NONE),
        (b"HMAC-SHA1", Form.NONE),
        (b"SHA512-CRYPT", Form.NONE), (b"kms:GetPublicKey", Form.NONE), (b"^3.0.0-beta.1", Form.NONE),
        (b"abc123def456", Form.NONE), (b"a1b2c3d4e5f6", Form.NONE), (b"session_id=k8Zt0qPw", Form.NONE),
        (b"aGVsbG8tc3VubnktbW9ybmluZw==", Form.NONE), (b"/sunny/morning/k8Zt0q", Form.NONE),
        (b"sunnyMorning2", Form.WEAK), (b"sunny_field_2", Form.WEAK), (b"sunny2-key", Form.WEAK),
        (b"kq-7t-01p", Form.WEAK), (b"84930257", Form.WEAK),
        (b"sunset4821harbor7", Form.CHOSEN), (b"kq7Zt0!", Form.CHOSEN), (b"vqkxwzt", Form.CHOSEN),
        (b"S@$$yq7zt!", Form.CHOSEN),
        (b"kQz7Rt0WmX4v", Form.GENERATED), (b"9f3b27c4e1d8", Form.GENERATED), (b"qzXvKwRtBnMlPsDfGh", Form.GENERATED),
        (b"3f2b8c1e-7a4d-4e6f-9b1c-5d8e2a7f4c3b", Form.GENERATED), (b"kQz7/Rt0Wm+X4vB9nLp2sDA==", Form.GENERATED),
    ],
)  # fmt: skip
def test_the_form_of_a_value(value: bytes, form: Form) -> None:
    assert classify_form(value, b"password") is form


def test_a_value_that_repeats_its_name() -> None:
    assert classify_form(b"qzxvkw7", b"qzxvkw7_password") is Form.NONE


def test_words_between_separators() -> None:
    assert is_worded(b"sunny-morning-42") and is_worded(b"SunnyMorning")
    assert not is_worded(b"qzxvkw-bhdwzp") and not is_worded(b"kQz7Rt0WmX4v")
