"""A change cannot switch off unseen what checks it: whatever it alters in a call of credguard, or in what that call
inherits, is a finding, and nothing else is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from credguard.config.place import Folder
from credguard.guards import calls
from credguard.guards.taken import taken_away
from tests.repos import write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _pytest.mark import ParameterSet

CASES = yaml.safe_load((Path(__file__).parent / "check_stays_on.yaml").read_text())

Files = dict[str, str]
Edit = tuple[str, str] | dict[str, str | None]


def edited(base: Files, edit: Edit) -> Files:
    if isinstance(edit, dict):
        after = base | edit
        return {path: text for path, text in after.items() if text is not None}
    old, new = edit
    path, text = next(iter(base.items()))
    assert text.count(old) >= 1, old
    return base | {path: text.replace(old, new, 1)}


def edits(kind: str) -> Iterator[ParameterSet]:
    for case in CASES:
        for number, edit in enumerate(case[kind]):
            yield pytest.param(case["base"], edit, id=f"{case['name']}, {kind} {number}")


def taken(folder: Path, base: Files, after: Files) -> list[str]:
    write(folder / "before", {".keep": "", **base})
    write(folder / "after", {".keep": "", **after})
    return [one.words for one in taken_away(calls(Folder(folder / "before")), calls(Folder(folder / "after")))]


@pytest.mark.parametrize(("base", "edit"), list(edits("reported")))
def test_an_edit_that_may_switch_it_off_is_reported(tmp_path: Path, base: Files, edit: Edit) -> None:
    assert taken(tmp_path, base, edited(base, edit))


@pytest.mark.parametrize(("base", "edit"), list(edits("silent")))
def test_an_edit_of_something_else_is_silent(tmp_path: Path, base: Files, edit: Edit) -> None:
    assert taken(tmp_path, base, edited(base, edit)) == []
