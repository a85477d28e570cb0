"""One run: targets in, verdicts and coverage out."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.model import Blob, Confidence, Coverage, Finding, Location, ScanResult, Severity, Skip
from credguard.policy import Policy, decide, enabled_rules, exit_code
from credguard.rules import all_rules, rules_hash
from credguard.scan import Scanner
from credguard.secret import fingerprint
from credguard.sources import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Progress = Callable[[Iterable[Blob | Skip | str], int], Iterable[Blob | Skip | str]]


@dataclass(slots=True)
class Run:
    """Collects what a run finds. `policy` chooses the rules; `limit` is the largest file in bytes;
    `progress` wraps the stream of inputs; a run `in_hook` leaves out the rules that are for CI and
    audits."""

    policy: Policy = field(default_factory=Policy)
    limit: int = files.DEFAULT_LIMIT
    ignored: bool = False
    progress: Progress | None = None
    in_hook: bool = False
    findings: list[Finding] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)
    scanner: Scanner = field(init=False)

    def __post_init__(self) -> None:
        rules = [rule for rule in all_rules() if rule.in_hooks or not self.in_hook]
        self.scanner = Scanner(enabled_rules(self.policy, rules))

    def folder(self, root: Path, label: str = "") -> None:
        """Scans a folder and applies the tree rules; `label` goes before every path."""
        listing = files.open_tree(root, ignored=self.ignored)
        tree = listing.tree
        part = Coverage(skipped=listing.skipped, notes=listing.notes)
        findings, masks = self.names(tree.files)
        if tree.repository is None:
            part.notes.append(
                f"{label or root} is no git repository: rules on tracked and ignored files had nothing to ask"
            )
        findings += self._stream(files.read_all(listing, self.limit), len(tree.files), part)
        findings += self.scanner.tree(tree)
        self.keep(findings, part, masks, label)

    def files(self, paths: list[str]) -> None:
        """Scans the files named, each under the name given."""
        part = Coverage()
        findings, masks = self.names(paths)
        findings += self._stream(files.explicit(paths, self.limit), len(paths), part)
        self.keep(findings, part, masks)

    def blob(self, blob: Blob) -> None:
        """Scans one blob that is in memory already."""
        part = Coverage()
        self.keep(self._stream(iter([blob]), 1, part), part, {})

    def paths(self, paths: list[str]) -> None:
        """Scans files and folders of the command line; several get their names as labels."""
        loose = [path for path in paths if not os.path.isdir(path)]
        for path in paths:
            if os.path.isdir(path):
                self.folder(Path(path), path.rstrip("/") + "/" if len(paths) > 1 else "")
        if loose:
            self.files(loose)

    def result(self, target: dict[str, object]) -> ScanResult:
        """Verdicts on everything found, the worst first within a file."""
        self.coverage.skipped += [Skip(path, reason) for path, reason in self.scanner.unread.items()]
        for path, rule_id, kind in self.scanner.failures:
            self.coverage.skipped.append(
                Skip(path, f"rule {rule_id} failed ({kind}); report it and use --ignore {rule_id}")
            )
        findings = self.findings + [_not_read(skip) for skip in self.coverage.skipped]
        verdicts = tuple(
            decide(finding, self.policy)
            for finding in sorted(findings, key=_order)
            if self.policy.enables(finding.rule_id)
        )
        code = exit_code(verdicts, self.coverage)
        return ScanResult(target, verdicts, self.coverage, code, rules_hash(), self.policy.digest)

    def _stream(self, items: Iterable[Blob | Skip | str], total: int, part: Coverage) -> list[Finding]:
        findings: list[Finding] = []
        for item in self.progress(items, total) if self.progress else items:
            findings += self.take(item, part, keep=False)
        return findings

    def take(self, item: Blob | Skip | str, part: Coverage, *, keep: bool = True) -> list[Finding]:
        """Scans one input or notes why not, counted in `part`; `keep` adds the findings to the run."""
        if isinstance(item, Blob):
            part.files += 1
            part.blobs += 1
            part.bytes += len(item.data)
            findings = self.scanner.blob(item)
            if keep:
                self.findings += findings
            return findings
        if isinstance(item, Skip):
            part.skipped.append(item)
        else:
            part.notes.append(item)
        return []

    def names(self, paths: Iterable[str]) -> tuple[list[Finding], dict[str, str]]:
        """The findings in file names, and how to show the names that hold a secret."""
        findings = self.scanner.names(list(paths))
        masks: dict[str, str] = {}
        for finding in findings:
            for place in finding.locations:
                if place.role != "access_key_id":
                    masks[place.path] = _masked(masks.get(place.path, place.path), place)
        return findings, masks

    def keep(self, findings: list[Finding], part: Coverage, masks: dict[str, str], label: str = "") -> None:
        """Adds findings and coverage to the run, file names shown as `masks` and `label` say."""

        def shown(path: str) -> str:
            return label + masks.get(path, path)

        for finding in findings:
            places = tuple(replace(place, path=shown(place.path)) for place in finding.locations)
            self.findings.append(replace(finding, locations=places) if masks or label else finding)
        part.skipped = [Skip(shown(skip.path), skip.reason) for skip in part.skipped]
        self.coverage.add(part)


def _masked(path: str, place: Location) -> str:
    """The file name with the secret in it blotted out; what stays is its length and first four characters."""
    start, end = place.column + 3, place.end_column - 1
    return path[:start] + "*" * (end - start) + path[end:]


def _not_read(skip: Skip) -> Finding:
    rule_id, name = ("CG002", "rule-failed") if skip.reason.startswith("rule CG") else ("CG001", "input-not-read")
    return Finding(
        rule_id, name, Severity.MEDIUM, Confidence.HIGH, f"not looked at: {skip.reason}",
        fingerprint(rule_id, (os.fsencode(skip.path), skip.reason.encode())), (Location(skip.path),),
    )  # fmt: skip


def _order(finding: Finding) -> tuple[str, int, int, str]:
    place = finding.locations[0]
    return place.path, place.line, place.column, finding.rule_id
