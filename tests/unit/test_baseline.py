"""The baseline: one line a finding, the same bytes for the same findings, and merges that just work."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credguard.model.findings import Confidence, Finding, Location, Severity
from credguard.suppressions.baseline import (
    BASELINE_HEADER,
    LARGEST_BASELINE,
    Baseline,
    BaselineEntry,
    flatten_reason,
    format_baseline,
    format_entry,
    merge,
    read,
    read_head,
    strip_conflict_markers,
)
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path

MARK, OTHER = "0123456789abcdef" * 2, "fedcba9876543210" * 2
NAME = ".credguard-baseline"
CHARACTERS = st.characters(codec="utf-8", exclude_categories=["Cs"]) | st.sampled_from(
    ["\udc80", "\udcff", " ", "%", "-"]
)
ENTRIES = st.builds(
    BaselineEntry,
    fingerprint=st.text("0123456789abcdef", min_size=32, max_size=32),
    rule=st.sampled_from(["CG101", "CG103", "CG201", "CG402"]),
    path=st.text(CHARACTERS, min_size=1, max_size=20).filter(
        lambda path: path == path.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    ),
    reason=st.text(min_size=1, max_size=20).map(flatten_reason).filter(bool),
    expires=st.none() | st.dates(min_value=date(1000, 1, 1)),
)


def finding(mark: str = MARK, rule: str = "CG101", path: str = "a.py", line: int = 1) -> Finding:
    return Finding(rule, "name", Severity.HIGH, Confidence.HIGH, "message", mark, (Location(path, line),))


def text(data: str) -> Baseline:
    return read(data.encode(), NAME)


@given(st.lists(ENTRIES, max_size=8))
def test_what_is_written_is_read(entries: list[BaselineEntry]) -> None:
    once = merge(entries)
    back = read(format_baseline(entries), NAME)
    assert not back.problems
    assert sorted(map(format_entry, back.entries)) == sorted(map(format_entry, once))
    assert {entry.key for entry in back.entries} == {entry.key for entry in entries}


@given(st.lists(ENTRIES, max_size=8), st.randoms())
def test_the_same_findings_give_the_same_bytes(entries: list[BaselineEntry], random: object) -> None:
    data = format_baseline(entries)
    shuffled = [*entries, *entries[:3]]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert format_baseline(shuffled) == data
    assert format_baseline(read(data, NAME).entries, read_head(data)) == data
    data.decode("utf-8")
    assert all(line.isprintable() for line in data.decode().split("\n"))


@given(st.binary(max_size=300))
def test_any_bytes_are_read(data: bytes) -> None:
    read(data, NAME)
    read(b"\n" + MARK.encode() + b" CG101 " + data, NAME)


@given(st.lists(ENTRIES, max_size=5), st.lists(ENTRIES, max_size=5))
def test_a_union_of_two_files_has_the_entries_of_both(ours: list[BaselineEntry], theirs: list[BaselineEntry]) -> None:
    union = read(format_baseline(ours) + format_baseline(theirs), NAME)
    assert not union.problems
    assert format_baseline(union.entries) == format_baseline(merge(ours, theirs))


def test_the_file() -> None:
    entries = [
        BaselineEntry(OTHER, "CG103", "b.ini", "known"),
        BaselineEntry(MARK, "CG101", "caf\udce9 100%.py", "a  test\nkey", date(2027, 1, 31)),
    ]
    assert format_baseline(entries).decode() == (
        f"{BASELINE_HEADER}{MARK} CG101 caf%E9%20100%25.py expires=2027-01-31 -- a test key\n"
        f"{OTHER} CG103 b.ini -- known\n"
    )


def test_it_covers_a_value_wherever_it_stands_in_that_file() -> None:
    known = text(f"{MARK} CG101 a.py -- known\n")
    assert known.find_entry(finding(line=99)) == known.entries[0]
    assert known.find_entry(finding("0" * 32)) is None
    assert known.find_entry(finding(rule="CG103")) is None


def test_a_copy_in_another_file_is_new() -> None:
    known = text(f"{MARK} CG101 a.py -- known\n{MARK} CG101 b.py -- also known\n")
    assert known.find_entry(finding(path="b.py"))
    assert known.find_entry(finding(path="c.py")) is None
    assert known.find_entry(finding(path="below/a.py"), "a.py")


def test_of_two_lines_the_first_to_expire_counts() -> None:
    line = f"{MARK} CG101 a.py"
    lines = [
        f"{line} -- for ever",
        f"{line} expires=2027-01-31 -- b",
        f"{line} expires=2027-01-31 -- a",
        line + " -- c",
    ]
    for order in (lines, lines[::-1]):
        (entry,) = text("\n".join(order)).entries
        assert (entry.expires, entry.reason) == (date(2027, 1, 31), "a")


@pytest.mark.parametrize("end", ["\n", "\r\n", "  \n"])
def test_comments_blanks_and_line_ends_do_not_matter(end: str) -> None:
    lines = ["\ufeff# head", "", f"  {MARK}   CG101  a.py   -- known", "# foot"]
    known = text(end.join(lines))
    assert not known.problems
    assert [(one.key, one.reason, one.line) for one in known.entries] == [((MARK, "CG101", "a.py"), "known", 3)]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("<<<<<<< ours", "conflict marker"),
        ("=======", "conflict marker"),
        (">>>>>>> theirs", "conflict marker"),
        ("hello", "fingerprint"),
        (MARK[:31] + " CG101 a.py -- x", "fingerprint"),
        (MARK.upper() + " CG101 a.py -- x", "fingerprint"),
        (MARK, "it needs a fingerprint"),
        (f"{MARK} CG101 -- x", "it needs a fingerprint"),
        (f"{MARK} CG10 a.py -- x", "not a rule"),
        (f"{MARK} CG001 a.py -- x", "not a rule"),
        (f"{MARK} CG101 a.py", "no reason"),
        (f"{MARK} CG101 a.py -- ", "no reason"),
        (f"{MARK} CG101 a b.py -- x", "%20"),
        (f"{MARK} CG101 a.py until=2027-01-31 -- x", "expires"),
        (f"{MARK} CG101 a.py expires=2027-02-30 -- x", "not followed by a date"),
        (f"{MARK} CG101 a.py expires=20270131 -- x", "not followed by a date"),
        (f"{MARK} CG101 a%2.py -- x", "two hex digits"),
        (f"{MARK} CG101 a.py -- \udcff", "UTF-8"),
    ],
)
def test_lines_that_are_no_entry(line: str, problem: str) -> None:
    data = f"# head\n{line}\n{OTHER} CG103 b.py -- known\n".encode("utf-8", "surrogateescape")
    known = read(data, NAME)
    ((number, said),) = known.problems
    assert number == 2 and problem in said
    assert [entry.fingerprint for entry in known.entries] == [OTHER]


def test_no_more_than_the_largest_is_read() -> None:
    line = f"{MARK} CG101 a.py -- known\n"
    known = text(line * (LARGEST_BASELINE // len(line) + 2))
    assert len(known.entries) == 1
    assert "larger" in known.problems[0][1]


def test_own_comments_stay() -> None:
    assert read_head(b"# ours\nx\n# ours\n# more\n") == "# ours\n# more\n"
    assert read_head(b"") == BASELINE_HEADER


class TestMerge:
    """Two branches that both change the baseline, merged by git itself."""

    BASE = (BaselineEntry("1" * 32, "CG101", "base.py", "base"), BaselineEntry("9" * 32, "CG101", "gone.py", "gone"))
    OURS = (BaselineEntry("2" * 32, "CG103", "ours.py", "ours"), BaselineEntry("5" * 32, "CG103", "same.py", "same"))
    THEIRS = (
        BaselineEntry("3" * 32, "CG101", "theirs.py", "theirs"),
        BaselineEntry("5" * 32, "CG103", "same.py", "same"),
    )

    def branches(self, folder: Path, attributes: str) -> Repository:
        repo = Repository(folder)
        repo.commit("base", {NAME: format_baseline(self.BASE), ".gitattributes": attributes})
        repo.git("checkout", "-qb", "theirs")
        repo.commit("theirs", {NAME: format_baseline([*self.BASE, *self.THEIRS])})
        repo.git("checkout", "-q", "main")
        repo.commit("ours", {NAME: format_baseline([*self.BASE[:1], *self.OURS])})
        return repo

    def test_union(self, tmp_path: Path) -> None:
        repo = self.branches(tmp_path, f"{NAME} merge=union\n")
        repo.git("merge", "-q", "-m", "merge", "theirs")
        merged = read((tmp_path / NAME).read_bytes(), NAME)
        assert not merged.problems
        wanted = {entry.key for entry in (*self.BASE[:1], *self.OURS, *self.THEIRS)}
        assert wanted <= {entry.key for entry in merged.entries} <= wanted | {self.BASE[1].key}

    def test_a_conflict_is_said_and_healed(self, tmp_path: Path) -> None:
        repo = self.branches(tmp_path, "")
        with pytest.raises(AssertionError):
            repo.git("merge", "-q", "-m", "merge", "theirs")
        data = (tmp_path / NAME).read_bytes()
        assert "conflict marker" in read(data, NAME).problems[0][1]
        healed = read(strip_conflict_markers(data), NAME)
        assert not healed.problems
        assert {entry.key for entry in (*self.OURS, *self.THEIRS)} <= {entry.key for entry in healed.entries}
