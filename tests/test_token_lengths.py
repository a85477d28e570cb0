"""How long each kind of token is: found at its least and at its most, and not with one character less or more."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from credguard.model.findings import Blob
from credguard.rules import find_rule_modules, load_rules
from credguard.rules.tokens._token_rule import TokenKind
from credguard.scanning.scanner import Scanner
from tests.cases import read_cases
from tests.keys import Filler

TABLE = read_cases(Path(__file__).with_name("token_lengths.yaml"))
ALL = load_rules()
RULES = {rule.name.replace("-", "_"): rule for rule in ALL}
CONTENTS = {"basic", "registry-login", "npm-login", "npm-password", "json-web-token", "ntlm", "url"}
"""Kinds that what is encoded in them decides about; tests/rules/ has their cases."""
PART = re.compile(r"(\{\{[A-Z0-9]+(?:\.\d+)?:)(\d+)(\}\})")
TEXTS = [
    pytest.param(rule, called.split()[0], texts, id=called)
    for rule, kinds in TABLE.items()
    for called, texts in kinds.items()
]


@cache
def scanner(rule: str) -> Scanner:
    return Scanner((RULES[rule],), known=ALL)


def kinds_in(rule: str, case: str, text: str) -> set[object]:
    findings = scanner(rule).scan_blob(Blob(f"{Filler(case).fill(text)}\n".encode(), "file.txt"))
    return {finding.attributes.get("kind") for finding in findings}


def resized(text: str, by: int) -> list[str]:
    """The text with each of its parts in turn longer by so much."""
    return [
        text[: part.start()] + f"{part[1]}{int(part[2]) + by}{part[3]}" + text[part.end() :]
        for part in PART.finditer(text)
    ]


@pytest.mark.parametrize(("rule", "kind", "texts"), TEXTS)
def test_a_token_has_its_length(rule: str, kind: str, texts: list[str]) -> None:
    """The first text is the shortest, the last one the longest."""
    for text in filter(None, texts):
        assert kind in kinds_in(rule, kind, text), text
    for text in resized(texts[0], -1) + resized(texts[-1] or "", 1):
        assert kind not in kinds_in(rule, kind, text), text


def test_every_kind_of_token_has_its_length_here() -> None:
    modules = [import_module(name) for name in find_rule_modules().values() if ".tokens." in name]
    known = {
        one.name
        for module in modules
        for value in vars(module).values()
        for one in (value if isinstance(value, tuple) else (value,))
        if isinstance(one, TokenKind)
    }
    assert known - CONTENTS == {called.split()[0] for kinds in TABLE.values() for called in kinds}
