"""Who gets access through a statement: anyone, any identity of a shared provider, or those its conditions name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from credguard.aws.iam_patterns import match_action
from credguard.lazy_re import compile_lazily
from credguard.model.findings import Severity
from credguard.rules.infrastructure._iam_subjects import (
    GITHUB,
    ISSUERS,
    NARROW,
    OPEN,
    OWNER,
    Claim,
    find_issuer_of_subject,
    grade_pattern,
)
from credguard.rules.infrastructure._iam_values import UNKNOWN_VALUE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.rules.infrastructure._iam_statements import Condition, Statement

_WHO = {
    "aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths", "aws:principalorgid",
    "aws:principalorgpaths", "aws:principalaccount", "aws:principalarn", "aws:userid",
    "aws:principalservicename", "aws:username", "aws:sourcevpc", "aws:sourcevpce", "aws:vpcsourceip", "aws:sourceip",
    "aws:sourceowner", "kms:calleraccount", "kms:grantoperations", "kms:grantisforawsresource", "sns:endpoint",
    "s3:dataaccesspointaccount", "s3:dataaccesspointarn", "lambda:eventsourcetoken", "aws:principalisawsservice",
    "lambda:functionurlauthtype", "aws:vpceaccount", "aws:vpceorgid", "elasticfilesystem:accessedviamounttarget",
}  # fmt: skip
_WHOSE = ("aws:principaltag/", "saml:", "cognito-identity.amazonaws.com:", "aws:resourcetag/", "aws:requesttag/")
_NOBODY = {"*", "0.0.0.0/0", "::/0", "arn:aws:*", "arn:*"}
_NEGATIVE = compile_lazily(r"not|null")
_PUBLIC_READ = ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging", "s3:GetObjectAcl", "s3:GetObjectTorrent")
_PUBLIC_CALLS = ("execute-api:invoke", "execute-api:*", "lambda:invokefunctionurl", "vpc-lattice-svcs:invoke")
_ASSUMING = ("sts:AssumeRole", "sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML")


class Opening(NamedTuple):
    """A problem with who gets access through a statement."""

    what: str
    severity: Severity
    words: str
    element: str


def is_bounding_statement(statement: Statement) -> bool:
    """True for a statement that denies access to everyone whom a condition does not name."""
    if not statement.denies or not any(value == "*" for _, value in statement.principals):
        return False
    return any(
        _NEGATIVE.search(condition.operator) and (condition.key in _WHO or condition.key.startswith(_WHOSE))
        for condition in statement.conditions
    )


def find_trust_opening(statement: Statement) -> Opening | None:
    """The most severe problem with a statement's principals; None if they are narrow enough."""
    if statement.context.place or statement.denies:
        return None
    if statement.not_principal:
        return Opening(
            "not-principal",
            Severity.MEDIUM,
            "gives access to everyone except those it names (NotPrincipal)",
            "notprincipal",
        )
    if any(kind in {"*", "aws"} and value == "*" for kind, value in statement.principals):
        return _check_everyone(statement)
    for provider in _find_providers(statement):
        found = _check_provider(statement, provider)
        if found:
            return found
    return None


def _check_everyone(statement: Statement) -> Opening | None:
    if any(_is_narrowing(condition) for condition in statement.conditions):
        return None
    if set(statement.actions) == {UNKNOWN_VALUE}:
        return None
    if statement.actions and all(_is_public_by_design(action) for action in statement.actions):
        return None
    shown = ", ".join((statement.actions or statement.not_actions)[:3])
    return Opening("everyone", Severity.MEDIUM, f"gives access to everyone (Principal *): {shown}", "principal")


def _is_public_by_design(action: str) -> bool:
    """Read access to a public bucket's objects, calls that answer the internet, and updates in a stack policy."""
    return (
        action.lower().startswith("update:")
        or action.lower() in _PUBLIC_CALLS
        or (action[-1:] != "*" and any(match_action(action, one) for one in _PUBLIC_READ))
    )


def _is_narrowing(condition: Condition) -> bool:
    """True if a condition restricts access to a part of the world, or might."""
    key = condition.key
    if _NEGATIVE.search(condition.operator.partition(":")[2] or condition.operator) and key != UNKNOWN_VALUE:
        return False
    if key != UNKNOWN_VALUE and key not in _WHO and not key.startswith(_WHOSE):
        return False
    return not condition.values or not any(value in _NOBODY for value in condition.values)


def _find_providers(statement: Statement) -> Iterator[str]:
    """The identity providers that a trust policy names: in its principals, in the keys of its conditions, or by the
    form of the subject that they ask for."""
    if not any(match_action(action, one) for action in statement.actions for one in _ASSUMING):
        return
    named = [value.lower() for kind, value in statement.principals if kind == "federated"]
    keys = [condition.key for condition in statement.conditions] if named else []
    subjects = {find_issuer_of_subject(value) for one in statement.conditions if named and _is_unknown_subject(one.key)
                for value in one.values}  # fmt: skip
    for provider in ISSUERS:
        if (
            provider in subjects
            or any(f"/{provider}/" in f"/{value}/" for value in named)
            or any(key.startswith((f"{provider}:", f"{provider}/")) for key in keys)
        ):
            yield provider


def _is_unknown_subject(key: str) -> bool:
    """True for the subject of a provider that a reference names: `${local.provider}:sub`."""
    return key.endswith(":sub") and key[:1] in {"$", UNKNOWN_VALUE, "{"}


def _check_provider(statement: Statement, provider: str) -> Opening | None:
    issuer, unknown, audience = ISSUERS[provider], False, False
    given: list[tuple[int, str, str]] = []  # whom a condition admits, its claim, and the widest value
    for condition in statement.conditions:
        known = condition.key.startswith((f"{provider}:", f"{provider}/")) or _is_unknown_subject(condition.key)
        name = condition.key.rpartition(":")[2] if known else ""
        unknown = unknown or (not known and condition.key[:1] in {UNKNOWN_VALUE, "", "$", "{"})
        unknown = unknown or condition.key.startswith("aws:requesttag/")
        if _NEGATIVE.search(condition.operator):
            continue
        audience = audience or name == "aud"
        if name in issuer.claims:
            grade, value = _grade_condition(condition, issuer.claims[name])
            given.append((grade, name, value))
    if not given:
        words = f"gives access to every identity of {provider}: no condition on :{next(iter(issuer.claims))}"
        missing = Opening("no-subject", Severity.MEDIUM, words, "condition" if audience else "principal")
        return missing if issuer.shared and not unknown else None
    grade, name, value = min(given)
    if grade == OPEN or (grade == OWNER and provider == GITHUB and name in {"sub", "repository"}):
        return _build_opening(provider, name, value, everyone=grade == OPEN)
    if provider == GITHUB and not audience and not unknown and {one for _, one, _ in given} == {"sub"}:
        return Opening(
            "no-audience", Severity.LOW, f"does not restrict the audience of a token of {GITHUB}: no :aud", "condition"
        )
    return None


def _grade_condition(condition: Condition, claim: Claim) -> tuple[int, str]:
    """Whom the widest value of a condition admits, and that value."""
    if "like" not in condition.operator:
        return NARROW, ""
    return max(((grade_pattern(value, claim), value) for value in condition.values), default=(NARROW, ""))


def _build_opening(provider: str, claim: str, value: str, *, everyone: bool) -> Opening:
    if not everyone:
        words = f"gives access to workflows of every repository of the owner: :{claim} is {value}"
        return Opening("owner-subject", Severity.MEDIUM, words, "condition")
    members = "workflows of any GitHub repository" if provider == GITHUB else f"every {ISSUERS[provider].members}"
    where = "" if provider == GITHUB else f" of {provider}"
    return Opening(
        "open-subject", Severity.MEDIUM, f"gives access to {members}{where}: :{claim} is {value}", "condition"
    )
