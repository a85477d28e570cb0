"""`credguard init`: a starter policy, the pre-commit entry and the CI step, each shown first."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.commands._terminal import Screen, should_use_colour
from credguard.errors import CredguardError, ExitCode

if TYPE_CHECKING:
    import argparse

    from credguard.fixes import Edit
    from credguard.fixes.starter_files import Proposal

_INSTALL = (
    "pre-commit install --hook-type pre-commit --hook-type pre-merge-commit --hook-type commit-msg --hook-type pre-push"
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `init`."""
    parser.add_argument("path", nargs="?", default=".", metavar="PATH", help="the repository (default: this one)")
    parser.add_argument("--yes", action="store_true", help="write without asking")
    parser.add_argument(
        "--source", metavar="URL", default="",
        help=("the repository from which pre-commit and CI install credguard (default: where this one was"
             " installed or cloned from)"),
    )  # fmt: skip
    parser.add_argument("--rev", metavar="COMMIT", default="", help="the commit to install")
    parser.add_argument(
        "--import-gitleaks", metavar="FILE", default="",
        help="only convert the rules of a gitleaks TOML file to `custom-rules` for .credguard.yaml",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="FILE", default="", help=("write the converted rules to FILE, which must not exist")
    )
    parser.add_argument("--no-color", action="store_true", help="no colors (also with NO_COLOR set)")
    parser.add_argument("--debug", action="store_true", help="print where an internal error occurred")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Shows each file and writes it if accepted; 1 if something is not written."""
    if options.import_gitleaks:
        from credguard.commands._import_gitleaks import import_gitleaks_rules

        return import_gitleaks_rules(options.import_gitleaks, options.output)
    if options.output:
        raise CredguardError("--output needs --import-gitleaks", "omit it")
    from credguard.fixes.starter_files import propose
    from credguard.git.repository import find_git
    from credguard.hooks.package_source import UNKNOWN_SOURCE, resolve_source
    from credguard.sources.files import is_bare

    folder = Path(options.path)
    if not folder.is_dir():
        raise CredguardError(f"{options.path} is not a folder", "give a repository, or omit PATH for this one")
    if is_bare(folder):
        raise CredguardError(
            f"{options.path} is a repository without a work tree", "give a work tree, or omit PATH for this one"
        )
    kept = resolve_source(options.source, options.rev)
    repository = find_git(folder.absolute())
    root = Path(repository.find_toplevel()) if repository else folder
    made = propose(root, kept)
    screen = Screen(colour=should_use_colour(options))
    left = [edit.path for edit in made.edits if not _write_file(root, edit, screen, made, yes=options.yes)]
    screen.print_manual_steps(made.refused, made.by_hand)
    unknown = kept is UNKNOWN_SOURCE and bool(made.by_hand)
    if unknown:
        screen.print_line("The source of credguard is unknown: give --source URL --rev COMMIT to write these.")
    _print_next(made, left, screen)
    return ExitCode.FINDINGS if left or made.refused or unknown else ExitCode.CLEAN


def _write_file(root: Path, edit: Edit, screen: Screen, made: Proposal, *, yes: bool) -> bool:
    """Shows a file and writes it, if accepted."""
    from credguard.fixes.edit import RefusedError, write_edit

    screen.print_diff(edit)
    if not yes and not (sys.stdin.isatty() and _confirm(edit.path)):
        return False
    try:
        write_edit(root, edit)
    except RefusedError as error:
        made.refused.append(f"{edit.path} {error}")
        return False
    return True


def _confirm(path: str) -> bool:
    try:
        return input(f"Write {path}? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _print_next(made: Proposal, left: list[str], screen: Screen) -> None:
    from credguard.fixes.starter_files import FRAMEWORK_FILE, HOOK_TYPES

    written = [edit.path for edit in made.edits if edit.path not in left]
    if made.there:
        screen.print_line(f"Already there: {', '.join(made.there)}.")
    if left:
        screen.print_line(f"Not written: {', '.join(left)}. To write without a prompt: credguard init --yes")
    if written:
        screen.print_line(
            f"Written: {', '.join(written)}. Next: review it, git add -- {' '.join(written)}, and commit."
        )
    if made.framework and FRAMEWORK_FILE in written:
        whole = any(HOOK_TYPES.encode() in edit.after for edit in made.edits if edit.path == FRAMEWORK_FILE)
        screen.print_line(f"Everyone then runs once: {'pre-commit install' if whole else _INSTALL}")
    if not made.edits and not made.by_hand and not made.refused:
        screen.print_line("Nothing to do. `credguard audit` shows the state of the repository.")
