"""Conditions under which a part of the settings never runs, or its failure is ignored."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from credguard.enforcement.settings_shape import Trail
    from credguard.parsers.node import Node

_NOTHING = frozenset(("", "false", "never", "no", "0", "manual"))
SHRUGS = {
    "continue-on-error": False, "continueOnError": False, "allow_failure": False, "soft_fail": False,
    "ignore_errors": False, "failure": False, "if": True, "condition": True, "enabled": True, "only_if": True,
    "skip": False, "when": True,
}  # fmt: skip
"""Keys whose value ignores a failure or prevents a step from running; True for those that do so with a false value."""


def is_stopped(document: Node, trail: Trail) -> bool:
    """True if the entry, or one that contains it, never runs or may fail."""
    node = document
    levels = [node]
    for index in trail:
        node = node.pairs[index][1] if node.kind == "mapping" else node.items[index]
        levels.append(node)
    return any(_is_disabled(level) for level in levels if level.kind == "mapping")


def _is_disabled(node: Node) -> bool:
    for key, value in node.pairs:
        if key.text not in SHRUGS or value.kind != "scalar":
            if key.text == "rules" and value.items and all(_is_never_run(item) for item in value.items):
                return True
            continue
        word = value.text.strip().removeprefix("${{").removesuffix("}}").strip().lower()
        if (
            (word in _NOTHING and key.text not in ("skip",))
            if SHRUGS[key.text]
            else word in ("true", "yes", "1", "ignore")
        ):
            return True
    return False


def _is_never_run(rule: Node) -> bool:
    when = rule.get("when")
    return bool(when and when.text in ("never", "manual")) and rule.get("if") is None
