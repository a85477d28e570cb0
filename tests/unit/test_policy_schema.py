"""The published JSON Schema and the validator say the same, for both come from one table."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
import yaml

from credguard.errors import PolicyError
from credguard.policy import load
from credguard.policy.json_schema import build_policy_schema
from credguard.rules import load_rules
from credguard.sources.snapshots import FolderSnapshot
from tests.repos import write

if TYPE_CHECKING:
    from collections.abc import Iterator

RULES = {rule.id: rule.name for rule in load_rules()}
ROOT = Path(__file__).parent.parent.parent
SCHEMA, PAGE = ROOT / "src" / "credguard" / "policy.schema.json", ROOT / "docs" / "policy.md"
PACKAGE = Path(load.__file__).parent
MARK = "0123456789abcdef" * 2
ENTRY = {"rule": "CG101", "fingerprint": MARK, "reason": "why"}
GOOD: list[object] = [
    {}, {"version": 1}, {"rules": None}, {"extends": "strict"}, {"extends": ["recommended", "./a.yaml"]},
    {"fail-on": "low"}, {"rules": {"CG202": "off", "CG101": False, "CG103": "critical"}},
    {"rules": {"CG101": {"enabled": True, "severity": "low", "stages": {"ci": "warn", "audit": False}}}},
    {"stages": {"pre-commit": "off"}}, {"paths": {"exclude": ["a/"], "rules": {"t/**": {"CG101": "off"}}}},
    {"accounts": {"own": ["012345678901", 210987654321]}}, {"rotation-days": 30},
    {"limits": {"file-size": "10M", "depth": 0}}, {"limits": {"file-size": 1000}}, {"markers": {"foreign": "on"}},
    {"baseline": "ci/known"}, {"allow": [ENTRY]}, {"allow": [ENTRY | {"expires": "2027-01-31", "by": "ada"}]},
    {"allow": [{"rule": "CG205", "path": "docs/", "reason": "examples"}]},
]  # fmt: skip
BAD: list[object] = [
    {"version": 2}, {"rulez": {}}, {"rules": []}, {"rules": {"CG999": "off"}}, {"rules": {"CG001": "off"}},
    {"rules": {"CG101": "maybe"}}, {"rules": {"CG101": {"sev": "low"}}}, {"rules": {"CG101": {"stages": {"x": "off"}}}},
    {"fail-on": "hi"}, {"fail-on": ["low"]}, {"stages": {"ci": "on"}}, {"stages": {"cli": "off"}},
    {"paths": {"rules": {"t/**": {"CG103": "off"}}}}, {"accounts": {"own": ["1"]}}, {"accounts": {"own": "1" * 12}},
    {"rotation-days": 0}, {"rotation-days": "x"}, {"limits": {"file-size": "x"}}, {"limits": {"depth": 101}},
    {"markers": {"foreign": "yes"}}, {"allow": [{"reason": "x"}]}, {"allow": [{"rule": "CG101", "fingerprint": MARK}]},
    {"allow": [ENTRY | {"path": "x"}]}, {"allow": [{"rule": "CG103", "path": "x", "reason": "y"}]},
    {"allow": [{"path": "x", "reason": "y"}]}, {"allow": [ENTRY | {"expires": "soon"}]}, {"allow": ENTRY}, [], "x",
    {"allow": [ENTRY | {"reason": " "}]}, {"allow": [ENTRY | {"fingerprint": MARK.upper()}]},
]  # fmt: skip


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    made = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


def accepted(folder: Path, tree: object) -> bool:
    write(folder, {load.POLICY_NAME: yaml.safe_dump(tree)})
    try:
        load.find_policy(FolderSnapshot(folder), RULES)
    except PolicyError:
        return False
    return True


@pytest.mark.parametrize("tree", GOOD, ids=json.dumps)
def test_both_take(tmp_path: Path, validator: jsonschema.Draft202012Validator, tree: object) -> None:
    write(tmp_path, {"a.yaml": ""})
    assert validator.is_valid(tree), [error.message for error in validator.iter_errors(tree)]
    assert accepted(tmp_path, tree)


@pytest.mark.parametrize("tree", BAD, ids=json.dumps)
def test_both_refuse(tmp_path: Path, validator: jsonschema.Draft202012Validator, tree: object) -> None:
    assert not validator.is_valid(tree)
    assert not accepted(tmp_path, tree)


@pytest.mark.parametrize("name", load.PACKAGED)
def test_packaged_policies(validator: jsonschema.Draft202012Validator, name: str) -> None:
    validator.validate(yaml.safe_load((PACKAGE / f"{name}.yaml").read_text(encoding="utf-8")))


def test_the_page_shows_a_policy_that_is_one(tmp_path: Path, validator: jsonschema.Draft202012Validator) -> None:
    page = PAGE.read_text(encoding="utf-8")
    text = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)[0]
    write(tmp_path, {load.POLICY_NAME: text})
    assert load.find_policy(FolderSnapshot(tmp_path), RULES)
    validator.validate(json.loads(json.dumps(yaml.safe_load(text), default=date.isoformat)))


def _named(one: object) -> Iterator[str]:
    if isinstance(one, dict):
        yield from one.get("properties", ())
        for inner in one.values():
            yield from _named(inner)
    elif isinstance(one, list):
        for inner in one:
            yield from _named(inner)


def test_every_key_has_its_row() -> None:
    rows = set(re.findall(r"^\| `([^`]+)`", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    keys = {row.split(".")[-1].removesuffix("[]") for row in rows}
    stages = {"pre-commit", "commit-msg", "pre-push", "pre-receive", "ci", "audit"}
    assert set(_named(build_policy_schema(RULES))) - stages <= keys


def test_schema_and_page_are_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "tools" / "policy_pages.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
