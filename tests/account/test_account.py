"""`credguard account` against accounts in known states: where each practice stands, and what is found where."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from moto.core.authorization import enable_iam_authentication
from moto.core.exceptions import JsonRESTError
from moto.guardduty.responses import GuardDutyResponse

from tests.account.conftest import NOW, REGION, read_least_policy
from tests.repos import write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.account.conftest import Aws, Report

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
QUARANTINE = "arn:aws:iam::aws:policy/AWSCompromisedKeyQuarantineV3"
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
OF_BUCKET = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::data/*"},
]}  # fmt: skip
OPEN = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"},
]}  # fmt: skip
CLOSED = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
]}  # fmt: skip
PRACTICES = ["P04", "P05", "P06", "P07", "P08", "P09", "P11", "P19"]


def standings(report: Report) -> dict[str, str]:
    return {one["id"]: one["status"] for one in report["practices"]}


def reason(report: Report, practice: str) -> str:
    return str(next(one["reason"] for one in report["practices"] if one["id"] == practice))


def found(report: Report) -> list[tuple[str, str]]:
    """Rule and place of each finding; the place without the account."""
    places = [(one["rule_id"], one["locations"][0]["path"]) for one in report["findings"]]
    return sorted((rule, path.partition("//")[2].partition("/")[2]) for rule, path in places)


def skipped(report: Report) -> list[str]:
    return [skip["reason"] for skip in report["coverage"]["skipped"]]


def make_sound(aws: Aws) -> None:
    """An account that fails nothing: a user with a new key in use, a console user with MFA, a watched trail."""
    aws.add_user("app", key_days=10, used_days=1)
    aws.iam.put_user_policy(UserName="app", PolicyName="data", PolicyDocument=json.dumps(OF_BUCKET))
    aws.add_user("ann")
    aws.iam.create_login_profile(UserName="ann", Password="Not-4-secret")
    aws.add_mfa("ann")
    aws.iam.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(CLOSED))
    aws.watch_trail()


def test_a_sound_account(aws: Aws) -> None:
    make_sound(aws)
    aws.complete_report()
    report = aws.report()
    assert found(report) == [] and report["exit_code"] == 0
    assert standings(report) == dict.fromkeys(PRACTICES, "pass") | {"P05": "partial"}
    assert "credential report of" in reason(report, "P07") and "metric filter" in reason(report, "P09")
    (account,) = report["target"]["accounts"]
    assert account["account"] == aws.account and account["credential_report"].startswith(NOW.strftime("%Y-%m-%d"))


@pytest.mark.usefixtures("managed_policies")
def test_an_account_that_fails_everything(aws: Aws) -> None:
    aws.add_user("old", key_days=200, used_days=100)
    aws.iam.attach_user_policy(UserName="old", PolicyArn=QUARANTINE)
    aws.add_user("new", key_days=3)
    aws.iam.create_login_profile(UserName="new", Password="Not-4-secret")
    aws.iam.create_group(GroupName="staff")
    aws.iam.attach_group_policy(GroupName="staff", PolicyArn=ADMIN)
    aws.iam.create_role(RoleName="open", AssumeRolePolicyDocument=json.dumps(OPEN))
    aws.iam.put_role_policy(RoleName="open", PolicyName="dev-boundary", PolicyDocument=json.dumps(EVERYTHING))
    shared = aws.iam.create_policy(PolicyName="shared", PolicyDocument=json.dumps(EVERYTHING))["Policy"]["Arn"]
    aws.iam.attach_role_policy(RoleName="open", PolicyArn=shared)
    aws.iam.create_policy(PolicyName="loose", PolicyDocument=json.dumps(EVERYTHING))
    aws.complete_report(
        access_key_1_active="true", password_last_used=NOW.isoformat(), password_enabled="not_supported"
    )
    report = aws.report()
    assert found(report) == [
        ("CG303", "iam/root"), ("CG401", "iam/group/staff"), ("CG402", "iam/policy/shared"),
        ("CG402", "iam/role/open"), ("CG406", "iam/role/open"), ("CG501", "iam/user/old"), ("CG503", "iam/user/new"),
        ("CG503", "iam/user/old"), ("CG504", "iam/user/new"), ("CG505", "cloudtrail"), ("CG506", "iam/user/old"),
    ]  # fmt: skip
    assert standings(report) == dict.fromkeys(PRACTICES, "fail") | {"P05": "partial"}
    assert report["exit_code"] == 1


def test_root_without_a_second_factor_fails_two_practices(aws: Aws) -> None:
    make_sound(aws)
    report = aws.report()  # moto's account has none, and its report no row of root
    (finding,) = report["findings"]
    assert (finding["rule_id"], finding["practices"]) == ("CG504", ["P04", "P08"])
    assert standings(report)["P04"] == standings(report)["P08"] == "fail"


def test_a_report_without_root_is_no_pass(aws: Aws) -> None:
    make_sound(aws)
    aws.complete_report(user="somebody")
    report = aws.report()
    assert standings(report)["P04"] == "partial" and "no row of the root user" in reason(report, "P04")
    assert report["exit_code"] == 0


def test_no_active_key_can_be_shared(aws: Aws) -> None:
    aws.add_user("ann")
    aws.complete_report()
    assert standings(aws.report())["P05"] == "pass"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda trails: trails.stop_logging(Name="all"), "is not logging"),
        (lambda trails: trails.update_trail(Name="all", IsMultiRegionTrail=False), "only trails of single Regions"),
        (lambda trails: trails.put_event_selectors(
            TrailName="all", EventSelectors=[{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}],
        ), "does not log all management events"),
        (lambda trails: trails.delete_trail(Name="all"), "has no trail"),
    ],
)  # fmt: skip
def test_a_trail_that_records_too_little(aws: Aws, change: Any, said: str) -> None:  # noqa: ANN401
    make_sound(aws)
    aws.complete_report()
    change(aws.client("cloudtrail"))
    report = aws.report()
    assert found(report) == [("CG505", "cloudtrail")] and said in report["findings"][0]["message"]


def test_who_reads_the_trail(aws: Aws) -> None:
    make_sound(aws)
    aws.complete_report()
    aws.client("cloudwatch").delete_alarms(AlarmNames=["root"])
    assert "nothing reads trail all" in aws.report()["findings"][0]["message"]
    pattern = json.dumps({"detail-type": ["AWS Console Sign In via CloudTrail"]})
    aws.client("events").put_rule(Name="sign-in", EventPattern=pattern, State="DISABLED")
    assert standings(aws.report())["P09"] == "fail"
    detector = aws.client("guardduty").create_detector(Enable=True)["DetectorId"]
    assert reason(aws.report(), "P09") == "trail all, read by GuardDuty"
    aws.client("guardduty").update_detector(DetectorId=detector, Enable=False)
    aws.client("events").enable_rule(Name="sign-in")
    assert reason(aws.report(), "P09") == "trail all, read by an EventBridge rule"


def test_a_trail_is_seen_from_another_region(aws: Aws) -> None:
    make_sound(aws)
    aws.complete_report()
    assert standings(aws.report("--region", "eu-west-1"))["P09"] == "pass"


def test_a_key_rotated_since_the_report_is_no_finding(aws: Aws) -> None:
    keys = aws.add_user("app", key_days=200, used_days=1)
    aws.complete_report(made=NOW - timedelta(hours=3))
    aws.freeze_report()
    assert ("CG501", "iam/user/app") in found(aws.report())
    aws.add_key("app", 0, 0)
    aws.iam.update_access_key(UserName="app", AccessKeyId=keys["aws_access_key_id"], Status="Inactive")
    report = aws.report()
    assert ("CG501", "iam/user/app") not in found(report) and standings(report)["P07"] == "pass"
    assert "3 hours old" in reason(report, "P07") or "180 minutes old" in reason(report, "P07")


def test_a_user_younger_than_the_report(aws: Aws) -> None:
    aws.add_user("app", key_days=1)
    aws.complete_report(made=NOW - timedelta(hours=3))
    aws.freeze_report()
    aws.add_user("late")
    aws.iam.create_login_profile(UserName="late", Password="Not-4-secret")
    assert ("CG504", "iam/user/late") in found(aws.report())
    aws.iam.delete_user(UserName="app")  # and one who is gone since
    assert ("CG503", "iam/user/app") not in found(aws.report())


def test_a_report_that_cannot_be_believed_is_not(aws: Aws) -> None:
    """moto's report says that it was made in 2015: each user is asked about."""
    aws.add_user("old", key_days=200, used_days=100)
    report = aws.report()
    assert {("CG501", "iam/user/old"), ("CG503", "iam/user/old")} <= set(found(report))
    assert any("of 2015-02-02" in note for note in report["coverage"]["notes"])


def test_policy_and_exceptions_hold(aws: Aws, tmp_path: Path) -> None:
    make_sound(aws)
    aws.complete_report()
    aws.add_key("app", 100, 1)
    place = f"aws://{aws.account}/iam/user/app"
    entry = f"{{rule: CG501, path: '{place}', reason: moved in May, expires: 2099-01-01}}"
    policy = f"version: 1\nallow:\n  - {entry}\n"
    assert standings(aws.report())["P07"] == "fail"
    write(tmp_path, {".credguard.yaml": policy})
    report = aws.report()
    assert standings(report)["P07"] == "accepted" and report["exit_code"] == 0
    write(tmp_path, {".credguard.yaml": "version: 1\nrotation-days: 120\n"})
    assert standings(aws.report())["P07"] == "pass"
    assert standings(aws.report("--ignore", "CG501"))["P07"] == "not-checked"
    assert aws.report("--fail-on", "high")["exit_code"] == 0


def test_every_format(aws: Aws, tmp_path: Path) -> None:
    make_sound(aws)
    aws.complete_report()
    aws.add_key("app", 100, 1)
    for name in ("text", "concise", "sarif", "github", "gitlab", "junit", "csv", "markdown", "html"):
        code, out, _ = aws.run("account", "--format", name)
        assert code == 1 and "CG501" in out, name
    code, out, _ = aws.run("account", "--html", "page.html")
    assert "Asked 1 account." in out and "P07 FAIL" in out and "Enforced in" not in out
    assert "<h2" in (tmp_path / "page.html").read_text() and code == 1


NEEDED = [action for action in read_least_policy() if not action.startswith(("guardduty", "events"))]
WATCHING = [action for action in read_least_policy() if action.startswith(("guardduty", "events"))]
OPEN_PRACTICES = {
    "iam:GenerateCredentialReport": {"P04", "P05", "P07", "P08", "P11"},
    "iam:GetCredentialReport": {"P04", "P05", "P07", "P08", "P11"},
    "iam:GetAccountSummary": {"P04", "P08"},
    "iam:GetAccountAuthorizationDetails": {"P06", "P07", "P08", "P11", "P19"},  # which names the users, too
    "cloudtrail": {"P09"}, "logs": {"P09"}, "cloudwatch": {"P09"}, "guardduty": {"P09"}, "events": {"P09"},
}  # fmt: skip


def _deny(_: object) -> None:
    raise JsonRESTError("AccessDeniedException", "not authorized")


@pytest.mark.parametrize("taken", [*NEEDED, *WATCHING, ""])
def test_each_permission_taken_away(aws: Aws, taken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make_sound(aws)
    keys = aws.add_user("reader", key_days=0, used_days=0)
    if taken in WATCHING:
        aws.client("cloudwatch").delete_alarms(AlarmNames=["root"])
        aws.client("guardduty").create_detector(Enable=True)
        # moto takes every signature of this service for wrong
        monkeypatch.setattr(GuardDutyResponse, "_authenticate_and_authorize_normal_action", lambda *_: None)
        if taken.startswith("guardduty"):
            method = {"ListDetectors": "list_detectors", "GetDetector": "get_detector"}[taken.partition(":")[2]]
            monkeypatch.setattr(GuardDutyResponse, method, _deny)
    actions = [action for action in read_least_policy() if action != taken]
    if taken != "cloudwatch:DescribeAlarms":
        actions.append("monitoring:DescribeAlarms")  # as moto calls it
    least = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    aws.iam.put_user_policy(UserName="reader", PolicyName="audit", PolicyDocument=json.dumps(least))
    aws.complete_report(made=NOW - timedelta(days=30))  # so old that each user is asked about
    aws.use(keys)
    with enable_iam_authentication():
        report = aws.report()
    partial = {one for one, status in standings(report).items() if status == "partial"} - {"P05"}
    if not taken:
        assert report["exit_code"] == 0 and not partial and not found(report)
        return
    expected = OPEN_PRACTICES.get(taken) or OPEN_PRACTICES.get(taken.partition(":")[0]) or {"P07", "P08", "P11"}
    assert partial == expected - {"P05"}
    assert report["exit_code"] == 3 and not report["coverage"]["complete"]
    assert any(f"allow {taken}" in text for text in skipped(report))
    assert f"allow {taken}" in reason(report, min(expected))


def test_no_credentials(aws: Aws) -> None:
    aws.use({})
    code, out, err = aws.run("account")
    assert code == 3 and err == "" and "there are no credentials" in out
    assert standings(aws.report()) == dict.fromkeys(PRACTICES, "partial")


@pytest.mark.parametrize(
    ("key", "said"), [("aws_access_key_id", "InvalidClientTokenId"), ("aws_secret_access_key", "SignatureDoesNotMatch")]
)
def test_credentials_that_do_not_work(aws: Aws, key: str, said: str) -> None:
    keys = aws.add_user("reader", key_days=0)
    wrong = keys[key][:-4] + ("2345" if key == "aws_access_key_id" else "wxyz")
    aws.use(keys | {key: wrong})
    with enable_iam_authentication():
        report = aws.report()
    assert report["exit_code"] == 3 and skipped(report)[0].startswith(f"sts:GetCallerIdentity: {said}: ")
    assert keys["aws_secret_access_key"] not in json.dumps(report) and wrong not in json.dumps(report)


def test_one_account_hides_nothing_of_the_other(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_sound(aws)
    other = aws.assume(str(int(aws.account) + 7))
    lines = []
    for name, keys in (("one", aws.keys), ("other", other)):
        lines += [f"[{name}]", *(f"{key} = {value}" for key, value in keys.items()), f"region = {REGION}", ""]
    write(
        tmp_path,
        {
            "credentials": "\n".join([*lines, "[broken]", "region = eu-west-1"]),
            "accounts.txt": "other # ours\none\nbroken\n",
        },
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    aws.use({})
    report = aws.report("--accounts", "accounts.txt")
    accounts = [one.get("account") for one in report["target"]["accounts"]]
    assert accounts == [str(int(aws.account) + 7), aws.account, None]
    assert any("there are no credentials" in text for text in skipped(report))
    places = {finding["locations"][0]["path"].split("/")[2] for finding in report["findings"]}
    assert {aws.account, str(int(aws.account) + 7)} <= places
    code, _, err = aws.run("account", "--profile", "onee")
    assert code == 2 and err == "credguard: there is no profile onee; did you mean one?\n"


def test_roles_are_assumed(aws: Aws, tmp_path: Path) -> None:
    others = [str(int(aws.account) + number) for number in (11, 13)]
    write(tmp_path, {"accounts": f"{others[0]}\narn:aws:iam::{others[1]}:role/audit\n"})
    report = aws.report("--accounts", "accounts", "--role", "arn:aws:iam::{account}:role/look")
    assert [one["account"] for one in report["target"]["accounts"]] == others
    code, _, err = aws.run("account", "--accounts", "accounts")
    assert code == 2 and err.startswith("credguard: accounts:1: an account ID needs a role to assume; add --role")


@pytest.mark.parametrize("line", ["https://example.com", "a b", "arn:aws:iam::1:role/x", ""])
def test_a_line_that_names_no_account(aws: Aws, tmp_path: Path, line: str) -> None:
    write(tmp_path, {"accounts": f"# ours\n{line}\n"})
    code, out, err = aws.run("account", "--accounts", "accounts")
    assert code == 2 and out == "" and "names no account" in err and err.count("\n") == 1
