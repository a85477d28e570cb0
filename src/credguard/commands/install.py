"""`credguard install`: native git hooks that keep existing ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.errors import ExitCode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from typing import TextIO


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `install`."""
    add_install_options(parser, "the first four, in a bare repository pre-receive")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Installs the hooks and prints what was done; raises CredguardError."""
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
    parser.add_argument("--debug", action="store_true", help="print where an internal error occurred")


def show(lines: Iterable[str], stream: TextIO | None = None) -> None:
    """Prints lines with terminal control characters escaped."""
    from credguard.report import make_printable

    for line in lines:
        print(make_printable(line), file=stream or sys.stdout)
