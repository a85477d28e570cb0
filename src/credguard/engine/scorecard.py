"""Ends a run with its scorecard: which rules had what they are about, and where the repository calls credguard."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from credguard.enforcement import inventory
from credguard.engine import key_lifecycle
from credguard.engine.conclude import build_result
from credguard.engine.standings import Evidence, compute_standings
from credguard.errors import CredguardError
from credguard.rule import Trait
from credguard.rules import list_rule_ids, load_rules
from credguard.scanning import evidence

if TYPE_CHECKING:
    from credguard.engine.run import Run
    from credguard.engine.session import Session
    from credguard.model.findings import ScanResult
    from credguard.model.practices import Enforcement

_SHARING = "P05"


def score_result(
    session: Session, run: Run, target: dict[str, object], answered: frozenset[str] = frozenset()
) -> ScanResult:
    """The result of a run with its standings, for which an account has `answered` practices (IDs); raises what
    build_result raises."""
    ran = key_lifecycle.list_executed_rules(session, run) - _find_idle_rules(run)
    policy = session.get_policy(run)
    off = frozenset(rule.id for rule in load_rules() if not policy.is_enabled(rule.id, session.stage))
    changes = any(judge.before for judge in run.judges)
    result = build_result(session, run, target)
    try:
        where = _find_enforcement(run)
    except CredguardError as error:
        where, note = None, f"where credguard is called could not be found out: {error.message}"
        coverage = replace(result.coverage, notes=[*result.coverage.notes, note])
        result = replace(result, coverage=coverage)
    labels = [label for label, _ in run.trees]
    unread = Counter(one for skip in result.coverage.skipped for one in evidence.list_concerned(skip, labels))
    seen = run.result.material.union(*(evidence.list_material(skip, labels) for skip in result.coverage.skipped))
    shared = evidence.has_compared_values(verdict.finding.rule_id for verdict in result.verdicts)
    scanned = Evidence(
        scanned=True,
        ran=ran if changes else ran.difference(list_rule_ids(Trait.ON_CHANGES)),
        off=off,
        in_hooks=frozenset(rule.id for rule in load_rules() if rule.in_hooks),
        seen=frozenset({*seen, _SHARING} if shared else seen),
        gaps=run.result.gaps,
        unread=unread,
        where=where,
        history=result.coverage.commits > 0,
        answered=answered,
    )
    return replace(result, standings=compute_standings(result.verdicts, scanned))


def _find_idle_rules(run: Run) -> frozenset[str]:
    """The rules that no folder of the run had anything for."""
    if not run.trees:
        return frozenset(rule.id for rule in load_rules() if rule.check_tree)
    if all(tree.repository is None for _, tree in run.trees):
        return frozenset(list_rule_ids(Trait.ON_TRACKED_FILES))
    bare = all(tree.bare for _, tree in run.trees)
    return frozenset(list_rule_ids(Trait.ON_WORK_TREE)) if bare else frozenset()


def _find_enforcement(run: Run) -> Enforcement | None:
    """Where the repositories of the run call credguard; raises CredguardError."""
    if run.where is not None:
        return inventory.merge_enforcements(run.where)
    return inventory.merge_enforcements((label, inventory.find_tree_enforcement(tree)) for label, tree in run.trees)
