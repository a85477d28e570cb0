"""Who gets access through a statement: anyone, any identity of a shared provider, or those its conditions name."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from credguard.lazy_re import compile_lazily
from credguard.model.findings import Severity
from credguard.rules.infrastructure._iam_actions import match_action
from credguard.rules.infrastructure._iam_values import UNKNOWN_VALUE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.rules.infrastructure._iam_statements import Condition, Statement

GITHUB = "token.actions.githubusercontent.com"
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
_OPEN_SUBJECT = compile_lazily(r"\*+|repo:\*.*|repo:[^/*]*\*.*|repo:/?\*.*|repo|r(?:e(?:po?)?)?\*.*")
_OWNER_SUBJECT = compile_lazily(r"repo:[^/*]+/\*.*")
_SHARED = {  # providers that everyone can get an identity from -> the claims of which one must be restricted
    GITHUB: ("sub", "repository", "repository_id", "repository_owner_id", "job_workflow_ref", "environment"),
    "gitlab.com": ("sub",),
    "app.terraform.io": ("sub",),
    "cognito-identity.amazonaws.com": ("aud",),
    "accounts.google.com": ("aud", "oaud", "sub"),
    "graph.facebook.com": ("app_id", "id"),
    "www.amazon.com": ("app_id", "user_id"),
}  # fmt: skip
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
    if _NEGATIVE.search(condition.operator.partition(":")[2] or condition.operator) and key != "?":
        return False
    if key != "?" and key not in _WHO and not key.startswith(_WHOSE):
        return False
    return not condition.values or not any(value in _NOBODY for value in condition.values)


def _find_providers(statement: Statement) -> Iterator[str]:
    """The shared identity providers that a trust policy names, in its principals or in the keys of its conditions."""
    if not any(match_action(action, one) for action in statement.actions for one in _ASSUMING):
        return
    named = [value.lower() for kind, value in statement.principals if kind == "federated"]
    keys = [condition.key for condition in statement.conditions]
    for provider in _SHARED:
        principal = any(f"/{provider}/" in f"/{value}/" for value in named)
        if principal or (named and any(key.startswith((f"{provider}:", f"{provider}/")) for key in keys)):
            yield provider


def _check_provider(statement: Statement, provider: str) -> Opening | None:
    claims = {
        condition.key.rpartition(":")[2]: condition
        for condition in statement.conditions
        if condition.key.startswith((f"{provider}:", f"{provider}/")) and not _NEGATIVE.search(condition.operator)
    }
    if any(condition.key in {"?", ""} or condition.key.startswith("${") for condition in statement.conditions):
        return None  # keys that are unknown until deployment
    needed = _SHARED[provider]
    given = [claims[name] for name in needed if name in claims]
    if not given:
        words = f"gives access to every identity of {provider}: no condition on :{needed[0]}"
        return Opening("no-subject", Severity.MEDIUM, words, "condition" if claims else "principal")
    if provider != GITHUB:
        wide = all(set(one.values) & {"*"} for one in given)
        words = f"gives access to every identity of {provider}: :{needed[0]} is *"
        return Opening("open-subject", Severity.MEDIUM, words, "condition") if wide else None
    return _check_github(claims, len(given))


def _check_github(claims: dict[str, Condition], given: int) -> Opening | None:
    subject = claims.get("sub")
    if subject and given == 1 and "like" in subject.operator:
        for value in subject.values:
            if _OPEN_SUBJECT.fullmatch(value):
                words = f"gives access to workflows of any GitHub repository: :sub is {value}"
                return Opening("open-subject", Severity.MEDIUM, words, "condition")
            if _OWNER_SUBJECT.fullmatch(value):
                words = f"gives access to workflows of every repository of the owner: :sub is {value}"
                return Opening("owner-subject", Severity.MEDIUM, words, "condition")
    if subject and "aud" not in claims and given == 1:
        return Opening(
            "no-audience", Severity.LOW, f"does not restrict the audience of a token of {GITHUB}: no :aud", "condition"
        )
    return None
