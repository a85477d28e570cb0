"""An exception written into a policy file: every other byte stays."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credguard.errors import CredguardError
from credguard.fixes.allow_entry import add_allow_entry, format_allow_entry
from credguard.policy import load
from credguard.policy.model import Allow
from credguard.rules import load_rules
from credguard.suppressions.baseline import flatten_reason

if TYPE_CHECKING:
    from collections.abc import Sequence

RULES = {rule.id: rule.name for rule in load_rules()}
NAME = ".credguard.yaml"
MARK = "0123456789abcdef" * 2
NEW = Allow("a test key", "CG101", MARK)
ITEM = f"- rule: CG101\n  fingerprint: {MARK}\n  reason: a test key\n"
OTHER = f"- rule: CG103\n  fingerprint: {'f' * 32}\n  reason: other\n"


@dataclass
class Held:
    """A place in which files lie in memory."""

    files: dict[str, bytes] = field(default_factory=dict)

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)

    def read_texts(self, paths: Sequence[str], folders: Sequence[str]) -> dict[str, bytes]:
        raise AssertionError((paths, folders))

    def find_executables(self, paths: Sequence[str]) -> frozenset[str]:
        raise AssertionError(paths)


def result(before: str | None, entry: Allow = NEW, team: str = "") -> str:
    files = {"team.yaml": team.encode()} | ({} if before is None else {NAME: before.encode()})
    return add_allow_entry(Held(files), NAME, entry, RULES).decode()


def indented(text: str, by: int) -> str:
    return "".join(" " * by + line + "\n" for line in text.splitlines())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, f"version: 1\nallow:\n{ITEM}"),
        ("", f"version: 1\nallow:\n{ITEM}"),
        ("# ours\n", f"# ours\nallow:\n{ITEM}"),
        ("version: 1\n", f"version: 1\nallow:\n{ITEM}"),
        ("version: 1", f"version: 1\nallow:\n{ITEM}"),
        ("version: 1\n\n# allow:\n#   - rule: x\n", f"version: 1\n\n# allow:\n#   - rule: x\nallow:\n{ITEM}"),
        ("version: 1\n\n\n", f"version: 1\nallow:\n{ITEM}\n\n"),
        ("---\nversion: 1\n...\n", f"---\nversion: 1\nallow:\n{ITEM}...\n"),
        ("allow:\nversion: 1\n", f"allow:\n{ITEM}version: 1\n"),
        ("allow: []  # none yet\nversion: 1\n", f"allow: # none yet\n{ITEM}version: 1\n"),
        (f"allow:\n{OTHER}", f"allow:\n{OTHER}{ITEM}"),
        (f"allow:\n{OTHER}".rstrip(), f"allow:\n{OTHER}{ITEM}"),
        (
            f"allow: # ours\n{indented(OTHER, 2)}\n# about rules\nrules: {{CG202: off}}\n",
            f"allow: # ours\n{indented(OTHER, 2)}{indented(ITEM, 2)}\n# about rules\nrules: {{CG202: off}}\n",
        ),
        (
            f"allow:\n{indented(OTHER, 4)}      # why not\n\nversion: 1\n",
            f"allow:\n{indented(OTHER, 4)}      # why not\n{indented(ITEM, 4)}\nversion: 1\n",
        ),
        (
            f"allow:\n- rule: CG202\n  path: x\n  reason: >-\n    # no comment\n\n{OTHER}",
            f"allow:\n- rule: CG202\n  path: x\n  reason: >-\n    # no comment\n\n{OTHER}{ITEM}",
        ),
        (f"'allow':\n{OTHER}", f"'allow':\n{OTHER}{ITEM}"),
        ("rules: {CG202: off}\nallow:\n  - {rule: CG202, path: x, reason: y}\n",
         f"rules: {{CG202: off}}\nallow:\n  - {{rule: CG202, path: x, reason: y}}\n{indented(ITEM, 2)}"),
    ],
)  # fmt: skip
def test_where_it_goes(before: str | None, after: str) -> None:
    assert result(before) == after


def test_windows_line_ends() -> None:
    before = f"version: 1\nallow:\n{OTHER}".replace("\n", "\r\n")
    assert result(before) == before + ITEM.replace("\n", "\r\n")


def test_twice() -> None:
    once = result("version: 1\n")
    assert result(once, Allow("b", "CG202", path="/x/**")) == once + '- rule: CG202\n  path: "/x/**"\n  reason: b\n'


def test_what_it_extends_counts_as_before() -> None:
    before = "extends: ./team.yaml\n"
    assert result(before, team=f"allow:\n{OTHER}") == f"{before}allow:\n{ITEM}"


@pytest.mark.parametrize(
    "before",
    [
        "{version: 1}",
        "{}",
        "allow: [{rule: CG202, path: x, reason: y}]\n",
        "allow: ~\n",
        "allow:\n  []\n",
    ],
)
def test_what_it_cannot_add_to(before: str) -> None:
    with pytest.raises(CredguardError) as error:
        result(before)
    assert "no entry can be added" in error.value.message
    assert f"fingerprint: {MARK}" in error.value.hint


def test_an_entry_that_the_policy_would_not_take() -> None:
    with pytest.raises(CredguardError) as error:
        result("version: 1\n", Allow("x", "CG103", path="x"))
    assert "cannot be written" in error.value.message


def test_lines() -> None:
    entry = Allow("it's #1", "CG101", "1" * 32, expires=date(2027, 1, 31), by="ada")
    assert format_allow_entry(entry) == [
        "rule: CG101", f'fingerprint: "{"1" * 32}"', 'reason: "it\'s #1"', "expires: 2027-01-31", "by: ada",
    ]  # fmt: skip


@given(
    st.text(min_size=1, max_size=40).map(flatten_reason).filter(lambda said: any(map(str.isalnum, said))), st.booleans()
)
def test_any_reason(reason: str, again: bool) -> None:
    before = f"allow:\n{OTHER}" if again else "version: 1\n"
    data = result(before, Allow(reason, "CG101", MARK, by=reason)).encode()
    assert data.startswith(before.encode())
    last = load.load_policy(Held({NAME: data}), NAME, RULES).policy.allow[-1]
    assert (last.reason, last.by) == (reason, reason)
