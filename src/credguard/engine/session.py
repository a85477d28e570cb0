"""What a run is asked to do, and its stages: sources are scanned, judges decide, and a result comes out."""

from __future__ import annotations

import contextlib
import os
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from credguard import __version__
from credguard.aws import local_files
from credguard.engine.run import Run, follow
from credguard.git.repository import GitError
from credguard.matching.database import LARGEST_INPUT
from credguard.model.findings import Blob, Coverage
from credguard.model.result import Result
from credguard.policy.custom_rules.compile import compile_custom_rules
from credguard.policy.judge import Judge
from credguard.policy.model import Policy, list_enabled_rules
from credguard.rule import Trait, get_default_part
from credguard.rules import hash_rules, list_rule_ids, load_rules
from credguard.rules.account import key_older_than_limit
from credguard.scanning import shares
from credguard.scanning.comments import Comments
from credguard.scanning.pipeline import Pipeline, mask_paths
from credguard.scanning.quiet_files import QuietFiles
from credguard.scanning.scanner import Scanner
from credguard.sources import files, lfs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.engine.verification import Verifiers
    from credguard.git.commit_walk import Walk
    from credguard.history.memory import ObjectMemory
    from credguard.model.progress import Progress
    from credguard.policy.resolve import PolicyResolver
    from credguard.rule import Rule
    from credguard.sources.interface import Source
    from credguard.sources.worktree import WorkTree


@dataclass(frozen=True, slots=True)
class Session:
    """What a run is asked to do; nothing of it changes. `policy` chooses the rules until one is followed; `limit` is
    the largest file in bytes; `ignored` adds the files that git ignores; `progress` wraps the stream of inputs; a run
    `in_hook` leaves out the rules that are for CI and audits. With `policies`, folders and files are judged by the
    policy of their repository. `history` scans that of each folder that is a repository, with so many `jobs`
    (processes; 0 for as many as there are processors). With `verifiers`, issuers are asked about the credentials that
    are found, whose values this process then keeps. A `memory` is of the one folder that is scanned: what it knows of
    its history is not read again, and it is brought up to date."""

    policy: Policy = field(default_factory=Policy)
    limit: int = files.DEFAULT_LIMIT
    ignored: bool = False
    progress: Progress | None = None
    in_hook: bool = False
    jobs: int = 0
    history: bool = False
    stage: str = "audit"
    policies: PolicyResolver | None = None
    verifiers: Verifiers | None = None
    memory: ObjectMemory | None = None
    scanner: Scanner = field(init=False)

    def __post_init__(self) -> None:
        known = [get_default_part(rule) for rule in load_rules() if rule.in_hooks or not self.in_hook]
        object.__setattr__(self, "scanner", Scanner(self.select_rules(), known=known))
        if self.verifiers:
            self.scanner.credentials = {}
            self.scanner.token_kinds = self.verifiers.token_kinds

    def renew(self, scanner: Scanner | None = None, *, memory: ObjectMemory | None = None) -> Session:
        """The same session before its first scan, by the patterns of this one's scanner or of the one given, and with
        what is known of the folder that it is for."""
        fresh = copy(self)
        object.__setattr__(fresh, "scanner", (scanner or self.scanner).renew())
        object.__setattr__(fresh, "memory", memory)
        return fresh

    def select_rules(self, *policies: Policy) -> list[Rule]:
        """The rules that one of the policies (the session's own where there is none) lets speak, and those that these
        build on; limits are those of the last."""
        policies = policies or (self.policy,)
        days = policies[-1].rotation_days
        rules = [_apply_limit(rule, days) for rule in load_rules() if rule.in_hooks or not self.in_hook]
        rules += {rule.id: rule for policy in policies for rule in compile_custom_rules(policy.custom)}.values()
        wanted = {rule.id for policy in policies for rule in list_enabled_rules(policy, rules, self.stage)}
        if not wanted.isdisjoint(list_rule_ids(Trait.BUILT_ON_VALUES)):
            wanted.update(list_rule_ids(Trait.LONG_LIVED))  # what is not to be reported is left out of the result
        whole = {rule.id for policy in policies for rule in rules if policy.may_show_all(rule.id)}
        return [rule if rule.id in whole else get_default_part(rule) for rule in rules if rule.id in wanted]

    def get_policy(self, run: Run) -> Policy:
        """The policy followed last."""
        return run.judges[-1].policy if run.judges else self.policy

    def list_rules(self, run: Run) -> list[Rule]:
        """The rules of the run: those of all policies that it followed."""
        return self.select_rules(*(judge.policy for judge in run.judges))

    def make_pipeline(self, run: Run | None = None) -> Pipeline:
        """The way of what is scanned by the policies of the run: by its rules, and else as the last of them says."""
        if run is None or not run.judges:
            comments = Comments(self.scanner, Judge(self.policy, self.stage).comments)
            return self._make_pipeline(comments, self.limit, self.policy)
        judge = run.judges[-1]
        scanner = self.scanner.choose(self.list_rules(run), judge.policy.depth)
        limit = min(judge.policy.file_size, LARGEST_INPUT)
        comments = Comments(scanner, judge.comments)
        return self._make_pipeline(comments, limit, judge.policy)

    def _make_pipeline(self, comments: Comments, limit: int, policy: Policy) -> Pipeline:
        return Pipeline(comments, limit, policy.rotation_days, self.jobs, self.progress, not self.in_hook)

    def scan_folder(self, root: Path, label: str = "") -> Run:
        """Scans a folder and applies the tree rules; `label` goes before every path."""
        run = follow(self.policies.resolve_folder(root, label)) if self.policies else Run()
        pipeline = self.make_pipeline(run)
        listing = files.open_tree(root, ignored=self.ignored)
        run = replace(run, trees=((label, listing.tree),))
        if self.memory:
            self.memory.prepare(self._digest_rules(run, pipeline, self.memory.key))
            pipeline = replace(pipeline, quiet=QuietFiles(self.memory.key, self.memory.quiet))
        with self._begin_walk(listing) as begun:
            run = run.add(self._scan_listing(pipeline, listing, label))
            if self.memory:
                self.memory.quiet = run.result.quiet
            return self._scan_history(pipeline, run, listing, label, begun) if self.history else run

    @contextlib.contextmanager
    def _begin_walk(self, listing: files.Listing) -> Iterator[Walk | None]:
        """Has git list the commits while the files are read, where the history is scanned too."""
        with contextlib.ExitStack() as stack:
            begun = None
            if self.history and listing.history:
                from credguard.git.commit_walk import Walk

                with contextlib.suppress(GitError):  # which is reported when the history is scanned
                    known = self.memory if self.memory and self.memory.walked else None
                    if known and listing.history.read_shallow_commits():
                        known = None  # where the commits end now, they may have gone on then
                    select = known.select_unwalked if known else None
                    begun = stack.enter_context(contextlib.closing(Walk(listing.history, select)))
            yield begun

    def _scan_listing(self, pipeline: Pipeline, listing: files.Listing, label: str) -> Result:
        tree = listing.tree
        coverage = Coverage(skipped=list(listing.skipped), notes=list(listing.notes))
        names, masks = pipeline.scan_names(tree.files)
        if tree.repository is None:
            coverage.notes.append(
                f"{label or tree.root} is no git repository: rules on tracked and ignored files had nothing to ask"
            )
        if not self.history:
            coverage.notes += [
                f"{path} holds git's objects, packed: `credguard audit` scans them"
                for path in listing.inner
                if files.is_bare(tree.root / path)
            ]
        prefix = tree.repository.layout.prefix if tree.repository and not tree.bare else ""
        contents = self._scan_contents(pipeline, listing, prefix)
        material = frozenset() if self.in_hook else _find_material(tree)
        result = Result(tuple(names), coverage, material=material).merge(contents)
        result = replace(result, findings=(*result.findings, *pipeline.scan_tree(tree)))
        further = Result(problems=self.scanner.take_problems())
        return mask_paths(result.merge(further), masks, label)

    def _scan_contents(self, pipeline: Pipeline, listing: files.Listing, prefix: str) -> Result:
        """Scans the files, many of them in several processes; not where credentials are kept, which no process gives
        away."""
        parts = files.split(listing, shares.SHARE)
        alone = self.verifiers or listing.tree.bare
        count = 1 if alone else shares.count_processes(len(parts), self.jobs)
        if count > 1:
            quiet = replace(pipeline, progress=None)
            found = shares.scan_shares(
                lambda number: self._scan_part(quiet, parts[number], prefix),
                len(parts), count, pipeline.scanner, self.progress,
            )  # fmt: skip
            if found:
                return found
        return self._scan_part(pipeline, listing, prefix)

    def _scan_part(self, pipeline: Pipeline, listing: files.Listing, prefix: str) -> Result:
        source, total = self._open_source(listing, pipeline.limit), len(listing.tree.files)
        if not prefix:
            return pipeline.scan(source, total)
        return pipeline.scan_in_context(source, total, prefix.__add__, lambda path: path.removeprefix(prefix))

    def _open_source(self, listing: files.Listing, limit: int) -> Source:
        """The contents of a folder. With the history go the objects of the repositories inside and all that LFS keeps,
        so that these are left out here."""
        tree = listing.tree
        items: Source = files.read_all(listing, limit)
        if self.history:
            bare = [f"{path}/objects/" for path in listing.inner if files.is_bare(tree.root / path)]
            return (item for item in items if not (isinstance(item, Blob) and files.is_object(item, bare)))
        return lfs.add_lfs_contents(items, tree.repository, limit) if tree.repository else items

    def _scan_history(
        self, pipeline: Pipeline, run: Run, listing: files.Listing, label: str, begun: Walk | None
    ) -> Run:
        from credguard.history import scan

        nested = scan.Nested(listing.tree.root, tuple(listing.inner))
        result = scan.scan_history(
            pipeline, run.result, listing.history, label, nested=nested, begun=begun, memory=self.memory
        )
        return replace(run, result=result)

    def _digest_rules(self, run: Run, pipeline: Pipeline, key: bytes) -> str:
        """What decides what is found in an object: credguard, its rules, the policy of the run, and this machine's own
        credentials, for which a rule looks."""
        own = local_files.digest_credentials(key)
        return " ".join((__version__, hash_rules(), self.get_policy(run).digest, str(pipeline.limit), self.stage, own))

    def scan_files(self, paths: list[str]) -> Run:
        """Scans the files named, each under the name given."""
        run = follow(self.policies.resolve_files(paths)) if self.policies else Run()
        return run.add(self.make_pipeline(run).scan_files(paths))

    def scan_paths(self, paths: list[str]) -> Run:
        """Scans files and folders of the command line; several get their names as labels."""
        run = Run()
        for path in paths:
            if os.path.isdir(path):
                run = run.merge(self.scan_folder(Path(path), path.rstrip("/") + "/" if len(paths) > 1 else ""))
        loose = [path for path in paths if not os.path.isdir(path)]
        return run.merge(self.scan_files(loose)) if loose else run


def _find_material(tree: WorkTree) -> frozenset[str]:
    from credguard.scanning.evidence import find_tree_material  # hooks have no scorecard

    return frozenset(find_tree_material(tree))


def _apply_limit(rule: Rule, days: int) -> Rule:
    """The rule with the limit that the policy sets for it."""
    if rule.id != key_older_than_limit.RULE.id or days == Policy().rotation_days:
        return rule
    return key_older_than_limit.make_limit_rule(days)
