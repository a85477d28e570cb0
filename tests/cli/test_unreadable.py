"""What cannot be read, and a policy that knows of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.hooking import credguard

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from tests.repos import Repository

BROKEN = b"PK\x03\x04 this is no archive"
ENTRY = "paths:\n  unreadable:\n  - path: {}\n    reason: a fixture that is cut off\n"


def scan(folder: Path) -> dict[str, Any]:
    done = credguard("scan", "--format", "json", ".", cwd=folder)
    report = json.loads(done.stdout)
    assert report["exit_code"] == done.returncode
    return report  # type: ignore[no-any-return]


@pytest.mark.parametrize("pattern", ["data/*.zip", "data/", "cut.zip"])
def test_what_the_policy_knows_of_is_shown_and_makes_nothing_incomplete(repo: Repository, pattern: str) -> None:
    repo.commit("archive", {"data/cut.zip": BROKEN, ".gitignore": ".env*\n"})
    before = scan(repo.folder)
    assert before["exit_code"] == 3 and not before["coverage"]["complete"]
    repo.write({".credguard.yaml": ENTRY.format(pattern)})
    after = scan(repo.folder)
    assert after["exit_code"] == 0 and after["coverage"]["complete"]
    (only,) = [one for one in after["findings"] if one["rule_id"] == "CG001"]
    assert only["outcome"] == "allowed" and "a fixture that is cut off" in only["outcome_reason"]
    assert [note for note in after["coverage"]["notes"] if note.startswith("not read: data/cut.zip")]


@pytest.mark.parametrize("entry", [ENTRY.format("other/"), ENTRY.format("data/") + "    expires: 2020-01-01\n"])
def test_another_path_and_an_entry_out_of_date_count_for_nothing(repo: Repository, entry: str) -> None:
    repo.commit("archive", {"data/cut.zip": BROKEN, ".gitignore": ".env*\n", ".credguard.yaml": entry})
    assert scan(repo.folder)["exit_code"] == 3
