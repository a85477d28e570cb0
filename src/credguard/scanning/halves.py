"""Which of the detections in a blob are parts of others: lone halves of a credential, and guesses that touch one."""

from __future__ import annotations

from bisect import insort
from typing import TYPE_CHECKING

from credguard.matching.positions import has_overlap, merge_overlaps
from credguard.rule import Trait, is_custom
from credguard.rules import list_rule_ids

if TYPE_CHECKING:
    from credguard.model.findings import Detection, Finding
    from credguard.model.secret import Secret
    from credguard.rule import Rule


def drop_halves(found: list[tuple[Rule, Detection]]) -> list[tuple[Rule, Detection]]:
    """Leaves out a lone ID, secret or key whose every place another rule's finding speaks of, and a guess
    that touches one."""
    if len(found) < 2:
        return found
    sure = [(rule, one) for rule, one in found if Trait.GUESS not in rule.traits]
    wholes: dict[Secret, list[tuple[int, int]]] = {}
    told = set()
    for part in (part for rule, one in sure if _is_whole(rule) for part in one.parts):
        told.add((part.start, part.end))
        wholes.setdefault(part.secret, []).append((part.start, part.end))
    # The same value may be read twice, as it is written and decoded: the places then overlap.
    places = {secret: merge_overlaps(every) for secret, every in wholes.items()}
    kept = [
        (rule, one)
        for rule, one in sure
        if Trait.HALF not in rule.traits
        or not all(
            (part.start, part.end) in told or has_overlap(places.get(part.secret, []), part.start, part.end)
            for part in one.parts
        )
    ]
    if len(sure) == len(found):
        return kept
    for guess in sorted({rule.id for rule, _ in found if Trait.GUESS in rule.traits}):  # the surer has the lower number
        kept += _pick_guesses([(rule, one) for rule, one in found if rule.id == guess], kept)
    return kept


def _pick_guesses(
    guesses: list[tuple[Rule, Detection]], kept: list[tuple[Rule, Detection]]
) -> list[tuple[Rule, Detection]]:
    """The guesses of one rule that touch nothing that is kept; of one that is there as written and decoded, what was
    decoded, which comes later."""
    taken = merge_overlaps((part.start, part.end) for _, one in kept for part in one.parts)
    picked: list[tuple[Rule, Detection]] = []
    for rule, one in reversed(guesses):
        if not any(has_overlap(taken, part.start, part.end) for part in one.parts):
            picked.append((rule, one))
            for part in one.parts:
                insort(taken, (part.start, part.end))
    return picked[::-1]


def _is_whole(rule: Rule) -> bool:
    """True for a rule of ours that says more than that there is half a pair; a custom rule hides nothing."""
    return Trait.HALF not in rule.traits and not is_custom(rule.id)


def is_half(finding: Finding) -> bool:
    """True for the finding of a rule for half a pair."""
    return finding.rule_id in list_rule_ids(Trait.HALF)


def is_half_of(finding: Finding, values: set[str]) -> bool:
    """True for half a pair where the values belong to whole ones."""
    return is_half(finding) and bool(finding.values) and finding.values <= values
