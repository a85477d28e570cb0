"""What cannot be read, and a policy that knows of it."""

from __future__ import annotations

import gzip
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
OBJECT = "paths:\n  unreadable:\n  - object: {}\n    reason: lost with the old server\n"
FORMATS = "text concise json sarif github gitlab gitlab-secrets junit csv markdown html".split()


def run(folder: Path, *words: str) -> dict[str, Any]:
    done = credguard(*(words or ("scan", ".")), "--format", "json", cwd=folder)
    report = json.loads(done.stdout)
    assert report["exit_code"] == done.returncode
    return report  # type: ignore[no-any-return]


def list_paths(report: dict[str, Any], kind: str) -> list[str]:
    return sorted({one["path"] for one in report["coverage"][kind]})


@pytest.mark.parametrize("pattern", ["data/*.zip", "data/", "cut.zip"])
def test_what_the_policy_knows_of_is_shown_and_makes_nothing_incomplete(repo: Repository, pattern: str) -> None:
    repo.commit("archive", {"data/cut.zip": BROKEN, ".gitignore": ".env*\n"})
    before = run(repo.folder)
    assert before["exit_code"] == 3 and not before["coverage"]["complete"]
    repo.write({".credguard.yaml": ENTRY.format(pattern)})
    after = run(repo.folder)
    assert after["exit_code"] == 0 and after["coverage"]["complete"]
    (only,) = [one for one in after["findings"] if one["rule_id"] == "CG001"]
    assert only["outcome"] == "allowed" and "a fixture that is cut off" in only["outcome_reason"]
    assert list_paths(after, "acknowledged") == ["data/cut.zip"]
    assert "a fixture that is cut off" in after["coverage"]["acknowledged"][0]["reason"]


@pytest.mark.parametrize("entry", [ENTRY.format("other/"), ENTRY.format("data/") + "    expires: 2020-01-01\n"])
def test_another_path_and_an_entry_out_of_date_count_for_nothing(repo: Repository, entry: str) -> None:
    repo.commit("archive", {"data/cut.zip": BROKEN, ".gitignore": ".env*\n", ".credguard.yaml": entry})
    assert run(repo.folder)["exit_code"] == 3


@pytest.mark.parametrize("name", FORMATS)
def test_every_report_names_it(repo: Repository, tmp_path: Path, name: str) -> None:
    repo.commit("archive", {"data/cut.zip": BROKEN, ".gitignore": ".env*\n", ".credguard.yaml": ENTRY.format("data/")})
    done = credguard("audit", "--format", name, ".", cwd=repo.folder)
    assert done.returncode == 0, done.stderr
    assert "data/cut.zip" in done.stdout and "cut off" in done.stdout
    (tmp_path / "saved.json").write_text(credguard("audit", "--format", "json", ".", cwd=repo.folder).stdout)
    again = credguard("report", "convert", str(tmp_path / "saved.json"), "--format", name, cwd=tmp_path).stdout
    assert "data/cut.zip" in again and "cut off" in again


def test_the_scorecard_says_what_it_did_not_see(repo: Repository) -> None:
    repo.commit("archive", {"data/cut.zip": BROKEN, ".gitignore": ".env*\n", ".credguard.yaml": ENTRY.format("data/")})
    text = credguard("audit", ".", cwd=repo.folder).stdout
    card = text[text.index("Practices") :]
    assert "Left out by the policy: data/cut.zip: is truncated" in card.splitlines()[1]
    assert "1 input left out" in card and "suppressed" not in card


def test_a_file_of_the_past_is_acknowledged_by_its_path(repo: Repository) -> None:
    """An archive that only old commits have, in two versions, and another one that nobody acknowledges."""
    repo.commit("one", {"data/cut.zip": BROKEN, "other/cut.zip": BROKEN + b"?", ".gitignore": ".env*\n"})
    repo.commit("two", {"data/cut.zip": BROKEN + b"!"})
    repo.git("rm", "-q", "data/cut.zip", "other/cut.zip")
    repo.commit("three", {".credguard.yaml": ENTRY.format("data/")})
    report = run(repo.folder, "audit", ".")
    assert report["exit_code"] == 3
    assert list_paths(report, "skipped") == ["other/cut.zip"] and list_paths(report, "acknowledged") == ["data/cut.zip"]
    assert len(report["coverage"]["acknowledged"]) == 2, "one for each version"
    assert all("of the past" in one["reason"] for one in report["coverage"]["acknowledged"])
    repo.write({".credguard.yaml": ENTRY.format('"*.zip"')})
    assert run(repo.folder, "audit", ".")["exit_code"] == 0


def test_a_file_that_is_there_is_named_once(repo: Repository) -> None:
    repo.commit("one", {"data/cut.zip": BROKEN, ".gitignore": ".env*\n"})
    report = run(repo.folder, "audit", ".")
    assert [one["path"] for one in report["coverage"]["skipped"]] == ["data/cut.zip"]


def test_an_object_that_the_history_lacks_is_acknowledged_by_its_id(repo: Repository) -> None:
    repo.commit("one", {"gone.txt": "gone\n", ".gitignore": ".env*\n"})
    oid = repo.git("rev-parse", "HEAD:gone.txt").strip()
    repo.git("rm", "-q", "gone.txt")
    repo.commit("two", {".credguard.yaml": ENTRY.format("'*'")})
    (repo.folder / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    report = run(repo.folder, "audit", ".")
    assert report["exit_code"] == 3 and list_paths(report, "skipped") == [f"object {oid}"], "a pattern means no object"
    for written, code in ((oid, 0), (oid[:12], 0), ("0" * 12, 3)):
        repo.write({".credguard.yaml": OBJECT.format(f'"{written}"')})
        report = run(repo.folder, "audit", ".")
        assert report["exit_code"] == code, written
    repo.write({".credguard.yaml": OBJECT.format(f'"{oid[:11]}"')})
    assert credguard("audit", ".", cwd=repo.folder).returncode == 2


def test_where_the_team_excludes_files_none_is_missed(repo: Repository) -> None:
    policy = "paths:\n  exclude: [vendor/]\n"
    repo.commit("one", {"vendor/cut.zip": BROKEN, ".gitignore": ".env*\n", ".credguard.yaml": policy})
    report = run(repo.folder, "audit", ".")
    assert report["exit_code"] == 0 and list_paths(report, "acknowledged") == ["vendor/cut.zip"]
    assert "the policy excludes vendor/" in report["coverage"]["acknowledged"][0]["reason"]
    repo.write({"cut.zip": BROKEN})
    assert list_paths(run(repo.folder), "skipped") == ["cut.zip"]


def test_a_name_that_was_typed_wrong_is_never_excluded(repo: Repository) -> None:
    repo.commit("one", {".gitignore": ".env*\n", ".credguard.yaml": "paths:\n  exclude: [vendor/]\n"})
    assert run(repo.folder, "scan", "vendor/typo.py")["exit_code"] == 3


def nest(depth: int) -> bytes:
    data = b"x = 1\n"
    for _ in range(depth):
        data = gzip.compress(data)
    return data


@pytest.mark.parametrize("limits", ["file-size: 2000", "depth: 1"])
def test_a_limit_that_the_team_set_is_named_and_makes_nothing_incomplete(repo: Repository, limits: str) -> None:
    files = (
        {"big.bin": b"x" * 3000, "past.bin": b"y" * 3000}
        if "size" in limits
        else {"in.gz": nest(3), "past.gz": nest(4)}
    )
    repo.commit("one", {**files, ".gitignore": ".env*\n"})
    past = sorted(files)[1]
    repo.git("rm", "-q", past)
    repo.commit("two", {".credguard.yaml": f"limits:\n  {limits}\n"})
    report = run(repo.folder, "audit", ".")
    assert report["exit_code"] == 0, report["coverage"]
    named = {path.partition("!")[0] for path in list_paths(report, "acknowledged")}
    assert named == set(files)
    assert all(f"limits.{limits.partition(':')[0]}" in one["reason"] for one in report["coverage"]["acknowledged"])


def test_a_limit_of_the_command_line_is_nobodys_choice(repo: Repository) -> None:
    policy = "limits:\n  file-size: 5000\n"
    repo.commit("one", {"big.bin": b"x" * 3000, ".gitignore": ".env*\n", ".credguard.yaml": policy})
    assert run(repo.folder, "scan", ".")["exit_code"] == 0
    assert run(repo.folder, "scan", ".", "--max-file-size", "2000")["exit_code"] == 3


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("", ENTRY.format("data/"), "acknowledges that data/ cannot be read"),
        ("", OBJECT.format('"0123456789ab"'), "acknowledges that object 0123456789ab cannot be read"),
        (ENTRY.format("data/") + "    expires: 2030-01-01\n", ENTRY.format("data/"), "for longer"),
        ("", "limits:\n  file-size: 255M\n", "lowers limits.file-size"),
        ("", "limits:\n  depth: 4\n", "lowers limits.depth"),
        ("limits:\n  depth: 9\n", "limits:\n  depth: 8\n", "lowers limits.depth"),
        ("", "paths:\n  exclude: [vendor/]\n", "excludes vendor/"),
    ],
)
def test_a_change_that_leaves_out_more_is_a_finding(repo: Repository, before: str, after: str, words: str) -> None:
    repo.commit("base", {".gitignore": ".env*\n", ".credguard.yaml": f"version: 1\n{before}", "vendor/a": "a\n"})
    repo.commit("change", {".credguard.yaml": f"version: 1\n{after}", "data/cut.zip": BROKEN, "vendor/cut.zip": BROKEN})
    done = credguard("scan", "--range", "HEAD~1..HEAD", cwd=repo.folder)
    assert done.returncode == 1 and "CG005" in done.stdout and words in done.stdout
    assert "vendor/cut.zip" in done.stdout, "what the change says does not count for itself"


def test_a_limit_above_the_usual_one_acknowledges_nothing(repo: Repository) -> None:
    policy = "limits:\n  depth: 6\n"
    repo.commit("one", {"in.gz": nest(9), ".gitignore": ".env*\n", ".credguard.yaml": policy})
    assert run(repo.folder)["exit_code"] == 3


def test_a_change_that_leaves_out_less_is_none(repo: Repository) -> None:
    policy = ENTRY.format("data/").replace("paths:\n", "paths:\n  exclude: [vendor/]\n") + "limits:\n  depth: 4\n"
    repo.commit("base", {".gitignore": ".env*\n", ".credguard.yaml": policy})
    repo.commit("change", {".credguard.yaml": "limits:\n  depth: 6\n"})
    assert credguard("scan", "--range", "HEAD~1..HEAD", cwd=repo.folder).returncode == 0


def test_several_repositories_each_by_its_own_policy(repo: Repository, tmp_path: Path) -> None:
    repo.commit("one", {"data/cut.zip": BROKEN, ".gitignore": ".env*\n", ".credguard.yaml": ENTRY.format("data/")})
    repo.git("clone", "-q", str(repo.folder), str(tmp_path / "other"))
    report = run(tmp_path, "audit", str(repo.folder), "other")
    assert report["exit_code"] == 0 and len(report["coverage"]["acknowledged"]) == 2
    (tmp_path / "other" / ".credguard.yaml").write_text("version: 1\n")
    report = run(tmp_path, "audit", str(repo.folder), "other", "--resume", str(tmp_path / "state"))
    assert list_paths(report, "skipped") == ["other/data/cut.zip"] and len(report["coverage"]["acknowledged"]) == 1
    again = run(tmp_path, "audit", str(repo.folder), "other", "--resume", str(tmp_path / "state"))
    assert again["coverage"]["acknowledged"] == report["coverage"]["acknowledged"]
