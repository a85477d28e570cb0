"""The rule registry: every module of this package that does not start with `_` and has a `RULE`."""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from credguard.rule import Rule


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule in order of ID, found by module name; a module's docstring is the rule's page."""
    names = {name.partition(".")[0] for name in os.listdir(os.path.dirname(__file__))}
    rules = []
    for name in sorted(names):
        if name[0].isalpha():
            module = import_module(f"{__name__}.{name}")
            object.__setattr__(module.RULE, "page", module.__doc__ or "")
            rules.append(module.RULE)
    return tuple(sorted(rules, key=lambda rule: rule.id))


def rules_hash() -> str:
    """A digest of what the rules look for: 16 hex digits over IDs, severities and patterns."""
    from hashlib import blake2b

    digest = blake2b(digest_size=8)
    for rule in all_rules():
        words = (rule.id, rule.name, rule.severity.label, *(repr(p) for p in rule.patterns))
        digest.update("\0".join(words).encode())
    return digest.hexdigest()
