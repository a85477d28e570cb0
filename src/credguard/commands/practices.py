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
    parser.add_argument("-f", "--format", choices=("text", "json"), default="text", help="text (default) or json")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Prints one paragraph per practice, or the list as JSON."""
    from textwrap import fill

    from credguard.model.practices import PRACTICES
    from credguard.rules import EXAMPLE_ID, get_rule, list_practice_rules

    if options.format == "json":
        import json

        print(json.dumps([_build_entry(practice) for practice in PRACTICES], indent=2))
        return ExitCode.CLEAN
    for practice in PRACTICES:
        print(f"{practice.id}  {practice.title}")
        rules = [f"{rule.id} {rule.name}" for rule in map(get_rule, list_practice_rules(practice.id))]
        print(
            fill(
                ", ".join(rules) or "none",
                110,
                initial_indent=_RULES,
                subsequent_indent=" " * len(_RULES),
                break_on_hyphens=False,
            )
        )
        print(f"     also:  {practice.also}")
    print(f"\nTo check a repository: `credguard audit`. To show a rule's page: `credguard explain {EXAMPLE_ID}`.")
    return ExitCode.CLEAN


def _build_entry(practice: Practice) -> dict[str, object]:
    from credguard.rules import get_rule, list_practice_rules

    rules = map(get_rule, list_practice_rules(practice.id))
    return {
        "id": practice.id,
        "title": practice.title,
        "rules": [{"id": rule.id, "name": rule.name} for rule in rules],
        "also": practice.also,
    }
