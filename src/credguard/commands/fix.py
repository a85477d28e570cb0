"""`credguard fix`: mends what can be mended safely; shows the change, and makes it with `--apply`."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.commands import _options
from credguard.commands._terminal import Screen, should_use_colour
from credguard.errors import CredguardError, ExitCode

if TYPE_CHECKING:
    import argparse

    from credguard.fixes import FixPlan
    from credguard.model.findings import Finding, Skip
    from credguard.policy.model import Policy
    from credguard.sources.worktree import WorkTree


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `fix`."""
    parser.add_argument("path", nargs="?", default=".", metavar="PATH", help="the repository (default: this one)")
    parser.add_argument("--apply", action="store_true", help="make the changes; without it they are only shown")
    parser.add_argument("--machine", action="store_true", help="also chmod the AWS credential files of this machine")
    parser.add_argument("--role", metavar="ARN", default="", help="the role that GitHub workflows are to assume")
    parser.add_argument(
        "--fail-on", choices=("low", "medium", "high", "critical"), metavar="SEVERITY",
        help="mend findings from this severity on (default: the policy's, or medium)",
    )  # fmt: skip
    parser.add_argument(
        "--config", metavar="FILE", default="", help="the policy (default: .credguard.yaml at the root)"
    )
    parser.add_argument("--select", metavar="RULE,…", default="", help="only what these rules find")
    parser.add_argument("--ignore", metavar="RULE,…", default="", help="not what these rules find")
    parser.add_argument("--no-color", action="store_true", help="no colours (also with NO_COLOR set)")
    parser.add_argument("--debug", action="store_true", help="print where a bug happened")
    parser.set_defaults(
        run=run, policy_from="", max_file_size=None, include_ignored=False, progress=None, quiet=False, verbose=False
    )


def run(options: argparse.Namespace) -> ExitCode:
    """Plans, shows, and with `--apply` carries out; raises CredguardError."""
    from credguard.fixes import plan_fixes
    from credguard.fixes.diff_redaction import make_redactor
    from credguard.fixes.github_oidc import ARN, ROLE

    if options.role and not ARN.fullmatch(options.role):
        raise CredguardError(f"{options.role} is no role's ARN", "it looks like arn:aws:iam::123456789012:role/deploy")
    tree, findings, skipped = _find_fixable(options)
    made = plan_fixes(tree, findings, role=options.role or ROLE, machine=options.machine, settle=make_redactor())
    screen = Screen(colour=should_use_colour(options))
    screen.print_changes(made)
    screen.print_skipped(skipped)
    if made.empty and not made.refused:
        screen.print_remaining(made)
        screen.print_line(f"Nothing {'else ' if made.advice else ''}to mend.")
        return ExitCode.INCOMPLETE if skipped else ExitCode.CLEAN
    if not options.apply:
        screen.print_remaining(made)
        again = "" if options.path == "." else f" {shlex.quote(options.path)}"
        screen.print_line(
            "" if made.empty else f"Nothing was changed. To make these changes: credguard fix{again} --apply"
        )
        return ExitCode.FINDINGS
    return _apply_plan(tree, made, screen, whole=not skipped)


def _find_fixable(options: argparse.Namespace) -> tuple[WorkTree, list[Finding], list[Skip]]:
    """The work tree, what is to be mended in it, and what of it could not be looked at."""
    from credguard.fixes import MENDED
    from credguard.git.repository import find_git
    from credguard.rules import load_rules
    from credguard.sources.files import is_bare

    folder = Path(options.path)
    if not folder.is_dir() or is_bare(folder):
        what = "is a repository without a work tree" if folder.is_dir() else "is no folder"
        raise CredguardError(f"{options.path} {what}", "name a work tree, or leave it out for this one")
    repository = find_git(folder.absolute())
    root = Path(repository.find_toplevel()) if repository else folder
    others = ",".join(rule.id for rule in load_rules() if rule.id not in MENDED)
    options.ignore = f"{options.ignore},{others}"
    work = _options.create_session(options)
    work.scan_folder(root)
    tree, policy = work.trees[0][1], work.policy
    result = work.build_result({"kind": "fix"})
    chosen = [v.finding for v in result.verdicts if v.outcome in ("report", "below-threshold")]
    return tree, [finding for finding in chosen if _is_fixable(finding, policy)], result.coverage.skipped


def _is_fixable(finding: Finding, policy: Policy) -> bool:
    return finding.severity >= policy.fail_on and finding.rule_id not in ("CG001", "CG002")


def _apply_plan(tree: WorkTree, made: FixPlan, screen: Screen, *, whole: bool) -> ExitCode:
    from credguard.fixes import find_unignored
    from credguard.fixes.apply import apply

    failed = apply(tree, made)
    made = replace(made, refused=made.refused + failed)
    made.refused += [f"{path} is still not ignored: see git check-ignore -v" for path in find_unignored(tree, made)]
    screen.print_remaining(made)
    changed = [edit.path for edit in made.edits]
    if changed and tree.repository:
        screen.print_line(f"Look at it with `git diff`, then: git add -- {shlex.join(changed)} && git commit")
    if made.refused:
        return ExitCode.FINDINGS
    return ExitCode.CLEAN if whole else ExitCode.INCOMPLETE
