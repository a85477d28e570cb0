"""An access key is older than the limit for rotation.

What it does
    Reads IAM credential reports (`--credential-report FILE`, or one in the repository), whose columns are identified by
    their header, and reports every active access key of a user that was last rotated more than 90 days ago
    (`rotation-days` in the policy). An audit also determines from git when an access key in a tracked file was added:
    the key is at least that old. Ages are computed up to the time when the report was generated: the time in the API's
    response, or else the file's modification time. For a report in a repository that time is unknown; ages are computed
    up to today, and the message contains the newest date in the report. Root keys are left to CG303: they must be
    deleted, not rotated.

Why it matters
    A leak often leaves no trace, and a key works for as long as it is active. Rotation limits how long a leaked key is
    useful, and proves that the key can be replaced when necessary.

How to fix
    Prefer no key at all: an IAM role, IAM Identity Center, or OIDC in CI. If a key is necessary, create a second one,
    deploy it, set the old one to inactive, and delete it when nothing has failed.

References
    IAM User Guide, "Update access keys" and "Generate credential reports for your AWS account"; CIS AWS Foundations
    Benchmark 1.14 (v1.4 to 4.0), 1.13 (v5.0), 2.13 (v6.0), 2.12 (v7.0); Security Hub IAM.3; AWS Config
    access-keys-rotated.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING

from credguard.aws.credential_report import COLUMN, find_report
from credguard.heuristics.expiry import format_rfc3339
from credguard.model.findings import Detection, Severity
from credguard.rule import CREDENTIAL_REPORT, Rule, Trait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.aws.credential_report import ParsedReport, UserRow
    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

ROTATION_DAYS = 90
"""Days after which a key must be rotated, unless the policy sets another limit."""


def check_key_age(
    first_seen: datetime, now: datetime, limit_days: int = ROTATION_DAYS, key_id: str = ""
) -> Detection | None:
    """The message for a key that has been in git since `first_seen`; None for one within the limit."""
    days = (now - first_seen).days
    if days <= limit_days:
        return None
    name = f"access key {key_id}" if key_id else "this access key"
    attributes: dict[str, object] = {
        "first_seen": format_rfc3339(first_seen),
        "age_days": days,
        "limit_days": limit_days,
    }
    return Detection(
        f"{name} has been in git since {first_seen:%Y-%m-%d}, {days} days: the limit is {limit_days}",
        attributes=attributes | ({"access_key_id": key_id} if key_id else {}),
        identity=(key_id.encode() or format_rfc3339(first_seen).encode(),),
    )


def make_limit_rule(days: int, now: datetime | None = None) -> Rule:
    """The rule with another limit, evaluated as of `now` if given."""
    return replace(RULE, check_blob=partial(_check, limit=days, now=now))


def _check(blob: Blob, _hits: Hits, limit: int = ROTATION_DAYS, now: datetime | None = None) -> Iterator[Detection]:
    found = find_report(blob)
    if found:
        moment = found.made or now or datetime.now(timezone.utc)
        for row in found.iter_real_rows():
            if not row.is_root:
                yield from _check_user(row, moment, limit, found)


def _check_user(row: UserRow, moment: datetime, limit: int, found: ParsedReport) -> Iterator[Detection]:
    for key in row.iter_active_keys():
        days = (moment - key.rotated).days if key.rotated else 0
        if key.rotated and days > limit:
            rotated = format_rfc3339(key.rotated)
            age = {"access_key": key.number, "last_rotated": rotated, "age_days": days, "limit_days": limit}
            yield Detection(
                f"access key {key.number} of {row.owner} is {days} days old, last rotated on {key.rotated:%Y-%m-%d}: "
                f"the limit is {limit} ({found.source})",
                (row.part(f"access_key_{key.number}_last_rotated"),),
                attributes=row.attributes | age,
                identity=(*row.identity, b"%d" % key.number, rotated.encode()),
            )


RULE = Rule(
    id="CG501",
    name="key-older-than-limit",
    severity=Severity.MEDIUM,
    summary="An active access key is older than the rotation limit (90 days)",
    hint="replace the key with a role, or rotate it: deploy a new key first, then deactivate the old one",
    practices=("P07",),
    traits=frozenset((Trait.ON_ACCOUNT, Trait.BUILT_ON_VALUES)),
    needs=CREDENTIAL_REPORT,
    columns=("access_key_1_active", "access_key_1_last_rotated", "access_key_2_active", "access_key_2_last_rotated"),
    patterns=(COLUMN,),
    check_blob=_check,
    in_hooks=False,
    remediation=(
        "check whether a role, IAM Identity Center or OIDC can replace the key; if so, create no new one",
        "aws iam create-access-key --user-name USER  # a user has at most two: delete the unused one first",
        "deploy the new key wherever the old one is used, then: aws iam update-access-key --user-name USER"
        " --access-key-id AKID --status Inactive",
        "aws iam get-access-key-last-used --access-key-id AKID  # must not change any more",
        "aws iam delete-access-key --user-name USER --access-key-id AKID",
    ),
    standards=(
        "CIS AWS Foundations Benchmark: 1.14 (v1.4 to v4.0), 1.13 (v5.0), 2.13 (v6.0), 2.12 (v7.0)",
        "AWS Security Hub: IAM.3",
        "AWS Config: access-keys-rotated",
    ),
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id-credentials-access-keys-update.html",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html",
    ),
)
