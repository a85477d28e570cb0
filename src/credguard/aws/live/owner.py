"""Whose an access key is, asked with one's own credentials: account, user, last use, and the user's other keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from credguard.aws.account_state import QUARANTINE, Caller
from credguard.aws.key_id import CANARY_ACCOUNTS, decode_account
from credguard.aws.live.client import CallError
from credguard.errors import CredguardError, ExitCode
from credguard.model.text_enum import TextEnum

if TYPE_CHECKING:
    from credguard.aws.live.client import AwsClient

_KEY_ID = re.compile(r"A(?:KIA|SIA)[A-Z2-7]{16}")
_GONE = "NoSuchEntity"
_ROOT_HINT = (
    "sign in as the root user, open Security credentials, and delete the key there; in an organization, its management "
    "account can do so with sts:AssumeRoot"
)


@dataclass(frozen=True, slots=True)
class UserKey:
    """One key of a user: its ID, whether it works, and when it was made."""

    id: str
    active: bool
    created: datetime


@dataclass(frozen=True, slots=True)
class OwnedKey:
    """A key of a user of the caller's own account. `used`, `service` and `region` are of its last use (None and empty
    for none); `keys` are all keys of the user; `quarantined` is set where AWS saw one of them leak."""

    key: UserKey
    user: str
    caller: Caller
    used: datetime | None
    service: str
    region: str
    keys: tuple[UserKey, ...]
    quarantined: bool

    @property
    def is_callers_own(self) -> bool:
        """True where the caller is the user whose key it is."""
        return self.caller.arn.endswith((f":user/{self.user}", f"/{self.user}")) and ":user/" in self.caller.arn


def check_key_id(key_id: str) -> None:
    """Raises CredguardError for what is no key of a user that somebody could own."""
    if not _KEY_ID.fullmatch(key_id):
        raise CredguardError(f"{key_id[:40]} is no access key ID", "one begins with AKIA and has 20 characters")
    if key_id.startswith("ASIA"):
        raise CredguardError(
            f"{key_id} is a temporary key, which cannot be deactivated",
            "end the sessions of the role or user that it is of: IAM console, the role, Revoke sessions",
        )
    account = decode_account(key_id.encode())
    if account in CANARY_ACCOUNTS:
        raise CredguardError(f"{key_id} is a canary, a trap of account {account}", "leave it alone, and do not use it")


def find_owner(client: AwsClient, key_id: str) -> OwnedKey:
    """Whose the key is; raises CallError, and CredguardError for a key of another account, of root, or of nobody."""
    check_key_id(key_id)
    answer = client.contact()
    caller = Caller(str(answer.get("Account", "")), str(answer.get("Arn", "")))
    account = decode_account(key_id.encode()) or _ask_account(client, key_id)
    if account != caller.account:
        raise CredguardError(
            f"{key_id} is a key of account {account}, and these credentials are of account {caller.account}",
            "give --profile for that account, or tell its owner",
        )
    try:
        found = client.ask("iam", "get_access_key_last_used", AccessKeyId=key_id)
    except CallError as error:
        if error.code == _GONE:
            raise CredguardError(f"account {account} has no key {key_id}", "it was deleted already") from None
        raise
    user = str(found.get("UserName") or "")
    keys = _list_keys(client, user, account)
    this = next((key for key in keys if key.id == key_id), None)
    if this is None:
        raise CredguardError(f"{key_id} is a key of the root user of account {account}", _ROOT_HINT)
    used = found.get("AccessKeyLastUsed", {})
    when = used.get("LastUsedDate")
    return OwnedKey(
        this, user, caller, when.astimezone(timezone.utc) if isinstance(when, datetime) else None,
        str(used.get("ServiceName", "")), str(used.get("Region", "")), keys, _is_quarantined(client, user),
    )  # fmt: skip


class KeyStatus(TextEnum):
    """What the account says of a key."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    DELETED = "deleted"
    OF_ROOT = "of-root"


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """Whose a key that was found is. `created` and `used` are None where that is not known."""

    user: str
    status: KeyStatus
    created: datetime | None = None
    used: datetime | None = None
    service: str = ""
    region: str = ""


def find_user_key(client: AwsClient, key_id: str) -> KeyOwner:
    """Whose a key of the caller's own account is; raises CallError."""
    try:
        found = client.ask("iam", "get_access_key_last_used", AccessKeyId=key_id)
    except CallError as error:
        if error.code == _GONE:
            return KeyOwner("", KeyStatus.DELETED)
        raise
    user, used = str(found.get("UserName") or ""), found.get("AccessKeyLastUsed", {})
    this = next((key for key in _list_keys(client, user, "") if key.id == key_id), None)
    when = used.get("LastUsedDate")
    return KeyOwner(
        user if this else "",
        KeyStatus.OF_ROOT if this is None else KeyStatus.ACTIVE if this.active else KeyStatus.INACTIVE,
        this.created if this else None,
        when.astimezone(timezone.utc) if isinstance(when, datetime) else None,
        str(used.get("ServiceName", "")), str(used.get("Region", "")),
    )  # fmt: skip


def _ask_account(client: AwsClient, key_id: str) -> str:
    """The account of an ID of the old form, which does not tell it."""
    return str(client.ask("sts", "get_access_key_info", AccessKeyId=key_id).get("Account", ""))


def _list_keys(client: AwsClient, user: str, account: str) -> tuple[UserKey, ...]:
    """The keys of a user; none for the root user, who has no name."""
    if not user or user == account or user.startswith("<"):
        return ()
    try:
        pages = client.iter_pages("iam", "list_access_keys", UserName=user)
        return tuple(_read_key(key) for page in pages for key in page.get("AccessKeyMetadata", ()))
    except CallError as error:
        if error.code == _GONE:
            return ()
        raise


def _read_key(key: dict[str, Any]) -> UserKey:
    return UserKey(key["AccessKeyId"], key["Status"] == "Active", key["CreateDate"].astimezone(timezone.utc))


def _is_quarantined(client: AwsClient, user: str) -> bool:
    pages = client.iter_pages("iam", "list_attached_user_policies", UserName=user)
    return any(QUARANTINE.fullmatch(one["PolicyArn"]) for page in pages for one in page.get("AttachedPolicies", ()))


def make_incomplete(error: CallError) -> CredguardError:
    """The end of a command that needs an answer which AWS did not give."""
    return CredguardError(error.text, "nothing was changed", ExitCode.INCOMPLETE)
