"""`credguard revoke`: the plan, what is refused, and each step in its order."""

from __future__ import annotations

import io
import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from credguard.aws.account_state import Caller
from credguard.aws.key_id import decode_account
from credguard.aws.live import owner, revoke
from credguard.aws.live.client import AwsClient
from credguard.errors import CredguardError
from tests.account.conftest import NOW, REGION
from tests.keys import Filler

if TYPE_CHECKING:
    from tests.account.conftest import Aws

QUARANTINE = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"


def status(aws: Aws, user: str) -> dict[str, str]:
    return {key["AccessKeyId"]: key["Status"] for key in aws.iam.list_access_keys(UserName=user)["AccessKeyMetadata"]}


@pytest.fixture
def key(aws: Aws) -> str:
    """A key of user app, used yesterday."""
    return aws.add_user("app", key_days=100, used_days=1)["aws_access_key_id"]


def test_the_plan_changes_nothing(aws: Aws, key: str) -> None:
    other = aws.add_key("app", 3)["aws_access_key_id"]
    code, out, err = aws.run("revoke", key)
    assert code == 0 and err == ""
    assert f"{key} is an active key of user app, account {aws.account}, made on" in out
    assert f"with s3 in {REGION}: what does so breaks" in out and f"{other} (active)" in out
    steps = [line.strip() for line in out.splitlines() if line.strip().startswith("aws ")]
    assert [step.split()[2] for step in steps] == [
        "update-access-key", "put-user-policy", "lookup-events", "delete-access-key",
    ]  # fmt: skip
    assert status(aws, "app") == {key: "Active", other: "Active"}


def test_it_is_deactivated_and_its_sessions_end(aws: Aws, key: str) -> None:
    code, out, _ = aws.run("revoke", key, "--apply", "--yes", aws.account)
    assert code == 0 and f"deactivated {key}" in out and status(aws, "app") == {key: "Inactive"}
    kept = aws.iam.get_user_policy(UserName="app", PolicyName=revoke.SESSIONS_POLICY)["PolicyDocument"]
    (statement,) = kept["Statement"]
    assert statement["Effect"] == "Deny" and "aws:TokenIssueTime" in statement["Condition"]["DateLessThan"]
    code, out, _ = aws.run("revoke", key, "--apply", "--yes", aws.account)
    assert code == 0 and "was inactive already" in out


def test_it_is_never_deleted_first(aws: Aws, key: str) -> None:
    code, out, _ = aws.run("revoke", key, "--delete", "--apply", "--yes", aws.account)
    assert code == 3 and "it was active until now; wait a day, or add --force" in out
    assert status(aws, "app") == {key: "Inactive"}
    code, out, _ = aws.run("revoke", key, "--delete", "--apply", "--yes", aws.account)  # moto has no event history
    assert code == 3 and "since when it is inactive is unknown (cloudtrail:LookupEvents: " in out
    code, out, _ = aws.run("revoke", key, "--delete", "--force", "--apply", "--yes", aws.account)
    assert code == 0 and f"deleted {key}" in out and status(aws, "app") == {}


@pytest.mark.parametrize(("hours", "deleted"), [(25, True), (23, False), (None, False)])
def test_a_day_of_inactivity_is_what_cloudtrail_says(hours: int | None, deleted: bool) -> None:
    client = AwsClient(session=boto3.Session("testing", "testing", region_name=REGION))
    iam, trails = client._get("iam", "", once=True), client._get("cloudtrail", REGION)
    made = datetime(2026, 1, 1, tzinfo=timezone.utc)
    this = owner.UserKey(Filler("revoke").fill("{{AKID}}"), False, made)
    owned = owner.OwnedKey(this, "app", Caller("615309274181", "arn:aws:iam::1:user/a"), None, "", "", (this,), False)
    request = json.dumps({"requestParameters": {"accessKeyId": this.id, "status": "Inactive"}})
    event = {"EventTime": NOW - timedelta(hours=hours or 0), "CloudTrailEvent": request if hours else "{"}
    with Stubber(iam) as changes, Stubber(trails) as events:
        changes.add_response("put_user_policy", {})
        events.add_response("lookup_events", {"Events": [event]})
        if deleted:
            changes.add_response("delete_access_key", {}, {"UserName": "app", "AccessKeyId": this.id})
        outcomes = list(revoke.carry_out(client, owned, delete=True, force=False))
        assert outcomes[-1].done is deleted
        changes.assert_no_pending_responses()


def test_a_change_that_fails_is_not_tried_again() -> None:
    key = Filler("again").fill("{{AKID}}")
    client = AwsClient(session=boto3.Session("testing", "testing", region_name=REGION))
    with Stubber(client._get("iam", "", once=True)) as changes:
        changes.add_client_error("update_access_key", "Throttling")
        with pytest.raises(Exception, match="Throttling"):
            client.change("iam", "update_access_key", UserName="app", AccessKeyId=key, Status="Inactive")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--apply"], "--apply wants the account's ID typed, and nobody is here to type; add --yes"),
        (["--apply", "--yes", "111122223333"], "111122223333 is not the key's account"),
        (["--force"], "--force and --yes go with --apply"),
    ],
)
def test_what_is_refused(aws: Aws, key: str, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    code, _, err = aws.run("revoke", key, *words)
    assert code == 2 and said in err and status(aws, "app") == {key: "Active"}


def test_keys_that_are_nobodys_here(aws: Aws, key: str) -> None:
    aws.iam.delete_access_key(UserName="app", AccessKeyId=key)
    for words, said in {
        key: f"account {aws.account} has no key {key}; it was deleted already",
        Filler("other").fill("{{AKID}}"): f"these credentials are of account {aws.account}",
        Filler("temporary").fill("{{ASIA}}"): "is a temporary key, which cannot be deactivated",
        "AKIA": "is no access key ID",
    }.items():
        code, out, err = aws.run("revoke", words)
        assert code == 2 and out == "" and said in err and err.count("\n") == 1, words


def test_root_is_told_how() -> None:
    client = AwsClient(session=boto3.Session("testing", "testing", region_name=REGION))
    key = Filler("root").fill("{{AKID}}")
    account = decode_account(key.encode()) or ""
    with Stubber(client._get("iam", "")) as iam, Stubber(client._get("sts", "")) as sts:
        sts.add_response(
            "get_caller_identity", {"Account": account, "Arn": f"arn:aws:iam::{account}:user/a", "UserId": "A"}
        )
        iam.add_response("get_access_key_last_used", {
            "UserName": "root", "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"},
        })  # fmt: skip
        iam.add_client_error("list_access_keys", "NoSuchEntity")
        with pytest.raises(CredguardError, match="is a key of the root user") as raised:
            owner.find_owner(client, key)
    assert "sign in as the root user" in raised.value.hint


@pytest.mark.usefixtures("managed_policies")
def test_the_quarantined_user_cannot_do_it_alone(aws: Aws) -> None:
    keys = aws.add_user("app", key_days=1)
    key = keys["aws_access_key_id"]
    aws.iam.attach_user_policy(UserName="app", PolicyArn=QUARANTINE)
    assert "AWS has quarantined the user" in aws.run("revoke", key)[1]
    aws.use(keys)
    code, _, err = aws.run("revoke", key)
    assert code == 2 and "run this as another user or role of the account" in err


def test_a_canary_sees_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:  # noqa: ANN401
        raise AssertionError("a call")

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", refuse)
    with pytest.raises(CredguardError, match="is a canary"):
        owner.find_owner(AwsClient(), Filler("canary").fill("{{CANARY}}"))
