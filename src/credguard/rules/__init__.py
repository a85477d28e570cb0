"""The rule registry: each family of rules has a folder, and each module in it without a leading `_` has a `RULE`."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from credguard.rule import Rule, Trait


EXAMPLE_ID = "CG101"
"""The rule that messages name as an example."""


@cache
def load_rules() -> tuple[Rule, ...]:
    """Every rule in order of ID, found by module name; a module's docstring is the rule's page."""
    rules = []
    for name in find_rule_modules().values():
        module = import_module(name)
        object.__setattr__(module.RULE, "page", module.__doc__ or "")
        rules.append(module.RULE)
    return tuple(sorted(rules, key=lambda rule: rule.id))


def find_rule_modules() -> dict[str, str]:
    """The module of each rule by the rule's name with underscores, which is the last part of the module's name."""
    root = os.path.dirname(__file__)
    found: dict[str, str] = {}
    for family in sorted(os.listdir(root)):
        folder = os.path.join(root, family)
        if family[0].isalpha() and os.path.isdir(folder):
            stems = {name.partition(".")[0] for name in os.listdir(folder)}
            found |= {stem: f"{__name__}.{family}.{stem}" for stem in sorted(stems) if stem[:1].isalpha()}
    return found


@cache
def list_rule_ids(trait: Trait) -> tuple[str, ...]:
    """The IDs of the rules with a trait, in order."""
    return tuple(rule.id for rule in load_rules() if trait in rule.traits)


@cache
def list_practice_rules(practice: str) -> tuple[str, ...]:
    """The IDs of the rules that check a practice, in order."""
    return tuple(rule.id for rule in load_rules() if practice in rule.practices)


def get_rule(rule_id: str) -> Rule:
    """The rule with this ID; raises KeyError where there is none."""
    return _map_rules()[rule_id]


@cache
def _map_rules() -> dict[str, Rule]:
    return {rule.id: rule for rule in load_rules()}


def hash_rules() -> str:
    """A digest of what the rules detect: 16 hex digits over IDs, severities and patterns."""
    from hashlib import blake2b

    digest = blake2b(digest_size=8)
    for rule in load_rules():
        words = (rule.id, rule.name, rule.severity.label, *(repr(p) for p in rule.patterns))
        digest.update("\0".join(words).encode())
    return digest.hexdigest()
