"""`credguard doctor`: this machine's credential files, the .env files here, and the hooks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.commands import _options
from credguard.errors import CredguardError, ExitCode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `doctor`."""
    parser.add_argument("path", nargs="?", default=".", metavar="PATH", help="the repository (default: this folder)")
    parser.add_argument("--no-hooks", action="store_true", help="do not test the hooks")
    _options.add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Checks machine, .env files and hooks; nothing leaves the machine, and no secret is shown."""
    from credguard.engine import machine
    from credguard.engine.conclude import build_result
    from credguard.engine.run import Run, follow

    folder = Path(options.path)
    if not folder.is_dir():
        raise CredguardError(f"{options.path} is not a folder", "give a repository, or omit PATH")
    session = _options.create_session(options)
    run = follow(session.policies.resolve_folder(folder)) if session.policies else Run()
    run = run.add(machine.examine_machine(session.make_pipeline(run)), machine.examine_env_files(folder))
    hooks = {"checked": False, "lines": [], "problems": []} if options.no_hooks else machine.examine_hooks(folder)
    result = build_result(session, run, {"kind": "doctor", "path": options.path, "hooks": hooks})
    problems = hooks["problems"]
    if problems:
        result = replace(result, exit_code=ExitCode.FINDINGS)
    code = _options.finish(result, options)
    if options.format == "text" and not options.output:
        _print_hooks(hooks, quiet=options.quiet)
    return code


def _print_hooks(hooks: dict[str, object], *, quiet: bool) -> None:
    """The hooks' part of the text report, below the findings."""
    problems, lines = _format_lines(hooks["problems"]), _format_lines(hooks["lines"])
    for problem in problems:
        print(f"The hooks do not work: {problem}.")
    if not problems and not quiet:
        print(f"The hooks work: {lines[-1]}." if lines else "The hooks were not tested.")


def _format_lines(value: object) -> Sequence[str]:
    from credguard.report import make_printable

    return [make_printable(str(line)) for line in value] if isinstance(value, list) else []
