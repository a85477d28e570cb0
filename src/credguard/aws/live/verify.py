"""Asks AWS whether a key works: one call of sts:GetCallerIdentity with the key itself, and never for a known canary."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from credguard.aws.account_state import Caller
from credguard.aws.key_id import CANARY_ACCOUNTS, decode_account
from credguard.aws.live.client import DENIED, AwsClient, CallError, explain_failure, make_session, silence_loggers
from credguard.heuristics.expiry import format_rfc3339
from credguard.model.verification import Verification, VerificationStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from credguard.model.secret import Secret

_BETWEEN_SECRETS = 6.0
"""Seconds between two secrets of one key ID: within five, AWS takes the second for wrong even if it is right."""
_MOST_SECRETS = 2
_CONNECT_SECONDS, _READ_SECONDS = 4, 10
_DEFAULT_REGION = "us-east-1"
_GONE_CODES = ("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId")
_EXPIRED_CODES = ("ExpiredToken", "ExpiredTokenException")


@dataclass(slots=True)
class Verifier:
    """Asks about one key after another, about each once. With `all_accounts` it asks about keys of any account, else
    about those of the accounts that the caller names. `asked` counts the keys that were used."""

    all_accounts: bool = False
    wait: Callable[[float], None] = time.sleep
    asked: int = 0
    _known: dict[tuple[str, Secret, Secret | None], Verification] = field(default_factory=dict)
    _secrets: dict[str, list[Verification]] = field(default_factory=dict)
    _own: Caller | CallError | None = None
    _own_client: AwsClient | None = None
    _lost: str = ""

    def verify(self, key_id: str, secret: Secret, token: Secret | None, own: frozenset[str]) -> Verification:
        """Whether the key works; `own` are the accounts whose keys may be asked about."""
        key = (key_id, secret, token)
        if key not in self._known:
            self._known[key] = self._verify(key_id, secret, token, own)
        return self._known[key]

    def _verify(self, key_id: str, secret: Secret, token: Secret | None, own: frozenset[str]) -> Verification:
        account = decode_account(key_id.encode()) or self._ask_account(key_id)
        if account in CANARY_ACCOUNTS:
            return Verification(VerificationStatus.CANARY, "a trap: its owner would see the call", account=account)
        if not account:
            return Verification(
                VerificationStatus.NOT_ASKED, "its ID does not tell its account, so that it may be a canary"
            )
        if not self.all_accounts and account not in own:
            reason = f"account {account} is not in `accounts.own` of the policy; --verify=all asks about any"
            return Verification(VerificationStatus.NOT_ASKED, reason, account=account)
        if key_id.startswith("ASIA") and token is None:
            return Verification(VerificationStatus.NOT_ASKED, "its session token was not found", account=account)
        before = self._secrets.setdefault(key_id, [])
        if any(one.status is VerificationStatus.LIVE for one in before):
            return Verification(
                VerificationStatus.WRONG, "another secret of this key ID is the right one", account=account
            )
        if len(before) >= _MOST_SECRETS:
            return Verification(
                VerificationStatus.NOT_ASKED, f"{_MOST_SECRETS} secrets of this key ID were tried", account=account
            )
        if before:
            self.wait(_BETWEEN_SECRETS)
        last_used = self._ask_last_used(key_id, account)
        found = self._ask(key_id, secret, token, account, last_used)
        before.append(found)
        return found

    def _ask(self, key_id: str, secret: Secret, token: Secret | None, account: str, last_used: str) -> Verification:
        region = self._client().region
        known = {
            "checked_at": format_rfc3339(datetime.now(timezone.utc)), "account": account, "last_used": last_used,
            "partition": _find_partition(region),
        }  # fmt: skip
        if self._lost:
            return Verification(VerificationStatus.UNKNOWN, self._lost, **known)
        self.asked += 1
        try:
            answer = _ask_identity(key_id, secret, token, region)
        except Exception as error:  # noqa: BLE001 - proxies and parsers make botocore raise whatever there is
            return self._read_failure(error, known)
        caller = Caller(str(answer.get("Account", "")), str(answer.get("Arn", "")))
        if not caller.arn.startswith("arn:"):
            return Verification(VerificationStatus.UNKNOWN, "the answer is not AWS's", **known)
        known |= {"account": caller.account, "partition": caller.partition}
        return Verification(
            VerificationStatus.LIVE, "it is the root user's" if caller.is_root else "", arn=caller.arn, **known
        )

    def _read_failure(self, error: Exception, known: dict[str, str]) -> Verification:
        """What a failure says of the key; whatever is no clear answer says nothing."""
        failure = explain_failure(error, "sts:GetCallerIdentity")
        if failure.code in _GONE_CODES:
            where = f"deleted, inactive, or not of partition {known['partition']}, which was asked; it may work again"
            return Verification(VerificationStatus.GONE, where, **known)
        if failure.code in _EXPIRED_CODES:
            return Verification(VerificationStatus.EXPIRED, "", **known)
        if failure.code in DENIED and _is_of_aws(error):
            return Verification(
                VerificationStatus.LIVE, "AWS denied the call, as an organization's policy may: the key works", **known
            )
        if failure.code == "SignatureDoesNotMatch":
            return Verification(VerificationStatus.WRONG, "the key ID exists and is active", **known)
        if not failure.code:
            self._lost = failure.reason
        return Verification(VerificationStatus.UNKNOWN, failure.reason, **known)

    def _client(self) -> AwsClient:
        """The user's own credentials."""
        if self._own_client is None:
            self._own_client = AwsClient()
        return self._own_client

    def _find_own(self) -> Caller | None:
        """Who the user is, None where that cannot be asked."""
        if self._own is None:
            try:
                answer = self._client().contact()
                self._own = Caller(str(answer.get("Account", "")), str(answer.get("Arn", "")))
            except CallError as error:
                self._own = error
        return self._own if isinstance(self._own, Caller) else None

    def _ask_account(self, key_id: str) -> str:
        """The account of an ID of the old form, by the user's own credentials: its owner does not see that."""
        if not self._find_own():
            return ""
        try:
            return str(self._client().ask("sts", "get_access_key_info", AccessKeyId=key_id).get("Account", ""))
        except CallError:
            return ""

    def _ask_last_used(self, key_id: str, account: str) -> str:
        """The last use before this one, for a key of the user's own account; empty where it cannot be asked."""
        own = self._find_own()
        if own is None or own.account != account or key_id.startswith("ASIA"):
            return ""
        try:
            used = self._client().ask("iam", "get_access_key_last_used", AccessKeyId=key_id)
        except CallError:
            return ""
        when = used.get("AccessKeyLastUsed", {}).get("LastUsedDate")
        return format_rfc3339(when.astimezone(timezone.utc)) if isinstance(when, datetime) else "never"


def _ask_identity(key_id: str, secret: Secret, token: Secret | None, region: str) -> dict[str, Any]:
    """The answer of sts:GetCallerIdentity, asked once; the values go into the signature and nowhere else."""
    from botocore.config import Config

    silence_loggers()
    values = [one.reveal().decode("ascii") for one in (secret, token) if one]
    client = make_session(key=(key_id, *values), region=region).client(
        "sts",
        config=Config(
            connect_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS, user_agent_extra="credguard-verify",
            retries={"mode": "standard", "total_max_attempts": 1},
        ),
    )  # fmt: skip
    answer: dict[str, Any] = client.get_caller_identity()
    return answer


def _find_partition(region: str) -> str:
    for start, partition in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov"), ("eusc-", "aws-eusc")):
        if region.startswith(start):
            return partition
    return "aws"


def _get_header(error: Exception, name: str) -> str:
    response = getattr(error, "response", None)
    headers = response.get("ResponseMetadata", {}).get("HTTPHeaders", {}) if isinstance(response, dict) else {}
    return str(headers.get(name, ""))


def _is_of_aws(error: Exception) -> bool:
    """True for an answer with AWS's request ID, which a proxy does not give."""
    return bool(_get_header(error, "x-amzn-requestid"))
