"""An audit with a state reads what is new and reports what a whole audit would, whatever has happened meanwhile."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests import processes
from tests.keys import Filler
from tests.repos import Repository, clean_environment

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILL = Filler("increments").fill


def audit(folder: Path, *words: str) -> dict[str, Any]:
    done = processes.run_text(
        ["audit", "repo", "--format", "json", "--jobs", "1", *words], cwd=folder, env=clean_environment()
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


STEPS: tuple[Callable[[Repository], object], ...] = (
    bring_keys, go_aside, hide,
    lambda repo: repo.commit("p", {".credguard.yaml": "version: 1\nrules:\n  CG103: off\n"}), undo_policy, prune,
    lambda repo: repo.commit("last", {"z.txt": "z\n"}),
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
