"""`credguard baseline`: records known findings, so that only new ones block."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.commands import _options, _whole_repository
from credguard.commands._terminal import Screen, should_use_colour
from credguard.errors import CredguardError, ExitCode
from credguard.model.findings import Outcome
from credguard.rule import ABOUT_CREDGUARD
from credguard.suppressions import baseline

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence
    from datetime import date

    from credguard.commands._whole_repository import RepositoryScan
    from credguard.fixes import Edit
    from credguard.model.findings import Finding, Skip
    from credguard.suppressions.baseline import Baseline, BaselineEntry
    from credguard.suppressions.import_baselines import ImportedEntry

_ACTIONS = ("create", "update", "prune")
_REASON = "stood there when the baseline was written"
_SHOWN = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `baseline`."""
    parser.add_argument(
        "action", choices=_ACTIONS, metavar="ACTION",
        help="create (a new one), update (add new findings, keep entries) or prune (remove entries no longer found)",
    )  # fmt: skip
    parser.add_argument("path", nargs="?", default=".", metavar="PATH", help="the repository (default: this one)")
    parser.add_argument("--reason", metavar="TEXT", default="", help="why the new entries are allowed")
    parser.add_argument("--expires", metavar="DATE", default="", help="the last day on which they apply (YYYY-MM-DD)")
    parser.add_argument(
        "--import", "--from", dest="imports", metavar="FILE", action="append", default=[],
        help="add only what another scanner lists as known: .secrets.baseline, .gitleaksignore, .gitallowed or"
             " a JSON report of gitleaks or betterleaks; may be repeated",
    )  # fmt: skip
    parser.add_argument("--no-history", action="store_true", help="do not scan the history")
    parser.add_argument("--no-gitattributes", action="store_true", help="do not change .gitattributes")
    _whole_repository.add_repository_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Computes the new file, shows the change and writes it; raises CredguardError."""
    _whole_repository.refuse_in_hooks("credguard baseline")
    if options.action == "prune" and (options.imports or options.reason or options.expires):
        raise CredguardError("prune adds nothing, so it does not take --import, --reason and --expires", "use update")
    if options.action == "prune" and options.no_history:
        raise CredguardError("prune has to scan the history: entries may be for findings that are only there")
    reason, expires = _options.parse_reason(options.reason), _options.parse_expiry_day(options.expires)
    known = [entry for name in options.imports for entry in _read_imported(name)]
    found = _whole_repository.scan_repository(options, options.path, history=not options.no_history)
    data = _load_baseline(found, options.action)
    old = _parse_baseline(data, found.policy.baseline)
    screen = Screen(colour=should_use_colour(options))
    if options.action == "prune":
        entries = _prune_entries(found, old)
    else:
        findings = _find_new(found, old)
        reasons = _match_imported(findings, known, found, screen) if options.imports else [_REASON] * len(findings)
        chosen = [(one, why) for one, why in zip(findings, reasons, strict=True) if why]
        entries = [*old.entries, *_build_entries(chosen, found, old, reason, expires)]
    return _finish(options, found, data, entries, screen)


def _read_imported(name: str) -> list[ImportedEntry]:
    from credguard.suppressions import import_baselines

    try:
        with Path(name).open("rb") as handle:
            data = handle.read(import_baselines.LARGEST_IMPORT + 1)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or type(error).__name__
        raise CredguardError(f"{name} could not be read: {said}", "check the name") from None
    return import_baselines.read(data, name)


def _load_baseline(found: RepositoryScan, action: str) -> bytes | None:
    """The current baseline, None if there is none; raises CredguardError if that does not fit the action."""
    from credguard.fixes.edit import RefusedError, load_text

    path = found.policy.baseline
    try:
        data = load_text(found.root, path)
    except RefusedError as error:
        raise CredguardError(f"{path} {error}", "") from None
    if data is not None and action == "create":
        raise CredguardError(f"the baseline {path} already exists", "`credguard baseline update` adds to it")
    if data is None and action == "prune":
        raise CredguardError(f"there is no baseline {path}", "`credguard baseline create` writes one")
    return data


def _parse_baseline(data: bytes | None, path: str) -> Baseline:
    """The baseline without the traces of a merge; raises CredguardError if rewriting would lose a line."""
    read = baseline.read(baseline.strip_conflict_markers(data or b""), path)
    if read.problems:
        raise CredguardError(f"{path} has a line that would be lost: {read.problems[0][1]}", "fix or remove it")
    return read


def _find_new(found: RepositoryScan, old: Baseline) -> list[Finding]:
    """Blocking findings that are in no entry, expired or not."""
    verdicts = (
        v
        for v in found.result.verdicts
        if v.outcome is Outcome.REPORT and not v.finding.rule_id.startswith(ABOUT_CREDGUARD)
    )
    return [verdict.finding for verdict in verdicts if old.find_entry(verdict.finding) is None]


def _match_imported(
    findings: Sequence[Finding], known: Sequence[ImportedEntry], found: RepositoryScan, screen: Screen
) -> list[str]:
    """The reason for each finding that an imported entry matches, "" for the others; unused entries are listed."""
    from credguard.rules.tokens import private_key
    from credguard.suppressions.import_baselines import match_imported

    adopted, unused = match_imported(known, found.list_finding_views(findings), private_key.RULE.id)
    for entry in unused[:_SHOWN]:
        screen.print_line(f"{entry.where}: matches no current finding outside of the baseline")
    if len(unused) > _SHOWN:
        screen.print_line(f"and {len(unused) - _SHOWN} more entries without a match")
    return [_format_reason(adopted[number]) if number in adopted else "" for number in range(len(findings))]


def _format_reason(entry: ImportedEntry) -> str:
    return f"known to {entry.tool}" + (f", {entry.note}" if entry.note else "")


def _build_entries(
    chosen: Iterable[tuple[Finding, str]], found: RepositoryScan, old: Baseline, reason: str, expires: date | None
) -> list[BaselineEntry]:
    """Entries for findings; after a rename, an entry keeps its attributes."""
    present = _collect_present(found)
    moved = {(entry.fingerprint, entry.rule): entry for entry in old.entries if entry.key not in present}
    made = []
    for finding, why in chosen:
        same = moved.get((finding.fingerprint, finding.rule_id))
        entry = baseline.BaselineEntry(
            finding.fingerprint, finding.rule_id, finding.locations[0].path, reason or why, expires
        )
        made.append(replace(entry, reason=reason or same.reason, expires=expires or same.expires) if same else entry)
    return made


def _collect_present(found: RepositoryScan) -> set[tuple[str, str, str]]:
    """All findings, whatever their outcome, in the form of entries."""
    findings = (verdict.finding for verdict in found.result.verdicts)
    return {(one.fingerprint, one.rule_id, one.locations[0].path) for one in findings}


def _is_about_file(skip: Skip) -> bool:
    """False for what is no file at a path: a history, or an object without a name."""
    return skip.path not in ("", ".") and not skip.path.startswith("object ")


def _prune_entries(found: RepositoryScan, old: Baseline) -> list[BaselineEntry]:
    """The entries that still have a finding, those of rules that did not run, and of files that the policy leaves out.

    Raises CredguardError if the scan was incomplete: what was not scanned may still be there.
    """
    coverage = found.result.coverage
    skipped = [*coverage.skipped, *(skip for skip in coverage.acknowledged if not _is_about_file(skip))]
    left_out = tuple(skip.path for skip in coverage.acknowledged)
    if skipped:
        said = f"{skipped[0].path}: {skipped[0].reason}"
        raise CredguardError(f"the scan is incomplete ({said})", "nothing was removed", ExitCode.INCOMPLETE)
    present = _collect_present(found)
    return [
        entry
        for entry in old.entries
        if entry.key in present or entry.rule not in found.rules or entry.path.startswith(left_out)
    ]


def _finish(
    options: argparse.Namespace,
    found: RepositoryScan,
    data: bytes | None,
    entries: Sequence[BaselineEntry],
    screen: Screen,
) -> ExitCode:
    """Shows and writes the change."""
    edits = [edit for edit in (_build_edit(found, data, entries), _build_attributes_edit(options, found)) if edit]
    if not edits or edits[0].path != found.policy.baseline:
        edits = []
    written = _whole_repository.apply_edits(found.root, edits, screen, dry_run=options.dry_run)
    skipped = found.result.coverage.skipped
    screen.print_skipped(skipped)
    count = f"{len(entries)} {'entry' if len(entries) == 1 else 'entries'}"
    if written:
        files = shlex.join(written)
        screen.print_line(f"Written: {', '.join(written)}, {count}. Next: git add -- {files}, and commit.")
    else:
        screen.print_line("Nothing was written." if edits else f"Nothing to {options.action}: {count}.")
    return ExitCode.INCOMPLETE if skipped else ExitCode.CLEAN


def _build_edit(found: RepositoryScan, data: bytes | None, entries: Sequence[BaselineEntry]) -> Edit | None:
    """The new baseline; None if there is nothing to write. Raises CredguardError for one too large to be read."""
    from credguard.fixes import Edit

    after = baseline.format_baseline(entries, baseline.read_head(data or b""))
    if len(after) > baseline.LARGEST_BASELINE:
        raise CredguardError(
            f"the baseline would be larger than {baseline.LARGEST_BASELINE >> 20} MiB ({len(entries)} entries)",
            "exclude paths in the policy first",
        )
    if after == data or (data is None and not entries):
        return None
    return Edit(found.policy.baseline, data, after)


def _build_attributes_edit(options: argparse.Namespace, found: RepositoryScan) -> Edit | None:
    """The line of .gitattributes that lets git merge two baselines, unless a setting exists."""
    from credguard.fixes import Edit, RefusedError
    from credguard.fixes.edit import append_lines, load_text

    path, name = found.policy.baseline, ".gitattributes"
    if options.no_gitattributes or found.repository is None:
        return None
    said = found.repository.run("check-attr", "-z", "merge", "--", path).split(b"\0")
    try:
        before = load_text(found.root, name)
    except RefusedError:
        return None
    if said[2:3] != [b"unspecified"]:
        return None
    pattern = f'"{path}"' if any(sign in path for sign in ' "\\') else path
    return Edit(name, before, append_lines(before or b"", [f"{pattern} merge=union"]))
