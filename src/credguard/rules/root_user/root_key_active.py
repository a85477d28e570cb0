"""A report of the account shows that its root user has active access keys, no MFA, or is in use.

What it does
    Reads root's row of IAM credential reports (`--credential-report FILE`, CSV by header name, JSON made of it, the
    API's base64) and the entries of GetAccountSummary (JSON, YAML, table, XML). An active access key is critical; root
    without MFA (for complete reports, CG504 reports it), an active signing certificate, or use of root within the last
    90 days are high. `credguard account` asks the live account. Documentation accounts and responses, mocks and
    comparisons in code, and prose are not reported; what was recorded for tests is low.

Why it matters
    A root access key gives access to the whole account, and no policy of the account limits it. The report also shows
    readers of the repository which account is worth attacking.

How to fix
    Sign in as root, delete the key, enable MFA. Keep such reports out of the repository. A report is as old as its
    creation date, so check the account itself first.

References
    IAM User Guide, "Generate credential reports for your AWS account" and "Root user best practices"; IAM API
    Reference, GetAccountSummary; CIS AWS Foundations Benchmark 1.4 and 1.5 (v1.4 to 4.0); Security Hub IAM.4 and IAM.9.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from credguard.aws import account_summary, root_user
from credguard.aws.account_state import RootSummary
from credguard.heuristics.expiry import parse_iso_time
from credguard.model.findings import Detection, Part, Severity
from credguard.model.secret import Secret
from credguard.rule import CREDENTIAL_REPORT, Rule, Trait
from credguard.rules.root_user import _report
from credguard.sources.test_data import lower_test_data
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.aws.account_state import AccountItem
    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob
    from credguard.rules.root_user._report import RootRow

_RECENT = timedelta(days=90)
_LAST_USED = (b"password_last_used", b"access_key_1_last_used_date", b"access_key_2_last_used_date")
_SAID = {
    b"AccountAccessKeysPresent": "the root user of the account has access keys (AccountAccessKeysPresent is {number})",
    b"AccountMFAEnabled": "the root user of the account has no MFA (AccountMFAEnabled is 0)",
    b"AccountSigningCertificatesPresent": "the root user of the account has a signing certificate",
}


def _check(blob: Blob, hits: Hits) -> Iterator[Detection]:
    seen: set[tuple[bytes, str]] = set()
    for row in _report.find_root_rows(blob, hits):
        part = Part("root_user", row.start, row.end, Secret(blob.data[row.start : row.end], public=True))
        for topic, severity, message in _find_problems(row):
            if (row.account, topic) in seen:  # a record that names its user twice
                continue
            seen.add((row.account, topic))
            account = row.account.decode()
            of = f" of account {account}" if account else ""
            yield Detection(
                f"the root user{of} {message} (credential report)", (part,), severity,
                attributes={"account": account, "evidence": topic}, identity=(row.account, topic.encode()),
            )  # fmt: skip
    for entry in account_summary.find_summary_rows(blob, hits):
        if (entry.number == 0) == (entry.name == b"AccountMFAEnabled"):
            yield Detection(
                _SAID[entry.name].format(number=entry.number),
                (Part("account_summary", entry.start, entry.end, Secret(entry.name, public=True)),),
                None if entry.name == b"AccountAccessKeysPresent" else Severity.HIGH,
                attributes={"evidence": entry.name.decode()},
                identity=(encode_path(blob.path), entry.name),  # a summary does not name its account
            )


def _check_blob(blob: Blob, hits: Hits) -> Iterator[Detection]:
    return lower_test_data(blob, _check(blob, hits))


def _check_account(item: AccountItem) -> Iterator[Detection]:
    """Root's keys and certificates, of an account whose credential report does not name root."""
    if not isinstance(item, RootSummary):
        return
    for name, number, severity in (
        (b"AccountAccessKeysPresent", item.keys, None),
        (b"AccountSigningCertificatesPresent", item.certificates, Severity.HIGH),
    ):
        if number:
            yield Detection(
                _SAID[name].format(number=number), severity=severity,
                attributes={"account": item.account, "evidence": name.decode()},
                identity=(item.account.encode(), name),
            )  # fmt: skip


def _find_problems(row: RootRow) -> Iterator[tuple[str, Severity | None, str]]:
    """Topic, severity and words of everything in root's row that should not be."""
    keys = [number for number in (b"1", b"2") if row.has_value(b"access_key_%b_active" % number, b"true")]
    if keys:
        yield "access-key", None, f"has {'two active access keys' if len(keys) > 1 else 'an active access key'}"
    # For a complete report, CG504 reports this.
    if (
        not row.whole
        and row.has_value(b"mfa_active", b"false")
        and (keys or not row.has_value(b"password_enabled", b"false"))
    ):
        yield "mfa", Severity.HIGH, "has no MFA"
    if row.has_value(b"cert_1_active", b"true") or row.has_value(b"cert_2_active", b"true"):
        yield "certificate", Severity.HIGH, "has an active signing certificate"
    used = max((when for column in _LAST_USED if (when := parse_iso_time(row.fields.get(column, b"")))), default=None)
    if used and used > datetime.now(timezone.utc) - _RECENT:
        yield "use", Severity.HIGH, f"was used on {used:%Y-%m-%d}"


RULE = Rule(
    id="CG303",
    name="root-key-active",
    severity=Severity.CRITICAL,
    summary="A report shows that the AWS root user has active access keys, no MFA, or is in use",
    hint="delete the root access key, enable MFA for root, and keep account reports out of the repository",
    practices=("P04",),
    traits=frozenset((Trait.ON_ACCOUNT, Trait.ON_ROOT)),
    needs=CREDENTIAL_REPORT,
    columns=("access_key_1_active", "access_key_2_active"),
    patterns=(*_report.PATTERNS, account_summary.SUMMARY),
    check_blob=_check_blob,
    check_account=_check_account,
    in_hooks=False,
    remediation=root_user.REMEDIATION,
    standards=(
        "CIS AWS Foundations Benchmark: 1.4 (v1.4 to v4.0), 1.3 (v5.0), 2.3 (v6.0), 2.4 (v7.0)",
        "CIS AWS Foundations Benchmark: 1.5 (v1.4 to v4.0), 1.4 (v5.0), 2.4 (v6.0), 2.5 (v7.0), for root's MFA",
        "AWS Security Hub: IAM.4, IAM.9",
        "AWS Config: iam-root-access-key-check",
    ),
    references=(
        *root_user.REFERENCES,
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html",
        "https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html",
    ),
)
