"""What a change loosens: the policy, the exceptions and the calls of credguard before it and after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from credguard.enforcement import calls as guards
from credguard.model.findings import Severity
from credguard.policy import load, path_effects
from credguard.policy.custom_rules import loosening as custom
from credguard.policy.model import STAGES, Action, OnError, Policy
from credguard.suppressions import baseline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from credguard.policy.load import LoadedPolicy
    from credguard.rule import Rule
    from credguard.sources.snapshots import Snapshot
    from credguard.suppressions.baseline import Baseline


@dataclass(frozen=True, slots=True)
class PolicyState:
    """What settles a run at one moment: the policy with its baseline, and where credguard is called."""

    loaded: LoadedPolicy | None = None
    baseline: Baseline | None = None
    calls: guards.Calls = field(default_factory=guards.Calls)

    @property
    def policy(self) -> Policy:
        """The policy, or what holds without one."""
        return self.loaded.policy if self.loaded else Policy()


@dataclass(frozen=True, slots=True)
class Loosening:
    """One thing that a change loosens: the dotted key (or the file) that tells it from others, the
    place that does it, and words that go on after "the change". `in_call` is set for what it does to a
    call of credguard."""

    key: str
    text: str
    path: str
    line: int = 1
    in_call: bool = False


def load_state(
    place: Snapshot,
    rules: Mapping[str, str],
    name: str = load.POLICY_NAME,
    outside: LoadedPolicy | None = None,
    *,
    calls: bool = True,
    listed: str = "",
) -> PolicyState:
    """What settles a run by the files of `place`: its policy, which is at `name` there or stands
    `outside`, and unless `calls` is false where credguard is called. `listed` is a baseline that is named
    instead of the policy's.

    Raises PolicyError for a policy or a baseline that cannot be followed.
    """
    loaded = outside
    if not loaded and name == load.POLICY_NAME:
        loaded = load.find_policy(place, rules)
    elif not loaded and place.read(name) is not None:
        loaded = load.load_policy(place, name, rules)
    path = listed or (loaded.policy.baseline if loaded else Policy().baseline)
    data = place.read(path)
    return PolicyState(
        loaded,
        baseline.read(data, path) if data is not None else None,
        guards.load_calls(place) if calls else guards.Calls(),
    )


def find_loosenings(
    before: PolicyState, after: PolicyState, rules: Mapping[str, Rule], pins: frozenset[str] = frozenset()
) -> Iterator[Loosening]:
    """All that holds less after the change than before it, and all that differs in the calls of credguard but for
    revisions among `pins`."""
    if before.loaded and not after.loaded:
        yield Loosening("policy", "removes the policy", before.loaded.path)
    path = after.loaded.path if after.loaded else before.loaded.path if before.loaded else load.POLICY_NAME
    lines = after.loaded.lines if after.loaded else {}
    for key, text in _compare_settings(before.policy, after.policy, rules):
        yield Loosening(key, text, *lines.get(key, (path, 1)))
    for rule_id, text in custom.find_loosened_rules(before.policy.custom, after.policy.custom):
        yield Loosening(f"custom-rules.{rule_id}", text, *lines.get(f"custom-rules.{rule_id}", (path, 1)))
    yield from _compare_unreadable(before.policy, after.policy)
    yield from _compare_exceptions(before.policy, after.policy)
    yield from _compare_baselines(before.baseline, after.baseline, after.policy.baseline)
    from credguard.enforcement.removed_calls import find_removed_calls

    for taken in find_removed_calls(before.calls, after.calls, pins):
        yield Loosening(f"call {taken.identity}", taken.words, taken.place, taken.line, in_call=True)


def _compare_settings(before: Policy, after: Policy, rules: Mapping[str, Rule]) -> Iterator[tuple[str, str]]:
    """Key and words of each looser setting."""
    if after.fail_on > before.fail_on:
        yield "fail-on", f"raises fail-on from {before.fail_on.label} to {after.fail_on.label}"
    for stage in STAGES:
        old, new = (policy.stages.get(stage, Action.BLOCK) for policy in (before, after))
        if path_effects.is_softer(new, old):
            yield f"stages.{stage}", f"softens {stage} from {old} to {new}"
    for rule_id, rule in rules.items():
        yield from _compare_rule(rule_id, rule, before, after)
    yield from path_effects.find_wider_exclusions(before, after)
    yield from path_effects.find_softer_paths(before, after, rules)
    if before.own_accounts - after.own_accounts:
        gone = ", ".join(sorted(before.own_accounts - after.own_accounts))
        yield "accounts.own", f"no longer names our account {gone}"
    if after.own_accounts and not before.own_accounts and after.fail_on > Severity.HIGH:
        yield "accounts.own", "makes keys of other accounts at most high, which does not block"
    if after.rotation_days > before.rotation_days:
        yield "rotation-days", f"raises rotation-days from {before.rotation_days} to {after.rotation_days}"
    if after.file_size < before.file_size:
        yield "limits.file-size", f"lowers limits.file-size from {before.file_size} to {after.file_size} bytes"
    if after.depth < before.depth:
        yield "limits.depth", f"lowers limits.depth from {before.depth} to {after.depth}"
    yield from _compare_agent(before, after)
    for pin in sorted(after.pins - before.pins):
        yield f"enforcement.pins.{pin}", f"agrees on {pin} for calls of credguard"
    if after.foreign_markers and not before.foreign_markers:
        yield "markers.foreign", "lets the comments of other scanners count"


def _compare_agent(before: Policy, after: Policy) -> Iterator[tuple[str, str]]:
    if path_effects.is_softer(after.agent_mode, before.agent_mode):
        yield "agent.mode", f"softens the hook of AI agents from {before.agent_mode} to {after.agent_mode}"
    if after.agent_on_error is OnError.WARN and before.agent_on_error is OnError.DENY:
        yield "agent.on-error", "lets AI agents go on where the hook cannot check"


def _compare_rule(rule_id: str, rule: Rule, before: Policy, after: Policy) -> Iterator[tuple[str, str]]:
    old, new = before.resolve_setting(rule_id), after.resolve_setting(rule_id)
    key = f"rules.{rule_id}"
    if before.is_switched_on(rule_id) and not after.is_switched_on(rule_id):
        yield key, f"switches {rule_id} off"
    elif _rank(rule_id, before) > _rank(rule_id, after):
        yield key, f"shows only the surest findings of {rule_id}"
    if path_effects.may_block_less(new.severity, old.severity, rule.severity, before, after):
        was, now = (setting.severity.label if setting.severity else "its own severity" for setting in (old, new))
        yield key, f"lowers {rule_id} from {was} to {now}"
    for stage in STAGES:
        if stage in old.stages or stage in new.stages:
            action, held = after.find_action(rule_id, stage), before.find_action(rule_id, stage)
            if path_effects.is_softer(action, held):
                yield key, f"softens {rule_id} in {stage} from {held} to {action}"


def _rank(rule_id: str, policy: Policy) -> int:
    return policy.rank_extent(rule_id, enabled=policy.resolve_setting(rule_id).enabled)


def _compare_unreadable(before: Policy, after: Policy) -> Iterator[Loosening]:
    known: dict[str, date] = {}
    for one in before.unreadable:
        known[one.what] = max(known.get(one.what, date.min), one.expires or date.max)
    for one in after.unreadable:
        key = f"paths.unreadable {one.what} {one.expires}"
        if one.what not in known:
            yield Loosening(key, f"acknowledges that {one.what} cannot be read", *one.source)
        elif (one.expires or date.max) > known[one.what]:
            yield Loosening(key, f"acknowledges for longer that {one.what} cannot be read", *one.source)


def _compare_exceptions(before: Policy, after: Policy) -> Iterator[Loosening]:
    known: dict[tuple[str, str, str], date] = {}
    for entry in before.allow:
        place = (entry.rule, entry.fingerprint, entry.path)
        known[place] = max(known.get(place, date.min), entry.expires or date.max)
    for entry in after.allow:
        places = [(entry.rule, entry.fingerprint, entry.path)]
        places += [("", entry.fingerprint, "")] if entry.fingerprint else []
        until = [known[place] for place in places if place in known]
        what = f"{entry.rule or 'a finding'} {f'at {entry.path}' if entry.path else entry.fingerprint}"
        key = f"allow {entry.rule} {entry.fingerprint} {entry.path} {entry.expires}"
        if not until:
            yield Loosening(key, f"allows {what}", *entry.source)
        elif (entry.expires or date.max) > max(until):
            yield Loosening(key, f"extends the exception for {what}", *entry.source)


def _compare_baselines(before: Baseline | None, after: Baseline | None, path: str) -> Iterator[Loosening]:
    known = {entry.key: entry for entry in (before.entries if before else ())}
    for entry in after.entries if after else ():
        same = known.get(entry.key)
        key = f"baseline {entry.fingerprint} {entry.rule} {entry.path} {entry.expires}"
        if same is None:
            yield Loosening(key, f"adds {entry.rule} of {entry.path} to the baseline", path, entry.line)
        elif same.expires is not None and (entry.expires is None or entry.expires > same.expires):
            yield Loosening(key, f"extends a baseline entry of {entry.path}", path, entry.line)
