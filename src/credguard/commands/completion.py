"""`credguard completion`: a script that completes commands, options and values in a shell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.errors import CredguardError, ExitCode

if TYPE_CHECKING:
    import argparse

SHELLS = ("bash", "zsh", "fish", "powershell")
_FILES = ("FILE", "PATH", "PATH|URL", "STATE", "REPORT.json", "OLD.json", "NEW.json")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the argument of `completion`."""
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=f"one of {', '.join(SHELLS)}")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Prints the script; raises CredguardError where the package that makes it is not installed."""
    from credguard.cli import COMMANDS, build_parser

    try:
        import shtab
    except ModuleNotFoundError:
        raise CredguardError("the package shtab is not installed", "pip install shtab") from None
    parser = build_parser(whole=True)
    commands = next(action for action in parser._actions if action.dest == "command")  # noqa: SLF001
    shown = commands.add_parser("help", help="show how a command is called")  # type: ignore[attr-defined]
    shown.add_argument("name", choices=tuple(COMMANDS), help="a command")
    for action in _list_actions(parser):
        if action.metavar in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.metavar == "FOLDER":
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
        elif action.dest == "rule" and not action.option_strings:
            action.choices = _list_pages()
    print(shtab.complete(parser, options.shell))
    return ExitCode.CLEAN


def _list_actions(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    """The actions of the parser and of the parsers of its commands."""
    found: list[argparse.Action] = []
    for action in parser._actions:  # noqa: SLF001 - argparse has no other list
        found.append(action)
        if action.dest == "command" and isinstance(action.choices, dict):
            found += [one for command in action.choices.values() for one in _list_actions(command)]
    return found


def _list_pages() -> list[str]:
    from credguard.model.practices import PRACTICES
    from credguard.rules import load_rules

    return [rule.id for rule in load_rules()] + [practice.id for practice in PRACTICES]
