"""Whether a policy's patterns make it looser somewhere: by what they decide over any path, not by their entries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.policy import globs
from credguard.policy.model import STAGES, Action, is_whole_credential

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from credguard.model.findings import Severity
    from credguard.policy.model import Policy
    from credguard.rule import Rule

_MOST_PAIRS = 4_000_000
"""More take too long to compare; what differs is then taken for looser."""


@dataclass(frozen=True, slots=True)
class PatternEntry:
    """What one pattern decides; no pattern is what holds elsewhere."""

    pattern: str | None
    value: object


def find_looser_pairs(
    before: Sequence[PatternEntry],
    after: Sequence[PatternEntry],
    weaker: Callable[[object, object], bool],
    *,
    in_order: bool,
) -> Iterator[tuple[PatternEntry, PatternEntry]]:
    """Each pair (before, after) of entries of which one may decide a path before and the other after, and that is
    `weaker(after, before)`. The first of each list is what holds elsewhere.

    Later entries go before earlier ones: always if `in_order`, else unless the earlier one selects the file itself and
    the later one only a folder above it (as in .gitignore). Where it is not certain that no path is concerned, there is
    a pair.
    """
    if list(before) == list(after):
        return
    old, new = _Order(before), _Order(after)
    if len(old.values) * len(new.values) > _MOST_PAIRS:
        yield before[-1], after[-1]
        return
    for pattern, value in new.values.items():
        for other, held in old.values.items():
            if weaker(value, held) and not _is_disjoint(pattern, other, old, new, in_order=in_order):
                yield PatternEntry(other, held), PatternEntry(pattern, value)


class _Order:
    """Entries by pattern, of those with one pattern the last, and where each stands."""

    def __init__(self, entries: Iterable[PatternEntry]) -> None:
        self.values: dict[str | None, object] = {}
        for entry in entries:
            if entry.pattern is not None:
                self.values.pop(entry.pattern, None)
            self.values[entry.pattern] = entry.value
        self._places = {pattern: place for place, pattern in enumerate(self.values)}

    def __contains__(self, pattern: object) -> bool:
        return pattern in self._places

    def is_later(self, one: str, other: str) -> bool:
        """True where the first of two patterns stands behind the second."""
        return self._places[one] > self._places[other]


def _is_disjoint(new: str | None, old: str | None, before: _Order, after: _Order, *, in_order: bool) -> bool:
    """True where no path is decided by `old` before and by `new` after."""
    if new == old:
        return False
    if new is None or old is None:
        return old in after if new is None else new in before
    both = old in after and new in before
    if both and after.is_later(old, new) == before.is_later(old, new):
        return True  # one of the two goes before the other, then as now
    behind_new = old in after and after.is_later(old, new) and (in_order or new.endswith("/"))
    behind_old = new in before and before.is_later(new, old) and (in_order or old.endswith("/"))
    return behind_new or behind_old or not globs.may_overlap(new, old)


def find_wider_exclusions(before: Policy, after: Policy) -> Iterator[tuple[str, str]]:
    """Key and words of each way in which `paths.exclude` takes out more than before."""
    was, now = (
        [
            PatternEntry(None, value=False),
            *(PatternEntry(pattern, not pattern.startswith("!")) for pattern in policy.exclude),
        ]
        for policy in (before, after)
    )
    texts: dict[tuple[str, str], None] = {}
    for old, new in find_looser_pairs(
        was, now, lambda after_it, before_it: bool(after_it) and not before_it, in_order=False
    ):
        if new.pattern is None or new.pattern in before.exclude:
            gone = old.pattern not in after.exclude
            text = f"no longer says {old.pattern}" if gone else "changes the order of what is excluded"
            texts["paths.exclude", text] = None
        else:
            texts[f"paths.exclude.{new.pattern}", f"excludes {new.pattern}"] = None
    yield from texts


def find_softer_paths(before: Policy, after: Policy, rules: Mapping[str, Rule]) -> Iterator[tuple[str, str]]:
    """Key and words of each way in which `paths.rules` makes a rule softer somewhere."""
    if before.paths == after.paths and before.rules == after.rules and before.stages == after.stages:
        return
    named = {rule_id for policy in (before, after) for _, settings in policy.paths for rule_id in settings}
    texts: dict[tuple[str, str], None] = {}
    for rule_id in sorted(rule_id for rule_id in named if not is_whole_credential(rule_id)):
        rule = rules.get(rule_id)
        for old, new in _find_softer_entries(rule_id, rule.severity if rule else None, before, after):
            where = new.pattern if new.pattern is not None else old.pattern
            if where is None:
                continue  # which is told of the rule itself
            text = f"loosens {rule_id} at {where}" if new.pattern else f"no longer sets {rule_id} at {where}"
            texts[f"paths.rules.{where}.{rule_id}", text] = None
    yield from texts


def _find_softer_entries(
    rule_id: str, nominal: Severity | None, before: Policy, after: Policy
) -> Iterator[tuple[PatternEntry, PatternEntry]]:
    def collect_entries(policy: Policy, field: str, usual: object) -> list[PatternEntry]:
        found = [PatternEntry(None, usual)]
        for pattern, settings in policy.paths:
            setting = settings.get(rule_id)
            if setting is not None and not pattern.startswith("!"):
                value = setting.stages.get(field) if field in STAGES else getattr(setting, field)
                found += [] if value is None else [PatternEntry(pattern, value)]
        return found

    def rank(enabled: object) -> int:
        return before.rank_extent(rule_id, enabled=None if enabled is None else bool(enabled))

    was, now = (
        collect_entries(policy, "enabled", policy.resolve_setting(rule_id).enabled) for policy in (before, after)
    )
    yield from find_looser_pairs(was, now, lambda new, old: rank(new) < rank(old), in_order=True)
    was, now = (
        collect_entries(policy, "severity", policy.resolve_setting(rule_id).severity) for policy in (before, after)
    )
    yield from find_looser_pairs(
        was, now, lambda new, old: may_block_less(new, old, nominal, before, after), in_order=True
    )
    for stage in STAGES:
        was, now = (collect_entries(policy, stage, policy.find_action(rule_id, stage)) for policy in (before, after))
        yield from find_looser_pairs(was, now, lambda new, old: is_softer(Action(new), Action(old)), in_order=True)


def is_softer(new: Action, old: Action) -> bool:
    """True where a stage does less with a finding."""
    return list(Action).index(new) > list(Action).index(old)


def may_block_less(now: object, then: object, nominal: Severity | None, before: Policy, after: Policy) -> bool:
    """True where a severity that is set, or with None the finding's own, may block less than one set before.

    A rule's findings may be above or below the rule's severity, `nominal`.
    """
    if now == then or (now is None and then is None):
        return False
    if isinstance(now, int) and isinstance(then, int):
        return now < then
    if isinstance(now, int):
        return now < after.fail_on or nominal is None or now < nominal
    return isinstance(then, int) and (then >= before.fail_on or nominal is None or then > nominal)
