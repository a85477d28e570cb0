"""Tells from the text around a root ARN whether the root user is the one who acted, and how it is known."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING

from credguard.rules._root import flat

if TYPE_CHECKING:
    from collections.abc import Iterator


class Use(Enum):
    """How a text shows that the root user acted; the value is the sentence for it."""

    CALLER = "get-caller-identity or a log line names the root user of account {account} as the caller"
    DENIED = "an AWS error message shows the root user of account {account} making the request"
    ACTOR = "a resource or event records that the root user of account {account} made or changed it"
    KEY = "CloudTrail shows that an access key of the root user of account {account} was used"
    SESSION = "CloudTrail shows a console session of the root user of account {account}"
    TRAIL = "CloudTrail shows the root user of account {account} acting"
    FEDERATED = "CloudTrail shows a session that the root user of account {account} issued"


_BACK = 700
_AHEAD = 700
_EVENT = 6000
_SIGNS = rb"[\"'\s|>:=(,]"

# `Arn` as a name of its own (`aws:PrincipalArn` or `SourceArn` is another thing), then its value.
_ARN_NAME = re.compile(
    rb"(?<![\w:\-])(?:(?:caller|user|sts|identity|current|iam|aws)[ _\-]?){0,4}arn[\"'\s|>]{0,20}"
    rb"(?:=>|[:=|>(,]|\bis\b)?[\s\"'|>(]{0,40}(?:some\()?[\"']?\Z",
    re.IGNORECASE,
)
_USER_ID = re.compile(rb"user[ _\-]?id" + _SIGNS + rb"{1,40}(?:some\([\"'])?(\d{12})(?!\d)", re.IGNORECASE)
_ACCOUNT_BEFORE = re.compile(rb"(?<!\d)(\d{12})[ \t|]{1,40}\Z")
_ACCOUNT_AFTER = re.compile(rb"[ \t|]{1,40}(\d{12})(?!\d)")
_ASKED = re.compile(rb"caller[_\- ]?identity", re.IGNORECASE)
_ALONE = re.compile(rb"(?:\A|\n)[\s#>$\"'|*\[,]{0,40}\Z")
_NOT_AN_ANSWER = re.compile(
    rb"principal|\"aws\"|\baws\s{0,4}=|polic|identifiers|condition|statement|effect|[=!]=|=~|endswith|ends_with|startswith|"
    rb"match|equal|assert|\bif\b|\bunless\b|\bnever\b|\bnot\b|\bdeny\b|\bblock|\bmust\b|\bexpect",
    re.IGNORECASE,
)
_CALLED = re.compile(
    rb"(?:\b(?:caller(?:'s)?(?:[ _\-](?:identity|arn|is|principal)){0,3}|"
    rb"(?:running|logged[ \-]?in|signed[ \-]?in|authenticated|authenticating|acting|executing|operating|connected|deploying)"
    rb"(?: [\w\-]{1,20}){0,3} as(?: \w{1,20}){0,2}|whoami|current[ _\-](?:user|identity|principal|caller)|"
    rb"(?:aws|iam)[ _\-]identity)|(?-i:userArn|user_arn|UserArn))(?:[ _\-](?:arn|user|is|root)){0,2}[\"'\s:=>|()`*\-]{1,12}\Z",
    re.IGNORECASE,
)
_BY = re.compile(
    rb"(?:registered|created|modified|updated|initiated|requested|started|deployed|invoked|performed|executed|launched)[ _\-]?by"
    rb"(?:[ _\-]?(?:arn|user))?[\"'\s:=>|]{1,20}\Z",
    re.IGNORECASE,
)
_DENIED_BEFORE = re.compile(rb"\buser[\s:\"'`]{1,4}\Z", re.IGNORECASE)
_DENIED_AFTER = re.compile(rb"[\"'`]?\s{1,4}is not authorized")

_ROOT_TYPE = re.compile(rb"(?<![\w.$])type[\"'\s:=>|]{1,12}root\b(?![\-.])", re.IGNORECASE)
_IDENTITY_FIELD = re.compile(rb"principal[_ ]?id|account[_ ]?id|access[_ ]?key[_ ]?id|session[_ ]?context|invoked[_ ]?by", re.I)
_INVOKED_BY = re.compile(rb"invoked[_ ]?by[\"'\s:=>|]{1,12}[\w.]", re.IGNORECASE)
_LONG_KEY = re.compile(rb"access[_ ]?key[_ ]?id[\"'\s:=>|]{1,12}AKIA", re.IGNORECASE)
_SESSION_CONTEXT = re.compile(rb"session[_ ]?context", re.IGNORECASE)
_ISSUER_BEFORE = re.compile(rb"session[_ ]?issuer[\"'\s:=>|]{1,20}\Z", re.IGNORECASE)
_SERVICE_EVENT = re.compile(rb"event[_ ]?type[\"'\s:=>|]{1,12}AwsServiceEvent|user[_ ]?identity", re.IGNORECASE)


def use_of(data: bytes, start: int, end: int, account: bytes) -> Use | None:
    """What the text around the root ARN at data[start:end] says of the root user; None for a mere mention."""
    before = flat(data, start - _BACK, start)
    after = flat(data, end, end + _AHEAD)
    if _DENIED_BEFORE.search(before[-12:]) and _DENIED_AFTER.match(after):
        return Use.DENIED
    line = before[-120:].rpartition(b"\n")[2]
    if _BY.search(before[-60:]):
        return Use.ACTOR
    if _CALLED.search(line) and not _NOT_AN_ANSWER.search(line):
        return Use.CALLER
    if _between_accounts(before, after, account):
        return Use.CALLER
    if _ARN_NAME.search(before[-110:]):
        return _trail(data, start, end, before, after) or _identity(before, after, account)
    return Use.CALLER if _ALONE.search(before[-60:]) and _answers(before) else None


def _between_accounts(before: bytes, after: bytes, account: bytes) -> bool:
    """The text and table output: account, ARN and user ID side by side."""
    left, right = _ACCOUNT_BEFORE.search(before[-60:]), _ACCOUNT_AFTER.match(after)
    return bool(left and right and left[1] == right[1] == account)


def _identity(before: bytes, after: bytes, account: bytes) -> Use | None:
    """Only root's user ID is the account number."""
    around = (before[-400:], after[:400])
    if any(match[1] == account for text in around for match in _USER_ID.finditer(text)) or _answers(before):
        return Use.CALLER
    return None


def _answers(before: bytes) -> bool:
    """True when the caller's identity was asked for just before, and nothing but the answer lies between."""
    asked: Iterator[re.Match[bytes]] = _ASKED.finditer(before, max(0, len(before) - 350))
    last = max((match.end() for match in asked), default=-1)
    return last >= 0 and not _NOT_AN_ANSWER.search(before, last)


def _trail(data: bytes, start: int, end: int, before: bytes, after: bytes) -> Use | None:
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
