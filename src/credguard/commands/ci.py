"""`credguard ci`: scans what a CI job is for, and reports where the system shows results."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from credguard import __version__
from credguard.commands import _options, _verify_option
from credguard.errors import CredguardError, ExitCode
from credguard.lazy_re import compile_lazily
from credguard.model.findings import Outcome
from credguard.report import make_printable
from credguard.report.overlap import fold_overlaps
from credguard.system import streams

if TYPE_CHECKING:
    import argparse

    from credguard.ci.interface import CiTask
    from credguard.engine.run import Run
    from credguard.engine.session import Session
    from credguard.git.repository import Git
    from credguard.model.findings import ScanResult

MODES = ("change", "tree", "history")
_REVISION = compile_lazily(r"HEAD|[0-9a-f]{7,64}|refs/(?:heads|tags|remotes)/[^\s~^:?*\[\\\x00-\x1f\x7f]+")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `ci`."""
    parser.add_argument("--path", default=".", metavar="FOLDER", help="the repository (default: this folder)")
    parser.add_argument("--mode", choices=MODES, help="what to scan (default: depends on the event)")
    parser.add_argument("--sarif-file", metavar="FILE", default="", help="also write a SARIF report")
    parser.add_argument("--version", metavar="VERSION", default="", help="fail unless credguard has this version")
    _verify_option.add_verify_option(parser)
    _options.add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Scans and reports; the outputs are written however the run ends."""
    if options.sarif_file:
        options.report.append(f"sarif={options.sarif_file}")
    try:
        from credguard.git.repository import Git
        from credguard.history.stage_advice import fit_advice

        result = fit_advice(fold_overlaps(_scan_task(options)), Git(Path(options.path)), pushed=True)
        if os.environ.get("GITHUB_ACTIONS"):
            _report_on_github(result, options)
        code = _options.finish(result, options)
    except CredguardError as error:
        _write_outputs({"exit-code": int(error.code), "findings": 0, "complete": "false", "sarif-file": ""})
        raise
    blocking = sum(verdict.outcome is Outcome.REPORT for verdict in result.verdicts)
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
    from credguard.engine.conclude import build_result
    from credguard.engine.run import Run

    if options.version and options.version.removeprefix("v") != __version__:
        raise CredguardError(
            f"this is credguard {__version__}, not {options.version}", "pin the commit of that version"
        )
    plan = event.plan_job(os.environ)
    if options.mode and plan.mode not in (options.mode, "nothing"):
        if options.mode == "change" and not plan.heads:
            raise CredguardError(f"--mode change: {plan.why}", "use --mode tree or history here")
        plan = replace(plan, mode=options.mode)
    print(make_printable(f"credguard {__version__} on {plan.system}: {plan.why}"), file=sys.stderr, flush=True)
    for revision in (*plan.heads, *plan.excluded, *plan.wanted, plan.base or "HEAD", plan.tag or "HEAD"):
        if not _REVISION.fullmatch(revision) or ".." in revision:
            raise CredguardError("the CI system gave an invalid revision", f"check {plan.system}'s variables")
    if plan.mode != "change" and plan.base and not options.policy_from:
        options.policy_from = plan.base
    session = _options.create_session(options, stage="ci")
    target: dict[str, object] = {"kind": "ci", "system": plan.system, "mode": plan.mode, "paths": [options.path]}
    run = Run() if plan.mode == "nothing" else _scan_plan(session, Path(options.path), plan, options)
    if plan.mode in ("change", "nothing"):
        return build_result(session, run, target)
    return scorecard.score_result(session, run, target)


def _scan_plan(session: Session, folder: Path, plan: CiTask, options: argparse.Namespace) -> Run:
    from credguard.engine.run import Run
    from credguard.git.fetch import fetch_missing
    from credguard.git.repository import Git
    from credguard.model.findings import Coverage
    from credguard.model.result import Result

    repository, fetched = Git(folder), Run()
    if plan.mode != "tree" or plan.base:
        notes = fetch_missing(repository, folder, plan.wanted, whole=plan.mode != "tree")
        fetched = fetched.add(Result(coverage=Coverage(notes=list(notes))))
    plan = _settle_unknown(repository, plan)
    if plan.mode == "change":
        return fetched.merge(_scan_change(session, Git(Path(repository.find_toplevel())), plan, options))
    run = fetched.merge(session.scan_paths([options.path]))
    if plan.mode == "tree":
        return run
    from credguard.history import scan

    return replace(run, result=scan.scan_history(session.make_pipeline(run), run.result, repository))


def _settle_unknown(repository: Git, plan: CiTask) -> CiTask:
    """The task on an unknown CI system: the whole history on the default branch itself, which has nothing to be
    compared with; raises CredguardError if there is no default branch."""
    from credguard.ci.event import UNKNOWN_SYSTEM

    if plan.system != UNKNOWN_SYSTEM or plan.mode != "change":
        return plan
    base, head = _find_base(repository, plan), _resolve_commit(repository, "HEAD")
    if not base or not head:
        raise CredguardError(
            "no CI system was detected from its variables, and there is no default branch to compare with",
            "fetch it and name it in CREDGUARD_DEFAULT_BRANCH, or use --mode history",
        )
    return replace(plan, mode="history") if repository.is_ancestor(head, base) else plan


def _scan_change(session: Session, repository: Git, plan: CiTask, options: argparse.Namespace) -> Run:
    from credguard.engine import change
    from credguard.engine.run import Run, follow
    from credguard.sources import changes

    policies = _options.make_policy_resolver(options, session.stage)
    base = _find_base(repository, plan)
    trusted = _find_trusted_revision(repository, plan)
    run = Run() if trusted else Run().add_note("the default branch is unknown here: the recommended policy applies")
    run = run.merge(follow(policies.resolve_change(repository, trusted, *plan.heads)))
    pipeline = session.make_pipeline(run)
    run = run.add(change.scan_commits(pipeline, repository, [*plan.heads, *([f"^{base}"] if base else [])]))
    run = run.add_note(f"{run.result.coverage.commits} commits are new compared with {base or 'nothing'}")
    if not plan.tag:
        return run
    oid = repository.run("rev-parse", "--verify", plan.tag).strip().decode()
    return run.add(pipeline.scan(changes.read_tags(repository, [oid], pipeline.limit)))


def _find_trusted_revision(repository: Git, plan: CiTask) -> str | None:
    """The revision whose policy applies: that of the plan, or if it is missing, the default branch as fetched. Never
    the branch's own previous commit, because an earlier push may have loosened its policy."""
    from credguard.git import refs

    return (
        plan.base
        if plan.base and _resolve_commit(repository, plan.base)
        else refs.find_default_branch(repository, "origin")
    )


def _find_base(repository: Git, plan: CiTask) -> str | None:
    """The base, or the default branch if a force-push removed it; None to scan the whole history."""
    fallback = [
        f"refs/remotes/origin/{one.removeprefix('refs/heads/')}" for one in plan.wanted if one.startswith("refs/")
    ]
    found = (_resolve_commit(repository, revision) for revision in (*plan.excluded, *fallback))
    return next(filter(None, found), None)


def _resolve_commit(repository: Git, revision: str) -> str:
    """The commit of a revision, empty if it does not exist."""
    words = ("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    return repository.run(*words, ok=(0, 1, 128)).strip().decode()


def _report_on_github(result: ScanResult, options: argparse.Namespace) -> None:
    """Annotations and the job's summary. Standard output belongs to the format that is asked for; the runner reads
    annotations on standard error as well."""
    from credguard.report import FOR_PEOPLE, render

    annotations = render("github", result)
    if options.format in FOR_PEOPLE:
        streams.write_stdout(annotations)
    elif options.format != "github" or options.output:
        streams.write_messages(annotations)
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
