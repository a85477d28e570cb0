"""`credguard audit`: whole repositories, all rules."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from credguard.commands import _options

if TYPE_CHECKING:
    import argparse

    from credguard.errors import ExitCode


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `audit`."""
    parser.add_argument("path", nargs="*", metavar="PATH", help="local repositories (default: this folder)")
    _options.add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Audits each repository and reports on all of them together."""
    from credguard.model import Skip

    work = _options.new_run(options)
    paths = options.path or ["."]
    folders = [path for path in paths if os.path.isdir(path)]
    for path in paths:
        if path not in folders:
            reason = (
                "is no folder; `credguard scan` takes files"
                if os.path.exists(path)
                else "does not exist; check the name"
            )
            work.coverage.skipped.append(Skip(path, reason))
    if folders:
        work.paths(folders if len(paths) == 1 else [*folders])
    return _options.finish(work.result({"kind": "audit", "paths": paths}), options)
