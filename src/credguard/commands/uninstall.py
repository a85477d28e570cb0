"""`credguard uninstall`: removes the hooks of `credguard install` and restores the previous ones."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from credguard.commands.install import add_install_options, check_scope, choose_agents, show
from credguard.errors import ExitCode

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `uninstall`."""
    add_install_options(parser, "all installed ones")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Removes the hooks and prints what was done; raises CredguardError."""
    check_scope(options)
    if options.agent is not None:
        from credguard.hooks.agents.setup import uninstall_agents

        show(uninstall_agents(*choose_agents(options)))
        return ExitCode.CLEAN
    from credguard.hooks.install import parse_hook_names, uninstall, uninstall_global

    names = parse_hook_names(options.hooks)
    show(uninstall_global(names) if options.for_all else uninstall(Path(), names))
    return ExitCode.CLEAN
