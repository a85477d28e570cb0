"""A user can sign in to the console with a password alone.

What it does
    Reads IAM credential reports (`--credential-report FILE`, or one in the repository), whose columns are identified by
    their header, and reports every user with a console password and without MFA, and the root user without MFA, which
    is high. `credguard account` asks the live account. A root user without a password and without an active key cannot
    sign in and is not reported.

Why it matters
    Passwords are guessed, reused and phished. Without a second factor, a stolen password gives all of the user's
    permissions; for root, that is everything.

How to fix
    Have the user register a second factor, preferably a passkey, and until then deny requests without one
    (`aws:MultiFactorAuthPresent`). If no one signs in as that user, remove the password.

References
    IAM User Guide, "AWS Multi-factor authentication in IAM"; CIS AWS Foundations Benchmark 1.5 and 1.10 (v1.4 to 4.0),
    1.4 and 1.9 (v5.0), 2.4 and 2.9 (v6.0), 2.5 and 2.10 (v7.0); Security Hub IAM.5 and IAM.9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.aws.account_state import RootSummary
from credguard.aws.credential_report import COLUMN, ROOT, find_report
from credguard.model.findings import Detection, Severity
from credguard.rule import CREDENTIAL_REPORT, Rule, Trait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.aws.account_state import AccountItem
    from credguard.aws.credential_report import UserRow
    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob


def _check(blob: Blob, _hits: Hits) -> Iterator[Detection]:
    found = find_report(blob)
    if not found:
        return
    for row in found.iter_real_rows():
        if row.has_value("mfa_active", "false") and _can_sign_in(row):
            what = "has no MFA" if row.is_root else "has a console password and no MFA"
            yield Detection(
                f"{row.owner} {what} ({found.source})", (row.part("mfa_active"),),
                Severity.HIGH if row.is_root else None, attributes=row.attributes, identity=row.identity,
            )  # fmt: skip


def _check_account(item: AccountItem) -> Iterator[Detection]:
    """Root's MFA, of an account whose credential report does not name root."""
    if isinstance(item, RootSummary) and not item.mfa:
        yield Detection(
            f"the root user of account {item.account} has no MFA (AccountMFAEnabled is 0)", severity=Severity.HIGH,
            attributes={"account": item.account, "user": ROOT}, identity=(item.account.encode(), ROOT.encode()),
        )  # fmt: skip


def _can_sign_in(row: UserRow) -> bool:
    """True for a user with a password; root has one unless the report states otherwise."""
    if row.is_root:
        return not row.has_value("password_enabled", "false") or any(True for _ in row.iter_active_keys())
    return row.has_value("password_enabled", "true")


RULE = Rule(
    id="CG504",
    name="mfa-disabled",
    severity=Severity.MEDIUM,
    summary="A user can sign in to the console without a second factor",
    hint="register an MFA device for the user, or remove the console password",
    practices=("P08",),
    traits=frozenset((Trait.ON_ACCOUNT, Trait.ON_ROOT)),
    needs=CREDENTIAL_REPORT,
    columns=("password_enabled", "mfa_active"),
    patterns=(COLUMN,),
    check_blob=_check,
    check_account=_check_account,
    in_hooks=False,
    remediation=(
        "aws iam list-mfa-devices --user-name USER  # the report may be hours old",
        "have the user sign in and register a passkey or an authenticator (root: Security credentials, as root)",
        "if no one signs in as that user: aws iam delete-login-profile --user-name USER",
    ),
    standards=(
        "CIS AWS Foundations Benchmark: 1.10 (v1.4 to v4.0), 1.9 (v5.0), 2.9 (v6.0), 2.10 (v7.0)",
        "CIS AWS Foundations Benchmark: 1.5 (v1.4 to v4.0), 1.4 (v5.0), 2.4 (v6.0), 2.5 (v7.0), for root",
        "AWS Security Hub: IAM.5, IAM.9, IAM.19",
    ),
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa.html",
        "https://docs.aws.amazon.com/securityhub/latest/userguide/iam-controls.html",
    ),
)
