"""Custom rules: what a policy may say of them, what they find, and that no pattern takes more than linear time."""

from __future__ import annotations

import random
import re
import time
from typing import TYPE_CHECKING

import pytest

from credguard.errors import PolicyError
from credguard.model.findings import Blob, Severity
from credguard.policy import load
from credguard.policy.custom_rules.automaton import MatchBudget, build_automaton
from credguard.policy.custom_rules.compile import compile_custom_rules
from credguard.policy.custom_rules.dialect import translate_to_python
from credguard.policy.custom_rules.import_gitleaks import convert_rules, format_rules_file
from credguard.policy.custom_rules.loosening import find_loosened_rules
from credguard.policy.model import Policy, decide
from credguard.rules import load_rules
from credguard.scanning import limits
from credguard.scanning.scanner import Scanner
from credguard.sources.snapshots import FolderSnapshot
from tests.pace import PACE
from tests.repos import write

if TYPE_CHECKING:
    from pathlib import Path

    from credguard.policy.custom_rules.spec import CustomRule

RULES = {rule.id: rule.name for rule in load_rules()}
ONE = """custom-rules:
- id: ACME1
  name: acme-token
  summary: A token of Acme
  keywords: [acme]
  pattern: '(?i)acme[\\w-]{0,20}\\s*[:=]\\s*["'']?(at_[a-z0-9]{12,20})'
"""


def loaded(folder: Path, text: str, **beside: str) -> Policy:
    write(folder, {load.POLICY_NAME: text, **{f"{name}.yaml": content for name, content in beside.items()}})
    found = load.find_policy(FolderSnapshot(folder), RULES)
    assert found
    return found.policy


def refused(folder: Path, text: str) -> str:
    with pytest.raises(PolicyError) as caught:
        loaded(folder, text)
    return f"{caught.value.message}; {caught.value.hint}"


def found(policy: Policy, text: str | bytes, path: str = "a.py") -> list[tuple[str, int, int, int]]:
    """Rule, line and columns of what the policy's rules find."""
    scanner = Scanner(compile_custom_rules(policy.custom), cache=False)
    data = text.encode() if isinstance(text, str) else text
    places = [(one.rule_id, one.locations[0]) for one in scanner.scan_blob(Blob(data, path))]
    assert not scanner.failures
    return [(rule, place.line, place.column, place.end_column) for rule, place in places]


def test_finds_its_value(tmp_path: Path) -> None:
    policy = loaded(tmp_path, ONE)
    assert found(policy, "x\nACME_TOKEN = 'at_0123456789ab'\n") == [("ACME1", 2, 15, 30)]
    assert found(policy, "acme: at_short\n") == []
    assert found(policy, "token: at_0123456789ab\n") == []
    rule = compile_custom_rules(policy.custom)[0]
    assert (rule.name, rule.summary, rule.severity) == ("acme-token", "A token of Acme", Severity.HIGH)
    assert "acme" in rule.page and ".credguard.yaml:2" in rule.page


def test_never_shows_the_value(tmp_path: Path) -> None:
    finding = Scanner(compile_custom_rules(loaded(tmp_path, ONE).custom), cache=False).scan_blob(
        Blob(b"acme=at_0123456789ab", "a")
    )[0]
    assert "at_0****" in finding.message and "0123456789ab" not in repr(finding)


@pytest.mark.parametrize(
    ("more", "text", "count"),
    [
        ("", "acme=at_aaaaaaaaaaaa", 1),
        ("  entropy: 3\n", "acme=at_aaaaaaaaaaaa", 0),
        ("  entropy: 3\n", "acme=at_0a1b2c3d4e5f", 1),
        ("  except: ['^at_0+']\n", "acme=at_0a1b2c3d4e5f", 0),
        ("  stop-words: [4E5F]\n", "acme=at_0a1b2c3d4e5f", 0),
        ("  stop-words: [zzz]\n", "acme=at_0a1b2c3d4e5f", 1),
        ("  match: ['acme=at_0a1b2c3d4e5f']\n", "acme=at_0a1b2c3d4e5f", 0),
        ("  match: ['acme=at_0a1b2c3d4e5f']\n", "acme=at_9a1b2c3d4e5f acme=at_8a1b2c3d4e5f", 2),
    ],
)
def test_what_counts(tmp_path: Path, more: str, text: str, count: int) -> None:
    assert len(found(loaded(tmp_path, ONE + more), text)) == count


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("id: ACME1", "id: CG101"), "wants an ID such as ACME1"),
        (("id: ACME1", "id: acme"), "wants an ID such as ACME1"),
        (("id: ACME1", "id: A1"), "3 to 16 capitals and digits"),
        (("name: acme-token", "name: A B"), "wants small letters"),
        (("keywords: [acme]", "keywords: []"), "at least one keyword"),
        (("keywords: [acme]", "keywords: [a]"), "two characters"),
        (("  keywords: [acme]\n", ""), "has no keywords"),
        (("(?i)acme", "(acme"), "6:12: custom-rules.pattern: the pattern cannot be used: missing )"),
        (("(?i)acme", "(a)\\1acme"), "cannot be matched in linear time (groupref)"),
        (("(?i)acme", "(?=a)acme"), "cannot be matched in linear time (assert)"),
        (("(?i)acme", "(?:(?:a{900}){900})"), "too large"),
        (("(?i)acme", "\\hacme"), "bad escape"),
        (("(?i)acme", "é"), "ASCII"),
    ],
)
def test_what_it_may_not_be(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    assert said in refused(tmp_path, ONE.replace(*change))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("  match: ['acme=at_short']\n", ":7:11: custom-rules.match: ACME1 finds nothing in this example"),
        ("  match: ['x=at_0a1b2c3d4e5f']\n", "none of its keywords is in it"),
        ("  no-match: ['acme=at_0a1b2c3d4e5f']\n", ":7:14: custom-rules.no-match: ACME1 finds something"),
        ("  capture: 2\n", "it has no group 2"),
        ("  capture: token\n", "it has no group token"),
        ("  entropy: 9\n", "a number from 0 to 8"),
        ("  regex: x\n", "there is no key regex"),
        ("  paths: ['[']\n", "has a [ without its ]"),
        (ONE.partition("\n")[2], "there are two rules ACME1"),
    ],
)
def test_what_it_may_not_say(tmp_path: Path, more: str, said: str) -> None:
    assert said in refused(tmp_path, ONE + more)


def test_what_hyperscan_refuses(tmp_path: Path) -> None:
    text = "custom-rules:\n- {id: AB1, name: a, keywords: [ab], pattern: 'ab'}\n"
    said = refused(tmp_path, text + "- {id: AB2, name: b, keywords: [ab], pattern: '(?:ab)?'}\n")
    assert ":3:" in said and "hyperscan cannot compile the pattern" in said


def test_the_rest_of_the_policy_knows_it(tmp_path: Path) -> None:
    policy = loaded(tmp_path, ONE + "rules: {ACME1: low}\nallow:\n- {rule: ACME1, path: docs/, reason: examples}\n")
    assert policy.resolve_setting("ACME1").severity == Severity.LOW
    assert "there is no rule ACME2" in refused(tmp_path, ONE + "rules: {ACME2: low}\n")


def test_rules_of_an_extended_file(tmp_path: Path) -> None:
    policy = loaded(tmp_path, "extends: [./team.yaml]\nrules: {ACME1: critical}\n", team=ONE)
    assert [rule.id for rule in policy.custom] == ["ACME1"] and policy.resolve_setting(
        "ACME1"
    ).severity == Severity.CRITICAL
    changed = ONE.replace("keywords: [acme]", "keywords: [acme, apex]")
    assert loaded(tmp_path, f"extends: [./team.yaml]\n{changed}", team=ONE).custom[0].keywords == ("acme", "apex")


def test_paths_are_asked_when_it_is_decided(tmp_path: Path) -> None:
    policy = loaded(tmp_path, ONE + "  paths: ['*.env', '!test.env']\n")
    finding = Scanner(compile_custom_rules(policy.custom), cache=False).scan_blob(
        Blob(b"acme=at_0123456789ab", "object 0123")
    )[0]
    assert [decide(finding, policy, path=path) is None for path in ("x/a.env", "test.env", "a.py")] == [
        False, True, True
    ]  # fmt: skip


def test_part_of_the_policy_hash(tmp_path: Path) -> None:
    two = ONE + ONE.partition("\n")[2].replace("ACME1", "ACME2")
    swapped = "custom-rules:\n" + ONE.partition("\n")[2].replace("ACME1", "ACME2") + ONE.partition("\n")[2]
    digests = [loaded(tmp_path, text).digest for text in ("", ONE, two, swapped)]
    assert len({*digests}) == 3 and digests[2] == digests[3]


LOOSER = [
    ("pattern: '(?i)", "pattern: '", "changes the pattern"),
    ("[acme]", "[acmes]", "removes a keyword"),
    ("  name: acme-token\n", "  name: acme-token\n  severity: low\n", "lowers the severity (from high to low)"),
    ("  name: acme-token\n", "  name: acme-token\n  entropy: 3.5\n", "raises the entropy (from 0 to 3.5)"),
    ("  name: acme-token\n", "  name: acme-token\n  paths: [x/]\n", "changes the paths"),
    ("  name: acme-token\n", "  name: acme-token\n  except: [x]\n", "adds an exception"),
    ("  name: acme-token\n", "  name: acme-token\n  match: ['acme=at_0123456789ab']\n", "adds an example"),
]


@pytest.mark.parametrize(("old", "new", "said"), LOOSER)
def test_looser_and_stricter(tmp_path: Path, old: str, new: str, said: str) -> None:
    before, after = loaded(tmp_path, ONE).custom, loaded(tmp_path, ONE.replace(old, new)).custom
    assert list(find_loosened_rules(before, after)) == [("ACME1", f"{said} of the custom rule ACME1")]
    assert list(find_loosened_rules(before, ())) == [("ACME1", "removes the custom rule ACME1")]
    assert not list(find_loosened_rules((), before)) and not list(find_loosened_rules(before, before))
    if "pattern" not in said and "keyword" not in said:
        assert not list(find_loosened_rules(after, before))


PATTERNS = [
    r"a(b|c)*d", r"(a+)+b", r"\b(x{2,4}?)y?", r"(?i)key\s*=\s*([a-z0-9]{3,})", r"(a|ab)(c|bcd)(d*)", r"^a.$",
    r"(?m)^(b+)$", r"[^a-c]+(\d)", r"(?:a?){3}a{3}", r"(a*?)b", r"(?s)a(.*)b", r"(?:x|(y))z", r"\Ba", r"a(?i)b|c",
    r"[[:digit:]x]+y", r"(x?)(y)", r"a\z", r"\x{61}(?<n>b)",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_automaton_agrees_with_python(pattern: str) -> None:
    chance = random.Random(7)
    plain, made = re.compile(translate_to_python(pattern).encode()), build_automaton(translate_to_python(pattern))
    for _ in range(1500):
        data = bytes(chance.choice(b"abcdxyzKEYkey=01 \n") for _ in range(chance.randrange(14)))
        slow = chance.random() < 0.5
        expected, place = plain.search(data), made.search(data, 0, len(data), MatchBudget(10**6, 0.0 if slow else 1.0))
        assert (place is None) == (expected is None)
        if expected and place:
            groups = (expected.span(number) for number in range(1, plain.groups + 1))
            value = next((span for span in groups if span[1] > span[0]), expected.span())
            assert ((place.start, place.end), place.value) == (expected.span(), value)


@pytest.mark.slow
def test_time_is_linear(tmp_path: Path) -> None:
    text = "custom-rules:\n- {id: AB1, name: a, keywords: [aa], pattern: '(a|a|aa)+(a+)+b'}\n"
    policy = loaded(tmp_path, text)
    began = time.process_time()
    assert found(policy, b"a" * 600_000) == []
    assert [rule for rule, *_ in found(policy, b"a" * 30 + b"b")] == ["AB1"]
    many = found(policy, b"aaab " * 40_000)
    assert len(many) == limits.OF_FILE and time.process_time() - began < 6 * PACE


GITLEAKS = r'''
[extend]
useDefault = true
[allowlist]
paths = ["vendor/"]
[[rules]]
id = "Acme Token"
description = "Found an Acme token"
regex = """(?i)\\b(acme-(?-i:[[:alnum:]]{16}))(?:['"\\s]|\\z)"""
entropy = 3
keywords = ["acme-"]
path = '(?i)\.(?:ya?ml|tf)$'
[[rules.allowlists]]
regexes = ["EXAMPLE$"]
stopwords = ["Sample"]
[[rules.allowlists]]
regexTarget = "line"
regexes = ["ignore me"]
[[rules]]
id = "no-keywords"
description = "d"
regex = "(?P<token>zed_[0-9]{10})"
secretGroup = 1
[[rules]]
id = "names"
description = "d"
path = "x$"
[[rules]]
id = "too-much"
description = "d"
regex = "(a)(?=b)"
keywords = ["ab"]
'''


def imported(folder: Path, data: str) -> tuple[tuple[CustomRule, ...], list[str]]:
    kept, left = convert_rules(data.encode())
    return loaded(folder, format_rules_file(kept, "x.toml")).custom, left


@pytest.mark.slow
def test_import_of_gitleaks_rules(tmp_path: Path) -> None:
    rules, left = imported(tmp_path, GITLEAKS)
    acme, zed = rules
    assert (acme.name, acme.entropy, acme.keywords) == ("acme-token", 3.0, ("acme-",))
    assert acme.paths == ("*.yaml", "*.yml", "*.tf")
    assert acme.excepted == ("EXAMPLE$",) and acme.stop_words == ("sample",)
    assert (zed.capture, zed.keywords) == ("1", ("zed_",))
    assert left == [
        "[extend]: other files are not read; import them as well", "global allowlist: path vendor/",
        "Acme Token: allowlist: pattern ignore me", "names: it matches only file names",
        "too-much: it cannot be matched in linear time (assert)",
    ]  # fmt: skip
    policy = loaded(tmp_path, format_rules_file(convert_rules(GITLEAKS.encode())[0], "x"))
    assert found(policy, "t: acme-0a1B2c3D4e5F6a7B\n", "a.tf") == [(acme.id, 1, 4, 25)]


def test_ids_stay_when_the_file_grows(tmp_path: Path) -> None:
    before = {rule.name: rule.id for rule in imported(tmp_path, GITLEAKS)[0]}
    more = GITLEAKS.replace("[[rules]]", '[[rules]]\nid="new"\nregex="new_[0-9]{9}"\n[[rules]]', 1)
    after = {rule.name: rule.id for rule in imported(tmp_path, more)[0]}
    assert before.items() < after.items()


@pytest.mark.parametrize("data", [b"", b"\xff", b"rules = 1", b"[[rules]]\nx = 1", b"[["])
def test_what_is_no_rule_file(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        convert_rules(data)


def test_what_an_import_leaves_out_is_told() -> None:
    data = """[[rules]]
id = "pair"
regex = "pair_[0-9]{9}"
[[rules.required]]
id = "other"
withinLines = 3
[[rules]]
id = "other"
regex = "other_[0-9]{9}"
skipReport = true
[[rules]]
id = "empty"
[[rules]]
id = 5
regex = "five_[0-9]{9}"
[[rules]]
id = "seven"
regex = 7
"""
    kept, left = convert_rules(data.encode())
    assert [rule["name"] for rule in kept] == ["pair"]
    assert left == [
        "pair: it also applies where other finds nothing (required)",
        "other: it only serves other rules (skipReport)",
        "empty: it has neither a regex nor a path", "5: its id is not text", "seven: its regex is not text",
    ]  # fmt: skip
