"""The AWS root user is in use: it is the caller in an output, a log or a CloudTrail record.

What it does
    Reads the text around an ARN that ends in `:root`: the response of get-caller-identity in any output format, log
    lines with the caller, access-denied messages, `registeredBy` and the like, and CloudTrail's user identity
    (distinguishing console session and access key). In a policy the same ARN means the whole account: that is never a
    finding, nor are filters and rules that monitor root, comparisons, and documentation accounts. What was recorded for
    tests is low. `credguard account` reports root as its own caller.

Why it matters
    The root user cannot be limited by any policy of its account. Someone who works as root regularly probably has root
    access keys on some machine; a leak of them compromises the whole account.

How to fix
    Find out what runs as root and give it its own role or IAM Identity Center user. Delete root's access keys, keep MFA
    enabled, and use root only for the few tasks that need it. A critical finding has an access key nearby: deactivate
    it first.

References
    IAM User Guide, "AWS account root user" and "AWS JSON policy elements: Principal"; CloudTrail User Guide,
    "CloudTrail userIdentity element"; CIS AWS Foundations Benchmark 1.7 (v1.4 to 4.0), 1.6 (v5.0), 2.6 (v6.0), 2.7
    (v7.0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.aws import root_user
from credguard.aws.account_state import Caller
from credguard.aws.key_id import KEY_ID
from credguard.model.findings import Detection, Part, Severity
from credguard.model.secret import Secret
from credguard.rule import Rule
from credguard.rules.root_user._use import RootUse, classify_root_use
from credguard.sources.test_data import lower_test_data

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.aws.account_state import AccountItem
    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

_MOST_PLACES = 20
"""A log of root's calls is one finding with at most this many locations."""
_MOST_ACCOUNTS = 100
"""At most this many accounts of one file are reported; each takes a search of the text around."""
_OUTPUT = (RootUse.CALLER, RootUse.DENIED)


def _check(blob: Blob, hits: Hits) -> Iterator[Detection]:
    places: dict[tuple[bytes, RootUse], list[Part]] = {}
    for start, end, account in root_user.find_root_arns(blob, hits):
        use = classify_root_use(blob.data, start, end, account)
        if use and ((account, use) in places or len(places) < _MOST_ACCOUNTS):
            parts = places.setdefault((account, use), [])
            if len(parts) < _MOST_PLACES:
                parts.append(Part("root_arn", start, end, Secret(blob.data[start:end], public=True)))
    for (account, use), parts in places.items():
        yield _describe(blob, hits, account, use, parts)


def _check_blob(blob: Blob, hits: Hits) -> Iterator[Detection]:
    return lower_test_data(blob, _check(blob, hits))


def _check_account(item: AccountItem) -> Iterator[Detection]:
    if isinstance(item, Caller) and item.is_root:
        yield Detection(
            f"the root user of account {item.account} is the caller of this run",
            attributes={"account": item.account, "evidence": "caller"},
            identity=(item.account.encode(), b"CALLER"),
        )


def _describe(blob: Blob, hits: Hits, account: bytes, use: RootUse, parts: list[Part]) -> Detection:
    message = use.value.format(account=account.decode())
    attributes: dict[str, object] = {"account": account.decode(), "evidence": use.name.lower()}
    severity = None
    key_id = root_user.find_long_lived_key(blob, hits, parts[0].start, account)
    if key_id:
        attributes["access_key_id"] = key_id.decode()
        message += f"; the access key {key_id.decode()} is nearby"
        if use in _OUTPUT:
            severity = Severity.CRITICAL
            message += ": it may be a root key"
    identity = (account, use.name.encode())
    return Detection(message, tuple(parts), severity, attributes=attributes, identity=identity)


RULE = Rule(
    id="CG302",
    name="root-identity-in-use",
    severity=Severity.HIGH,
    summary="The AWS root user is in use: it is the caller in an output, a log or a CloudTrail record",
    hint="stop working as root: use a role or IAM Identity Center, and delete root's access keys",
    practices=("P04",),
    patterns=(root_user.ROOT_ARN, KEY_ID),
    check_blob=_check_blob,
    check_account=_check_account,
    in_hooks=False,
    remediation=root_user.REMEDIATION,
    standards=(
        "CIS AWS Foundations Benchmark: 1.7 (v1.4 to v4.0), 1.6 (v5.0), 2.6 (v6.0), 2.7 (v7.0)",
        "CIS AWS Foundations Benchmark: 4.3 (v1.4 to v5.0), 5.3 (v6.0 and v7.0), for an alarm on root's use",
        "AWS Security Hub: IAM.20",
    ),
    references=(
        *root_user.REFERENCES,
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
        "https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html",
    ),
)
