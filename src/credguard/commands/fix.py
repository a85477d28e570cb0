"""`credguard fix`: fixes what can be fixed safely; shows the change, and applies it with `--apply`."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.commands import _options
from credguard.commands._terminal import Screen, should_use_colour
from credguard.errors import CredguardError, ExitCode
from credguard.model.findings import SHOWN

if TYPE_CHECKING:
    import argparse

    from credguard.fixes import FixPlan
    from credguard.model.findings import Finding, Skip
    from credguard.policy.model import Policy
    from credguard.sources.worktree import WorkTree


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `fix`."""
    parser.add_argument("path", nargs="?", default=".", metavar="PATH", help="the repository (default: this one)")
    parser.add_argument("--apply", action="store_true", help="apply the changes; without it they are only shown")
    parser.add_argument("--machine", action="store_true", help="also chmod the AWS credential files of this machine")
    parser.add_argument("--role", metavar="ARN", default="", help="the role for GitHub workflows to assume")
    parser.add_argument(
        "--fail-on", choices=("low", "medium", "high", "critical"), metavar="SEVERITY",
        help="fix findings of this severity and above (default: the policy's, or medium)",
    )  # fmt: skip
    parser.add_argument(
        "--config", metavar="FILE", default="", help="the policy file (default: .credguard.yaml at the root)"
    )
    parser.add_argument("--select", metavar="RULE,...", default="", help="only findings of these rules")
    parser.add_argument("--ignore", metavar="RULE,...", default="", help="no findings of these rules")
    parser.add_argument("--no-color", action="store_true", help="no colors (also with NO_COLOR set)")
    parser.add_argument("--debug", action="store_true", help="print where an internal error occurred")
    parser.set_defaults(
        run=run, policy_from="", max_file_size=None, include_ignored=False, progress=None, quiet=False, verbose=False
    )


def run(options: argparse.Namespace) -> ExitCode:
    """Plans, shows, and with `--apply` applies the fixes; raises CredguardError."""
    from credguard.fixes import plan_fixes
    from credguard.fixes.diff_redaction import make_redactor
    from credguard.fixes.github_oidc import ARN, ROLE

    if options.role and not ARN.fullmatch(options.role):
        raise CredguardError(f"{options.role} is not a role ARN", "write it as arn:aws:iam::123456789012:role/deploy")
    tree, findings, skipped = _find_fixable(options)
    made = plan_fixes(tree, findings, role=options.role or ROLE, machine=options.machine, settle=make_redactor())
    screen = Screen(colour=should_use_colour(options))
    screen.print_changes(made)
    screen.print_skipped(skipped)
    if made.empty and not made.refused:
        screen.print_remaining(made, in_git=tree.repository is not None)
        screen.print_line(f"Nothing {'else ' if made.advice else ''}to fix.")
        return ExitCode.INCOMPLETE if skipped else ExitCode.CLEAN
    if not options.apply:
        screen.print_remaining(made, in_git=tree.repository is not None)
        again = "" if options.path == "." else f" {shlex.quote(options.path)}"
        screen.print_line(
            "" if made.empty else f"Nothing was changed. To apply these changes: credguard fix{again} --apply"
        )
        return ExitCode.FINDINGS
    return _apply_plan(tree, made, screen, whole=not skipped)


def _find_fixable(options: argparse.Namespace) -> tuple[WorkTree, list[Finding], list[Skip]]:
    """The work tree, the findings to fix in it, and what could not be scanned for them."""
    from credguard.engine.conclude import build_result
    from credguard.git.repository import find_git
    from credguard.rules import load_rules
    from credguard.sources.files import is_bare

    folder = Path(options.path)
    if not folder.is_dir() or is_bare(folder):
        what = "is a repository without a work tree" if folder.is_dir() else "is not a folder"
        raise CredguardError(f"{options.path} {what}", "give a work tree, or omit PATH for this one")
    repository = find_git(folder.absolute())
    root = Path(repository.find_toplevel()) if repository else folder
    others = ",".join(rule.id for rule in load_rules() if not rule.fix)
    options.ignore = f"{options.ignore},{others}"
    session = _options.create_session(options)
    run = session.scan_folder(root)
    tree, policy = run.trees[0][1], session.get_policy(run)
    result = build_result(session, run, {"kind": "fix"})
    chosen = [v.finding for v in result.verdicts if v.outcome in SHOWN]
    return tree, [finding for finding in chosen if _is_fixable(finding, policy)], result.coverage.skipped


def _is_fixable(finding: Finding, policy: Policy) -> bool:
    from credguard.policy.model import ABOUT_THE_RUN

    return finding.severity >= policy.fail_on and finding.rule_id not in ABOUT_THE_RUN


def _apply_plan(tree: WorkTree, made: FixPlan, screen: Screen, *, whole: bool) -> ExitCode:
    from credguard.fixes import find_unignored
    from credguard.fixes.apply import apply

    failed = apply(tree, made)
    made = replace(made, refused=made.refused + failed)
    made.refused += [f"{path} is still not ignored: see git check-ignore -v" for path in find_unignored(tree, made)]
    screen.print_remaining(made, in_git=tree.repository is not None)
    if made.refused:
        return ExitCode.FINDINGS
    return ExitCode.CLEAN if whole else ExitCode.INCOMPLETE
