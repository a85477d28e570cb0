"""`credguard rules`: the list of rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.errors import ExitCode

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `rules`."""
    parser.add_argument("-f", "--format", choices=("text", "json"), default="text", help="text (default) or json")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Prints one line per rule, or the list as JSON."""
    from credguard.commands._rules import list_known_rules
    from credguard.report import make_printable

    if options.format == "json":
        import json

        keys = ("id", "name", "summary", "since")
        print(
            json.dumps(
                [{k: getattr(r, k) for k in keys} | {"severity": r.severity.label} for r in list_known_rules()],
                indent=2,
            )
        )
        return ExitCode.CLEAN
    for rule in list_known_rules():
        print(f"{rule.id}  {rule.severity.label:<8}  {make_printable(rule.name):<28}  {make_printable(rule.summary)}")
    return ExitCode.CLEAN
