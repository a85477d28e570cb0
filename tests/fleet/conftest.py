"""A small fleet: mirrors with keys in some of them, its plan, and its store."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from tests import processes
from tests.keys import Filler
from tests.repos import Repository, clean_environment

if TYPE_CHECKING:
    from pathlib import Path

GIT = """#!/bin/sh
case "$PWD $*" in *{name}*) {act} ;; esac
exec "{git}" "$@"
"""


@dataclass
class Fleet:
    """A folder with mirrors, a plan and a store; `variables` are set for each run."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    filler: Filler = field(default_factory=lambda: Filler("fleet"))

    @property
    def pair(self) -> str:
        """The key pair that two of its repositories hold."""
        return self.filler.fill("aws_access_key_id={{AKID}}\naws_secret_access_key={{SECRET}}\n")

    @property
    def environment(self) -> dict[str, str]:
        temporary = {name: str(self.folder / "temporary") for name in ("TMPDIR", "TMP", "TEMP")}
        return clean_environment() | temporary | self.variables

    def add(self, name: str, files: dict[str, str | bytes], when: str = "begin") -> Repository:
        """A mirror with one commit."""
        repo = Repository(self.folder / "mirrors" / name)
        repo.commit(when, files)
        return repo

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return processes.run_text(["fleet", *words], cwd=self.folder, env=self.environment)

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        """A run that goes on beside the test."""
        return subprocess.Popen(
            [sys.executable, "-m", "credguard", "fleet", *words], cwd=self.folder, env=self.environment,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def plan(self, *words: str) -> subprocess.CompletedProcess[str]:
        done = self.run("plan", *(words or ("--mirrors", "mirrors")), "-o", "plan.jsonl")
        assert done.returncode == 0, done.stderr
        return done

    def scan(self, *words: str, store: str = "store") -> subprocess.CompletedProcess[str]:
        return self.run("run", "plan.jsonl", "--store", store, "--pause", "0.1", *words)

    def merge(self, *words: str, store: str = "store") -> dict[str, Any]:
        done = self.run("merge", store, "--plan", "plan.jsonl", "--format", "json", *words)
        assert done.stdout, done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        assert report["exit_code"] == done.returncode
        return report

    def replace_git(self, name: str, act: str) -> None:
        """From now on git does something else where a command or its folder has this name."""
        tools = self.folder.with_name(f"{self.folder.name}-tools")
        tools.mkdir(exist_ok=True)
        (tools / "git").write_text(GIT.format(name=name, act=act, git=shutil.which("git")))
        (tools / "git").chmod(0o755)
        self.variables["PATH"] = f"{tools}{os.pathsep}{os.environ['PATH']}"


def list_found(report: dict[str, Any], rule: str) -> list[str]:
    """Where a rule found something."""
    return sorted({p["path"] for f in report["findings"] if f["rule_id"] == rule for p in f["locations"]})


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    """Three repositories: two with the same key pair, a clean one."""
    (tmp_path / "temporary").mkdir()
    made = Fleet(tmp_path)
    made.add("one", {"a.ini": made.pair})
    made.add("two", {"b.ini": made.pair})
    made.add("three", {"c.txt": "x\n"})
    return made
