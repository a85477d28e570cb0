"""The rules known to a command: credguard's, and those of the repository's policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from credguard.errors import CredguardError

if TYPE_CHECKING:
    from credguard.rule import Rule


def list_known_rules() -> tuple[Rule, ...]:
    """Every rule, in order of ID; an invalid policy adds none."""
    from credguard.rules import load_rules

    return (*load_rules(), *sorted(_load_custom_rules(), key=lambda rule: rule.id))


def _load_custom_rules() -> tuple[Rule, ...]:
    from credguard.policy.custom_rules.compile import compile_custom_rules
    from credguard.policy.resolve import PolicyResolver

    try:
        return compile_custom_rules(PolicyResolver().resolve_folder(Path()).policy.custom)
    except CredguardError:
        return ()
