"""Which repositories a night scans whole, and what it says of ages and exposure where it scans little or nothing."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from credguard.fleet.plan import make_entry
from tests.repos import Repository

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fleet.conftest import Fleet

_NIGHTS = 30


def find_day(days: int) -> str:
    return (datetime.now(timezone.utc).date() - timedelta(days=days)).isoformat()


def change_results(fleet: Fleet, change: Callable[[dict[str, Any]], None]) -> None:
    """Makes the stored results those of another night."""
    for path in (fleet.folder / "store" / "results").iterdir():
        result = json.loads(path.read_bytes())
        change(result)
        path.write_text(json.dumps(result))


def read_whole_days(fleet: Fleet) -> dict[str, str]:
    """When each repository was last read whole, by its name."""
    entries = map(json.loads, (fleet.folder / "plan.jsonl").read_text().splitlines())
    store = fleet.folder / "store" / "results"
    return {
        one["address"].rpartition("/")[2]: json.loads((store / f"{one['id']}.json").read_bytes())["whole"]
        for one in entries
    }


@pytest.fixture
def pair(fleet: Fleet) -> tuple[Repository, Repository]:
    """Two clean repositories, scanned whole last night: this is the night of the first one, and not of the other."""
    tonight = datetime.now(timezone.utc).toordinal() % _NIGHTS
    names: dict[bool, str] = {}
    number = 0
    while len(names) < 2:
        name = f"n{number}"
        is_turn = int(make_entry(str(fleet.folder / "mirrors" / name)).id, 16) % _NIGHTS == tonight
        names.setdefault(is_turn, name)
        number += 1
    due, other = (fleet.add(names[turn], {"a.txt": "hello\n" * 40}) for turn in (True, False))
    fleet.plan("--mirrors", str(due.folder), "--mirrors", str(other.folder))
    assert fleet.scan().returncode == 0
    change_results(fleet, lambda result: result.update(whole=find_day(1)))
    return due, other


def test_a_repository_is_read_whole_in_its_night(fleet: Fleet, pair: tuple[Repository, Repository]) -> None:
    due, other = pair
    assert "1 kept, 1 whole" in fleet.scan().stderr
    assert read_whole_days(fleet) == {due.folder.name: find_day(0), other.folder.name: find_day(1)}
    assert "2 kept" in fleet.scan().stderr  # once a night is enough
    change_results(fleet, lambda result: result.update(whole=find_day(_NIGHTS)))
    assert "2 whole" in fleet.scan().stderr  # and thirty days at most, also where its night was missed
    assert set(read_whole_days(fleet).values()) == {find_day(0)}


def test_in_its_night_what_was_read_before_is_read_again(fleet: Fleet, pair: tuple[Repository, Repository]) -> None:
    for repo in pair:
        repo.commit("more", {"a.txt": "other\n"})
        oid = repo.git("rev-parse", "HEAD~:a.txt").strip()
        place = repo.folder / ".git" / "objects" / oid[:2] / oid[2:]
        place.chmod(0o644)
        place.write_bytes(b"damaged")
    done = fleet.scan("--tries", "1")
    assert done.returncode == 3 and "1 incomplete, 1 whole" in done.stderr
    assert pair[0].folder.name in done.stderr and pair[1].folder.name not in done.stderr


def list_exposures(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [finding["exposure"] for finding in report["findings"] if finding["rule_id"] == "CG103"]


def test_ages_and_exposure_are_those_of_tonight(fleet: Fleet) -> None:
    fleet.plan("--mirrors", "mirrors/one")
    fleet.scan()
    (first,) = list_exposures(fleet.merge())
    assert first["in_head"] and not first["pushed"] and first["age_days"] > 100
    change_results(fleet, make_younger)
    assert "1 kept" in fleet.scan().stderr
    assert list_exposures(fleet.merge()) == [first]
    change_results(fleet, make_younger)
    one = Repository(fleet.folder / "mirrors" / "one", exists=True)
    one.commit("take it out", {"a.ini": "", "b.txt": "more\n"})
    one.git("update-ref", "refs/remotes/origin/main", "HEAD")
    assert "1 whole" in fleet.scan().stderr
    (second,) = list_exposures(fleet.merge())
    assert not second["in_head"] and second["pushed"] and second["age_days"] == first["age_days"]
    assert fleet.scan(store="quiet").returncode == 0
    assert list_exposures(fleet.merge(store="quiet")) == [second]


def make_younger(result: dict[str, Any]) -> None:
    """What a result said when its findings were three days old."""
    for finding in result["part"]["report"]["findings"]:
        if finding.get("exposure"):
            finding["exposure"]["age_days"] = 3
