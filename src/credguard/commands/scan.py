"""`credguard scan`: files and folders on disk, or another source: standard input, the index, commits, a message."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.commands import _options
from credguard.errors import CredguardError, ExitCode

if TYPE_CHECKING:
    import argparse

    from credguard.audit import Run


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `scan`."""
    parser.add_argument("path", nargs="*", metavar="PATH", help="files and folders (default: this folder)")
    sources = parser.add_mutually_exclusive_group()
    sources.add_argument("--stdin", action="store_true", help="look at standard input instead")
    sources.add_argument("--staged", action="store_true", help="look at what the next commit would bring")
    sources.add_argument("--range", metavar="A..B", help="look at what these commits bring, files and messages")
    sources.add_argument("--message", metavar="FILE", help="look at a commit message in FILE")
    parser.add_argument(
        "--whole-files", action="store_true", help="with --staged or --range, also what stood there before the change"
    )
    _options.add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Scans what the options name."""
    other = options.stdin or options.staged or options.range or options.message
    if other and options.path:
        raise CredguardError("--stdin, --staged, --range and --message take no PATH", "give one or the other")
    work = _options.new_run(options)
    if options.stdin:
        return _options.finish(_standard_input(work).result({"kind": "stdin"}), options)
    if other:
        return _options.finish(_change(work, options).result({"kind": "change", "range": options.range}), options)
    paths = options.path or ["."]
    work.paths(paths)
    return _options.finish(work.result({"kind": "files", "paths": paths}), options)


def _standard_input(work: Run) -> Run:
    from credguard.model import Blob, Skip
    from credguard.sources.files import too_large

    data = sys.stdin.buffer.read(work.limit + 1)
    if len(data) > work.limit:
        work.coverage.skipped.append(Skip("<stdin>", too_large(len(data), work.limit)))
    else:
        work.blob(Blob(data, "<stdin>", "stdin"))
    return work


def _change(work: Run, options: argparse.Namespace) -> Run:
    from credguard import gate
    from credguard.git import Git

    repository = Git(Path.cwd(), inherit=True)
    if options.staged:
        gate.staged(work, repository, whole_files=options.whole_files)
    elif options.range:
        if not gate.commits(work, repository, [options.range], whole_files=options.whole_files):
            work.coverage.notes.append(f"{options.range} names no commit")
    else:
        try:
            text = Path(options.message).read_bytes()
        except OSError as error:
            raise CredguardError(f"{options.message} could not be read: {error.strerror}", "check the name") from error
        gate.message(work, text, repository.comment_sign(), options.message)
    return work
