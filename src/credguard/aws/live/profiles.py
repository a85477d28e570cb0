"""Who each profile of this machine is, and why one does not work, in words for whoever set it up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from credguard.aws.account_state import Caller
from credguard.aws.live.client import CLOCK, NO_CREDENTIALS, AwsClient, CallError, list_profiles
from credguard.aws.live.report import make_blank_row, make_user_report
from credguard.model.text_enum import TextEnum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from credguard.aws.account_state import AccountItem


class ProfileStatus(TextEnum):
    """Whether a profile's credentials work."""

    WORKS = "works"
    FAILS = "fails"
    OVER = "expired"
    EMPTY = "without-credentials"
    UNREACHABLE = "unreachable"


_OVER_CODES = ("ExpiredToken", "ExpiredTokenException")
_FAILING_CODES = (
    "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch",
    "IncompleteSignature", CLOCK,
)  # fmt: skip
_MOST_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class ProfileState:
    """One profile: whether it works and who it is, or why it does not. `items` are for the rules, `note` is what could
    not be found out beside."""

    name: str
    status: ProfileStatus
    reason: str = ""
    caller: Caller | None = None
    items: tuple[AccountItem, ...] = ()
    note: str = ""

    @property
    def fails(self) -> bool:
        """True for credentials that do not work."""
        return self.status is ProfileStatus.FAILS

    @property
    def text(self) -> str:
        """One line on it."""
        if self.caller:
            root = ", the root user: use a role or IAM Identity Center instead" if self.caller.is_root else ""
            return f"profile {self.name} is {self.caller.arn} of account {self.caller.account}{root}"
        words = {
            ProfileStatus.FAILS: "does not work",
            ProfileStatus.OVER: "has expired",
            ProfileStatus.EMPTY: "is empty",
            ProfileStatus.UNREACHABLE: "could not be tried",
        }
        return f"profile {self.name} {words[self.status]}: {self.reason}"

    def build_entry(self) -> dict[str, object]:
        """The profile as JSON reports show it."""
        who = {"account": self.caller.account, "arn": self.caller.arn} if self.caller else {}
        return {"profile": self.name, "status": self.status, **who, **({"reason": self.reason} if self.reason else {})}


def ask_profiles() -> list[ProfileState]:
    """The state of each profile, and of what the usual chain finds where no profile is called default; raises
    CredguardError where AWS's configuration cannot be read."""
    names = list_profiles()
    callers = names if "default" in names else ["", *names]
    with ThreadPoolExecutor(_MOST_AT_ONCE) as pool:
        states = list(pool.map(_ask, callers))
    return [state for state in states if state.name != "default" or state.caller or "default" in names]


def _ask(name: str) -> ProfileState:
    client, shown = AwsClient(name), name or "default"
    try:
        answer = client.contact()
    except CallError as error:
        return ProfileState(shown, _classify(error), error.reason + _name_partition(client, error))
    caller = Caller(str(answer.get("Account", "")), str(answer.get("Arn", "")))
    try:
        rows = _ask_key(client, caller)
    except CallError as error:
        return ProfileState(
            shown, ProfileStatus.WORKS, "", caller, (caller,), f"the age of its key is unknown: {error.text}"
        )
    return ProfileState(shown, ProfileStatus.WORKS, "", caller, (caller, *rows))


def _classify(error: CallError) -> ProfileStatus:
    if error.reason == NO_CREDENTIALS:
        return ProfileStatus.EMPTY
    if error.code in _OVER_CODES or "expired" in error.reason:
        return ProfileStatus.OVER
    return ProfileStatus.FAILS if error.code in _FAILING_CODES or not error.is_of_network else ProfileStatus.UNREACHABLE


def _name_partition(client: AwsClient, error: CallError) -> str:
    """Which partition was asked, where the Region is of another than most."""
    for start, partition in (("cn-", "aws-cn (China)"), ("us-gov-", "aws-us-gov (GovCloud)")):
        if error.code and client.region.startswith(start):
            return f"; its Region {client.region} is of partition {partition}, where only keys of that partition work"
    return ""


def _ask_key(client: AwsClient, caller: Caller) -> tuple[AccountItem, ...]:
    """The profile's own key as a row of a credential report, so that the rule on old keys can see it; nothing for
    sessions, which end by themselves."""
    key_id = client.find_key_id()
    if not key_id.startswith("AKIA") or caller.is_root:
        return ()
    pages = client.iter_pages("iam", "list_access_keys")
    keys: Sequence[dict[str, Any]] = [key for page in pages for key in page.get("AccessKeyMetadata", ())]
    this = next((key for key in keys if key["AccessKeyId"] == key_id), None)
    if this is None:
        return ()
    row = make_blank_row(this["UserName"], caller.arn) | {
        "access_key_1_active": "true", "access_key_1_last_rotated": this["CreateDate"].isoformat(),
        "access_key_1_last_used_date": "unknown",
    }  # fmt: skip
    return (make_user_report(caller.account, row, datetime.now(timezone.utc)),)
