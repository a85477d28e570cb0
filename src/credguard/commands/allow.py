"""`credguard allow`: records an exception in the policy, with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.commands import _options, _whole_repository
from credguard.commands._terminal import Screen, should_use_colour
from credguard.errors import CredguardError, ExitCode
from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

    from credguard.commands._whole_repository import RepositoryScan
    from credguard.model.findings import Finding
    from credguard.policy.model import Allow

_PREFIX = compile_lazily(r"[0-9a-f]{8,32}")
_WHOLE = 32


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `allow`."""
    parser.add_argument(
        "fingerprint", nargs="?", default="", metavar="FINGERPRINT",
        help="the fingerprint of the finding, or at least its first 8 digits",
    )  # fmt: skip
    parser.add_argument("--reason", metavar="TEXT", default="", help="why it is allowed (required)")
    parser.add_argument("--expires", metavar="DATE", default="", help="the last day on which it applies (YYYY-MM-DD)")
    parser.add_argument("--by", metavar="NAME", default="", help="who decided")
    parser.add_argument("--rule", metavar="RULE", default="", help="the rule, if no finding determines it")
    parser.add_argument(
        "--path", metavar="GLOB", default="", help="instead of one value: all findings of the rule at these paths"
    )
    parser.add_argument("--force", action="store_true", help="also if no current finding has this fingerprint")
    _whole_repository.add_repository_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Adds the entry to the policy file and shows it; raises CredguardError."""
    _whole_repository.refuse_in_hooks("credguard allow")
    reason, expires = _options.parse_reason(options.reason), _options.parse_expiry_day(options.expires)
    if not reason:
        raise CredguardError("an exception needs a reason", "add --reason TEXT")
    if not options.fingerprint and not (options.path and options.rule):
        raise CredguardError("no finding is given", "give a FINGERPRINT, or --path with --rule")
    from credguard.policy.model import Allow

    found = _whole_repository.scan_repository(options, history=False)
    findings = _find_matching(options, found)
    if options.fingerprint and not findings:
        found = _whole_repository.scan_repository(options, history=True)
        findings = _find_matching(options, found) or _check_missing(options)
    rule = _pick_rule(options, findings)
    fingerprint = "" if options.path else findings[0].fingerprint if findings else options.fingerprint.lower()
    return _record(
        options, found, findings, Allow(reason, rule, fingerprint, options.path, expires, options.by.strip())
    )


def _find_matching(options: argparse.Namespace, found: RepositoryScan) -> list[Finding]:
    """The findings with the fingerprint; raises CredguardError for an ambiguous or invalid one."""
    prefix = options.fingerprint.lower()
    if not prefix:
        return []
    if not _PREFIX.fullmatch(prefix):
        raise CredguardError(f"{options.fingerprint} is not a fingerprint", "give 8 to 32 hex digits from a report")
    findings = [v.finding for v in found.result.verdicts if v.finding.fingerprint.startswith(prefix)]
    known = sorted({finding.fingerprint for finding in findings})
    if len(known) > 1:
        raise CredguardError(f"{len(known)} findings begin with {prefix}: {', '.join(known)}", "give more digits")
    return findings


def _check_missing(options: argparse.Namespace) -> list[Finding]:
    """No finding, if --force is given; raises CredguardError otherwise."""
    if options.force and len(options.fingerprint) == _WHOLE:
        return []
    hint = "with --force, give all 32 digits" if options.force else "use --force to record it anyway"
    raise CredguardError(f"no current finding has the fingerprint {options.fingerprint}", hint)


def _pick_rule(options: argparse.Namespace, findings: Sequence[Finding]) -> str:
    """The rule of the exception; raises CredguardError for one that cannot be allowed or is not the finding's."""
    from credguard.commands._rules import list_known_rules
    from credguard.policy.model import is_whole_credential
    from credguard.rule import ABOUT_CREDGUARD

    told = options.rule.strip().upper()
    rule = findings[0].rule_id if findings else told
    if told and told != rule:
        raise CredguardError(f"the finding is one of {rule}, not of {told}", "omit --rule")
    if told and all(told != one.id for one in list_known_rules()):
        raise CredguardError(f"there is no rule {told}", "`credguard rules` lists them")
    if rule.startswith(ABOUT_CREDGUARD):
        raise CredguardError(f"{rule} is about credguard itself and cannot be allowed", "fix what it reports")
    if options.path and is_whole_credential(rule):
        raise CredguardError(f"{rule} reports complete credentials, which cannot be allowed by path", "omit --path")
    return rule


def _record(options: argparse.Namespace, found: RepositoryScan, findings: Sequence[Finding], entry: Allow) -> ExitCode:
    from credguard.fixes import Edit
    from credguard.fixes.allow_entry import add_allow_entry
    from credguard.rules import load_rules
    from credguard.sources.snapshots import FolderSnapshot

    path = _locate_policy(options.config, found.root)
    for known in found.policy.allow:
        if (known.rule or entry.rule, known.fingerprint, known.path) == (entry.rule, entry.fingerprint, entry.path):
            until = f" until {known.expires}" if known.expires else ""
            raise CredguardError(f"{known.source[0]}:{known.source[1]} already allows it{until}", "change that entry")
    place = FolderSnapshot(found.root)
    after = add_allow_entry(place, path, entry, {rule.id: rule.name for rule in load_rules()})
    screen = Screen(colour=should_use_colour(options))
    written = _whole_repository.apply_edits(
        found.root, [Edit(path, place.read(path), after)], screen, dry_run=options.dry_run
    )
    _print_result(screen, findings, entry, written)
    return ExitCode.CLEAN


def _print_result(screen: Screen, findings: Sequence[Finding], entry: Allow, written: list[str]) -> None:
    if entry.path and findings:
        screen.print_line(f"This allows all findings of {entry.rule} at {entry.path}.")
    for finding in () if entry.path else findings:
        place = finding.locations[0]
        screen.print_line(f"This allows {finding.rule_id} at {place.path}:{place.line}.")
    screen.print_line(
        f"Written: {written[0]}. Next: git add -- {written[0]}, and commit." if written else "Nothing was written."
    )


def _locate_policy(named: str, root: Path) -> str:
    """The policy's path below the root; raises CredguardError for one outside of it."""
    from credguard.policy.load import POLICY_NAME
    from credguard.system.containment import is_plain, make_relative

    if not named:
        return POLICY_NAME
    path = make_relative(named, str(root))
    if not is_plain(path):
        raise CredguardError(f"{named} is outside of the repository", "add the entry there yourself")
    return path
