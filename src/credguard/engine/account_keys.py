"""Joins keys that are found in git with the account: whose each is, whether it works, and what it may do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from credguard.aws.account_state import name_resource
from credguard.aws.granted_rights import describe_rights
from credguard.aws.live.answers import ACCOUNT_PRACTICES
from credguard.aws.live.client import CallError
from credguard.aws.live.owner import KeyStatus, find_user_key
from credguard.engine.account import build_part
from credguard.heuristics.expiry import format_rfc3339
from credguard.model.findings import OF_ACCOUNT, Coverage, Severity, Skip
from credguard.model.result import Result
from credguard.model.secret import compute_fingerprint
from credguard.report.leaks import list_powers
from credguard.rule import Trait
from credguard.rules import list_rule_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from credguard.aws.account_state import Holder
    from credguard.aws.live.client import AwsClient
    from credguard.aws.live.owner import KeyOwner
    from credguard.engine.account import AccountAnswer
    from credguard.engine.repository_result import RepositoryResult
    from credguard.engine.run import Run
    from credguard.model.findings import Detection, Finding
    from credguard.rule import Rule

_MOST_KEYS = 200
_POWERS = {Severity.CRITICAL: "administrator", Severity.HIGH: "administrator", Severity.MEDIUM: "broad"}
_MOST_RIGHTS = 5
_NOBODYS = {
    KeyStatus.DELETED: "the account has no such key any more",
    KeyStatus.OF_ROOT: "key of the root user",
}


@dataclass(slots=True)
class KeyJoin:
    """Tells of each finding with a key of the account whose it is; asks about each key once. `skipped` is what could
    not be asked."""

    client: AwsClient
    answer: AccountAnswer
    rules: Sequence[Rule]
    skipped: list[Skip] = field(default_factory=list)
    _known: dict[str, KeyOwner | None] = field(default_factory=dict)

    def join_run(self, run: Run) -> Run:
        """The run with what is known of the keys in it."""
        findings = tuple(map(self._tell, run.result.findings))
        return replace(run, result=replace(run.result, findings=findings))

    def join_part(self, part: RepositoryResult) -> RepositoryResult:
        """The audit of one repository with what is known of the keys in it."""
        verdicts = tuple(replace(one, finding=self._tell(one.finding)) for one in part.result.verdicts)
        compared = tuple(map(self._tell, part.compared))
        return replace(part, compared=compared, result=replace(part.result, verdicts=verdicts))

    def add_to(self, run: Run) -> tuple[Run, frozenset[str]]:
        """The run with all that the account gave, and the practices (IDs) that it answered."""
        asked = Result(coverage=Coverage(skipped=list(self.skipped)))
        return run.add(build_part(self.answer), asked), frozenset(ACCOUNT_PRACTICES)

    def _tell(self, finding: Finding) -> Finding:
        key_id = finding.attributes.get("access_key_id")
        if finding.rule_id not in list_rule_ids(Trait.ACCESS_KEY) or not isinstance(key_id, str):
            return finding
        if not key_id.startswith("AKIA") or finding.attributes.get("account") not in (None, self.answer.name):
            return finding
        owner = self._find_owner(key_id)
        return _mark(finding, owner, self._build_facts(owner)) if owner else finding

    def _find_owner(self, key_id: str) -> KeyOwner | None:
        if key_id not in self._known:
            place = name_resource(self.answer.name, f"iam/key/{key_id}")
            try:
                if len(self._known) >= _MOST_KEYS:
                    raise CallError("iam:GetAccessKeyLastUsed", f"{_MOST_KEYS} keys were asked about, this one was not")
                self._known[key_id] = find_user_key(self.client, key_id)
            except CallError as error:
                self._known[key_id] = None
                self.skipped.append(Skip(place, error.text, OF_ACCOUNT))
        return self._known[key_id]

    def _build_facts(self, owner: KeyOwner) -> dict[str, object]:
        """What a report says of the key: as an attribute, and for people in the message."""
        facts: dict[str, object] = {"user": owner.user, "status": owner.status}
        if owner.created:
            days = (datetime.now(timezone.utc) - owner.created).days
            facts |= {"created": format_rfc3339(owner.created), "age_days": days}
        facts["last_used"] = format_rfc3339(owner.used) if owner.used else "never"
        if owner.used:
            facts |= {"service": owner.service, "region": owner.region}
        rights = list(self._iter_rights(owner.user))
        worst = max((severity for severity, _ in rights), default=Severity.LOW)
        facts["power"] = _POWERS.get(worst, "narrow")
        facts["rights"] = [message for _, message in sorted(rights, key=lambda one: -one[0])[:_MOST_RIGHTS]]
        holders = self._list_holders(owner.user)
        documents = [policy.text for holder in holders for policy in holder.policies]
        facts["abilities"] = describe_rights(documents, [arn for holder in holders for arn in holder.attached])
        if owner.user in self.answer.mfa:
            facts["mfa"] = self.answer.mfa[owner.user]
        return facts

    def _iter_rights(self, user: str) -> Iterator[tuple[Severity, str]]:
        """What the user may do beyond its tasks, with how bad that is."""
        for holder in self._list_holders(user):
            for rule in self.rules:
                for one in rule.check_account(holder) if rule.check_account else ():
                    yield _grade(rule, one), one.message

    def _list_holders(self, user: str) -> list[Holder]:
        """The user, its groups, and the policies of the account's own that are attached to them."""
        holders = self.answer.holders
        own = holders.get(f"user {user}")
        found = [own, *(holders.get(f"group {name}") for name in own.groups)] if own else []
        kept = [one for one in found if one]
        names = {arn.rpartition("/")[2] for one in kept for arn in one.attached}
        return kept + [one for name in sorted(names) if (one := holders.get(f"policy {name}"))]


def _grade(rule: Rule, one: Detection) -> Severity:
    return rule.severity if one.severity is None else one.severity


def _mark(finding: Finding, owner: KeyOwner, facts: dict[str, object]) -> Finding:
    """The finding with whose key it is; keys of one user count as one where projects are compared."""
    used = f"last used on {owner.used:%Y-%m-%d} with {owner.service}" if owner.used else "never used"
    words = list_powers(facts)
    first = f"; it {words[0]}" if words and words[0].startswith("can ") else f"; {words[0]}" if words else ""
    of_user = compute_fingerprint("user", (owner.user.encode(),))
    whose = f"key of user {owner.user}, {owner.status}, {used}{first}" if owner.user else _NOBODYS[owner.status]
    return replace(
        finding,
        message=f"{finding.message}; {whose}",
        attributes={**finding.attributes, "owner": facts},
        values=finding.values | {of_user} if owner.user else finding.values,
        exposure={**finding.exposure, "alive": owner.status is KeyStatus.ACTIVE}
        if owner.status is not KeyStatus.OF_ROOT
        else finding.exposure,
    )
