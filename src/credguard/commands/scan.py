"""`credguard scan`: files and folders on disk, or standard input."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from credguard.commands import _options
from credguard.errors import CredguardError, ExitCode

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `scan`."""
    parser.add_argument("path", nargs="*", metavar="PATH", help="files and folders (default: this folder)")
    parser.add_argument("--stdin", action="store_true", help="look at standard input instead")
    _options.add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Scans what the options name."""
    if options.stdin and options.path:
        raise CredguardError("--stdin takes no PATH", "give one or the other")
    work = _options.new_run(options)
    if options.stdin:
        from credguard.model import Blob, Skip
        from credguard.sources.files import too_large

        data = sys.stdin.buffer.read(work.limit + 1)
        if len(data) > work.limit:
            work.coverage.skipped.append(Skip("<stdin>", too_large(len(data), work.limit)))
        else:
            work.blob(Blob(data, "<stdin>", "stdin"))
        return _options.finish(work.result({"kind": "stdin"}), options)
    paths = options.path or ["."]
    work.paths(paths)
    return _options.finish(work.result({"kind": "files", "paths": paths}), options)
