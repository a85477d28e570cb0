"""`credguard audit`: whole repositories, with their history, by all rules."""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.commands import _options

if TYPE_CHECKING:
    import argparse

    from credguard.engine.session import Session
    from credguard.errors import ExitCode


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `audit`."""
    parser.add_argument("path", nargs="*", metavar="PATH|URL", help="repositories (default: this folder)")
    parser.add_argument("--html", metavar="FILE", help="also write the report as a page to look at")
    parser.add_argument(
        "--jobs", type=int, default=0, metavar="N",
        help="processes, for repositories or for the history of one (default: one for each processor)",
    )  # fmt: skip
    parser.add_argument(
        "--resume", metavar="STATE", type=Path, help="keep in this file what is done, and skip it when nothing changed"
    )
    _options.add_reports(parser)
    _options.add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Audits each repository and reports on all of them together."""
    from credguard.engine import scorecard
    from credguard.git import clone

    if options.html:
        options.report.append(f"html={options.html}")
    paths = options.path or ["."]
    urls = [path for path in paths if clone.is_url(path)]
    for url in urls:
        clone.refuse(url)
    reports = _options.read_reports(options)
    alone = len(paths) == 1 and not urls and not options.resume
    work = _audit_one(options, paths[0]) if alone else _audit_several(options, paths)
    _options.scan_credential_reports(work, reports)
    shown = [clone.redact_url(path) for path in paths]
    return _options.finish(scorecard.score_result(work, {"kind": "audit", "paths": shown}), options)


def create_history_session(options: argparse.Namespace, jobs: int) -> Session:
    """A run that looks at the history too, with so many processes."""
    from credguard.history import scan

    work = _options.create_session(options)
    work.past = scan.scan_history
    work.jobs = max(jobs, 0)
    return work


def _audit_one(options: argparse.Namespace, path: str) -> Session:
    from credguard.engine import key_lifecycle, multi_repository

    work = create_history_session(options, options.jobs)
    if os.path.isdir(path):
        work.scan_paths([path])
        key_lifecycle.conclude(work)
    else:
        work.coverage.add(multi_repository.skip_missing_target(path))
    return work


def _audit_several(options: argparse.Namespace, paths: list[str]) -> Session:
    """Each repository in a process of its own; what can only be told of all of them comes last."""
    from credguard.engine import checkpoint, multi_repository
    from credguard.git import clone
    from credguard.system.compat import count_cores

    work = _options.create_session(options)
    targets = []
    labels: dict[str, str] = {}
    for path in paths:
        if clone.is_url(path) or os.path.isdir(path):
            targets.append(multi_repository.Target(path, _make_label(path, labels) if len(paths) > 1 else ""))
        else:
            work.coverage.add(multi_repository.skip_missing_target(path))
    show = options.progress if options.progress is not None else sys.stderr.isatty() and not options.quiet
    if len(targets) > 1:
        options.progress = False  # one bar for all
    state = checkpoint.Checkpoint(options.resume) if options.resume else None
    try:
        with multi_repository.track_progress(len(targets), show=show and len(targets) > 1) as tell:
            jobs = max(options.jobs, 0) or count_cores()
            make = functools.partial(create_history_session, options, max(jobs // max(len(targets), 1), 1))
            multi_repository.merge_results(work, list(multi_repository.audit_all(make, targets, jobs, state, tell)))
    finally:
        if state:
            state.close()
    return work


def _make_label(path: str, known: dict[str, str]) -> str:
    """What goes before the paths of a repository: as it may be shown, and another for each repository."""
    from credguard.engine import multi_repository
    from credguard.git import clone

    shown, number = clone.redact_url(path).rstrip("/"), 1
    label, home = f"{shown}/", multi_repository.compute_repository_key(path)
    while known.setdefault(label, home) != home:
        number += 1
        label = f"{shown} ({number})/"
    return label
