"""`credguard practices`: the best practices, the rules that check each, and what else enforces it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.errors import ExitCode

if TYPE_CHECKING:
    import argparse

    from credguard.model.practice import Practice

_RULES = "     rules: "


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `practices`."""
    parser.add_argument("--format", choices=("text", "json"), default="text", help="text (default) or json")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Prints a paragraph a practice, or the list as JSON."""
    from textwrap import fill

    from credguard.model.practices import PRACTICES
    from credguard.rules import load_rules

    names = {rule.id: rule.name for rule in load_rules()}
    if options.format == "json":
        import json

        print(json.dumps([_build_entry(practice, names) for practice in PRACTICES], indent=2))
        return ExitCode.CLEAN
    for practice in PRACTICES:
        print(f"{practice.id}  {practice.title}")
        rules = [f"{rule} {name}" for rule, name in names.items() if practice.is_checked_by(rule)]
        print(
            fill(", ".join(rules) or "none of its own", 110, initial_indent=_RULES, subsequent_indent=" " * len(_RULES))
        )
        print(f"     also:  {practice.also}")
    print("\nWhere a repository stands with them: `credguard audit`. A rule's page: `credguard explain CG101`.")
    return ExitCode.CLEAN


def _build_entry(practice: Practice, names: dict[str, str]) -> dict[str, object]:
    return {
        "id": practice.id,
        "title": practice.title,
        "rules": [{"id": rule, "name": name} for rule, name in names.items() if practice.is_checked_by(rule)],
        "also": practice.also,
    }
