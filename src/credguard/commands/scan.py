"""`credguard scan`: files and folders on disk, or another source: standard input, the index, commits, a message."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.commands import _options, _revision_options
from credguard.errors import CredguardError, ExitCode
from credguard.system import streams

if TYPE_CHECKING:
    import argparse

    from credguard.engine.session import Session


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `scan`."""
    parser.add_argument("path", nargs="*", metavar="PATH", help="files and folders (default: this folder)")
    sources = parser.add_mutually_exclusive_group()
    sources.add_argument("--stdin", action="store_true", help="look at standard input instead")
    sources.add_argument("--staged", action="store_true", help="look at what the next commit would bring")
    sources.add_argument("--range", metavar="A..B", help="look at what these commits bring, files and messages")
    sources.add_argument("--message", metavar="FILE", help="look at a commit message in FILE")
    sources.add_argument("--history", action="store_true", help="look at every object of the repository here")
    parser.add_argument(
        "--whole-files", action="store_true", help="with --staged or --range, also what stood there before the change"
    )
    _revision_options.add(parser)
    _options.add_reports(parser)
    _options.add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Scans what the options name."""
    other = options.stdin or options.staged or options.range or options.message or options.history
    if other and options.path:
        words = "--stdin, --staged, --range, --message and --history take no PATH"
        raise CredguardError(words, "give one or the other")
    if _revision_options.is_given(options) and not options.history:
        raise CredguardError("--rev, --branch, --since, --until and --max-commits narrow --history", "add --history")
    if options.history:
        return _scan_history(options)
    work = _options.create_session(options)
    reports = _options.read_reports(options)
    target: dict[str, object] = {"kind": "files", "paths": options.path or ["."]}
    if options.stdin:
        target = {"kind": "stdin"}
        _scan_stdin(work)
    elif other:
        target = {"kind": "change", "range": options.range}
        _scan_change(work, options)
    else:
        work.scan_paths(options.path or ["."])
    _options.scan_credential_reports(work, reports)
    if other or not work.trees:
        return _options.finish(work.build_result(target), options)
    from credguard.engine import scorecard

    return _options.finish(scorecard.score_result(work, target), options)


def _scan_stdin(work: Session) -> Session:
    from credguard.model.findings import Blob, Skip
    from credguard.sources.files import explain_size_limit

    if work.policies:
        work.follow(work.policies.resolve_files([]))
    data = streams.read(work.limit + 1)
    if len(data) > work.limit:
        work.coverage.skipped.append(Skip("<stdin>", explain_size_limit(len(data), work.limit)))
    else:
        work.scan_blob(Blob(data, "<stdin>", "stdin"))
    return work


def _scan_history(options: argparse.Namespace) -> ExitCode:
    from credguard.git.commit_walk import Walk
    from credguard.git.repository import Git

    repository = Git(Path.cwd())
    narrowed = _revision_options.build_rev_list_arguments(options, repository)
    with contextlib.closing(Walk(repository)) as begun:  # before all that takes time
        from credguard.history import scan

        work = _options.create_session(options)
        reports = _options.read_reports(options)
        if work.policies:
            work.follow(work.policies.resolve_folder(Path.cwd()))
        scan.scan_history(work, repository, revisions=narrowed, begun=begun)
        _options.scan_credential_reports(work, reports)
    return _options.finish(work.build_result({"kind": "history"}), options)


def _scan_change(work: Session, options: argparse.Namespace) -> Session:
    from credguard.engine import change
    from credguard.git.repository import Git

    repository = Git(Path.cwd(), inherit=True)
    policies, work.policies = _options.make_policy_resolver(options, work.stage), None
    if options.staged:
        work.follow(policies.resolve_local(repository))
        change.scan_staged(work, repository, whole_files=options.whole_files)
    elif options.range:
        work.follow(policies.resolve_range(repository, options.range))
        if not change.scan_commits(work, repository, [options.range], whole_files=options.whole_files):
            work.coverage.notes.append(f"{options.range} names no commit")
    else:
        try:
            text = Path(options.message).read_bytes()
        except OSError as error:
            raise CredguardError(f"{options.message} could not be read: {error.strerror}", "check the name") from error
        work.follow(policies.resolve_local(repository))
        change.scan_message(work, repository, text, options.message)
    return work
