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

    from credguard.aws.live.profiles import ProfileState
    from credguard.engine.run import Run
    from credguard.engine.session import Session


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `doctor`."""
    parser.add_argument("path", nargs="?", default=".", metavar="PATH", help="the repository (default: this folder)")
    parser.add_argument("--no-hooks", action="store_true", help="do not test the hooks")
    parser.add_argument(
        "--online", action="store_true", help="also ask AWS who each profile is (needs credguard-cli[aws])"
    )
    _options.add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Checks machine, .env files and hooks; without --online nothing leaves the machine, and no secret is shown."""
    from credguard.engine import machine
    from credguard.engine.agent_files import examine_agent_files
    from credguard.engine.conclude import build_result
    from credguard.engine.run import Run, follow

    folder = Path(options.path)
    if not folder.is_dir():
        raise CredguardError(f"{options.path} is not a folder", "give a repository, or omit PATH")
    session = _options.create_session(options)
    run = follow(session.policies.resolve_folder(folder)) if session.policies else Run()
    pipeline = session.make_pipeline(run)
    run = run.add(machine.examine_machine(pipeline), machine.examine_env_files(folder))
    run = run.add(examine_agent_files(pipeline, str(Path.home())))
    hooks = {"checked": False, "lines": [], "problems": []} if options.no_hooks else machine.examine_hooks(folder)
    target: dict[str, object] = {"kind": "doctor", "path": options.path, "hooks": hooks}
    states: list[ProfileState] = []
    if options.online:
        states, run = _ask_profiles(session, run)
        target["profiles"] = [state.build_entry() for state in states]
    result = build_result(session, run, target)
    if hooks["problems"] or any(state.fails for state in states):
        result = replace(result, exit_code=ExitCode.FINDINGS)
    code = _options.finish(result, options)
    if options.format == "text" and not options.output:
        if options.online and not states:
            print("There is no AWS profile here, and no other credentials.")
        for line in _format_lines([state.text for state in states]):
            print(f"{line[:1].upper()}{line[1:]}.")
        _print_hooks(hooks, quiet=options.quiet)
    return code


def _ask_profiles(session: Session, run: Run) -> tuple[list[ProfileState], Run]:
    """Who the profiles of this machine are, and the run with what the rules say of that."""
    from credguard.aws.live import client, profiles
    from credguard.engine.account import find_in_items
    from credguard.model.findings import Coverage, Skip
    from credguard.model.result import Result

    client.require_boto3()
    states = profiles.ask_profiles()
    unreached = [state for state in states if state.status is profiles.ProfileStatus.UNREACHABLE]
    coverage = Coverage(
        skipped=[Skip(f"profile {state.name}", state.reason) for state in unreached],
        notes=[f"profile {state.name}: {state.note}" for state in states if state.note],
    )
    findings = find_in_items(session, run, [item for state in states for item in state.items])
    return states, run.add(Result(findings, coverage))


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
