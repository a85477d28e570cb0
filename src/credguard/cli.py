"""The command line: picks the command, and turns every ending into one line and an exit code."""

from __future__ import annotations

import atexit
import gc
import os
import sys

from credguard import __version__
from credguard.system.compat import find_repository, leave_out_programs, start_with_utf8

TYPE_CHECKING = False  # as in typing, which takes as long to import as Python to start
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from typing import NoReturn

_OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""Imports make that many, and nothing of it is garbage; Python's own threshold costs a tenth of the start."""
COMMANDS = {
    "scan": "look for AWS credentials in files and folders as they lie on disk",
    "audit": "audit whole repositories: credentials, credential files, ignore rules, root keys",
    "doctor": "look at this machine: its AWS credential files, .env files here, and whether the hooks work",
    "ci": "judge what a CI job is about: a change, a checkout or the whole history",
    "hook": "judge what a commit, a push or a message brings, as a git hook",
    "install": "install git hooks that call credguard, beside what is there",
    "uninstall": "take the git hooks away again and put back what was there before",
    "report": "convert a saved JSON report to another format",
    "diff": "compare two saved JSON reports: new, fixed and moved findings",
    "rules": "list the rules",
    "explain": "show one rule's page",
    "practices": "list the best practices, the rules that check them, and what else enforces them",
    "baseline": "record what is known, so that only what is new blocks; hooks never do",
    "allow": "record an exception in the policy, with its reason",
    "fix": "mend what can be mended safely: shows the change, and makes it with --apply",
    "init": "write a starting policy, the pre-commit entry and the CI step, each shown first",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs credguard with `argv` (the process's own arguments when None); gives the exit code."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    atexit.register(gc.freeze)  # or Python would look through all objects once more when it ends
    arguments = list(sys.argv[1:] if argv is None else argv)
    if None in (sys.stdin, sys.stdout, sys.stderr):
        from credguard.system import streams

        streams.fill_closed()
    try:
        if arguments[:1] == ["hook"] and _can_skip(arguments[1:]):
            return 0
        if argv is None:
            start_with_utf8()
        return _run(arguments)
    except KeyboardInterrupt:
        _print_error("interrupted: nothing is known about what was not looked at")
        return 130


def _leave_out_the_current_folder() -> None:
    """Takes no program out of the repository that this is started in."""
    try:
        repository = find_repository(os.path.realpath(os.curdir))
    except OSError:  # the current folder is gone
        repository = None
    leave_out_programs([repository] if repository else [])


def _can_skip(arguments: list[str]) -> bool:
    """True for a hook that certainly has nothing to say, as most have."""
    try:
        from credguard.hooks import fast_path
    except Exception:  # noqa: BLE001 - the full way meets it, too, and tells
        return False
    if arguments in (["pre-commit"], ["pre-merge-commit"]):
        return fast_path.is_staged_clean()
    return len(arguments) == 2 and arguments[0] == "commit-msg" and fast_path.is_message_clean(arguments[1])


def _run(arguments: list[str]) -> int:
    from credguard.errors import CredguardError, ExitCode
    from credguard.system import scratch, streams

    _leave_out_the_current_folder()
    streams.prepare()
    scratch.sweep()
    try:
        try:
            return _dispatch(arguments)
        finally:
            sys.stdout.flush()  # what is printed and cannot be written is no success
    except CredguardError as error:
        _print_error(error.message, error.hint)
        return error.code
    except BrokenPipeError:
        _print_error("a program that credguard had started ended before its time", "run it again")
        return ExitCode.INCOMPLETE
    except Exception as error:  # noqa: BLE001 - the last resort: exit 4, and no text that might quote content
        return _report_bug(error, debug="--debug" in arguments)


def _dispatch(arguments: list[str]) -> int:
    if arguments in (["--version"], ["-V"]):
        print(f"credguard {__version__}")
        return 0
    options = _build_parser(arguments).parse_args(arguments)
    return int(options.run(options))


def _build_parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    import argparse
    from importlib import import_module

    class Parser(argparse.ArgumentParser):
        """A parser whose words are safe to show: a name that is no option may come from a repository."""

        def error(self, message: str) -> NoReturn:
            from credguard.report import make_printable

            super().error(make_printable(message))

    parser = Parser(
        prog="credguard",
        description="AWS credential safety for git repositories.",
        epilog="Exit codes: 0 nothing blocks, 1 findings, 2 usage, 3 incomplete, 4 a bug in credguard.",
    )
    parser.add_argument("-V", "--version", action="version", version=f"credguard {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    first = arguments[0] if arguments else ""
    for name in (first,) if first in COMMANDS else COMMANDS:  # to make them all takes a while
        summary = COMMANDS[name]
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name in arguments:
            import_module(f"credguard.commands.{name}").configure(command)
    return parser


def _print_error(message: str, hint: str = "") -> None:
    from credguard.report import make_printable

    line = f"credguard: {make_printable(message)}" + (f"; {make_printable(hint)}" if hint else "")
    try:
        print(line, file=sys.stderr, flush=True)
    except (OSError, ValueError):  # nobody to tell: the exit code says enough
        return


def _report_bug(error: Exception, *, debug: bool) -> int:
    import traceback

    from credguard.errors import ExitCode

    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "unknown place"
    _print_error(f"a bug in credguard: {type(error).__name__} at {place}", "report it with the output of --debug")
    if debug:
        for frame in frames:
            print(f"  {frame.filename}:{frame.lineno} in {frame.name}", file=sys.stderr)
    return ExitCode.BUG
