"""`credguard queue run DIR`: scans the pushes that a server let in before they were scanned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.commands import _options

if TYPE_CHECKING:
    import argparse

    from credguard.errors import ExitCode


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `queue`."""
    parser.add_argument("action", choices=["run"], metavar="run", help="scan each push, the oldest first")
    parser.add_argument("path", metavar="DIR", help="the folder that --queue of the pre-receive hook names")
    _options.add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Reports on all queued pushes, then removes those whose scan is whole."""
    from credguard.engine.push_queue import list_queue, merge_pushes, remove_push, scan_queue

    session = _options.create_session(options, in_hook=True, stage="pre-receive")
    paths = list_queue(options.path)
    results = scan_queue(session, _options.make_policy_resolver(options, session.stage), paths)
    code = _options.finish(merge_pushes(results, options.path), options, record=False)
    for path, result in zip(paths, results, strict=True):
        if result.coverage.complete:  # after the report: a run that is ended before begins again
            remove_push(path)
    return code
