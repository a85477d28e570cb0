"""Classifies the text around a root ARN: whether the root user acted, and how this is known."""

from __future__ import annotations

import re
from enum import Enum

from credguard.aws.root_user import unescape_slice
from credguard.lazy_re import compile_lazily


class RootUse(Enum):
    """How a text shows that the root user acted; the value is the message."""

    CALLER = "the root user of account {account} is the caller in this output or log"
    DENIED = "the root user of account {account} made the request that this error message denies"
    ACTOR = "this record shows that the root user of account {account} created or changed something"
    KEY = "an access key of the root user of account {account} was used (CloudTrail)"
    SESSION = "the root user of account {account} worked in a console or temporary session (CloudTrail)"
    TRAIL = "the root user of account {account} acted (CloudTrail)"
    FEDERATED = "the root user of account {account} issued the session that acted (CloudTrail)"


_NEAR = 120
_FAR = 700
_ASKED_ROOM = 350
_EVENT = 6000
_SIGNS = rb"[\"'\s|>:=(,]"

# `Arn` as a separate name (`aws:PrincipalArn` or `SourceArn` is something else), then its value.
_ARN_NAME = compile_lazily(
    rb"(?<![\w:\-])(?:(?:caller|user|sts|identity|current|iam|aws)[ _\-]?){0,4}arn[\"'\s|>]{0,20}"
    rb"(?:=>|[:=|>(,]|\bis\b)?[\s\"'|>(]{0,40}(?:some\()?[\"']?\Z",
    re.IGNORECASE,
)
_USER_ID = compile_lazily(rb"user[ _\-]?id" + _SIGNS + rb"{1,40}(?:some\([\"'])?(\d{12})(?!\d)", re.IGNORECASE)
_MFA_DEVICE = compile_lazily(rb"enable_?date|serial_?number|mfa-device", re.IGNORECASE)
_ACCOUNT_BEFORE = compile_lazily(rb"(?<!\d)(\d{12})[ \t|]{1,40}\Z")
_ACCOUNT_AFTER = compile_lazily(rb"[ \t|]{1,40}(\d{12})(?!\d)")
_ASKED = compile_lazily(rb"caller[_\- ]?identity", re.IGNORECASE)
_ALONE = compile_lazily(rb"(?:\A|\n)[\s#>$\"'|*\[,]{0,40}\Z")
_NOT_AN_ANSWER = compile_lazily(
    rb"principal|\"aws\"|\baws\s{0,4}=|polic|identifiers|condition|statement|effect|[=!]=|=~|endswith|ends_with|startswith|"
    rb"match|equal|assert|\bif\b|\bunless\b|\bnever\b|\bnot\b|\bdeny\b|\bblock|\bmust\b|\bexpect",
    re.IGNORECASE,
)
_CALLED = compile_lazily(
    rb"(?:\b(?:caller(?:'s)?(?:[ _\-](?:identity|arn|is|principal)){0,3}|"
    rb"(?:running|(?:logged|signed)[ \-]?in|authenticated|authenticating|acting|executing|operating|deploying)"
    rb"(?: [\w\-]{1,20}){0,3} as(?: \w{1,20}){0,2}|whoami|current[ _\-](?:user|identity|principal|caller)|"
    rb"(?:aws|iam)[ _\-]identity)|(?-i:userArn|user_arn|UserArn))"
    rb"(?:[ _\-](?:arn|user|is|root)){0,2}[\"'\s:=>|()`*\-]{1,12}\Z",
    re.IGNORECASE,
)
_BY = compile_lazily(
    rb"(?:registered|created|modified|updated|initiated|requested|started|deployed|invoked|performed|executed|launched)"
    rb"[ _\-]?(?:by|user)(?:[ _\-]?(?:arn|user))?[\"'\s:=>|]{1,20}\Z",
    re.IGNORECASE,
)
_DENIED_BEFORE = compile_lazily(rb"\buser[\s:\"'`]{1,4}\Z", re.IGNORECASE)
_DENIED_AFTER = compile_lazily(rb"[\"'`]?\s{1,4}is not authorized")

_ROOT_TYPE = compile_lazily(rb"(?<![\w.$])type[\"'\s:=>|]{1,12}root\b(?![\-.])", re.IGNORECASE)
_IDENTITY_FIELD = compile_lazily(
    rb"principal[_ ]?id|account[_ ]?id|access[_ ]?key[_ ]?id|session[_ ]?context|invoked[_ ]?by", re.IGNORECASE
)
_INVOKED_BY = compile_lazily(rb"invoked[_ ]?by[\"'\s:=>|]{1,12}(?!nul|none|nil)\w", re.IGNORECASE)
_LONG_KEY = compile_lazily(rb"access[_ ]?key[_ ]?id[\"'\s:=>|]{1,12}AKIA", re.IGNORECASE)
_SESSION_CONTEXT = compile_lazily(rb"session[_ ]?context", re.IGNORECASE)
_ISSUER_BEFORE = compile_lazily(rb"session[_ ]?issuer[\"'\s:=>|]{1,20}\Z", re.IGNORECASE)
_SERVICE_EVENT = compile_lazily(rb"event[_ ]?type[\"'\s:=>|]{1,12}AwsServiceEvent|user[_ ]?identity", re.IGNORECASE)


def classify_root_use(data: bytes, start: int, end: int, account: bytes) -> RootUse | None:
    """What the text around the root ARN at data[start:end] shows about the root user; None for a mere mention."""
    near, next_to = unescape_slice(data, start - _NEAR, start), unescape_slice(data, end, end + _NEAR)
    if _DENIED_BEFORE.search(near) and _DENIED_AFTER.match(next_to):
        return RootUse.DENIED
    if _BY.search(near):
        return RootUse.ACTOR
    if _is_caller_line(near.rpartition(b"\n")[2]) or _is_between_accounts(near, next_to, account):
        return RootUse.CALLER
    if _ARN_NAME.search(near):
        before, after = unescape_slice(data, start - _FAR, start), unescape_slice(data, end, end + _FAR)
        return _match_trail(data, end, before, after) or _match_identity(before, after, account)
    return (
        RootUse.CALLER if _ALONE.search(near) and _is_answer(unescape_slice(data, start - _ASKED_ROOM, start)) else None
    )


def _is_caller_line(line: bytes) -> bool:
    return _CALLED.search(line) is not None and not _NOT_AN_ANSWER.search(line)


def _is_between_accounts(before: bytes, after: bytes, account: bytes) -> bool:
    """The text and table output: account, ARN and user ID side by side."""
    left, right = _ACCOUNT_BEFORE.search(before), _ACCOUNT_AFTER.match(after)
    return bool(left and right and left[1] == right[1] == account)


def _match_identity(before: bytes, after: bytes, account: bytes) -> RootUse | None:
    """Only for root, the user ID is the account number."""
    if _MFA_DEVICE.search(
        before[-250:] + after[:400]
    ):  # an entry of ListVirtualMFADevices: root's device, whoever called
        return None
    around = (before[-400:], after[:400])
    if any(match[1] == account for text in around for match in _USER_ID.finditer(text)):
        return RootUse.CALLER
    if _is_answer(before[-_ASKED_ROOM:]):
        return RootUse.CALLER
    return None


def _is_answer(before: bytes) -> bool:
    """True if the caller's identity was requested just before, with only the response in between."""
    last = max((match.end() for match in _ASKED.finditer(before)), default=-1)
    return last >= 0 and not _NOT_AN_ANSWER.search(before, last)


def _match_trail(data: bytes, end: int, before: bytes, after: bytes) -> RootUse | None:
    """The user identity of a CloudTrail record, or the issuer of its session."""
    head, body = _split_object(before, after)
    if not _ROOT_TYPE.search(body) or not _IDENTITY_FIELD.search(body):
        return None
    if _ISSUER_BEFORE.search(head[-60:]):
        return RootUse.FEDERATED
    if _INVOKED_BY.search(body) or _is_service_event(data, end):
        return None
    if _LONG_KEY.search(body):
        return RootUse.KEY
    return RootUse.SESSION if _SESSION_CONTEXT.search(body) else RootUse.TRAIL


def _split_object(before: bytes, after: bytes) -> tuple[bytes, bytes]:
    """The text before the braces around the ARN, and the text in them; without braces, the lines around."""
    left = _find_unmatched(before[::-1], b"}")
    right = _find_unmatched(after, b"{")
    if left is None:
        return b"", before[-300:] + after[:300]
    cut = len(before) - left
    return before[: cut - 1], before[cut:] + after[: len(after) if right is None else right]


def _find_unmatched(text: bytes, opens: bytes) -> int | None:
    """The offset of the first brace in `text` that closes more than `opens` opened."""
    depth = 0
    for match in re.finditer(rb"[{}]", text):
        depth += 1 if match[0] == opens else -1
        if depth < 0:
            return match.start()
    return None


def _is_service_event(data: bytes, end: int) -> bool:
    """True if this record's event type, before the next record's identity, is AwsServiceEvent."""
    match = _SERVICE_EVENT.search(unescape_slice(data, end, end + _EVENT))
    return bool(match and match[0].endswith(b"AwsServiceEvent"))
