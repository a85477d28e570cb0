"""Ends a run with its scorecard: which rules had what they judge, and where the repository calls credguard."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from credguard.enforcement import inventory
from credguard.engine import key_lifecycle
from credguard.errors import CredguardError
from credguard.model.practices import Checks, compute_standings
from credguard.rules import load_rules

if TYPE_CHECKING:
    from credguard.engine.session import Session
    from credguard.model.findings import ScanResult
    from credguard.model.practices import Enforcement

_ON_TRACKED_FILES = frozenset(("CG201", "CG202", "CG203", "CG206"))
_ON_CHANGES = "CG005"


def score_result(run: Session, target: dict[str, object]) -> ScanResult:
    """The result of a run with its standings; raises what Run.result raises."""
    ran = key_lifecycle.list_executed_rules(run) - _find_idle_rules(run)
    off = frozenset(rule.id for rule in load_rules() if not run.policy.is_enabled(rule.id, run.stage))
    changes = any(judge.before for judge in run.judges)
    result = run.build_result(target)
    checks = Checks(
        ran=ran if changes else ran - {_ON_CHANGES},
        known=frozenset(rule.id for rule in load_rules()),
        off=off,
        in_hooks=frozenset(rule.id for rule in load_rules() if rule.in_hooks),
        where=_find_enforcement(run),
        history=result.coverage.commits > 0,
        messages=result.coverage.commits > 0,
        unread=len(result.coverage.skipped),
    )
    return replace(result, standings=compute_standings(result.verdicts, checks))


def _find_idle_rules(run: Session) -> frozenset[str]:
    """The rules that no folder of the run had anything for."""
    if not run.trees:
        return frozenset(rule.id for rule in load_rules() if rule.check_tree)
    if all(tree.repository is None for _, tree in run.trees):
        return _ON_TRACKED_FILES
    return frozenset(("CG202",)) if all(tree.bare for _, tree in run.trees) else frozenset()


def _find_enforcement(run: Session) -> Enforcement | None:
    if run.where is not None:
        return inventory.merge_enforcements(run.where)
    try:
        return inventory.merge_enforcements((label, inventory.find_tree_enforcement(tree)) for label, tree in run.trees)
    except CredguardError as error:
        run.coverage.notes.append(f"where credguard is called could not be found out: {error.message}")
        return None
