"""`credguard explain`: the page of a rule or of a practice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.errors import CredguardError, ExitCode
from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from credguard.model.practice import Practice
    from credguard.rule import Rule

_PRACTICE = compile_lazily(r"\A[Pp]([1-9])\Z")
"""A practice's number as people say it."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the argument of `explain`."""
    parser.add_argument(
        "rule", metavar="RULE", help="a rule's ID or name, as in `credguard rules`, or a practice's ID, such as P01"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Prints the page; raises CredguardError for what is neither a rule nor a practice."""
    from difflib import get_close_matches

    from credguard.commands._rules import list_known_rules
    from credguard.model.practices import PRACTICES
    from credguard.report.rule_page import find_rule

    rules = list_known_rules()
    practices = {practice.id: practice for practice in PRACTICES}
    wanted = _PRACTICE.sub(r"P0\1", options.rule.strip())
    rule, practice = find_rule(rules, wanted), practices.get(wanted.upper())
    if rule:
        _print_rule(rule)
    elif practice:
        _print_practice(practice, [one for one in rules if practice.id in one.practices])
    else:
        known = [*(word for one in rules for word in (one.id, one.name)), *practices]
        near = get_close_matches(wanted.upper(), known, 1) or get_close_matches(wanted.lower(), known, 1)
        hint = f"did you mean {near[0]}?" if near else "`credguard rules` and `credguard practices` list them"
        raise CredguardError(f"there is no rule and no practice {wanted}", hint)
    return ExitCode.CLEAN


def _print_rule(rule: Rule) -> None:
    from credguard.report.rule_page import format_rule_page

    print(format_rule_page(rule))
    if rule.practices:
        print(f"\nPractices\n    {', '.join(rule.practices)}")
    if rule.standards:
        print("\nStandards\n    " + "\n    ".join(rule.standards))


def _print_practice(practice: Practice, rules: Sequence[Rule]) -> None:
    from credguard.report import make_printable

    print(f"{practice.id} {practice.title}\n")
    if rules:
        print("Rules that check it")
    for rule in rules:
        print(f"    {rule.id} {make_printable(rule.name)}: {make_printable(rule.summary)}")
    print(f"{chr(10) if rules else ''}What else enforces it\n    {practice.also}")
    if practice.unknown:
        print(f"\nWhat no scan can tell\n    {practice.unknown}")
