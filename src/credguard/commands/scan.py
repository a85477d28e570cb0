"""`credguard scan`: files and folders on disk, or another source: standard input, the index, commits, a message."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.commands import _options, _revision_options, _verify_option
from credguard.errors import CredguardError, ExitCode
from credguard.model.findings import BlobKind
from credguard.system import streams

if TYPE_CHECKING:
    import argparse

    from credguard.engine.run import Run
    from credguard.engine.session import Session


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `scan`."""
    parser.add_argument("path", nargs="*", metavar="PATH", help="files and folders (default: this folder)")
    sources = parser.add_mutually_exclusive_group()
    sources.add_argument("--stdin", action="store_true", help="scan standard input instead")
    sources.add_argument("--staged", action="store_true", help="scan what the next commit would add")
    sources.add_argument("--range", metavar="A..B", help="scan what these commits add, files and messages")
    sources.add_argument("--message", metavar="FILE", help="scan a commit message in FILE")
    sources.add_argument("--history", action="store_true", help="scan every object of the repository at PATH")
    sources.add_argument(
        "--agents", nargs="?", const="~", metavar="HOME",
        help="scan what AI agents keep in a home folder (default: yours): transcripts, settings, MCP configurations",
    )  # fmt: skip
    parser.add_argument(
        "--whole-files",
        action="store_true",
        help="with --staged or --range, also report findings that were there before the change",
    )
    _revision_options.add_revision_options(parser)
    _options.add_reports(parser)
    _verify_option.add_verify_option(parser)
    _options.add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Scans the sources given by the options."""
    other = options.stdin or options.staged or options.range or options.message or options.history
    if other and options.path and not options.history:
        words = "--stdin, --staged, --range and --message take no PATH"
        raise CredguardError(words, "give one of them")
    if len(options.path) > 1 and options.history:
        raise CredguardError("--history takes one repository", "`credguard audit A B` scans several with their history")
    if _revision_options.is_given(options) and not options.history:
        raise CredguardError("--rev, --branch, --since, --until and --max-commits need --history", "add --history")
    if options.history:
        return _scan_history(options)
    if options.agents is not None:
        return _scan_agents(options)
    from credguard.engine.conclude import build_result

    session = _options.create_session(options)
    reports = _options.read_reports(options)
    target: dict[str, object] = {"kind": "files", "paths": options.path or ["."]}
    if options.stdin:
        target = {"kind": "stdin"}
        run = _scan_stdin(session)
    elif other:
        target = {"kind": "change", "range": options.range}
        run = _scan_change(session, options)
    else:
        run = session.scan_paths(options.path or ["."])
    run = _options.scan_credential_reports(session, run, reports)
    if other or not run.trees:
        result = build_result(session, run, target)
        if options.staged or options.range or options.message:
            from credguard.git.repository import Git
            from credguard.history.stage_advice import fit_advice

            result = fit_advice(result, Git(Path.cwd(), inherit=True), pushed=_options.is_in_ci())
        return _options.finish(result, options)
    from credguard.engine import scorecard

    return _options.finish(scorecard.score_result(session, run, target), options)


def _scan_stdin(session: Session) -> Run:
    from credguard.engine.run import Run, follow
    from credguard.model.findings import Blob, Skip
    from credguard.model.limit_reasons import explain_size

    run = follow(session.policies.resolve_files([])) if session.policies else Run()
    pipeline = session.make_pipeline(run)
    data = streams.read(pipeline.limit + 1)
    if len(data) > pipeline.limit:
        return run.add_skip(Skip("<stdin>", explain_size(len(data), pipeline.limit)))
    return run.add(pipeline.scan([Blob(data, "<stdin>", BlobKind.STDIN)], 1))


def _scan_agents(options: argparse.Namespace) -> ExitCode:
    from credguard.engine.agent_files import examine_agent_files
    from credguard.engine.conclude import build_result
    from credguard.engine.run import Run, follow

    home = Path(options.agents).expanduser()
    if options.path:
        raise CredguardError("--agents takes no PATH", "name the home folder behind --agents")
    if not home.is_dir():
        raise CredguardError(f"{options.agents} is no folder", "name a home folder, or leave it out for yours")
    session = _options.create_session(options)
    run = follow(session.policies.resolve_folder(Path.cwd())) if session.policies else Run()
    run = run.add(examine_agent_files(session.make_pipeline(run), str(home)))
    return _options.finish(build_result(session, run, {"kind": "agents", "path": options.agents}), options)


def _scan_history(options: argparse.Namespace) -> ExitCode:
    from credguard.git.commit_walk import Walk
    from credguard.git.repository import Git

    folder = Path(*options.path).absolute()
    if not folder.is_dir():
        raise CredguardError(f"{options.path[0]} is no folder", "name a repository, or leave it out for this one")
    repository = Git(folder)
    narrowed = _revision_options.build_rev_list_arguments(options, repository)
    with contextlib.closing(Walk(repository)) as begun:  # before anything slow
        from credguard.engine.conclude import build_result
        from credguard.engine.run import Run, follow
        from credguard.history import scan

        session = _options.create_session(options)
        reports = _options.read_reports(options)
        run = follow(session.policies.resolve_folder(folder)) if session.policies else Run()
        found = scan.scan_history(session.make_pipeline(run), run.result, repository, revisions=narrowed, begun=begun)
        run = _options.scan_credential_reports(session, replace(run, result=found), reports)
    return _options.finish(build_result(session, run, {"kind": "history", "paths": options.path or ["."]}), options)


def _scan_change(session: Session, options: argparse.Namespace) -> Run:
    from credguard.engine import change
    from credguard.engine.run import follow
    from credguard.git.repository import Git

    repository = Git(Path.cwd(), inherit=True)
    policies = _options.make_policy_resolver(options, session.stage)
    if options.staged:
        run = follow(policies.resolve_local(repository))
        return run.add(change.scan_staged(session.make_pipeline(run), repository, whole_files=options.whole_files))
    if options.range:
        run = follow(policies.resolve_range(repository, options.range))
        pipeline, revisions = session.make_pipeline(run), [options.range]
        run = run.add(change.scan_commits(pipeline, repository, revisions, whole_files=options.whole_files))
        return run if run.result.coverage.commits else run.add_note(f"{options.range} contains no commit")
    try:
        text = Path(options.message).read_bytes()
    except OSError as error:
        raise CredguardError(f"{options.message} could not be read: {error.strerror}", "check the name") from error
    run = follow(policies.resolve_local(repository))
    return run.add(change.scan_message(session.make_pipeline(run), repository, text, options.message))
