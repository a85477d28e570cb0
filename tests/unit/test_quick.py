"""The quick way must leave to the rules every file name that a file rule has an opinion about."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from credguard import quick
from credguard.rules import all_rules
from tests.keys import Filler

CASES = Path(__file__).parent.parent / "rules"


def told() -> list[str]:
    """Every path at which a file rule of the hooks reports something in its case file."""
    paths: set[str] = set()
    for rule in all_rules():
        file = CASES / f"{rule.name.replace('-', '_')}.yaml"
        if not rule.check_tree or not rule.in_hooks or not file.exists():
            continue
        for case in yaml.safe_load(file.read_text(encoding="utf-8")).get("bad", ()):
            for place in case.get("expect", ()) if "files" in case else ():
                path = Filler(case["name"]).fill(str(place))
                paths.add(path if path in case["files"] else path.rpartition(":")[0])
    return sorted(filter(None, paths))


def test_there_are_such_paths() -> None:
    assert len(told()) > 50


@pytest.mark.parametrize("path", told())
def test_a_name_that_a_file_rule_reports_is_left_to_it(path: str) -> None:
    assert quick._concerns_a_file_rule(os.fsencode(path))


@pytest.mark.parametrize(
    "path",
    "export.json deploy/stack.json .mc/config.json skel.yaml tmpl.toml compose.yaml env.sh set-env.sh .npmrc .netrc "
    "key.json sample/config.yml config.yaml.dist x.csv x.ini x.cfg x.conf Dockerfile .gitignore .envrc rc".split(),
)
def test_names_beside_them(path: str) -> None:
    assert quick._concerns_a_file_rule(path.encode())


@pytest.mark.parametrize(
    "path", "a.py src/b.ts README.md .github/workflows/ci.yml package.json poetry.lock run.sh".split()
)
def test_ordinary_names_are_not(path: str) -> None:
    assert not quick._concerns_a_file_rule(path.encode())
