"""The command line: selects the command, and ends every run with an exit code and, for an error, one line."""

from __future__ import annotations

import atexit
import gc
import os
import sys

from credguard import __version__
from credguard.system.compat import find_repository, is_standalone_build, leave_out_programs, start_with_utf8

TYPE_CHECKING = False  # as in typing, which takes as long to import as Python to start
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence
    from typing import NoReturn

_OBJECTS_BETWEEN_COLLECTIONS = 50_000
"""Imports make that many objects, none of them garbage; Python's own threshold costs a tenth of the start-up time."""
_SHORT = {"--verify": "--verify=aws"}
"""Options whose value may be left out; argparse would take the path behind for it."""
COMMANDS = {
    "scan": "scan files and folders on disk for AWS credentials",
    "audit": "audit whole repositories: credentials, credential files, ignore rules, root keys",
    "fleet": "audit thousands of repositories: plan, run on many machines, merge into one report",
    "account": "check an AWS account, read-only: root, MFA, keys, permissions, trails (needs credguard-cli[aws])",
    "revoke": "end an AWS access key: whose it is and the plan first, then with --apply (needs credguard-cli[aws])",
    "rotate": "replace the AWS access key of a profile: the plan first, then with --apply (needs credguard-cli[aws])",
    "doctor": "check this machine: its AWS credential files, .env files here, and whether the hooks work",
    "ci": "scan what a CI job is for: a change, a checkout or the whole history",
    "hook": "scan a commit, a push or a message, as a git hook",
    "queue": "scan the pushes that a server let in before they were scanned",
    "install": "install git hooks that call credguard, keeping existing hooks",
    "uninstall": "remove the git hooks and restore the previous ones",
    "report": "convert a saved JSON report to another format",
    "diff": "compare two saved JSON reports: new, fixed and moved findings",
    "rules": "list the rules",
    "explain": "show one rule's page",
    "practices": "list the best practices, the rules that check them, and what else enforces them",
    "baseline": "record known findings, so that only new ones block; never run by hooks",
    "allow": "record an exception in the policy, with its reason",
    "fix": "fix what can be fixed safely: shows the change, and applies it with --apply",
    "completion": "print a completion script for a shell",
    "lsp": "check what is open in an editor (Language Server Protocol)",
    "mcp": "answer the questions of AI agents (Model Context Protocol)",
    "warm": "compile and store what the first run would compile",
    "init": "write a starter policy, the pre-commit entry and the CI step, each shown first",
}
_WITHOUT_COMMAND = ("-h", "--help", "-V", "--version")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs credguard with `argv` (the process's own arguments if None); returns the exit code."""
    if argv is None and getattr(sys, "frozen", False):  # one file of PyInstaller, which is the Python of its workers
        import multiprocessing

        multiprocessing.freeze_support()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    atexit.register(gc.freeze)  # or Python would traverse all objects once more at exit
    arguments = list(sys.argv[1:] if argv is None else argv)
    if None in (sys.stdin, sys.stdout, sys.stderr):
        from credguard.system import streams

        streams.fill_closed()
    if arguments == ["hook", "agent"]:
        return _answer_agent()
    try:
        if arguments[:1] == ["hook"] and _can_skip(arguments[1:]):
            return 0
        if argv is None:
            start_with_utf8()
        return _run(arguments)
    except KeyboardInterrupt:
        _print_error("interrupted: the scan is incomplete")
        return 130


def _leave_out_the_current_folder() -> None:
    """Excludes programs in the repository that this is started in."""
    try:
        repository = find_repository(os.path.realpath(os.curdir))
    except OSError:  # the current folder is gone
        repository = None
    leave_out_programs([repository] if repository else [])


def _can_skip(arguments: list[str]) -> bool:
    """True for a hook that certainly has nothing to report, as most have."""
    try:
        if arguments[:1] == ["pre-receive"]:
            from credguard.hooks import fast_push

            return fast_push.is_push_clean(arguments[1:])
        from credguard.hooks import fast_path
    except Exception:  # noqa: BLE001 - the full way meets it, too, and tells
        return False
    if arguments in (["pre-commit"], ["pre-merge-commit"]):
        return fast_path.is_staged_clean()
    return len(arguments) == 2 and arguments[0] == "commit-msg" and fast_path.is_message_clean(arguments[1])


def _answer_agent() -> int:
    """The hook of an AI agent, for which any end but an answer would be a yes."""
    try:
        from importlib import import_module

        from credguard.hooks.agents import guard

        return guard.answer_event(lambda: import_module("credguard.engine.agent").check_event)
    except BaseException as error:  # noqa: BLE001 - whatever it is
        _print_error(f"could not check this, so it is stopped: {type(error).__name__}")
        return 2


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
            sys.stdout.flush()  # a report that was printed but cannot be written is not a success
    except CredguardError as error:
        _print_error(error.message, error.hint)
        return error.code
    except BrokenPipeError:
        _print_error("a program started by credguard was terminated", "run it again")
        return ExitCode.INCOMPLETE
    except Exception as error:  # noqa: BLE001 - the last resort: exit 4, and no text that might quote content
        return _report_bug(error, debug="--debug" in arguments)


def _dispatch(arguments: list[str]) -> int:
    if arguments in (["--version"], ["-V"]):
        print(f"credguard {__version__}{' (standalone)' if is_standalone_build() else ''}")
        return 0
    if not arguments:
        build_parser().print_help(sys.stderr)
        return 2
    if arguments[0] == "help":
        arguments = [*(word for word in arguments[1:2] if word != "help"), "--help"]
    if arguments[0].startswith("-") and arguments[0] not in _WITHOUT_COMMAND:
        return _refuse_early_option(arguments[0])
    if not arguments[0].startswith("-") and arguments[0] not in COMMANDS:
        return _refuse_command(arguments[0])
    options = build_parser(arguments).parse_args([_SHORT.get(word, word) for word in arguments])
    return int(options.run(options))


def _refuse_command(name: str) -> int:
    from difflib import get_close_matches

    near = get_close_matches(name.lower(), COMMANDS, 1)
    _print_error(f"there is no command {name}", f"did you mean {near[0]}?" if near else "")
    print("hint: `credguard --help` lists the commands", file=sys.stderr)
    return 2


def _refuse_early_option(name: str) -> int:
    _print_error(f"{name} comes before a command", "options follow it, as in `credguard scan --format json`")
    print("hint: `credguard --help` lists the commands", file=sys.stderr)
    return 2


def build_parser(arguments: Sequence[str] = (), *, whole: bool = False) -> argparse.ArgumentParser:
    """The parser for these arguments: with the options of the command that they name, or of every command."""
    import argparse
    from importlib import import_module

    class Parser(argparse.ArgumentParser):
        """A parser whose errors have two lines: what is wrong, and what was meant or where to read on."""

        def parse_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
            options, unknown = self.parse_known_args(args, namespace)
            if unknown:
                known = commands.choices.get(getattr(options, "command", ""), self)
                known.error(_explain_unknown(unknown, known._option_string_actions))  # noqa: SLF001 - our own kind
            return options

        def _check_value(self, action: argparse.Action, value: object) -> None:
            if action.choices is not None and value not in action.choices:
                raise argparse.ArgumentError(action, _explain_choice(str(value), list(map(str, action.choices))))

        def error(self, message: str) -> NoReturn:
            """Ends the process; what is no option may come from a repository, and is made safe to show."""
            _print_error(f"{self.prog.partition(' ')[2]}: {message}".removeprefix(": "))
            self.exit(2, f"hint: `{self.prog} --help` shows how it is called\n")

    parser = Parser(
        prog="credguard",
        description="AWS credential safety for git repositories.",
        epilog="Exit codes: 0 nothing blocks, 1 findings, 2 usage, 3 incomplete, 4 a bug in credguard.",
    )
    parser.add_argument("-V", "--version", action="version", version=f"credguard {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    first = arguments[0] if arguments else ""
    for name in (first,) if first in COMMANDS else COMMANDS:  # creating all of them takes a while
        summary = COMMANDS[name]
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if whole or name in arguments:
            import_module(f"credguard.commands.{name}").configure(command)
    return parser


def _explain_unknown(words: Sequence[str], options: Iterable[str]) -> str:
    from difflib import get_close_matches

    named = [word.partition("=")[0] for word in words if word.startswith("-")]
    near = get_close_matches(named[0], options, 1) if named else []
    what = f"there is no option {named[0]}" if named else f"nothing takes {' '.join(words)}"
    return f"{what}; did you mean {near[0]}?" if near else what


def _explain_choice(value: str, choices: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(value.lower(), choices, 1)
    return f"{value} is none of {', '.join(choices)}" + (f"; did you mean {near[0]}?" if near else "")


def _print_error(message: str, hint: str = "") -> None:
    from credguard.report import make_printable

    line = f"credguard: {make_printable(message)}" + (f"; {make_printable(hint)}" if hint else "")
    try:
        print(line, file=sys.stderr, flush=True)
    except (OSError, ValueError):  # no output is possible; the exit code is enough
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
