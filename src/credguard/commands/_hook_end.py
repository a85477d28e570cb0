"""The end of a hook: what it prints, and what it stores for the next one."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from credguard.commands import _options
from credguard.system import streams, terminal

if TYPE_CHECKING:
    import argparse

    from credguard.engine.run import Run
    from credguard.errors import ExitCode
    from credguard.model.findings import ScanResult


def show_result(result: ScanResult, options: argparse.Namespace) -> ExitCode:
    """Prints what stops git to standard error, or the report that was asked for; gives the exit code of the result."""
    if options.format == "text" and not options.output:
        from credguard.report import text
        from credguard.report.overlap import fold_overlaps

        _options.finish(result, options, main=False)

        if (result.exit_code or options.verbose) and sys.stderr:
            colour = terminal.has_colours(sys.stderr, off=options.no_color)
            width = terminal.measure_width(sys.stderr)
            report = text.render(
                fold_overlaps(result), colour=colour, quiet=not options.verbose, verbose=options.verbose, width=width
            )
            streams.write_messages(terminal.encode_for(sys.stderr, report))
        return result.exit_code
    return _options.finish(result, options)


def remember(run: Run) -> None:
    """Stores what the fast path of the next commit or push needs: the pattern database, the fact that this policy is
    valid, and which files govern pushes."""
    from credguard.hooks import fast_path, fast_push, push_note
    from credguard.system import ownership

    with contextlib.suppress(Exception):  # a cache error must not change the result
        if not fast_path.is_cached():
            from credguard.engine.warm import store_prefilter

            store_prefilter()
        content = run.judges[-1].content if run.judges else None
        if content is not None and not fast_path.is_policy_known():
            ownership.write_owned(fast_path.locate_policy_note(content), fast_path.build_policy_note(content))
        fast_path.remove_old_notes()
        judge = run.judges[0] if run.judges else None
        if judge and judge.before and judge.governing:
            push_note.write_note(fast_push.find_git_dir(), judge.before.commit, judge.governing)
