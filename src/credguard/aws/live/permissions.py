"""Everybody and everything in an account that has permissions: users, groups, roles, and the policies they share."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from credguard.aws.account_state import Holder, PolicyDocument
from credguard.aws.live.answers import MFA, Remark
from credguard.aws.live.client import CallError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.aws.live.client import AwsClient

_CALL = "get_account_authorization_details"
_PERMISSION = "iam:GetAccountAuthorizationDetails"
_FILTER = ["User", "Role", "Group", "LocalManagedPolicy"]
_PAGE = 1000
_LISTS = (("user", "UserDetailList"), ("group", "GroupDetailList"), ("role", "RoleDetailList"))
_OF_SERVICES = "/aws-service-role/"
"""The path of roles that AWS's services make for themselves and nobody can change."""
_IDENTITY_CENTER = "/aws-reserved/sso.amazonaws.com/"
_OF_AWS = ":iam::aws:policy/"
_CENTER_REMARK = "people who sign in through IAM Identity Center are not looked at"


def iter_holders(client: AwsClient, account: str) -> Iterator[Holder | Remark]:
    """Each user, group, role and attached policy of the account's own; raises CallError, also in the middle."""
    center = False
    for page in client.iter_pages("iam", _CALL, Filter=_FILTER, MaxItems=_PAGE):
        center = center or any(
            one.get("Path", "").startswith(_IDENTITY_CENTER) for one in page.get("RoleDetailList", ())
        )
        yield from _read_page(page, account)
    if center:
        yield Remark((MFA,), _CENTER_REMARK)


def _read_page(page: dict[str, Any], account: str) -> Iterator[Holder]:
    try:
        for kind, name in _LISTS:
            for entry in page.get(name, ()):
                if not entry.get("Path", "").startswith(_OF_SERVICES):
                    yield _read_holder(account, kind, entry)
        for entry in page.get("Policies", ()):
            if entry.get("AttachmentCount") and _OF_AWS not in entry["Arn"]:
                yield _read_policy(account, entry)
    except (KeyError, TypeError, AttributeError):
        raise CallError(_PERMISSION, "an entry of the answer has not what AWS documents") from None


def _read_holder(account: str, kind: str, entry: dict[str, Any]) -> Holder:
    name = entry[f"{kind.capitalize()}Name"]
    inside = entry.get(f"{kind.capitalize()}PolicyList", ())
    trust = entry.get("AssumeRolePolicyDocument") if kind == "role" else None
    return Holder(
        account, kind, name, entry["Arn"],
        tuple(one["PolicyArn"] for one in entry.get("AttachedManagedPolicies", ())),
        tuple(_make_document(one["PolicyName"], one["PolicyDocument"]) for one in inside),
        _make_document("trust policy", trust) if trust else None, tuple(entry.get("GroupList", ())),
    )  # fmt: skip


def _read_policy(account: str, entry: dict[str, Any]) -> Holder:
    """A policy of the account's own: its version in force."""
    current = [one for one in entry.get("PolicyVersionList", ()) if one.get("IsDefaultVersion")]
    if not current:
        raise CallError(_PERMISSION, "the answer lacks the version in force of a policy")
    name = entry.get("PolicyName") or entry["Arn"].rpartition("/")[2]
    return Holder(account, "policy", name, entry["Arn"], policies=(_make_document(name, current[0]["Document"]),))


def _make_document(name: str, document: object) -> PolicyDocument:
    """A policy as JSON; boto3 gives it parsed."""
    text = document if isinstance(document, str) else json.dumps(document)
    return PolicyDocument(name, text.encode("utf-8"))
