"""`credguard install`: native git hooks that keep existing ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.errors import CredguardError, ExitCode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from typing import TextIO

    from credguard.hooks.agents.targets import Agent


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `install`."""
    add_install_options(parser, "the first four, in a bare repository pre-receive")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Installs the hooks and prints what was done; raises CredguardError."""
    check_scope(options)
    if options.agent is not None:
        from credguard.engine.agent import store_database
        from credguard.hooks.agents.setup import install_agents

        show(install_agents(*choose_agents(options)))
        store_database()  # or the first event would wait for it
        return ExitCode.CLEAN
    from credguard.hooks.install import ManagedError, install, install_global, parse_hook_names

    names = parse_hook_names(options.hooks)
    try:
        lines = install_global(names) if options.for_all else install(Path(), names)
    except ManagedError as error:
        show(error.advice, sys.stderr)
        raise
    show(lines)
    return ExitCode.CLEAN


def add_install_options(parser: argparse.ArgumentParser, default: str) -> None:
    """Adds the options that `install` and `uninstall` share; `default` describes the hooks used without --hooks."""
    parser.add_argument(
        "--hooks", metavar="LIST",
        help="these hooks, separated by commas: pre-commit, pre-merge-commit, commit-msg, pre-push, pre-receive, "
             f"post-rewrite (default: {default})",
    )  # fmt: skip
    parser.add_argument("--global", dest="for_all", action="store_true", help="for repositories created from now on")
    parser.add_argument(
        "--agent", metavar="LIST",
        help="not git's hooks but those of AI agents: claude, cursor, copilot, codex, gemini, or all",
    )  # fmt: skip
    scope = parser.add_mutually_exclusive_group()
    scope.add_argument("--user", action="store_true", help="with --agent, in the settings of this user (default)")
    scope.add_argument("--project", action="store_true", help="with --agent, in the settings of this folder")
    parser.add_argument("--debug", action="store_true", help="print where an internal error occurred")


def check_scope(options: argparse.Namespace) -> None:
    """Raises CredguardError for --user or --project without --agent."""
    if options.agent is None and (options.user or options.project):
        raise CredguardError("--user and --project are about AI agents", "add --agent with their names")


def choose_agents(options: argparse.Namespace) -> tuple[tuple[Agent, ...], Path | None]:
    """The agents that the options name, and the folder of the project, None for the settings of the user; raises
    CredguardError."""
    from credguard.hooks.agents.targets import parse_agents

    if options.hooks or options.for_all:
        raise CredguardError("--hooks and --global are about git's hooks", "leave out --agent, or them")
    return parse_agents(options.agent), Path() if options.project else None


def show(lines: Iterable[str], stream: TextIO | None = None) -> None:
    """Prints lines with terminal control characters escaped."""
    from credguard.report import make_printable

    for line in lines:
        print(make_printable(line), file=stream or sys.stdout)
