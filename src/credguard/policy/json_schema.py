"""The JSON Schema of a policy and its reference page, made from the table that validates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.policy.custom_rule_values import CustomRuleValue
from credguard.policy.schema_keys import POLICY_TABLE, AllowValue, RuleSettingValue, UnreadableValue
from credguard.policy.value_types import Entries, ListOf, Table
from credguard.rule import CUSTOM_ID
from credguard.rules import EXAMPLE_ID

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from credguard.policy.value_types import Key, Schema, ValueType

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def build_policy_schema(rules: Mapping[str, str]) -> Schema:
    """The schema; `rules` are the names of all rules by ID."""
    known = [{"const": rule, "title": name} for rule, name in sorted(rules.items())]
    return {
        "$schema": DIALECT,
        "title": "credguard policy (.credguard.yaml, version 1)",
        "$defs": {"rule": {"oneOf": [*known, {"pattern": f"^{CUSTOM_ID}$", "title": "a rule of `custom-rules`"}]}},
        **POLICY_TABLE.build_schema(),
    }


def render_reference() -> str:
    """Every key with its values, its default and its meaning, as a Markdown table."""
    lines = ["| key | values | without it | meaning |", "|---|---|---|---|"]
    lines += [
        f"| `{name}` | {_escape_cell(key.kind.words)} | {_escape_cell(key.default)} | {_escape_cell(key.meaning)} |"
        for name, key in _iter_keys(POLICY_TABLE, "")
    ]
    return "\n".join(lines) + "\n"


def _escape_cell(text: str) -> str:
    return text.replace("|", "\\|")


def _iter_keys(table: Table, above: str) -> Iterator[tuple[str, Key]]:
    for name, key in table.keys.items():
        yield above + name, key
        below = _find_subtable(key.kind, above + name)
        if below:
            yield from _iter_keys(*below)


def _find_subtable(kind: ValueType, name: str) -> tuple[Table, str] | None:
    if isinstance(kind, Table) and "pre-commit" not in kind.keys:
        return kind, f"{name}."
    if isinstance(kind, ListOf) and isinstance(kind.item, (AllowValue, CustomRuleValue, UnreadableValue)):
        return kind.item.table, f"{name}[]."
    if isinstance(kind, Entries) and isinstance(kind.value, RuleSettingValue):
        return kind.value.table, f"{name}.{EXAMPLE_ID}."
    return None
