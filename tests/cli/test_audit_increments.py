"""An audit with a state reads what is new and reports what a whole audit would, whatever has happened meanwhile."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from tests import processes
from tests.keys import Filler
from tests.repos import Repository, clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILL = Filler("increments").fill


def audit(folder: Path, *words: str, **variables: str) -> dict[str, Any]:
    done = processes.run_text(
        ["audit", "repo", "--format", "json", "--jobs", "1", *words], cwd=folder, env=clean_environment() | variables
    )
    report: dict[str, Any] = json.loads(done.stdout)
    return {name: report[name] for name in ("exit_code", "coverage", "findings", "practices")}


def pair(number: int) -> str:
    return FILL(f"aws_access_key_id={{{{AKID.{number}}}}}\naws_secret_access_key={{{{SECRET.{number}}}}}\n")


def bring_keys(repo: Repository) -> None:
    repo.commit("two", {"b/x.ini": pair(2)})
    repo.commit("three", {"b/x.ini": "", ".env": "A=1\n", "src/prod.pem": "x\n"})


def go_aside(repo: Repository) -> None:
    repo.git("switch", "-qc", "side")
    repo.commit("s", {"s.ini": pair(1)})
    repo.git("tag", "-a", "-m", pair(3), "v1")
    repo.commit(f"four {pair(4)}", {"y": "y\n"})


def hide(repo: Repository) -> None:
    repo.git("commit", "-q", "--amend", "-m", "clean")
    repo.write({"y": pair(5)})
    repo.git("stash", "-q")
    repo.commit("n", {f"d/{FILL('{{AKID.6}}')}.txt": "x\n"})


def undo_policy(repo: Repository) -> None:
    repo.git("revert", "--no-edit", "HEAD")
    repo.git("repack", "-qad")
    repo.git("switch", "-q", "main")
    repo.git("branch", "-qD", "side")


def prune(repo: Repository) -> None:
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "--quiet", "--prune=now")


def bring_back(repo: Repository) -> None:
    """What is known stands elsewhere too, and a commit that nothing led to has a branch."""
    repo.git("tag", "kept")
    repo.commit("again", {"again/x.ini": pair(2), "b/x.ini": pair(1)})
    lost = repo.commit("lost", {"lost.ini": pair(7)})
    repo.git("reset", "-q", "--hard", "HEAD~")
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.commit("more", {"m.txt": "m\n"})
    repo.git("update-ref", "refs/lost", lost)


def find_again(repo: Repository) -> None:
    repo.git("update-ref", "-d", "refs/lost")
    repo.git("branch", "found", repo.git("fsck", "--lost-found").split()[-1])


def cut_off(repo: Repository) -> None:
    (repo.folder / ".git/shallow").write_text(repo.git("rev-parse", "HEAD~"))


def join_again(repo: Repository) -> None:
    (repo.folder / ".git/shallow").unlink()
    repo.commit("joined", {"j.txt": "j\n"})


STEPS: tuple[Callable[[Repository], object], ...] = (
    bring_keys, go_aside, hide,
    lambda repo: repo.commit("p", {".credguard.yaml": "version: 1\nrules:\n  CG103: off\n"}), undo_policy, prune,
    bring_back, find_again, cut_off, join_again, lambda repo: repo.commit("last", {"z.txt": "z\n"}),
)  # fmt: skip


def test_a_resumed_audit_reports_what_a_whole_one_does(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "repo")
    repo.commit("one", {"a.ini": pair(1), "readme.txt": "hello\n" * 40})
    audit(tmp_path, "--resume", "state.db")
    for number, step in enumerate(STEPS):
        step(repo)
        assert audit(tmp_path, "--resume", "state.db") == audit(tmp_path, "--resume", f"{number}.db"), step.__name__


def test_what_was_read_and_held_nothing_is_not_read_again(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "repo")
    repo.commit("one", {"a.ini": pair(1), "readme.txt": "hello\n" * 40})
    repo.commit("two", {"readme.txt": ""})
    assert audit(tmp_path, "--resume", "state.db")["exit_code"] == 1
    oid = repo.git("rev-parse", "HEAD~1:readme.txt").strip()
    place = repo.folder / ".git" / "objects" / oid[:2] / oid[2:]
    place.chmod(0o644)
    place.write_bytes(b"damaged")
    repo.commit("three", {"b.ini": pair(2)})
    resumed = audit(tmp_path, "--resume", "state.db")
    assert resumed["coverage"]["complete"] and len(resumed["findings"]) > 2
    assert not audit(tmp_path)["coverage"]["complete"]


def test_a_file_that_changes_behind_its_times_is_read(tmp_path: Path) -> None:
    repo = Repository(tmp_path / "repo")
    leak = pair(1)
    repo.commit("one", {"a.ini": "#" * len(leak)})
    place = repo.folder / "a.ini"
    info = place.stat()
    assert audit(tmp_path, "--resume", "state.db")["exit_code"] == 0
    place.write_text(leak)
    os.utime(place, ns=(info.st_atime_ns, info.st_mtime_ns))
    repo.git("update-index", "--assume-unchanged", "a.ini")
    repo.commit("two")
    found = audit(tmp_path, "--resume", "state.db")
    assert "CG103" in {one["rule_id"] for one in found["findings"]}
    assert found == audit(tmp_path, "--resume", "other.db")


def test_own_credentials_are_looked_for_in_what_was_read_without_them(tmp_path: Path) -> None:
    """In what has not changed at all, and in what only a new commit was added to."""
    own = {"AWS_SECRET_ACCESS_KEY": FILL("{{SECRET.9}}")}
    repo = Repository(tmp_path / "repo")
    repo.commit("one", {"a.txt": f"word {own['AWS_SECRET_ACCESS_KEY']}\n"})
    for state in ("same.db", "more.db"):
        audit(tmp_path, "--resume", state)
    found = audit(tmp_path, "--resume", "same.db", **own)
    repo.commit("two")
    for resumed in (found, audit(tmp_path, "--resume", "more.db", **own)):
        assert "CG109" in {one["rule_id"] for one in resumed["findings"]}
