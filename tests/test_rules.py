"""Every rule against its case file: what must stay silent, and what must be found, where."""

from __future__ import annotations

import importlib
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from credguard.matching.database import Matcher
from credguard.model.findings import Blob
from credguard.rules import find_rule_modules, load_rules
from credguard.scanning.scanner import Scanner
from credguard.sources.files import open_tree
from tests.cases import read_cases
from tests.keys import Filler
from tests.repos import Repository, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from credguard.model.findings import Finding, Location
    from credguard.rule import Rule

CASES = Path(__file__).parent / "rules"
ALL = load_rules()
MODULES = find_rule_modules()
RULES = {rule.name.replace("-", "_"): rule for rule in ALL}
CHECKED = {name: rule for name, rule in RULES.items() if rule.check_blob or rule.check_tree}
HEADINGS = ["What it does", "Why it matters", "How to fix", "References"]
# A case has a `name` and either `text` (one blob, at `path`, in `encoding`) or `files` (path -> content, laid out in
# a git repository unless `git: false`; all that is not ignored is staged, `add` is forced, `untracked` is left out).
# `home` (path -> content) and `environ` are the machine's. A bad case says in `expect` where every finding is:
# "line:column" in a text, "path" or "path:line" among files; `severity` and `contains` (words of message or remedy)
# speak of the first one. {{TEMPLATES}} are filled by tests/keys.py.
KEYS = {"name", "text", "path", "encoding", "files", "git", "add", "untracked", "home", "environ"}
KEYS |= {"expect", "severity", "contains"}
# Identifiers are a promise to those who write them into settings: never reused, never renumbered.
NAMES = {
    "CG001": "input-not-read", "CG002": "rule-failed", "CG003": "suppression-malformed",
    "CG004": "suppression-expired", "CG005": "policy-loosened",
    "CG101": "aws-access-key-id", "CG102": "aws-secret-access-key", "CG103": "aws-key-pair",
    "CG104": "aws-temporary-credentials", "CG105": "aws-presigned-url", "CG106": "aws-bedrock-api-key",
    "CG107": "aws-ses-smtp-password", "CG108": "aws-service-credential", "CG109": "own-credential",
    "CG150": "private-key", "CG190": "generic-high-entropy-secret",
    "CG201": "env-file-tracked", "CG202": "env-file-not-ignored", "CG203": "credential-file-tracked",
    "CG204": "env-file-in-docker-context", "CG205": "real-value-in-example-file", "CG206": "state-file-tracked",
    "CG301": "root-key-file", "CG302": "root-identity-in-use", "CG303": "root-key-active",
    "CG304": "root-named-credential", "CG305": "instructions-to-use-root-keys",
    "CG401": "admin-policy-attached", "CG402": "wildcard-permission", "CG403": "static-keys-in-ci",
    "CG404": "iam-user-key-in-iac", "CG405": "static-keys-on-compute", "CG406": "open-trust-policy",
    "CG501": "key-older-than-limit", "CG502": "key-shared-across-projects", "CG503": "unused-key",
    "CG504": "mfa-disabled", "CG505": "cloudtrail-disabled", "CG506": "quarantined-identity",
    "CG601": "credentials-file-permissions", "CG602": "malformed-credentials",
    "CG603": "key-in-agent-transcript", "CG604": "key-in-mcp-config",
}  # fmt: skip


def cases(kind: str) -> list[object]:
    """One parameter for each case of that kind in all files, named by file and case."""
    found: list[object] = []
    for file in sorted(CASES.glob("*.yaml")):
        content = read_cases(file)
        found += [pytest.param(file.stem, case, id=f"{file.stem}-{case['name']}") for case in content[kind]]
    return found


@cache
def scanner(stem: str) -> Scanner:
    """A scanner with that file's rule alone; its database is that of all rules, compiled once for all files."""
    return Scanner((RULES[stem],), known=ALL)


@pytest.fixture
def filler(stem: str, case: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Filler]:
    """What fills a case's templates; the machine has the case's `home` files and `environ` meanwhile."""
    filler = Filler(f"{stem}: {case['name']}")
    own = mapping_in(case, "home") or mapping_in(case, "environ")
    forget = getattr(importlib.import_module(MODULES[stem]), "forget", None)
    if own and forget:
        for name in ("HOME", "USERPROFILE"):
            monkeypatch.setenv(name, str(tmp_path / "home"))
        write(tmp_path / "home", {k: filler.fill(v) for k, v in mapping_in(case, "home").items()})
        for name, value in mapping_in(case, "environ").items():
            monkeypatch.setenv(name, filler.fill(value))
        forget()
    yield filler
    if own and forget:
        forget()


def findings_of(stem: str, case: dict[str, object], folder: Path, filler: Filler) -> list[Finding]:
    """What the rule says of a case, filled and, where it has files, laid on disk."""
    assert set(case) <= KEYS, f"unknown keys {set(case) - KEYS}"
    engine = Scanner((RULES[stem],), known=ALL) if {"home", "environ"} & set(case) else scanner(stem)
    if "text" in case:
        findings = engine.scan_blob(Blob(content(case, filler), filler.fill(str(case.get("path", "file.txt")))))
    else:
        lay(case, folder / "tree", filler)
        tree = open_tree(folder / "tree").tree
        blobs = [Blob(tree.read(path) or b"", path) for path in tree.files]
        findings = [*engine.scan_tree(tree), *(finding for blob in blobs for finding in engine.scan_blob(blob))]
    assert not engine.failures, engine.failures
    return findings


def content(case: dict[str, object], filler: Filler) -> bytes:
    """The bytes of a `text` case."""
    text = case["text"]
    return text if isinstance(text, bytes) else filler.fill(str(text)).encode(str(case.get("encoding", "utf-8")))


def lay(case: dict[str, object], folder: Path, filler: Filler) -> None:
    """Writes the files of a case and, unless `git: false`, stages what is not ignored or `untracked`."""
    files = mapping_in(case, "files")
    filled = {filler.fill(k): text if isinstance(text, bytes) else filler.fill(text) for k, text in files.items()}
    if case.get("git", True) is False:
        write(folder, filled)
        return
    repository = Repository(folder)
    untracked = words_in(case, "untracked", filler)
    repository.write({name: text for name, text in filled.items() if name not in untracked})
    repository.add()
    repository.write({name: text for name, text in filled.items() if name in untracked})
    if forced := words_in(case, "add", filler):
        repository.add(*forced, force=True)


def words_in(case: dict[str, object], key: str, filler: Filler) -> list[str]:
    """A list in a case, filled; empty when not given."""
    value = case.get(key, [])
    assert isinstance(value, list)
    return [filler.fill(word) for word in value]


def mapping_in(case: dict[str, object], key: str) -> dict[str, Any]:
    """A mapping in a case, empty when not given."""
    value = case.get(key, {})
    assert isinstance(value, dict)
    return value


def place(location: Location, expected: str, *, tree: bool) -> str:
    """The location in the words of the expectation: `line:column`, or for files `path` or `path:line`."""
    if not tree:
        return f"{location.line}:{location.column}"
    return f"{location.path}:{location.line}" if re.search(r":\d+\Z", expected) else location.path


def places(findings: list[Finding], expect: list[str], *, tree: bool) -> list[str]:
    """Every location of the findings, in order."""
    found = [location for finding in findings for location in finding.locations]
    wanted = expect + [""] * (len(found) - len(expect))
    return [place(location, word, tree=tree) for location, word in zip(found, wanted, strict=False)]


@pytest.mark.parametrize(("stem", "case"), cases("good"))
def test_silent(stem: str, case: dict[str, object], tmp_path: Path, filler: Filler) -> None:
    """A good case gives nothing."""
    findings = findings_of(stem, case, tmp_path, filler)
    assert not findings, [(finding.message, finding.locations) for finding in findings]


@pytest.mark.parametrize(("stem", "case"), cases("bad"))
def test_found(stem: str, case: dict[str, object], tmp_path: Path, filler: Filler) -> None:
    """A bad case gives findings of the rule at the places named, and none of them shows a secret."""
    findings = findings_of(stem, case, tmp_path, filler)
    expect = words_in(case, "expect", filler)
    assert expect, "a bad case says where its findings are"
    assert places(findings, expect, tree="files" in case) == expect
    first = findings[0]
    assert {finding.rule_id for finding in findings} == {RULES[stem].id}
    if "severity" in case:
        assert first.severity.label == case["severity"]
    if "contains" in case:
        assert filler.fill(str(case["contains"])) in "\n".join((first.message, *first.remediation))
    shown = repr(findings)
    assert not [value for value in filler.secrets if value[4:] in shown], "a finding shows a secret"


def test_every_rule_has_cases_of_both_kinds() -> None:
    """A rule that checks has a file of good and bad cases, each with a name of its own, and no file is left over."""
    files = {file.stem: read_cases(file) for file in CASES.glob("*.yaml")}
    assert sorted(files) == sorted(CHECKED)
    for stem, kinds in files.items():
        assert list(kinds) == ["good", "bad"], stem
        assert kinds["good"], stem
        assert kinds["bad"], stem
        twice = [name for name, n in Counter(case["name"] for kind in kinds.values() for case in kind).items() if n > 1]
        assert not twice, (stem, twice)


def test_identifiers() -> None:
    """Every ID is used once, and stands for the name it always had."""
    ids = [rule.id for rule in load_rules()]
    assert len(set(ids)) == len(ids)
    for rule in load_rules():
        provider = re.fullmatch(r"CG1[678]\d", rule.id) is not None
        assert provider or NAMES.get(rule.id) == rule.name, (rule.id, rule.name)


@pytest.mark.parametrize("stem", RULES)
def test_page(stem: str) -> None:
    """A rule's page opens with one sentence and has the four sections, each with text."""
    rule: Rule = RULES[stem]
    module = importlib.import_module(MODULES[stem])
    assert module.RULE is rule
    lines = rule.page.strip().splitlines()
    assert lines[0].endswith(".")
    assert lines[1] == ""
    assert [line for line in lines[1:] if line and not line.startswith(" ")] == HEADINGS
    for heading in HEADINGS:
        assert lines[lines.index(heading) + 1].startswith("    "), heading
    assert rule.summary
    assert not rule.summary.endswith(".")
    assert rule.hint
    assert all(re.fullmatch(r"P(?:0[1-9]|1\d|20)", practice) for practice in rule.practices)


def test_patterns_compile_together() -> None:
    """One database takes the patterns of all rules; a name stands for one pattern."""
    patterns = {pattern for rule in load_rules() for pattern in rule.patterns}
    assert set(Matcher(patterns, cache=False).names) == {pattern.name for pattern in patterns}
