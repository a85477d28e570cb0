"""`credguard ci`: judges what a CI job is about, and says it where people read it."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from credguard import __version__
from credguard.commands import _options
from credguard.errors import CredguardError, ExitCode
from credguard.lazy_re import compile_lazily
from credguard.report import make_printable
from credguard.system import streams

if TYPE_CHECKING:
    import argparse

    from credguard.ci.event import CiTask
    from credguard.engine.session import Session
    from credguard.git.repository import Git
    from credguard.model.findings import ScanResult

MODES = ("change", "tree", "history")
_REVISION = compile_lazily(r"HEAD|[0-9a-f]{7,64}|refs/(?:heads|tags|remotes)/[^\s~^:?*\[\\\x00-\x1f\x7f]+")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `ci`."""
    parser.add_argument("--path", default=".", metavar="FOLDER", help="the repository (default: this folder)")
    parser.add_argument("--mode", choices=MODES, help="what to judge (default: by the event)")
    parser.add_argument("--sarif-file", metavar="FILE", default="", help="also write a SARIF report")
    parser.add_argument("--version", metavar="VERSION", default="", help="fail unless this version runs")
    _options.add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Judges and reports; the outputs are written whatever the ending."""
    if options.sarif_file:
        options.report.append(f"sarif={options.sarif_file}")
    try:
        result = _scan_task(options)
        if os.environ.get("GITHUB_ACTIONS"):
            _report_on_github(result)
        code = _options.finish(result, options)
    except CredguardError as error:
        _write_outputs({"exit-code": int(error.code), "findings": 0, "complete": "false", "sarif-file": ""})
        raise
    blocking = sum(verdict.outcome == "report" for verdict in result.verdicts)
    _write_outputs(
        {
            "exit-code": int(result.exit_code),
            "findings": blocking,
            "complete": str(result.coverage.complete).lower(),
            "sarif-file": options.sarif_file,
        }
    )
    return code


def _scan_task(options: argparse.Namespace) -> ScanResult:
    from credguard.ci import event
    from credguard.engine import scorecard

    if options.version and options.version.removeprefix("v") != __version__:
        raise CredguardError(
            f"this is credguard {__version__}, not {options.version}", "pin the commit of that version"
        )
    plan = event.plan_job(os.environ)
    if options.mode and plan.mode not in (options.mode, "nothing"):
        if options.mode == "change" and not plan.heads:
            raise CredguardError(f"--mode change: {plan.why}", "take tree or history here")
        plan = replace(plan, mode=options.mode)
    print(make_printable(f"credguard {__version__} on {plan.system}: {plan.why}"), file=sys.stderr, flush=True)
    for revision in (*plan.heads, *plan.excluded, *plan.wanted, plan.base or "HEAD", plan.tag or "HEAD"):
        if not _REVISION.fullmatch(revision) or ".." in revision:
            raise CredguardError("the CI system names a revision that is none", f"see {plan.system}'s variables")
    if plan.mode != "change" and plan.base and not options.policy_from:
        options.policy_from = plan.base
    work = _options.create_session(options, stage="ci")
    target: dict[str, object] = {"kind": "ci", "system": plan.system, "mode": plan.mode, "paths": [options.path]}
    if plan.mode != "nothing":
        _scan_plan(work, Path(options.path), plan, options)
    return work.build_result(target) if plan.mode in ("change", "nothing") else scorecard.score_result(work, target)


def _scan_plan(work: Session, folder: Path, plan: CiTask, options: argparse.Namespace) -> None:
    from credguard.git.fetch import fetch_missing
    from credguard.git.repository import Git

    repository = Git(folder)
    if plan.mode != "tree" or plan.base:
        work.coverage.notes += fetch_missing(repository, folder, plan.wanted, whole=plan.mode != "tree")
    if plan.mode == "change":
        _scan_change(work, Git(Path(repository.find_toplevel())), plan, options)
    elif plan.mode == "tree":
        work.scan_paths([options.path])
    else:
        from credguard.history import scan

        work.scan_paths([options.path])
        scan.scan_history(work, repository)


def _scan_change(work: Session, repository: Git, plan: CiTask, options: argparse.Namespace) -> None:
    from credguard.engine import change
    from credguard.model.findings import Coverage
    from credguard.sources import changes

    policies, work.policies = _options.make_policy_resolver(options, work.stage), None
    base = _find_base(repository, plan)
    trusted = _find_trusted_revision(repository, plan)
    if not trusted:
        work.coverage.notes.append("no default branch is known here: the recommended policy holds")
    work.follow(policies.resolve_change(repository, trusted, *plan.heads))
    without = [f"^{base}"] if base else []
    count = change.scan_commits(work, repository, [*plan.heads, *without])
    work.coverage.notes.append(f"{count} commits are new against {base or 'nothing'}")
    if plan.tag:
        part = Coverage()
        oid = repository.run("rev-parse", "--verify", plan.tag).strip().decode()
        for item in changes.read_tags(repository, [oid], work.limit):
            work.take(item, part)
        work.coverage.add(part)


def _find_trusted_revision(repository: Git, plan: CiTask) -> str | None:
    """The revision whose policy counts: that of the plan, or where it is not there the default branch as it was
    fetched. Never what the branch itself held before, which a push before this one may have loosened."""
    from credguard.git import refs

    return (
        plan.base
        if plan.base and _resolve_commit(repository, plan.base)
        else refs.find_default_branch(repository, "origin")
    )


def _find_base(repository: Git, plan: CiTask) -> str | None:
    """The base, or after a force-push that took it away the default branch; None to judge the whole history."""
    fallback = [
        f"refs/remotes/origin/{one.removeprefix('refs/heads/')}" for one in plan.wanted if one.startswith("refs/")
    ]
    found = (_resolve_commit(repository, revision) for revision in (*plan.excluded, *fallback))
    return next(filter(None, found), None)


def _resolve_commit(repository: Git, revision: str) -> str:
    """The commit that a revision names, empty where it is not there."""
    words = ("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    return repository.run(*words, ok=(0, 1, 128)).strip().decode()


def _report_on_github(result: ScanResult) -> None:
    """Annotations on standard output and the job's summary."""
    from credguard.report import render

    streams.write_stdout(render("github", result))
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        _append(summary, render("markdown", result)[: 1 << 20])


def _write_outputs(values: dict[str, object]) -> None:
    """Sets the step's outputs; a value is one line, so that none can set another."""
    path = os.environ.get("GITHUB_OUTPUT")
    if path:
        lines = (f"{name}={_format_line(value)}\n" for name, value in values.items())
        _append(path, "".join(lines).encode("utf-8", "backslashreplace"))


def _format_line(value: object) -> str:
    return re.sub(r"[\r\n]", " ", str(value))


def _append(path: str, text: bytes) -> None:
    try:
        with open(path, "ab") as handle:
            handle.write(text)
    except OSError as error:
        raise CredguardError(f"{path} could not be written: {error.strerror}", "", ExitCode.INCOMPLETE) from error
