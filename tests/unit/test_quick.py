"""The quick way must leave to the rules every file name that a file rule has an opinion about."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pytest

from credguard.hooks import fast_path
from credguard.rule import get_default_part
from credguard.rules import load_rules
from credguard.scanning.scanner import Scanner
from credguard.sources.worktree import WorkTree
from tests.cases import read_cases
from tests.keys import Filler

CASES = Path(__file__).parent.parent / "rules"


def told() -> list[str]:
    """Every path at which a file rule of the hooks reports something in its case file."""
    paths: set[str] = set()
    for rule in load_rules():
        file = CASES / f"{rule.name.replace('-', '_')}.yaml"
        if not rule.check_tree or not rule.in_hooks or not file.exists():
            continue
        for case in read_cases(file).get("bad", ()):
            for place in case.get("expect", ()) if "files" in case else ():
                path = Filler(case["name"]).fill(str(place))
                paths.add(path if path in case["files"] else path.rpartition(":")[0])
    return sorted(filter(None, paths))


def test_there_are_such_paths() -> None:
    assert len(told()) > 50


@pytest.mark.parametrize("path", told())
def test_a_name_that_a_file_rule_reports_is_left_to_it(path: str) -> None:
    assert fast_path.may_concern_file_rule(os.fsencode(path))


@pytest.mark.parametrize(
    "path",
    "export.json deploy/stack.json .mc/config.json skel.yaml tmpl.toml compose.yaml env.sh set-env.sh .npmrc .netrc "
    "key.json sample/config.yml config.yaml.dist x.csv x.ini x.cfg x.conf Dockerfile .gitignore .envrc rc".split(),
)
def test_names_beside_them(path: str) -> None:
    assert fast_path.may_concern_file_rule(path.encode())


@pytest.mark.parametrize(
    "path",
    "a.py src/b.ts README.md .github/ci.yml package.json poetry.lock run.sh s3/keys.py tokens.go root.c".split(),
)
def test_ordinary_names_are_not(path: str) -> None:
    assert not fast_path.may_concern_file_rule(path.encode())


STEMS = (
    *fast_path._DATA_WORDS,
    *"settings config credentials .env .envrc dotenv rc database appsettings main terraform.tfvars "
    "terraform.tfstate accesskeys rootkey .npmrc .netrc docker-compose compose.override secrets.local".split()
)  # fmt: skip
FORMS = (
    "{stem}{end}", ".{stem}{end}", "{stem}.example{end}", "example.{stem}{end}", "{stem}.dist.config{end}",
    "{stem}/x{end}",
    ".aws/{stem}{end}", ".aws/login/cache/{stem}{end}", ".docker/{stem}{end}", ".{stem}/credentials{end}",
    "prod.{stem}{end}", "{stem}-prod{end}", "{stem}.bak{end}",
)  # fmt: skip
CONTENTS = [
    "[default]\naws_access_key_id = {{AKID}}\naws_secret_access_key = {{SECRET}}\n",
    "AWS_ACCESS_KEY_ID={{AKID}}\nAWS_SECRET_ACCESS_KEY={{SECRET}}\nDB_PASSWORD=x9Kq2LmZ7wTb4RfV\n",
    '{"aws_secret_access_key": "{{SECRET}}", "version": 4, "resources": [{"values": {"secret": "{{SECRET}}"}}]}',
    "Access key ID,Secret access key\n{{AKID}},{{SECRET}}\n",
    "password: x9Kq2LmZ7wTb4RfV\naccess_key: {{AKID}}\nsecret_key: {{SECRET}}\n",
]


@cache
def scanner() -> Scanner:
    return Scanner([get_default_part(rule) for rule in load_rules() if rule.in_hooks])


@pytest.mark.parametrize("ending", [*fast_path._CODE, *fast_path._DATA])
def test_no_file_rule_speaks_of_a_name_that_is_not_left_to_it(ending: str) -> None:
    names = tuple(sorted({form.format(stem=stem, end=ending) for form in FORMS for stem in STEMS}))
    for content in CONTENTS:
        data = Filler("quick").fill(content).encode()
        tree = WorkTree(Path(), names, frozenset(names), reader=lambda _path, data=data: data)  # type: ignore[misc]
        found = {finding.locations[0].path for finding in scanner().scan_tree(tree)}
        assert not [path for path in found if not fast_path.may_concern_file_rule(path.encode())]


def test_names_that_a_change_of_ignore_rules_concerns() -> None:
    """Where `concerns` finds something in a name, the rules on the whole tree are asked."""
    for rule in load_rules():
        if rule.check_tree and rule.in_hooks and rule.concerns:
            for end in (*fast_path._CODE, *fast_path._DATA):
                for stem in ("environment", "docker_run", "containers", "compose", "a", ".gitignore"):
                    name = f"src/{stem}{end}"
                    assert not re.search(rule.concerns, name) or fast_path.may_concern_file_rule(name.encode())
