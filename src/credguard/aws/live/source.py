"""One account from beginning to end: what each call answers, an item at a time, and what remains unknown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from credguard.aws.account_state import AccountItem, Caller, Holder, RootSummary, UserReport, name_resource
from credguard.aws.credential_report import ROOT as ROOT_NAME
from credguard.aws.live import permissions, report, trails
from credguard.aws.live.answers import (
    ACCOUNT_PRACTICES,
    LEAKED,
    MFA,
    OF_REPORT,
    PERMISSIONS,
    ROOT,
    TRAILS,
    Gap,
    Remark,
    make_gap,
)
from credguard.aws.live.client import AwsClient, CallError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from credguard.aws.live.report import CredentialReport, LiveRows

LiveItem: TypeAlias = AccountItem | Gap | Remark


@dataclass(slots=True)
class LiveAccount:
    """The account of one caller, in the Regions named (its own when none is). `complains` says whether a rule has
    something to say of a user's row, which is then asked about again. `caller` and `report` are known once read."""

    client: AwsClient
    complains: Callable[[UserReport], bool]
    regions: tuple[str, ...] = ()
    caller: Caller | None = None
    report: CredentialReport | None = None
    _users: dict[str, str] | None = field(default_factory=dict)

    def __iter__(self) -> Iterator[LiveItem]:
        """All that the account answers; no call changes anything in it."""
        try:
            answer = self.client.contact()
        except CallError as error:
            yield make_gap(ACCOUNT_PRACTICES, error, self._locate("sts"))
            return
        self.caller = Caller(str(answer.get("Account", "")), str(answer.get("Arn", "")))
        yield self.caller
        try:
            report.start_report(self.client)
        except CallError as error:
            yield make_gap(OF_REPORT, error, self._locate("iam/credential-report"))
        summary = self._read_summary()
        if isinstance(summary, Gap):
            yield summary
        yield from self._iter_holders()
        yield from self._iter_trails()
        yield from self._iter_rows(summary if isinstance(summary, RootSummary) else None)

    def _locate(self, path: str) -> str:
        if self.caller:
            return name_resource(self.caller.account, path)
        return f"aws://{self.client.role or self.client.profile or 'default'}/{path}"

    @property
    def _id(self) -> str:
        return self.caller.account if self.caller else ""

    def _read_summary(self) -> RootSummary | Gap:
        try:
            numbers = self.client.ask("iam", "get_account_summary").get("SummaryMap", {})
            names = ("AccountAccessKeysPresent", "AccountMFAEnabled")
            if not all(isinstance(numbers.get(name), int) for name in names):
                raise CallError("iam:GetAccountSummary", "the answer does not say what root has")
        except CallError as error:
            return make_gap((ROOT, MFA), error, self._locate("iam/root"))
        keys, mfa = (numbers[name] for name in names)
        return RootSummary(self._id, keys, mfa, numbers.get("AccountSigningCertificatesPresent", 0))

    def _iter_holders(self) -> Iterator[LiveItem]:
        """Everything with permissions; on the way, which users there are."""
        users: dict[str, str] = {}
        try:
            for one in permissions.iter_holders(self.client, self._id):
                if isinstance(one, Holder) and one.kind == "user":
                    users[one.name] = one.arn
                yield one
            self._users = users
        except CallError as error:
            yield make_gap((PERMISSIONS, LEAKED), error, self._locate("iam"))
            self._users = self._list_users()

    def _list_users(self) -> dict[str, str] | None:
        """The users by another call, None where that fails too."""
        try:
            pages = self.client.iter_pages("iam", "list_users")
            return {one["UserName"]: one["Arn"] for page in pages for one in page.get("Users", ())}
        except CallError:
            return None

    def _iter_trails(self) -> Iterator[LiveItem]:
        place = self._locate("cloudtrail")
        try:
            yield from trails.iter_trails(self.client, self._id, self.regions, place)
        except CallError as error:
            yield make_gap((TRAILS,), error, place)

    def _iter_rows(self, summary: RootSummary | None) -> Iterator[LiveItem]:
        place = self._locate("iam/credential-report")
        try:
            found = self.report = report.fetch_report(self.client)
        except CallError as error:
            yield make_gap(OF_REPORT, error, place)
            if summary:
                yield summary
            return
        live = report.LiveRows(self.client, self._id, len(self._users or found.rows))
        names: set[str] = set()
        keyed = False
        for row in found.rows:
            names.add(row["user"])
            now = self._read_root(row, summary) if row["user"] == ROOT_NAME else self._read_user(found, live, row)
            if now:
                keyed = keyed or report.has_active_key(now[0])
                yield now[1]
        for row in self._list_missing(names):
            now = self._read_user(found, live, row, whole=True)
            if now:
                keyed = keyed or report.has_active_key(now[0])
                yield now[1]
        if keyed:
            yield report.KEYS_IN_USE
        if ROOT_NAME not in names and summary:
            yield summary
        yield from report.iter_gaps(found, live, has_root=ROOT_NAME in names, users_known=self._users is not None)

    def _list_missing(self, names: set[str]) -> list[dict[str, str]]:
        """Rows for the users that the report does not know yet."""
        return [report.make_blank_row(name, arn) for name, arn in (self._users or {}).items() if name not in names]

    def _read_root(self, row: dict[str, str], summary: RootSummary | None) -> tuple[dict[str, str], UserReport]:
        assert self.report is not None  # noqa: S101 - it is being read
        now = report.correct_root_row(row, summary)
        return now, report.make_user_report(self._id, now, self.report.made)

    def _read_user(
        self, found: CredentialReport, live: LiveRows, row: dict[str, str], *, whole: bool = False
    ) -> tuple[dict[str, str], UserReport] | None:
        """The row and what rules get of it: asked again where the report is too old to be believed, or where a rule has
        something to say and the report is not of this minute."""
        one = report.make_user_report(self._id, row, found.made)
        whole = whole or found.is_stale
        if not whole and (found.age < report.FRESH or not self.complains(one)):
            return row, one
        now = live.refresh(row, whole=whole)
        if now is None:
            return None
        return now, report.make_user_report(self._id, now, found.made if now is row else found.asked)
