"""A policy allows more than a single task needs: every action, every resource, or privilege escalation.

What it does
    Reads the IAM policies of JSON, CloudFormation, SAM, Serverless and Terraform files, CDK and Pulumi programs,
    scripts and API calls, and checks each Allow statement. Locals, defaults of variables and parameters, `for`,
    `format`, `split`, `merge` and the like are followed within a file. `Action: *` on `Resource: *` is high. Medium:
    all actions of a service, NotAction or NotResource with Allow, actions that allow privilege escalation
    (iam:PassRole for every role among them), and access to all objects, tables, secrets, parameters or keys. Low: all
    actions of a service on named resources, or of a low-value service (logs, metrics, traces), `Get*` and the like on
    everything, changing the permissions of named roles, and everything in test data, fixtures and snapshots. Not
    checked: statements that deny, that name a principal (CG406), or have a condition that is enough (see below),
    service control policies, permissions boundaries, endpoint and stack policies, test code, prose, and lists of
    read-only actions. `credguard account` reads the policies of the live account's users, groups and roles.

Why it matters
    Anyone who gets the credentials gets everything that the policy allows. With wildcards, one leaked key of one
    function exposes the account; with only the actions and resources that it needs, it exposes little.

How to fix
    Name the actions and the resources. For work with S3 objects, s3:GetObject, s3:PutObject, s3:DeleteObject on the
    bucket's objects and s3:ListBucket on the bucket are enough. IAM Access Analyzer generates a policy from CloudTrail.
    A condition is enough for all but `Action: *`, which it has to narrow by caller or resource: with MFA, TLS, region,
    time, user agent or calling service as the only condition, every action on every resource is still medium.

References
    IAM User Guide, "Security best practices in IAM" (apply least-privilege permissions) and "IAM JSON policy elements:
    NotAction"; CIS AWS Foundations Benchmark 1.16 (v1.4 to 4.0); Security Hub IAM.1, IAM.21, KMS.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from credguard.aws.account_state import Holder
from credguard.aws.iam_patterns import match_action
from credguard.lazy_re import compile_lazily
from credguard.model.findings import Detection, Severity
from credguard.rule import Rule
from credguard.rules.infrastructure import _iam_actions as actions_of
from credguard.rules.infrastructure._iam_policies import (
    PATTERNS,
    is_judged,
    is_staged,
    parse_account_policy,
    read_policy_statements,
)
from credguard.rules.infrastructure._iam_values import (
    UNKNOWN_VALUE,
    is_every_for,
    is_every_of_a_kind,
    is_everything,
    merge_stars,
)
from credguard.sources.test_data import lower_test_data
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from credguard.aws.account_state import AccountItem
    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob
    from credguard.rules.infrastructure._iam_statements import Statement

_ALL = ("*", "*:*")
_LOOSE = {
    "aws:multifactorauthpresent", "aws:multifactorauthage", "aws:securetransport", "aws:requestedregion",
    "aws:currenttime", "aws:epochtime", "aws:viaawsservice", "aws:useragent",
}  # fmt: skip
_S3 = "for S3 objects, s3:GetObject, s3:PutObject, s3:DeleteObject (bucket/*) and s3:ListBucket (bucket) are enough"
_SHOWN = 4
_FIXED = compile_lazily(r":role/aws-service-role/|:iam::aws:")  # what nobody but AWS can change
_OWN_RIGHTS = ("iam:PutUserPolicy", "iam:AttachRolePolicy", "iam:CreatePolicyVersion")


class _Fault(NamedTuple):
    what: str
    severity: Severity
    words: str
    element: str
    actions: tuple[str, ...] = ()
    values: tuple[str, ...] = ()  # those of the element that make it one


class _Found(NamedTuple):
    """A statement's fault with its line and place."""

    statement: Statement
    fault: _Fault
    line: int
    place: object


def _check(blob: Blob, hits: Hits) -> Iterator[Detection]:
    if not is_judged(blob):
        return
    faults = _find_faults(read_policy_statements(blob, hits))
    if faults and not is_staged(blob):
        yield from lower_test_data(blob, (_build_detection(blob.path, one) for one in faults))


def _check_account(item: AccountItem) -> Iterator[Detection]:
    if not isinstance(item, Holder):
        return
    for policy in item.policies:
        name = item.title if item.kind == "policy" else f"policy {policy.name} of {item.title}"
        for found in _find_faults(parse_account_policy(policy, name)):
            yield _build_detection(item.place, found)


def _find_faults(found: Iterable[Statement]) -> list[_Found]:
    """The statements that allow too much, each with its most severe problem; a value used twice is one cause."""
    judged = [one for one in found if not (one.principals or one.not_principal or one.denies or one.context.place)]
    granted: dict[int, list[str]] = {}
    for one in judged:
        if not one.conditions:
            granted.setdefault(one.context.document, []).extend(one.actions)
    passed = {document: actions_of.find_pass_role_actions(tuple(actions)) for document, actions in granted.items()}
    faults: dict[tuple[object, ...], _Found] = {}
    for one in judged:
        fault = _find_fault(one, passed.get(one.context.document, ()))
        if fault:
            found_here = _Found(one, fault, *_locate(one, fault))
            cause = (found_here.place, fault.what, fault.actions)
            faults[cause] = _join(faults.get(cause), found_here)
    return list(faults.values())


def _join(first: _Found | None, other: _Found) -> _Found:
    """Two statements that use one value: the one with a name, at the line where the value is."""
    if first is None:
        return other
    named = first if first.statement.context.name else other
    at_home = first if isinstance(first.place, tuple) and first.line == first.place[0] else other
    return named._replace(line=at_home.line)


def _find_fault(statement: Statement, passed: tuple[str, ...]) -> _Fault | None:
    """The most severe problem of a statement."""
    resources = statement.resources
    everything = any(is_everything(one) for one in resources) or bool(statement.not_resources)
    bound = any(condition.key not in _LOOSE for condition in statement.conditions)
    whole = tuple(action for action in statement.actions if merge_stars(action) in _ALL)
    if whole:
        if everything and not bound:
            severity = Severity.MEDIUM if statement.conditions else Severity.HIGH
            return _Fault("admin", severity, "every action on every resource", "action", (), whole)
        return None if bound else _Fault("all-actions", Severity.MEDIUM, "every action", "action", (), whole)
    if statement.conditions:
        return None
    if statement.not_actions:
        return _find_exception_fault(statement.not_actions, everything=everything)
    if statement.not_resources:
        return _Fault(
            "not-resource", Severity.MEDIUM, "every resource except those it names (NotResource)", "notresource"
        )
    wide = any(is_every_of_a_kind(one) for one in resources)
    found = _find_service_fault(statement, wide)
    return found or (_find_wide_fault(statement, passed) if wide else _find_attaching_fault(statement))


def _find_exception_fault(excepted: tuple[str, ...], *, everything: bool) -> _Fault:
    """NotAction: without IAM among what it names, its holders can give themselves the rest."""
    kept = any(match_action(action, one) for action in excepted for one in _OWN_RIGHTS)
    more = (
        ", with all of IAM: privilege escalation" if everything and not kept and UNKNOWN_VALUE not in excepted else ""
    )
    return _Fault("not-action", Severity.MEDIUM, f"every action except those it names (NotAction){more}", "notaction")


def _find_attaching_fault(statement: Statement) -> _Fault | None:
    """Any permissions for the roles, users, groups or policies that it names."""
    taken = actions_of.find_attaching_actions(statement.actions)
    if not taken or all(one == UNKNOWN_VALUE or _FIXED.search(one) for one in statement.resources):
        return None
    words = f"{_format_actions(taken)} on its resources, without a condition: privilege escalation"
    return _Fault("escalation", Severity.LOW, words, "action", taken, taken)


def _find_service_fault(statement: Statement, wide: bool) -> _Fault | None:
    """All actions of a service."""
    services = actions_of.find_full_services(statement.actions)
    if not services:
        return None
    serious = wide and not actions_of.QUIET.issuperset(services)
    said = ", ".join(f"{name}:*" for name in services[:_SHOWN]) + (" …" if len(services) > _SHOWN else "")
    where = "on every resource" if wide else "on its resources"
    severity = Severity.MEDIUM if serious else Severity.LOW
    values = tuple(action for action in statement.actions if actions_of.find_full_services((action,)))
    return _Fault("service", severity, f"every action of a service ({said}) {where}", "action", services, values)


def _find_wide_fault(statement: Statement, passed: tuple[str, ...]) -> _Fault | None:
    """Actions that should name their resources; `passed` are the actions that start something with a passed role."""
    actions = tuple(one for one in statement.actions if any(is_every_for(r, one) for r in statement.resources))
    taken = actions_of.find_escalating_actions(actions)
    if taken:
        words = f"{_format_actions(taken)} on every resource: privilege escalation"
        return _Fault("escalation", Severity.MEDIUM, words, "action", taken, taken)
    taken = tuple(action for action in actions if match_action(action, "iam:PassRole"))
    if taken:
        started = f"with {_format_actions(passed)}" if passed else "without a condition on iam:PassedToService"
        words = f"iam:PassRole for every role, {started}: the permissions of any role"
        return _Fault("pass-role", Severity.MEDIUM, words, "action", ("iam:PassRole", *passed), taken)
    taken = actions_of.find_data_actions(actions)
    if taken:
        severity = Severity.LOW if all(actions_of.is_read_family(action) for action in taken) else Severity.MEDIUM
        wide = tuple(one for one in statement.resources if is_every_for(one, taken[0]))
        return _Fault("data", severity, f"{_format_actions(taken)} on every resource", "resource", taken, wide)
    return None


def _locate(statement: Statement, fault: _Fault) -> tuple[int, object]:
    """The line of the value that makes the fault, and what tells whether two faults have one cause."""
    values = statement.actions if fault.element == "action" else statement.resources
    index = next((place for place, one in enumerate(values) if one in fault.values), 0)
    return statement.locate(fault.element, index)


def _format_actions(actions: tuple[str, ...]) -> str:
    return ", ".join(actions[:_SHOWN]) + (" …" if len(actions) > _SHOWN else "")


def _build_detection(path: str, found: _Found) -> Detection:
    statement, fault = found.statement, found.fault
    name = statement.context.name.rstrip(".") or statement.sid
    called = f"{name} allows" if name else "the policy allows"
    given = (*fault.actions, *statement.actions)
    identity = (name.encode() or encode_path(path), statement.sid.encode(), fault.what.encode())
    return Detection(
        f"{called} {fault.words}",
        severity=fault.severity,
        attributes={"kind": fault.what, "resource": name, "actions": list(dict.fromkeys(given))[:20]},
        remediation=(_S3,) if any(action.lower().startswith("s3") for action in given) else (),
        line=found.line,
        identity=(*identity, *sorted(action.encode() for action in dict.fromkeys(given))[:20]),
    )


RULE = Rule(
    id="CG402",
    name="wildcard-permission",
    severity=Severity.MEDIUM,
    summary="A policy allows every action, every resource, or privilege escalation",
    hint="name the actions and the resources that are needed",
    practices=("P06",),
    patterns=PATTERNS,
    check_blob=_check,
    check_account=_check_account,
    in_hooks=False,
    remediation=(
        "let IAM Access Analyzer generate a policy from what was used: aws accessanalyzer start-policy-generation",
        "aws accessanalyzer validate-policy --policy-type IDENTITY_POLICY --policy-document file://policy.json",
    ),
    standards=(
        "CIS AWS Foundations Benchmark: 1.16 (v1.4 to v4.0), 1.15 (v5.0), 2.15 (v6.0), 2.14 (v7.0)",
        "AWS Security Hub: IAM.1, IAM.21",
    ),
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notaction.html",
        "https://docs.aws.amazon.com/securityhub/latest/userguide/iam-controls.html",
    ),
)
