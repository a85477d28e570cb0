"""What is judged of a message is what git will keep of it, as far as a hook can know."""

from __future__ import annotations

import os

import pytest

from credguard.commit_message import SETTINGS, kept

SCISSORS = b"# ------------------------ >8 ------------------------\n"
TEXT = b"subject\n\n# a comment\nbody\n" + SCISSORS + b"diff\n"


@pytest.fixture
def _editor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_EDITOR", "vi")


@pytest.fixture
def _no_editor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_EDITOR", ":")


@pytest.mark.usefixtures("_editor")
@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (b"", b"subject\n\n\nbody\n"),
        (b"commit.cleanup\nstrip\0", b"subject\n\n\nbody\n"),
        (b"commit.cleanup\nwhitespace\0", b"subject\n\n# a comment\nbody\n"),
        (b"commit.cleanup\nverbatim\0", b"subject\n\n# a comment\nbody\n"),
        (b"commit.cleanup\nscissors\0", b"subject\n\n# a comment\nbody\n"),
        (b"core.commentchar\n;\0", TEXT),
        (b"core.commentchar\nauto\0", b"subject\n\n# a comment\nbody\n"),
        (b"core.commentchar\n;\0core.commentchar\n#\0", b"subject\n\n\nbody\n"),
        (b"core.commentstring\n//\0", TEXT),
        (b"core.commentchar\0", b"subject\n\n\nbody\n"),
    ],
)
def test_from_an_editor(settings: bytes, text: bytes) -> None:
    assert kept(TEXT, settings) == text


@pytest.mark.usefixtures("_no_editor")
def test_as_given() -> None:
    assert kept(TEXT, b"") == TEXT
    assert kept(TEXT, b"core.commentchar\nauto\0") == TEXT
    assert kept(TEXT, b"commit.cleanup\nscissors\0") == TEXT
    assert b"a comment" not in kept(TEXT, b"commit.cleanup\nstrip\0")


@pytest.mark.usefixtures("_editor")
def test_other_signs_and_line_ends() -> None:
    assert kept(b"; a\n# b\n" + SCISSORS.replace(b"#", b";") + b"x", b"core.commentchar\n;\0") == b"\n# b\n"
    assert kept(b"// a\nb\n", b"core.commentstring\n//\0") == b"\nb\n"
    assert kept(b"a\r# b\n", b"") == b"a\r# b\n"  # git ends a line at \n only
    assert kept(b"a\r\n" + SCISSORS.replace(b"\n", b"\r\n") + b"x", b"") == b"a\r\n"


def test_the_question_is_one_process() -> None:
    assert SETTINGS[0] == "config" and os.sep not in SETTINGS[-1]
