"""`credguard explain`: one rule's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.errors import CredguardError, ExitCode

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the argument of `explain`."""
    parser.add_argument("rule", metavar="RULE", help="a rule's ID or name, as in `credguard rules`")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Prints the page; raises CredguardError for an unknown rule."""
    from difflib import get_close_matches

    from credguard.commands._rules import list_known_rules

    known = {word: rule for rule in list_known_rules() for word in (rule.id, rule.name)}
    wanted = options.rule.strip()
    rule = known.get(wanted.upper()) or known.get(wanted.lower())
    if rule is None:
        near = get_close_matches(wanted.upper(), known, 1) or get_close_matches(wanted.lower(), known, 1)
        hint = f"did you mean {near[0]}?" if near else "`credguard rules` lists them"
        raise CredguardError(f"there is no rule {wanted}", hint)
    from credguard.report import make_printable

    print(f"{rule.id} {make_printable(rule.name)} ({rule.severity.label})\n")
    for line in rule.page.strip().split("\n"):
        print(make_printable(line))
    if rule.practices:
        print(f"\nPractices\n    {', '.join(rule.practices)}")
    if rule.standards:
        print("\nStandards\n    " + "\n    ".join(rule.standards))
    return ExitCode.CLEAN
