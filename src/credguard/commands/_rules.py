"""The rules that there are where a command is called: credguard's, and those of the repository's policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from credguard.errors import CredguardError

if TYPE_CHECKING:
    from credguard.rule import Rule


def known_rules() -> tuple[Rule, ...]:
    """Every rule, in order of ID; a policy that cannot be followed adds none."""
    from credguard.rules import all_rules

    return (*all_rules(), *sorted(_custom(), key=lambda rule: rule.id))


def _custom() -> tuple[Rule, ...]:
    from credguard.custom_rules.compile import rules_of
    from credguard.policy.resolve import Policies

    try:
        return rules_of(Policies().folder(Path()).policy.custom)
    except CredguardError:
        return ()
