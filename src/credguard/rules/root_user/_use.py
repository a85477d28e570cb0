"""Tells from the text around a root ARN whether the root user is the one who acted, and how it is known."""

from __future__ import annotations

import re
from enum import Enum

from credguard.aws.root_user import flat
from credguard.lazy_re import regex


class Use(Enum):
    """How a text shows that the root user acted; the value is the sentence for it."""

    CALLER = "the root user of account {account} is the caller in this output or log"
    DENIED = "the root user of account {account} made the request that this error message denies"
    ACTOR = "this record says that the root user of account {account} made or changed something"
    KEY = "an access key of the root user of account {account} was used (CloudTrail)"
    SESSION = "the root user of account {account} worked in a console or temporary session (CloudTrail)"
    TRAIL = "the root user of account {account} acted (CloudTrail)"
    FEDERATED = "the root user of account {account} issued the session that acted (CloudTrail)"


_NEAR = 120
_FAR = 700
_ASKED_ROOM = 350
_EVENT = 6000
_SIGNS = rb"[\"'\s|>:=(,]"

# `Arn` as a name of its own (`aws:PrincipalArn` or `SourceArn` is another thing), then its value.
_ARN_NAME = regex(
    rb"(?<![\w:\-])(?:(?:caller|user|sts|identity|current|iam|aws)[ _\-]?){0,4}arn[\"'\s|>]{0,20}"
    rb"(?:=>|[:=|>(,]|\bis\b)?[\s\"'|>(]{0,40}(?:some\()?[\"']?\Z",
    re.IGNORECASE,
)
_USER_ID = regex(rb"user[ _\-]?id" + _SIGNS + rb"{1,40}(?:some\([\"'])?(\d{12})(?!\d)", re.IGNORECASE)
_MFA_DEVICE = regex(rb"enable_?date|serial_?number|mfa-device", re.IGNORECASE)
_ACCOUNT_BEFORE = regex(rb"(?<!\d)(\d{12})[ \t|]{1,40}\Z")
_ACCOUNT_AFTER = regex(rb"[ \t|]{1,40}(\d{12})(?!\d)")
_ASKED = regex(rb"caller[_\- ]?identity", re.IGNORECASE)
_ALONE = regex(rb"(?:\A|\n)[\s#>$\"'|*\[,]{0,40}\Z")
_NOT_AN_ANSWER = regex(
    rb"principal|\"aws\"|\baws\s{0,4}=|polic|identifiers|condition|statement|effect|[=!]=|=~|endswith|ends_with|startswith|"
    rb"match|equal|assert|\bif\b|\bunless\b|\bnever\b|\bnot\b|\bdeny\b|\bblock|\bmust\b|\bexpect",
    re.IGNORECASE,
)
_CALLED = regex(
    rb"(?:\b(?:caller(?:'s)?(?:[ _\-](?:identity|arn|is|principal)){0,3}|"
    rb"(?:running|(?:logged|signed)[ \-]?in|authenticated|authenticating|acting|executing|operating|deploying)"
    rb"(?: [\w\-]{1,20}){0,3} as(?: \w{1,20}){0,2}|whoami|current[ _\-](?:user|identity|principal|caller)|"
    rb"(?:aws|iam)[ _\-]identity)|(?-i:userArn|user_arn|UserArn))"
    rb"(?:[ _\-](?:arn|user|is|root)){0,2}[\"'\s:=>|()`*\-]{1,12}\Z",
    re.IGNORECASE,
)
_BY = regex(
    rb"(?:registered|created|modified|updated|initiated|requested|started|deployed|invoked|performed|executed|launched)"
    rb"[ _\-]?(?:by|user)(?:[ _\-]?(?:arn|user))?[\"'\s:=>|]{1,20}\Z",
    re.IGNORECASE,
)
_DENIED_BEFORE = regex(rb"\buser[\s:\"'`]{1,4}\Z", re.IGNORECASE)
_DENIED_AFTER = regex(rb"[\"'`]?\s{1,4}is not authorized")

_ROOT_TYPE = regex(rb"(?<![\w.$])type[\"'\s:=>|]{1,12}root\b(?![\-.])", re.IGNORECASE)
_IDENTITY_FIELD = regex(
    rb"principal[_ ]?id|account[_ ]?id|access[_ ]?key[_ ]?id|session[_ ]?context|invoked[_ ]?by", re.IGNORECASE
)
_INVOKED_BY = regex(rb"invoked[_ ]?by[\"'\s:=>|]{1,12}(?!nul|none|nil)\w", re.IGNORECASE)
_LONG_KEY = regex(rb"access[_ ]?key[_ ]?id[\"'\s:=>|]{1,12}AKIA", re.IGNORECASE)
_SESSION_CONTEXT = regex(rb"session[_ ]?context", re.IGNORECASE)
_ISSUER_BEFORE = regex(rb"session[_ ]?issuer[\"'\s:=>|]{1,20}\Z", re.IGNORECASE)
_SERVICE_EVENT = regex(rb"event[_ ]?type[\"'\s:=>|]{1,12}AwsServiceEvent|user[_ ]?identity", re.IGNORECASE)


def use_of(data: bytes, start: int, end: int, account: bytes) -> Use | None:
    """What the text around the root ARN at data[start:end] says of the root user; None for a mere mention."""
    near, next_to = flat(data, start - _NEAR, start), flat(data, end, end + _NEAR)
    if _DENIED_BEFORE.search(near) and _DENIED_AFTER.match(next_to):
        return Use.DENIED
    if _BY.search(near):
        return Use.ACTOR
    if _says_caller(near.rpartition(b"\n")[2]) or _between_accounts(near, next_to, account):
        return Use.CALLER
    if _ARN_NAME.search(near):
        before, after = flat(data, start - _FAR, start), flat(data, end, end + _FAR)
        return _trail(data, end, before, after) or _identity(before, after, account)
    return Use.CALLER if _ALONE.search(near) and _answers(flat(data, start - _ASKED_ROOM, start)) else None


def _says_caller(line: bytes) -> bool:
    return _CALLED.search(line) is not None and not _NOT_AN_ANSWER.search(line)


def _between_accounts(before: bytes, after: bytes, account: bytes) -> bool:
    """The text and table output: account, ARN and user ID side by side."""
    left, right = _ACCOUNT_BEFORE.search(before), _ACCOUNT_AFTER.match(after)
    return bool(left and right and left[1] == right[1] == account)


def _identity(before: bytes, after: bytes, account: bytes) -> Use | None:
    """Only root's user ID is the account number."""
    if _MFA_DEVICE.search(
        before[-250:] + after[:400]
    ):  # an entry of ListVirtualMFADevices: root's device, whoever asked
        return None
    around = (before[-400:], after[:400])
    if any(match[1] == account for text in around for match in _USER_ID.finditer(text)):
        return Use.CALLER
    if _answers(before[-_ASKED_ROOM:]):
        return Use.CALLER
    return None


def _answers(before: bytes) -> bool:
    """True when the caller's identity was asked for just before, and nothing but the answer lies between."""
    last = max((match.end() for match in _ASKED.finditer(before)), default=-1)
    return last >= 0 and not _NOT_AN_ANSWER.search(before, last)


def _trail(data: bytes, end: int, before: bytes, after: bytes) -> Use | None:
    """The user identity of a CloudTrail record, or the issuer of its session."""
    head, body = _object(before, after)
    if not _ROOT_TYPE.search(body) or not _IDENTITY_FIELD.search(body):
        return None
    if _ISSUER_BEFORE.search(head[-60:]):
        return Use.FEDERATED
    if _INVOKED_BY.search(body) or _is_service_event(data, end):
        return None
    if _LONG_KEY.search(body):
        return Use.KEY
    return Use.SESSION if _SESSION_CONTEXT.search(body) else Use.TRAIL


def _object(before: bytes, after: bytes) -> tuple[bytes, bytes]:
    """What stands before the braces around the ARN, and what stands in them; without braces, the lines around."""
    left = _unmatched(before[::-1], b"}")
    right = _unmatched(after, b"{")
    if left is None:
        return b"", before[-300:] + after[:300]
    cut = len(before) - left
    return before[: cut - 1], before[cut:] + after[: len(after) if right is None else right]


def _unmatched(text: bytes, opens: bytes) -> int | None:
    """The offset of the first brace in `text` that closes more than `opens` opened."""
    depth = 0
    for match in re.finditer(rb"[{}]", text):
        depth += 1 if match[0] == opens else -1
        if depth < 0:
            return match.start()
    return None


def _is_service_event(data: bytes, end: int) -> bool:
    """True when this record's event type, before the next record's identity, is AwsServiceEvent."""
    match = _SERVICE_EVENT.search(flat(data, end, end + _EVENT))
    return bool(match and match[0].endswith(b"AwsServiceEvent"))
