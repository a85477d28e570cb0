"""One run: targets in, verdicts and coverage out."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.custom_rules.compile import compile_custom_rules
from credguard.git.repository import GitError
from credguard.matching.database import LARGEST_INPUT
from credguard.matching.redaction import hide_values, mask_name
from credguard.model.findings import Blob, Confidence, Coverage, Finding, Location, ScanResult, Severity, Skip
from credguard.model.secret import compute_fingerprint
from credguard.policy.judge import Judge
from credguard.policy.model import Policy, combine_digests, exit_code, list_enabled_rules
from credguard.rules import hash_rules, load_rules
from credguard.scanning import limits
from credguard.scanning.scanner import Scanner
from credguard.sources import files, lfs
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from credguard.git.commit_walk import Walk
    from credguard.git.repository import Git
    from credguard.model.findings import Verdict
    from credguard.model.practices import Enforcement
    from credguard.model.progress import Progress
    from credguard.policy.resolve import PolicyResolver
    from credguard.rule import Rule
    from credguard.sources.worktree import WorkTree

BUILT_ON_VALUES = ("CG501", "CG502")
"""Rules on the age and the sharing of the values that other rules find."""
VALUES = ("CG101", "CG102", "CG103", "CG106", "CG107", "CG108")


@dataclass(slots=True)
class Session:
    """Collects what a run finds. `policy` chooses the rules; `limit` is the largest file in bytes;
    `progress` wraps the stream of inputs; a run `in_hook` leaves out the rules that are for CI and
    audits. With `policies`, folders and files are judged by the policy of their repository; else by
    that of the judge followed last. `trees` are the folders looked at, each with what goes before its
    paths; `asked` are the rules that were given what no folder holds; `changed` the paths of a change;
    `over` is set when there are more findings than a run may have;
    `past` looks at the history of each folder that is a repository, with so many `jobs` (processes; 0 for as
    many as there are processors); `looked` are the folders of those whose history was, `inner` what
    the paths of those inside the folder looked at last begin with; `where` tells, for
    repositories audited elsewhere, where they call credguard."""

    policy: Policy = field(default_factory=Policy)
    limit: int = files.DEFAULT_LIMIT
    ignored: bool = False
    progress: Progress | None = None
    in_hook: bool = False
    jobs: int = 0
    trees: list[tuple[str, WorkTree]] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    past: Callable[[Session, Git | None, str, Sequence[str], Sequence[str], Walk | None], None] | None = None
    looked: set[str] = field(default_factory=set)
    inner: list[str] = field(default_factory=list)
    where: list[tuple[str, Enforcement | None]] | None = None
    findings: list[Finding] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)
    stage: str = "audit"
    policies: PolicyResolver | None = None
    judges: list[Judge] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)
    decided: list[Verdict] = field(default_factory=list)
    digests: set[str] = field(default_factory=set)
    over: bool = False
    scanner: Scanner = field(init=False)

    def __post_init__(self) -> None:
        rules = [rule for rule in load_rules() if rule.by_default and (rule.in_hooks or not self.in_hook)]
        self.scanner = Scanner(self._select_rules([self.policy]), known=rules)

    @property
    def judge(self) -> Judge:
        """The judge followed last."""
        if not self.judges:
            self.judges.append(Judge(self.policy, self.stage))
        return self.judges[-1]

    def follow(self, judge: Judge) -> None:
        """Looks from now on for what the judge's policy asks for; what is found below its label, it decides."""
        self.judges.append(judge)
        self.policy = judge.policy
        self.limit = min(judge.policy.file_size, LARGEST_INPUT)
        self.scanner.budget.depth = judge.policy.depth
        self.scanner.choose(self._select_rules([judge.policy]))
        self.coverage.add(Coverage(skipped=list(judge.skipped), notes=list(judge.notes)))

    def _select_rules(self, policies: Sequence[Policy]) -> list[Rule]:
        """The rules that one of the policies lets speak, and those that these build on."""
        rules = [self._apply_limit(rule) for rule in load_rules() if rule.in_hooks or not self.in_hook]
        rules += {rule.id: rule for policy in policies for rule in compile_custom_rules(policy.custom)}.values()
        wanted = {rule.id for policy in policies for rule in list_enabled_rules(policy, rules, self.stage)}
        if not wanted.isdisjoint(BUILT_ON_VALUES):
            wanted.update(VALUES)  # what is not to be reported is left out of the result
        return [rule for rule in rules if rule.id in wanted]

    def _apply_limit(self, rule: Rule) -> Rule:
        """The rule with the limit that the policy sets for it."""
        if rule.id != "CG501" or self.policy.rotation_days == Policy().rotation_days:
            return rule
        from credguard.rules.account.key_older_than_limit import make_limit_rule

        return make_limit_rule(self.policy.rotation_days)

    def scan_folder(self, root: Path, label: str = "") -> None:
        """Scans a folder and applies the tree rules; `label` goes before every path."""
        if self.policies:
            self.follow(self.policies.resolve_folder(root, label))
        listing = files.open_tree(root, ignored=self.ignored)
        tree = listing.tree
        self.trees.append((label, tree))
        part = Coverage(skipped=listing.skipped, notes=listing.notes)
        with contextlib.ExitStack() as stack:
            begun = None
            if self.past and listing.history:
                from credguard.git.commit_walk import Walk

                with contextlib.suppress(GitError):  # which is told when the history is looked at
                    begun = stack.enter_context(contextlib.closing(Walk(listing.history)))
            self._scan_listing(listing, part, label)
            if self.past:
                self.inner = [f"{label}{path}/" for path in listing.inner]
                self.past(self, listing.history, label, (), listing.inner, begun)

    def _scan_listing(self, listing: files.Listing, part: Coverage, label: str) -> None:
        tree = listing.tree
        findings, masks = self.scan_names(tree.files)
        if tree.repository is None:
            part.notes.append(
                f"{label or tree.root} is no git repository: rules on tracked and ignored files had nothing to ask"
            )
        if not self.past:
            part.notes += [
                f"{path} holds git's objects, packed: `credguard audit` looks at them"
                for path in listing.inner
                if files.is_bare(tree.root / path)
            ]
        items = files.read_all(listing, self.limit)
        if self.past:  # which looks at the objects of the repositories inside as git has them
            bare = [f"{path}/objects/" for path in listing.inner if files.is_bare(tree.root / path)]
            items = (item for item in items if not (isinstance(item, Blob) and files.is_object(item, bare)))
        if tree.repository and not self.past:  # which looks at all that LFS keeps
            items = lfs.add_lfs_contents(items, tree.repository, self.limit)
        findings += self._stream(items, len(tree.files), part)
        findings += self.scan_tree(tree)
        self.keep(findings, part, masks, label)

    def scan_tree(self, tree: WorkTree, rules: Sequence[Rule] | None = None) -> list[Finding]:
        """What the tree rules (or those given) say, with the comments in the files that they speak of."""
        found: dict[str, list[Finding]] = {}
        for finding in self.scanner.scan_tree(tree, rules):
            found.setdefault(finding.locations[0].path, []).append(finding)
        return [
            finding
            for path, findings in found.items()
            for finding in self.judge.apply_markers(findings, Blob(tree.read(path) or b"", path), self.scanner)
        ]

    def scan_files(self, paths: list[str]) -> None:
        """Scans the files named, each under the name given."""
        if self.policies:
            self.follow(self.policies.resolve_files(paths))
        part = Coverage()
        findings, masks = self.scan_names(paths)
        findings += self._stream(files.read_named_files(paths, self.limit), len(paths), part)
        self.keep(findings, part, masks)

    def scan_blob(self, blob: Blob) -> None:
        """Scans one blob that is in memory already."""
        part = Coverage()
        self.keep(self._stream(iter([blob]), 1, part), part, {})

    def scan_paths(self, paths: list[str]) -> None:
        """Scans files and folders of the command line; several get their names as labels."""
        loose = [path for path in paths if not os.path.isdir(path)]
        for path in paths:
            if os.path.isdir(path):
                self.scan_folder(Path(path), path.rstrip("/") + "/" if len(paths) > 1 else "")
        if loose:
            self.scan_files(loose)
        self.scanner.choose(self._select_rules([judge.policy for judge in self.judges] or [self.policy]))

    def build_result(self, target: dict[str, object]) -> ScanResult:
        """Verdicts on everything found, the worst first within a file."""
        self.coverage.skipped += [Skip(path, reason) for path, reason in self.scanner.unread.items()]
        self.coverage.notes += self.scanner.notes
        for path, rule_id, kind in self.scanner.failures:
            self.coverage.skipped.append(
                Skip(path, f"rule {rule_id} failed ({kind}); report it and use --ignore {rule_id}")
            )
        self._hide()
        self.coverage.skipped = limits.truncate_items(self.coverage.skipped, _build_overflow_skip)
        self.coverage.notes = limits.truncate_items(self.coverage.notes, "and {:,} notes more".format)
        self.findings += [_build_unread_finding(skip) for skip in self.coverage.skipped]
        judge = self.judge
        self._decide()
        verdicts = self._collect_verdicts(judge)
        code = exit_code(verdicts, self.coverage)
        return ScanResult(target, verdicts, self.coverage, code, hash_rules(), combine_digests(self.digests))

    def _collect_verdicts(self, judge: Judge) -> tuple[Verdict, ...]:
        """As many verdicts as a run may have, each once and in order; that there are more is a Skip."""
        decided = list({_build_identity(verdict): verdict for verdict in self.decided}.values())
        kept = limits.pick_worst_verdicts(decided, limits.OF_RUN)
        if len(kept) < len(decided) or self.over:
            skip = Skip(".", f"there are {limits.explain_overflow(len(kept))}")
            self.coverage.skipped.append(skip)
            kept += filter(None, [judge.make_verdict(_build_unread_finding(skip))])
        return tuple(sorted(kept, key=_order))

    def limit_findings(self, findings: list[Finding]) -> list[Finding]:
        """The findings, as many as a run may have when they have become twice as many."""
        findings, over = limits.trim(findings, limits.OF_RUN)
        self.over = self.over or over
        return findings

    def _hide(self) -> None:
        """Blots out the values that were found in all paths and notes."""
        paths = [place.path for finding in self.findings for place in finding.locations]
        coverage = self.coverage
        shown = hide_values([*paths, *(skip.path for skip in coverage.skipped), *coverage.notes], self.scanner.secrets)
        if shown:
            for number, finding in enumerate(self.findings):
                places = tuple(replace(place, path=shown.get(place.path, place.path)) for place in finding.locations)
                self.findings[number] = replace(finding, locations=places)
            coverage.skipped = [replace(skip, path=shown.get(skip.path, skip.path)) for skip in coverage.skipped]
            coverage.notes = [shown.get(note, note) for note in coverage.notes]

    def settle(self) -> None:
        """Lets the judges decide on all that was found, and say what they have to say themselves."""
        self._hide()
        self._decide()

    def _decide(self) -> None:
        judges = sorted([self.judge, *self.judges[:-1]], key=lambda one: -len(one.label))
        self.decided += filter(None, (_judge_of(judges, finding).make_verdict(finding) for finding in self.findings))
        for judge in judges:
            changed = () if judge.before else self.changed if self.in_hook else None
            self.decided += filter(None, map(judge.make_verdict, judge.collect_policy_findings(changed)))
            everything = not self.in_hook and not judge.policy.select and not judge.policy.ignore
            self.coverage.add(Coverage(notes=judge.list_unused() if everything else []))
            self.digests.add(judge.policy.digest)
        self.findings, self.judges = [], []

    def _stream(self, items: Iterable[Blob | Skip | str], total: int, part: Coverage) -> list[Finding]:
        findings: list[Finding] = []
        for item in self.progress(items, total) if self.progress else items:
            findings += self.take(item, part, keep=False)
            findings = self.limit_findings(findings)
        return findings

    def take(self, item: Blob | Skip | str, part: Coverage, *, keep: bool = True) -> list[Finding]:
        """Scans one input or notes why not, counted in `part`; `keep` adds the findings to the run."""
        if isinstance(item, Blob):
            part.files += 1
            part.blobs += 1
            part.bytes += len(item.data)
            findings = self.judge.apply_markers(self.scanner.scan_blob(item), item, self.scanner)
            if keep:
                self.findings += findings
            return findings
        if isinstance(item, Skip):
            part.skipped.append(item)
        else:
            part.notes.append(item)
        return []

    def scan_names(self, paths: Iterable[str]) -> tuple[list[Finding], dict[str, str]]:
        """The findings in file names, and how to show the names that hold a secret."""
        findings = self.scanner.scan_names(list(paths))
        masks: dict[str, str] = {}
        for finding in findings:
            path = finding.locations[0].path
            masks[path] = mask_name(masks.get(path, path), (finding,))
        return findings, {path: shown for path, shown in masks.items() if shown != path}

    def keep(self, findings: list[Finding], part: Coverage, masks: dict[str, str], label: str = "") -> None:
        """Adds findings and coverage to the run, file names shown as `masks` and `label` say."""

        def mask_path(path: str) -> str:
            return label + masks.get(path, path)

        for finding in findings:
            places = tuple(replace(place, path=mask_path(place.path)) for place in finding.locations)
            self.findings.append(replace(finding, locations=places) if masks or label else finding)
        self.findings = self.limit_findings(self.findings)
        part.skipped = [Skip(mask_path(skip.path), skip.reason) for skip in part.skipped]
        self.coverage.add(part)


def _build_overflow_skip(count: int) -> Skip:
    return Skip(".", f"{count:,} more inputs were not looked at; see to those that are named, and run again")


def _build_unread_finding(skip: Skip) -> Finding:
    rule_id, name = ("CG002", "rule-failed") if skip.reason.startswith("rule CG") else ("CG001", "input-not-read")
    return Finding(
        rule_id, name, Severity.MEDIUM, Confidence.HIGH, f"not looked at: {skip.reason}",
        compute_fingerprint(rule_id, (encode_path(skip.path), skip.reason.encode())), (Location(skip.path),),
    )  # fmt: skip


def _judge_of(judges: Sequence[Judge], finding: Finding) -> Judge:
    """The judge with the longest label that fits, the last one where none does."""
    path = finding.locations[0].path
    return next((judge for judge in judges if path.startswith(judge.label)), judges[-1])


def _build_identity(verdict: Verdict) -> tuple[object, ...]:
    """What tells a verdict from others: two judges may have looked at the same commit."""
    finding = verdict.finding
    return finding.rule_id, finding.fingerprint, finding.message, finding.locations, verdict.outcome, verdict.reason


def _order(verdict: Verdict) -> tuple[str, int, int, str]:
    place = verdict.finding.locations[0]
    return place.path, place.line, place.column, verdict.finding.rule_id
