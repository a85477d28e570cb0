"""What is looked at of a message: all of it, less the names and the lines that git itself put there."""

from __future__ import annotations

import pytest

from credguard.git.commit_message import has_quotes, list_message_views, strip_quotes

CUT = b"# ------------------------ >8 ------------------------\n"


def test_views() -> None:
    assert list_message_views(b"a\nb\n") == (b"a\nb\n",)
    assert list_message_views(b"a\n# c\nb\n") == (b"a\n# c\nb\n", b"a\nb\n")


@pytest.mark.parametrize("text", [b"#\tdeleted:    a\n", b";\ta\n", CUT, CUT.replace(b"#", b"//"), b"x\n" + CUT])
def test_what_git_may_have_written(text: bytes) -> None:
    assert has_quotes(text)


def test_no_quotes() -> None:
    assert not has_quotes(b"a\n\nb: c\n")


@pytest.mark.parametrize(
    ("line", "left"),
    [
        (b"#\tdeleted:    a b/c", b"#\tdeleted:   "),
        (b";\trenamed:    c -> a b/c", b";\trenamed:   "),
        (b"#\tc", b"#\t"),
        (b"#\tother", b"#\tother"),
        (b"#\tanothera", b"#\tanothera"),
        (b"c", b"c"),
        (b"# c", b"# c"),
    ],
)
def test_names_in_comments(line: bytes, left: bytes) -> None:
    assert strip_quotes(line, [b"a b/c", b"c"], []) == left


def test_lines_of_a_diff() -> None:
    diff = b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@ old\n-old\n+new\n other\n+strange\n"
    kept = strip_quotes(b"old\n" + CUT + diff, [b"x"], [b"old\nother\n", b"new\r\n"])
    assert kept.split(b"\n") == [
        b"old", CUT.strip(), b"diff --git", b"---", b"+++", b"", b"", b"", b"", b"+strange", b"",
    ]  # fmt: skip


def test_it_takes_linear_time() -> None:
    text = b"#\t" + b"a/ " * 200_000 + b"\n" + CUT + b"+" + b"x" * 1_000_000 + b"\n" + b"-y\n" * 200_000
    assert strip_quotes(text, [b"b"], [b"y\n" * 200_000])
