"""Ends an access key: the plan first, then deactivate, end its sessions, and much later delete."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from credguard.aws.live.client import CallError
from credguard.errors import CredguardError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.aws.live.client import AwsClient
    from credguard.aws.live.owner import OwnedKey

SESSIONS_POLICY = "credguard-end-sessions"
"""The inline policy that denies everything to sessions begun before a moment."""
_LOOKUP_REGION = "us-east-1"
"""Where CloudTrail keeps the events of IAM, for the partition `aws`."""
_INACTIVE_FOR = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it does, and the command that does the same."""

    text: str
    command: str


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What became of a step; `done` is False where it failed or was not taken."""

    text: str
    done: bool


def list_steps(owned: OwnedKey, *, delete: bool) -> list[Step]:
    """The plan, in its order."""
    of_user = f"--user-name {owned.user}"
    of_key = f"{of_user} --access-key-id {owned.key.id}"
    steps = []
    if owned.key.active:
        steps.append(
            Step("deactivate the key, which can be undone", f"aws iam update-access-key {of_key} --status Inactive")
        )
    steps += [
        Step(
            "end the sessions that were made with keys of this user (those of roles that it assumed go on until they"
            " expire: revoke them at the role)",
            f"aws iam put-user-policy {of_user} --policy-name {SESSIONS_POLICY} --policy-document file://deny.json",
        ),
        Step(
            "see for a day that nothing fails, and what the key did: in every Region that the account uses",
            f"aws cloudtrail lookup-events --lookup-attributes AttributeKey=AccessKeyId,AttributeValue={owned.key.id}",
        ),
        Step("replace it: with a role if one can do, else with a new key of another user for each project", ""),
    ]
    when = "delete the key" if delete else "delete the key, when it has been inactive for a day: --delete"
    return [*steps, Step(when, f"aws iam delete-access-key {of_key}")]


def check_allowed(owned: OwnedKey) -> None:
    """Raises CredguardError where the caller cannot do it."""
    if owned.quarantined and owned.is_callers_own:
        raise CredguardError(
            f"AWS has quarantined user {owned.user}, which denies this user to change its own keys",
            "run this as another user or role of the account",
        )


def carry_out(client: AwsClient, owned: OwnedKey, *, delete: bool, force: bool) -> Iterator[StepOutcome]:
    """Takes the steps, each with its outcome; a key that works is never deleted first. Nothing is tried twice."""
    if owned.key.active:
        yield from _take(
            client, "update_access_key", f"deactivated {owned.key.id}",
            UserName=owned.user, AccessKeyId=owned.key.id, Status="Inactive",
        )  # fmt: skip
        if _is_active(client, owned):
            yield StepOutcome(f"{owned.key.id} is still active: nothing else was done", done=False)
            return
    else:
        yield StepOutcome(f"{owned.key.id} was inactive already", done=True)
    document = _make_sessions_policy(datetime.now(timezone.utc))
    yield from _take(
        client, "put_user_policy", f"ended the sessions of user {owned.user} (inline policy {SESSIONS_POLICY})",
        UserName=owned.user, PolicyName=SESSIONS_POLICY, PolicyDocument=document,
    )  # fmt: skip
    if delete:
        yield from _delete(client, owned, force=force)


def _delete(client: AwsClient, owned: OwnedKey, *, force: bool) -> Iterator[StepOutcome]:
    if not force:
        reason = "it was active until now" if owned.key.active else _find_reason_to_wait(client, owned)
        if reason:
            yield StepOutcome(f"did not delete {owned.key.id}: {reason}; wait a day, or add --force", done=False)
            return
    yield from _take(
        client, "delete_access_key", f"deleted {owned.key.id}", UserName=owned.user, AccessKeyId=owned.key.id
    )


def _find_reason_to_wait(client: AwsClient, owned: OwnedKey) -> str:
    """Why the key must not be deleted yet; empty for one that has been inactive for a day."""
    try:
        since = _find_deactivation(client, owned)
    except CallError as error:
        return f"since when it is inactive is unknown ({error.text})"
    if since is None:
        return "since when it is inactive is unknown: CloudTrail has no event of that"
    return (
        ""
        if datetime.now(timezone.utc) - since >= _INACTIVE_FOR
        else f"it is inactive since {since:%Y-%m-%d %H:%M} UTC"
    )


def _find_deactivation(client: AwsClient, owned: OwnedKey) -> datetime | None:
    """When the key was last made inactive, by the event history of 90 days."""
    region = _LOOKUP_REGION if owned.caller.partition == "aws" else ""
    wanted = [{"AttributeKey": "EventName", "AttributeValue": "UpdateAccessKey"}]
    found: list[datetime] = []
    for page in client.iter_pages("cloudtrail", "lookup_events", region, LookupAttributes=wanted):
        for event in page.get("Events", ()):
            asked = _read_request(str(event.get("CloudTrailEvent", "")))
            when = event.get("EventTime")
            if asked.get("accessKeyId") == owned.key.id and isinstance(when, datetime):
                found.append(when.astimezone(timezone.utc))
    return max(found, default=None)


def _read_request(text: str) -> dict[str, object]:
    try:
        asked = json.loads(text).get("requestParameters")
    except (ValueError, AttributeError):
        return {}
    return asked if isinstance(asked, dict) else {}


def _is_active(client: AwsClient, owned: OwnedKey) -> bool:
    """True unless AWS says that the key is inactive; the key's own user may not be able to ask any more."""
    try:
        pages = client.iter_pages("iam", "list_access_keys", UserName=owned.user)
        known = {key["AccessKeyId"]: key["Status"] for page in pages for key in page.get("AccessKeyMetadata", ())}
    except CallError as error:
        return error.code != "InvalidClientTokenId"
    return known.get(owned.key.id) != "Inactive"


def _take(client: AwsClient, method: str, done: str, **words: str) -> Iterator[StepOutcome]:
    try:
        client.change("iam", method, **words)
    except CallError as error:
        yield StepOutcome(f"could not: {error.text}", done=False)
    else:
        yield StepOutcome(done, done=True)


def _make_sessions_policy(moment: datetime) -> str:
    condition = {"DateLessThan": {"aws:TokenIssueTime": moment.strftime("%Y-%m-%dT%H:%M:%SZ")}}
    statement = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
