"""The page of a rule, as people and agents read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.report import make_printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from credguard.rule import Rule


def find_rule(rules: Iterable[Rule], word: str) -> Rule | None:
    """The rule with this ID or name, in whatever case."""
    wanted = word.strip().lower()
    return next((rule for rule in rules if wanted in (rule.id.lower(), rule.name)), None)


def format_rule_page(rule: Rule) -> str:
    """The name of a rule and its page."""
    lines = (f"{rule.id} {rule.name} ({rule.severity.label})", "", *rule.page.strip().split("\n"))
    return "\n".join(map(make_printable, lines))
