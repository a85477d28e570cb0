"""`credguard audit`: whole repositories, with their history, checked by all rules."""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.commands import _options, _verify_option

if TYPE_CHECKING:
    import argparse

    from credguard.engine.account_keys import KeyJoin
    from credguard.engine.run import Run
    from credguard.engine.session import Session
    from credguard.errors import ExitCode


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `audit`."""
    parser.add_argument("path", nargs="*", metavar="PATH|URL", help="repositories (default: this folder)")
    parser.add_argument("--html", metavar="FILE", help="also write the report as an HTML page")
    parser.add_argument(
        "--resume",
        metavar="STATE",
        type=Path,
        help="store finished results in this file, and skip unchanged repositories",
    )
    parser.add_argument(
        "--account", action="store_true",
        help="also ask the AWS account, and say of each key whose it is and what it may do (needs credguard-cli[aws])",
    )  # fmt: skip
    parser.add_argument("--profile", metavar="NAME", default="", help="with --account: whose credentials ask")
    _options.add_reports(parser)
    _verify_option.add_verify_option(parser)
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
        clone.refuse_address(url)
    reports = _options.read_reports(options)
    alone = len(paths) == 1 and not urls and not options.resume
    asked = _ask_account(options) if options.account else None
    session, run = _audit_one(options, paths[0], asked) if alone else _audit_several(options, paths, asked)
    run = _options.scan_credential_reports(session, run, reports)
    target: dict[str, object] = {"kind": "audit", "paths": [clone.redact_url(path) for path in paths]}
    answered: frozenset[str] = frozenset()
    if asked:
        run, answered = asked.add_to(run)
        target["account"] = asked.answer.facts
    return _options.finish(scorecard.score_result(session, run, target, answered), options)


def _ask_account(options: argparse.Namespace) -> KeyJoin:
    """What the account answers, by the policy of this folder; raises CredguardError where boto3 is not installed."""
    from credguard.aws.live import client
    from credguard.engine import account, account_keys
    from credguard.engine.run import Run, follow

    client.require_boto3()
    client.check_profiles([options.profile])
    session = _options.create_session(options)
    run = follow(session.policies.resolve_folder(Path())) if session.policies else Run()
    asks = client.AwsClient(options.profile)
    (answer,) = account.ask_accounts(session, run, [asks], keep=True)
    return account_keys.KeyJoin(asks, answer, account.select_account_rules(session.list_rules(run)))


def create_history_session(options: argparse.Namespace, jobs: int) -> Session:
    """A session that scans the history too, with so many processes."""
    return _options.create_session(options, history=True, jobs=jobs)


def _audit_one(options: argparse.Namespace, path: str, asked: KeyJoin | None) -> tuple[Session, Run]:
    from credguard.engine import key_lifecycle, multi_repository
    from credguard.engine.run import Run

    session = create_history_session(options, options.jobs)
    if not os.path.isdir(path):
        return session, Run().add_skip(multi_repository.skip_missing_target(path))
    run = session.scan_paths([path])
    return session, key_lifecycle.add_key_findings(session, asked.join_run(run) if asked else run)


def _audit_several(options: argparse.Namespace, paths: list[str], asked: KeyJoin | None) -> tuple[Session, Run]:
    """Audits each repository by itself, in one of several processes; rules that compare repositories come last."""
    from credguard.engine import checkpoint, multi_repository, repository_result
    from credguard.engine.run import Run
    from credguard.git import clone
    from credguard.matching.database import keep_databases
    from credguard.system.compat import count_cores

    keep_databases()  # several sessions need the same ones
    session, run = _options.create_session(options), Run()
    targets = []
    labels: dict[str, str] = {}
    for path in paths:
        if clone.is_url(path) or os.path.isdir(path):
            key = multi_repository.compute_repository_key(path)
            label = _make_label(path, key, labels) if len(paths) > 1 else ""
            targets.append(repository_result.Target(path, label, key))
        else:
            run = run.add_skip(multi_repository.skip_missing_target(path))
    show = options.progress if options.progress is not None else sys.stderr.isatty() and not options.quiet
    if len(targets) > 1:
        options.progress = False  # one progress bar for all
    state = checkpoint.Checkpoint(options.resume) if options.resume else None
    try:
        with multi_repository.track_progress(len(targets), show=show and len(targets) > 1) as tell:
            jobs = max(options.jobs, 0) or count_cores()
            make = functools.partial(create_history_session, options, max(jobs // max(len(targets), 1), 1))
            parts = list(multi_repository.audit_all(make, targets, jobs, state, tell))
            parts = [asked.join_part(part) for part in parts] if asked else parts
            return session, run.merge(multi_repository.merge_results(session, parts))
    finally:
        if state:
            state.close()


def _make_label(path: str, key: str, known: dict[str, str]) -> str:
    """The printable prefix for the paths of a repository, different for each repository (of which this is the key)."""
    from credguard.git import clone

    shown, number = clone.redact_url(path).rstrip("/"), 1
    label = f"{shown}/"
    while known.setdefault(label, key) != key:
        number += 1
        label = f"{shown} ({number})/"
    return label
