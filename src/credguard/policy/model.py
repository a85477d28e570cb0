"""Decides what becomes of a finding: pure functions over configuration."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass, replace
from enum import Enum
from functools import cache
from hashlib import blake2b
from typing import TYPE_CHECKING

from credguard.errors import ExitCode
from credguard.model.findings import Confidence, Outcome, Severity, Verdict
from credguard.model.text_enum import TextEnum
from credguard.model.verification import VerificationStatus
from credguard.policy import globs
from credguard.rule import Trait
from credguard.rules import list_rule_ids, load_rules
from credguard.rules.tool import input_not_read, policy_loosened, rule_failed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from credguard.model.findings import Coverage, Finding
    from credguard.policy.custom_rules.spec import CustomRule
    from credguard.rule import Rule

ABOUT_THE_RUN = (input_not_read.RULE.id, rule_failed.RULE.id)
"""Findings that make a run incomplete instead of blocking it; nothing suppresses them."""
LOOSENED = policy_loosened.RULE.id
"""What a change loosens blocks at every stage, whatever a policy says of rules, stages, severities and paths."""
STAGES = ("pre-commit", "commit-msg", "pre-push", "pre-receive", "ci", "audit")
_FAMILY = len("CG1")
POLICY_FILE, BASELINE = ".credguard.yaml", ".credguard-baseline"
DECOYS = ("canary", "example-account")
"""Kinds of keys that are no credentials of anybody."""


class Action(TextEnum):
    """What a stage does with a finding, the strictest first."""

    BLOCK = "block"
    WARN = "warn"
    OFF = "off"


class OnError(TextEnum):
    """What the hook of an AI agent does when it cannot check, the strictest first."""

    DENY = "deny"
    WARN = "warn"


@dataclass(frozen=True, slots=True)
class RuleSetting:
    """What a policy says of one rule; None and missing stages mean "as without this setting"."""

    enabled: bool | None = None
    severity: Severity | None = None
    stages: Mapping[str, Action] = field(default_factory=dict)

    def merge_onto(self, base: RuleSetting) -> RuleSetting:
        """This setting laid over a more general one."""
        return RuleSetting(
            base.enabled if self.enabled is None else self.enabled,
            base.severity if self.severity is None else self.severity,
            {**base.stages, **self.stages},
        )


@dataclass(frozen=True, slots=True)
class Allow:
    """A recorded exception: one value of one rule (`fingerprint`), or a rule at paths that a
    pattern selects. `source` is the file and line that say so."""

    reason: str
    rule: str = ""
    fingerprint: str = ""
    path: str = ""
    expires: date | None = None
    by: str = ""
    source: tuple[str, int] = field(default=("", 1), compare=False)

    def is_applicable(self, finding: Finding, path: str) -> bool:
        """True when it speaks of the finding at `path`, in date or not."""
        if self.fingerprint:
            return self.fingerprint == finding.fingerprint and self.rule in ("", finding.rule_id)
        if self.rule != finding.rule_id or is_whole_credential(finding.rule_id):
            return False
        return bool(globs.find_last_match((self.path,), path))


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What a team knows cannot be read: the files that the pattern `path` selects, or the git object whose ID begins
    with `oid`; why that is so, and until when it counts. `source` is the file and line that say so."""

    path: str
    reason: str
    expires: date | None = None
    oid: str = ""
    source: tuple[str, int] = field(default=("", 1), compare=False)

    @property
    def what(self) -> str:
        """What it is about, in words."""
        return self.path or f"object {self.oid}"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a team has settled, and over it what the command line asks for.

    `select` (IDs or prefixes, empty for all) and `ignore` are the command line's. `paths` are
    settings of rules for the paths that a pattern selects, later ones over earlier ones; `custom`
    are rules of its own. `pins` are the revisions on which calls of credguard may be moved. What the
    `chosen_limits`, which are below the usual ones, leave out was settled by the team, and makes no run incomplete.
    `agent_mode` and `agent_on_error` are what the hook of an AI agent does with a finding and when it cannot check.
    """

    fail_on: Severity = Severity.MEDIUM
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    rules: Mapping[str, RuleSetting] = field(default_factory=dict)
    stages: Mapping[str, Action] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    paths: tuple[tuple[str, Mapping[str, RuleSetting]], ...] = ()
    own_accounts: frozenset[str] = frozenset()
    rotation_days: int = 90
    file_size: int = 256 << 20
    depth: int = 5
    foreign_markers: bool = True
    baseline: str = BASELINE
    allow: tuple[Allow, ...] = ()
    custom: tuple[CustomRule, ...] = ()
    pins: frozenset[str] = frozenset()
    unreadable: tuple[Unreadable, ...] = ()
    chosen_limits: frozenset[str] = frozenset()
    agent_mode: Action = Action.BLOCK
    agent_on_error: OnError = OnError.DENY

    def is_enabled(self, rule_id: str, stage: str = "audit") -> bool:
        """True when the rule is to speak at the stage; the rules about the run itself always do.

        A rule that the command line selects speaks whatever the policy says.
        """
        if rule_id in ABOUT_THE_RUN:
            return True
        if rule_id.startswith(self.ignore):
            return False
        if self.select:
            return rule_id.startswith(self.select)
        return (
            rule_id == LOOSENED or not self.is_off(rule_id, stage) or any(rule_id in rules for _, rules in self.paths)
        )

    def is_off(self, rule_id: str, stage: str, path: str | None = None) -> bool:
        """True when the policy does not want to hear of the rule at the stage, or there at a path."""
        return not self.is_switched_on(rule_id, path) or self.find_action(rule_id, stage, path) is Action.OFF

    def is_switched_on(self, rule_id: str, path: str | None = None) -> bool:
        """False where the policy switches the rule off."""
        return self.resolve_setting(rule_id, path).enabled is not False

    def shows_all(self, rule_id: str, path: str | None = None) -> bool:
        """True when the rule's findings of every confidence are asked for: the policy switches it on, or the command
        line selects it by more than its family."""
        if self.select:
            return rule_id.startswith(tuple(word for word in self.select if len(word) > _FAMILY))
        return self.resolve_setting(rule_id, path).enabled is True

    def may_show_all(self, rule_id: str) -> bool:
        """The same for any path."""
        return self.shows_all(rule_id) or any(
            rule_id in rules and rules[rule_id].enabled is True for _, rules in self.paths
        )

    def rank_extent(self, rule_id: str, *, enabled: bool | None) -> int:
        """How many of a rule's findings a setting shows: 0 none, 1 the default ones, 2 those of every confidence."""
        if enabled is None:
            return 1
        return (2 if rule_id in list_partial_rules() else 1) if enabled else 0

    def find_action(self, rule_id: str, stage: str, path: str | None = None) -> Action:
        """What the stage does with a finding of the rule."""
        setting = self.resolve_setting(rule_id, path)
        return setting.stages.get(stage) or self.stages.get(stage, Action.BLOCK)

    def resolve_setting(self, rule_id: str, path: str | None = None) -> RuleSetting:
        """What is settled for the rule at a path: the last pattern that selects it goes before all others."""
        setting = self.rules.get(rule_id, RuleSetting())
        if path is not None and not is_whole_credential(rule_id):
            for pattern, rules in self.paths:
                if rule_id in rules and globs.find_last_match((pattern,), path):
                    setting = rules[rule_id].merge_onto(setting)
        return setting

    def compute_severity(self, finding: Finding, path: str) -> Severity:
        """The finding's severity after the rule's setting and the accounts that are ours."""
        setting = self.resolve_setting(finding.rule_id, path)
        severity = finding.severity if setting.severity is None else setting.severity
        account, verification = finding.attributes.get("account"), finding.attributes.get("verification")
        if isinstance(verification, dict) and verification.get("status") == VerificationStatus.LIVE:
            return Severity.CRITICAL
        if finding.attributes.get("kind") in DECOYS:
            return Severity.LOW
        if not self.own_accounts or not account or finding.rule_id not in list_rule_ids(Trait.OF_ACCOUNT):
            return severity
        if account in self.own_accounts:
            return Severity.CRITICAL if finding.severity > Severity.LOW else severity
        return min(severity, Severity.HIGH)

    @property
    def digest(self) -> str:
        """16 hex digits that change when the policy does, and not with the order of its keys."""
        return blake2b(repr(_canonicalize(self)).encode(), digest_size=8).hexdigest()


@cache
def list_partial_rules() -> dict[str, Confidence]:
    """The rules some of whose findings are shown only where a policy switches the rule on, or where the command line
    selects it by number, and the least confidence of the others."""
    return {rule.id: rule.least for rule in load_rules() if rule.least > Confidence.LOW}


def is_whole_credential(rule_id: str) -> bool:
    """True for a rule whose findings can be used as they are: no path exempts them."""
    return rule_id in list_rule_ids(Trait.WHOLE)


def _canonicalize(value: object) -> object:
    """The value as nested tuples and plain words; mappings, sets and exceptions sorted."""
    if isinstance(value, Allow):
        return _canonicalize((value.rule, value.fingerprint, value.path, value.reason, str(value.expires), value.by))
    if is_dataclass(value):
        named = {f.name: getattr(value, f.name) for f in fields(value)}
        if isinstance(value, Policy):
            named["allow"] = frozenset(value.allow)
            named["unreadable"] = frozenset(
                (one.path, one.oid, one.reason, str(one.expires)) for one in value.unreadable
            )
            named["custom"] = frozenset(replace(rule, source=("", 1)) for rule in value.custom)
            named["stages"] = {stage: value.stages.get(stage, Action.BLOCK) for stage in STAGES}
        return _canonicalize(named)
    if isinstance(value, dict):
        return tuple(sorted((str(key), _canonicalize(item)) for key, item in value.items()))
    if isinstance(value, (set, frozenset)):
        return tuple(sorted(map(repr, map(_canonicalize, value))))
    if isinstance(value, tuple):
        return tuple(map(_canonicalize, value))
    if isinstance(value, TextEnum):
        return str(value)
    return value.name if isinstance(value, Enum) else value


def combine_digests(digests: Iterable[str]) -> str:
    """The digest of one policy, or one for all that governed a run."""
    words = sorted(digests)
    return words[0] if len(words) == 1 else blake2b("".join(words).encode(), digest_size=8).hexdigest()


def list_enabled_rules(policy: Policy, rules: Iterable[Rule], stage: str = "audit") -> tuple[Rule, ...]:
    """The rules that the policy lets speak at the stage."""
    return tuple(rule for rule in rules if policy.is_enabled(rule.id, stage))


def decide(
    finding: Finding,
    policy: Policy,
    *,
    stage: str = "audit",
    path: str | None = None,
    allowed: str = "",
    listed: str = "",
    gap: str = "",
) -> Verdict | None:
    """The verdict on one finding at `path` (as the policy names it), None where its rule is off.

    `allowed` and `listed` are the reasons of an exception and of a baseline entry that cover it
    and are in date, `gap` that of an entry which knows that the file cannot be read.
    """
    where = finding.locations[0].path if path is None else path
    if not policy.is_enabled(finding.rule_id, stage) or not _is_about_path(finding.rule_id, policy, where):
        return None
    least = list_partial_rules().get(finding.rule_id, Confidence.LOW)
    if finding.confidence < least and not policy.shows_all(finding.rule_id, where):
        return None
    if finding.rule_id in ABOUT_THE_RUN:
        return Verdict(finding, Outcome.ALLOWED if gap else Outcome.REPORT, gap)
    if finding.rule_id == LOOSENED:  # an exception of its own, which names it, is all that it follows
        return Verdict(
            finding, Outcome.ALLOWED if allowed else Outcome.BASELINE if listed else Outcome.REPORT, allowed or listed
        )
    off = not policy.select and policy.is_off(finding.rule_id, stage, where)
    if off and policy.is_off(finding.rule_id, stage):
        return None
    finding = replace(finding, severity=policy.compute_severity(finding, where))
    for outcome, reason in (
        (Outcome.BASELINE, finding.known),
        (Outcome.INLINE, finding.inline),
        (Outcome.ALLOWED, allowed),
        (Outcome.BASELINE, listed),
        (
            Outcome.ALLOWED,
            "the policy switches the rule off at this path" if off else _find_exclusion(finding, policy, where),
        ),
        (Outcome.BELOW_THRESHOLD, _explain_harmless(finding, policy, stage, where)),
    ):
        if reason:
            return Verdict(finding, outcome, reason)
    return Verdict(finding, Outcome.REPORT)


def _is_about_path(rule_id: str, policy: Policy, path: str) -> bool:
    """False for a custom rule that is about other paths."""
    paths = next((custom.paths for custom in policy.custom if custom.id == rule_id), ())
    return not paths or bool(globs.find_last_match(paths, path))


def _find_exclusion(finding: Finding, policy: Policy, path: str) -> str:
    """The pattern that exempts the path, in words."""
    pattern = "" if is_whole_credential(finding.rule_id) else globs.find_last_match(policy.exclude, path)
    return f"the policy excludes {pattern}" if pattern else ""


def _explain_harmless(finding: Finding, policy: Policy, stage: str, path: str) -> str:
    if finding.severity < policy.fail_on:
        return f"below {policy.fail_on.label}"
    return f"warn in {stage}" if policy.find_action(finding.rule_id, stage, path) is Action.WARN else ""


def exit_code(verdicts: Iterable[Verdict], coverage: Coverage) -> ExitCode:
    """1 when a finding blocks, else 3 when something was not scanned, else 0."""
    if any(v.outcome is Outcome.REPORT and v.finding.rule_id not in ABOUT_THE_RUN for v in verdicts):
        return ExitCode.FINDINGS
    return ExitCode.CLEAN if coverage.complete else ExitCode.INCOMPLETE
