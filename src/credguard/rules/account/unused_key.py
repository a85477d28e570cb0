"""An active access key is not used.

What it does
    Reads IAM credential reports (`--credential-report FILE`, or one in the repository), whose columns are identified by
    their header, and reports every active access key of a user that was last used more than 45 days before the report
    was generated, or that was created more than a day before and never used (`N/A` or `no_information`). For a report
    in a repository the generation time is unknown: the newest date in it is used instead, and a key that was never used
    is reported 45 days after its creation, counted up to today. Root keys are left to CG303.

Why it matters
    Deactivating an unused key breaks nothing, but leaving it active lets someone else use it unnoticed. A key that was
    never used was often created "just in case" and then stored, mailed or forgotten.

How to fix
    Set the key to inactive, wait to see that nothing fails, then delete it.

References
    IAM User Guide, "Security best practices in IAM" (remove unused credentials). CIS AWS Foundations Benchmark asks for
    45 days: 1.12 (v1.4 to 4.0), 1.11 (v5.0), 2.11 (v6.0 and 7.0), as does Security Hub IAM.22; Security Hub IAM.8
    allows 90. The stricter limit is used here.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from credguard.aws.credential_report import COLUMN, find_report
from credguard.heuristics.expiry import format_rfc3339
from credguard.model.findings import Detection, Severity
from credguard.rule import CREDENTIAL_REPORT, Rule, Trait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.aws.credential_report import ParsedReport, ReportKey, UserRow
    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

UNUSED_AFTER = timedelta(days=45)
GRACE = timedelta(days=1)
"""How long a new key may stay unused."""


def _check(blob: Blob, _hits: Hits, now: datetime | None = None) -> Iterator[Detection]:
    found = find_report(blob)
    if not found:
        return
    today = now or datetime.now(timezone.utc)
    for row in found.iter_real_rows():
        for key in row.iter_active_keys() if not row.is_root else ():
            said = _format_disuse(key, row, found, today)
            if said:
                yield _build_detection(key, row, said, found)


def _format_disuse(key: ReportKey, row: UserRow, found: ParsedReport, today: datetime) -> str:
    """Describes since when the key has not been used; empty for a key in use."""
    made = found.made or found.newest or today
    if key.used:
        idle = made - key.used
        return f"was last used on {key.used:%Y-%m-%d}, {idle.days} days before" if idle > UNUSED_AFTER else ""
    if not key.rotated or not row.is_blank(f"access_key_{key.number}_last_used_date"):
        return ""
    unused = made - key.rotated > GRACE if found.made else today - key.rotated > UNUSED_AFTER
    return f"was never used since it was created on {key.rotated:%Y-%m-%d}" if unused else ""


def _build_detection(key: ReportKey, row: UserRow, said: str, found: ParsedReport) -> Detection:
    attributes = row.attributes | {
        "access_key": key.number,
        "last_used": format_rfc3339(key.used) if key.used else "never",
    }
    rotated = format_rfc3339(key.rotated).encode() if key.rotated else b""
    return Detection(
        f"access key {key.number} of {row.owner} is active and {said} ({found.source})",
        (row.part(f"access_key_{key.number}_last_used_date"),),
        attributes=attributes,
        identity=(*row.identity, b"%d" % key.number, rotated),
    )


RULE = Rule(
    id="CG503",
    name="unused-key",
    severity=Severity.MEDIUM,
    summary="An active access key has not been used for 45 days, or was never used",
    hint="set the key to inactive, and delete it when nothing has failed",
    practices=("P11",),
    traits=frozenset((Trait.ON_ACCOUNT,)),
    needs=CREDENTIAL_REPORT,
    columns=(
        "access_key_1_active",
        "access_key_1_last_used_date",
        "access_key_2_active",
        "access_key_2_last_used_date",
    ),
    patterns=(COLUMN,),
    check_blob=_check,
    in_hooks=False,
    remediation=(
        "aws iam list-access-keys --user-name USER",
        "aws iam get-access-key-last-used --access-key-id AKID  # the report may be hours old",
        "aws iam update-access-key --user-name USER --access-key-id AKID --status Inactive",
        "aws iam delete-access-key --user-name USER --access-key-id AKID",
    ),
    standards=(
        "CIS AWS Foundations Benchmark: 1.12 (v1.4 to v4.0), 1.11 (v5.0), 2.11 (v6.0), 2.11 (v7.0)",
        "AWS Security Hub: IAM.22 (45 days), IAM.8 (90 days)",
        "AWS Config: iam-user-unused-credentials-check",
    ),
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html",
        "https://docs.aws.amazon.com/securityhub/latest/userguide/iam-controls.html",
    ),
)
