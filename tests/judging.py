"""Changes judged by the policy of where they start: the repository they are made in, and what is found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests import processes
from tests.hooking import credguard
from tests.keys import Filler
from tests.repos import clean_environment

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.repos import Repository

POLICY, BASELINE = ".credguard.yaml", ".credguard-baseline"
LONE = Filler("trust").fill("id = {{AKID}}\n")
OLD = Filler("trust old").fill("id = {{AKID}}\n")
KEY = LONE.split()[-1]
WORKFLOW = "on: push\njobs:\n  a:\n    steps:\n    - run: credguard ci\n    - run: make\n"
HOOKS = "repos:\n- repo: https://github.com/example/credguard\n  hooks:\n  - id: credguard\n"
BASE = {
    ".gitignore": ".env*\n", "old.txt": OLD, "a.py": "print(1)\n", ".github/workflows/ci.yml": WORKFLOW,
    ".pre-commit-config.yaml": HOOKS,
}  # fmt: skip

Found = list[tuple[str, str, int, str]]


def mark(text: str, folder: Path) -> str:
    done = processes.run(
        ["scan", "--stdin", "--format", "json"], cwd=folder, env=clean_environment(), stdin=text.encode()
    )
    return str(json.loads(done.stdout)["findings"][0]["fingerprint"])


def found(done: subprocess.CompletedProcess[str]) -> Found:
    """Rule, path, line and outcome of every finding."""
    assert done.stdout, done.stderr
    findings = json.loads(done.stdout)["findings"]
    return sorted(
        (one["rule_id"], one["locations"][0]["path"], one["locations"][0]["line"], one["outcome"]) for one in findings
    )


def judge(repo: Repository, words: str = "main..HEAD", *args: str) -> subprocess.CompletedProcess[str]:
    return credguard("scan", "--range", words, "--format", "json", *args, cwd=repo.folder)


def only(repo: Repository, rule: str = "CG005", words: str = "main..HEAD") -> list[tuple[str, int]]:
    """Places of the rule's findings; what changes the policy only must block."""
    done = judge(repo, words)
    places = [(path, line) for name, path, line, outcome in found(done) if name == rule and outcome == "report"]
    assert done.returncode == (1 if places else 0), done.stdout
    return places
