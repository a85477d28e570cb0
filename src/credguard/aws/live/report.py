"""The account's credential report, a row at a time, and what is asked again since a report is up to four hours old."""

from __future__ import annotations

import csv
import io
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from credguard.aws.account_state import ROOT_USER, UserReport, name_resource
from credguard.aws.credential_report import ROOT as ROOT_NAME
from credguard.aws.live.answers import MFA, OF_REPORT, ROOT, ROTATION, SHARING, UNUSED, Gap, Remark, make_gap
from credguard.aws.live.client import CallError
from credguard.model.findings import Blob, BlobKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from credguard.aws.account_state import RootSummary
    from credguard.aws.live.client import AwsClient

COLUMNS = (
    "user", "arn", "user_creation_time", "password_enabled", "password_last_used", "mfa_active",
    *(f"access_key_{number}_{name}" for number in (1, 2) for name in ("active", "last_rotated", "last_used_date")),
    "cert_1_active", "cert_2_active",
)  # fmt: skip
"""The columns that rules read; a live row has these and no others."""
FRESH = timedelta(minutes=1)
"""A report so young is not asked about again."""
OLDEST = timedelta(hours=5)
"""AWS makes a report anew after four hours: an older one is not to be believed."""
_WAIT_SECONDS, _POLL_SECONDS = 120.0, 2.0
_NOT_READY = ("ReportInProgress",)
_IN_QUOTA = "LimitExceeded"
_GONE = ("NoSuchEntity",)
_ANY_CALLS, _CALLS_PER_USER = 60, 0.1
_PRACTICES = (ROTATION, MFA, UNUSED)


@dataclass(slots=True)
class CredentialReport:
    """The report's rows by user name, and when it was made."""

    made: datetime
    rows: list[dict[str, str]]
    asked: datetime

    @property
    def age(self) -> timedelta:
        """How old it was when it was fetched."""
        return self.asked - self.made

    @property
    def is_stale(self) -> bool:
        """True for one that is older than AWS lets a report become."""
        return self.age > OLDEST

    def describe(self) -> str:
        """When it was made, and how long ago."""
        minutes = int(self.age.total_seconds() // 60)
        old = f"{minutes} minutes" if minutes < 120 else f"{minutes // 60} hours"
        old = old if self.age < timedelta(days=3) else f"{self.age.days} days"
        return f"credential report of {self.made:%Y-%m-%d %H:%M} UTC, {old} old"


def start_report(client: AwsClient) -> None:
    """Has AWS make a report; raises CallError. That one was asked for a moment ago is no failure."""
    try:
        client.ask("iam", "generate_credential_report")
    except CallError as error:
        if error.code != _IN_QUOTA:
            raise


def fetch_report(client: AwsClient, wait: Callable[[float], None] = time.sleep) -> CredentialReport:
    """The report, when it is there; raises CallError, also where AWS takes more than two minutes."""
    pause, waited = _POLL_SECONDS, 0.0
    while True:
        try:
            answer = client.ask("iam", "get_credential_report")
        except CallError as error:
            if error.code not in _NOT_READY or waited >= _WAIT_SECONDS:
                raise
            wait(pause)
            waited, pause = waited + pause, min(pause * 1.5, 15.0)
            continue
        return _parse(answer)


def _parse(answer: dict[str, Any]) -> CredentialReport:
    permission = "iam:GetCredentialReport"
    made, content = answer.get("GeneratedTime"), answer.get("Content", b"")
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else str(content)
        rows = list(csv.DictReader(io.StringIO(text), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise CallError(permission, "the credential report is no CSV") from None
    if not isinstance(made, datetime) or not rows:
        raise CallError(permission, "the credential report is empty")
    if any(None in row or None in row.values() for row in rows) or "user" not in rows[0]:
        raise CallError(permission, "the credential report is cut off: a row has not all columns")
    return CredentialReport(made.astimezone(timezone.utc), rows, datetime.now(timezone.utc))


def make_user_report(account: str, row: dict[str, str], made: datetime) -> UserReport:
    """A row as the rules read it."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="N/A", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerow(row)
    name = row["user"]
    place = name_resource(account, ROOT_USER if name == ROOT_NAME else f"iam/user/{name}")
    return UserReport(place, Blob(out.getvalue().encode("utf-8"), place, BlobKind.CREDENTIAL_REPORT, made))


@dataclass(slots=True)
class LiveRows:
    """Asks about single users what a report would say of them now; `users` (how many there are) bounds the calls."""

    client: AwsClient
    account: str
    users: int
    calls: int = 0
    gaps: list[Gap] = field(default_factory=list)
    unasked: int = 0

    @property
    def has_calls_left(self) -> bool:
        """True where one more user may be asked about."""
        return self.calls < _ANY_CALLS + self.users * _CALLS_PER_USER

    def refresh(self, row: dict[str, str], *, whole: bool = False) -> dict[str, str] | None:
        """The row as it is now, None for a user who is gone; the given one, with a gap noted, where AWS does not
        answer. With `whole`, nothing of the row is believed."""
        if not self.has_calls_left:
            self.unasked += 1
            return row
        name, now = row["user"], dict(row)
        try:
            now |= self._read_keys(name, row, whole=whole)
            if whole:
                now["password_enabled"] = self._has_password(name)
            if now.get("password_enabled") == "true" and (whole or row.get("mfa_active") != "true"):
                devices = self._list("list_mfa_devices", "MFADevices", name)
                now["mfa_active"] = "true" if devices else "false"
        except CallError as error:
            if error.code in _GONE:
                return None
            place = name_resource(self.account, f"iam/user/{name}")
            self.gaps.append(make_gap(_PRACTICES, error, place, "the credential report alone tells of this user"))
            return row
        return now

    def _list(self, method: str, key: str, name: str) -> list[dict[str, Any]]:
        self.calls += 1
        return [one for page in self.client.iter_pages("iam", method, UserName=name) for one in page.get(key, ())]

    def _has_password(self, name: str) -> str:
        self.calls += 1
        try:
            self.client.ask("iam", "get_login_profile", UserName=name)
        except CallError as error:
            if error.code in _GONE:
                return "false"
            raise
        return "true"

    def _read_keys(self, name: str, row: dict[str, str], *, whole: bool) -> dict[str, str]:
        found = sorted(self._list("list_access_keys", "AccessKeyMetadata", name), key=lambda key: key["CreateDate"])
        cells: dict[str, str] = {}
        for number, key in enumerate(found[:2], 1):
            created, active = key["CreateDate"].astimezone(timezone.utc), key["Status"] == "Active"
            used = "N/A"
            if active:
                used = "" if whole else _find_last_used(row, created)
                used = used or self._ask_last_used(key["AccessKeyId"])
            cells |= _fill_key(number, active, created.isoformat(), used)
        for number in range(len(found[:2]) + 1, 3):
            cells |= _fill_key(number, False, "N/A", "N/A")
        return cells

    def _ask_last_used(self, key_id: str) -> str:
        self.calls += 1
        used = self.client.ask("iam", "get_access_key_last_used", AccessKeyId=key_id).get("AccessKeyLastUsed", {})
        when = used.get("LastUsedDate")
        return when.astimezone(timezone.utc).isoformat() if isinstance(when, datetime) else "N/A"


def _fill_key(number: int, active: bool, rotated: str, used: str) -> dict[str, str]:
    stem = f"access_key_{number}_"
    return {f"{stem}active": str(active).lower(), f"{stem}last_rotated": rotated, f"{stem}last_used_date": used}


def _find_last_used(row: dict[str, str], created: datetime) -> str:
    """What the report says of the use of a key made at that second; empty where it knows no such key."""
    for number in ("1", "2"):
        if row.get(f"access_key_{number}_last_rotated", "")[:19] == created.isoformat()[:19]:
            return row.get(f"access_key_{number}_last_used_date", "")
    return ""


def make_blank_row(name: str, arn: str) -> dict[str, str]:
    """The row of a user who is in no report yet."""
    return {"user": name, "arn": arn, "password_enabled": "false", "mfa_active": "false"}


def correct_root_row(row: dict[str, str], summary: RootSummary | None) -> dict[str, str]:
    """Root's row with what iam:GetAccountSummary says now of its keys and its MFA."""
    if summary is None:
        return row
    now = dict(row)
    if summary.keys == 0:
        now |= {"access_key_1_active": "false", "access_key_2_active": "false"}
    elif "true" not in (row.get("access_key_1_active"), row.get("access_key_2_active")):
        now["access_key_1_active"] = "true"
    if summary.mfa:
        now["mfa_active"] = "true"
    return now


def has_active_key(row: dict[str, str]) -> bool:
    """True for a user (not root) with a key that works."""
    active = "true" in (row.get("access_key_1_active"), row.get("access_key_2_active"))
    return active and row["user"] != ROOT_NAME


def iter_gaps(report: CredentialReport, live: LiveRows, *, has_root: bool, users_known: bool) -> Iterator[Gap | Remark]:
    """What the rows leave open when all of them were read."""
    yield from live.gaps
    if not has_root:
        yield Gap((ROOT,), "the credential report has no row of the root user, so whether root is in use is unknown")
    if live.unasked and report.is_stale:
        yield Gap(
            _PRACTICES, f"{live.unasked} users were not asked about one by one, and this is a {report.describe()}"
        )
    if report.is_stale and not users_known:
        yield Gap(_PRACTICES, "whether the credential report has all users is unknown")
    yield Remark(OF_REPORT, report.describe())


KEYS_IN_USE = Gap((SHARING,), "which project uses which key only repositories tell: `credguard audit --account A B C`")
