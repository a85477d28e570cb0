"""`credguard doctor --online`: who each profile is, and in words why one does not work."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from moto.core.authorization import enable_iam_authentication
from moto.sts.models import STSBackend

from credguard.aws.live.client import explain_failure
from tests.keys import Filler
from tests.repos import write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.account.conftest import Aws, Report


def name_profiles(aws: Aws, folder: Path, **profiles: dict[str, str]) -> None:
    """A credentials file with these profiles; a value None stands for no setting."""
    lines = [
        line
        for name, settings in profiles.items()
        for line in (f"[{name}]", *(f"{key} = {value}" for key, value in settings.items()))
    ]
    write(folder, {"credentials": "\n".join(lines) + "\n"})
    (folder / "credentials").chmod(0o600)
    aws.use({})
    aws.patch.delenv("AWS_DEFAULT_REGION")
    aws.patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))


def ask(aws: Aws, *words: str) -> tuple[int, str, Report]:
    """The exit code, the text, and the JSON report."""
    with enable_iam_authentication():
        code, text, err = aws.run("doctor", "--online", "--no-hooks", *words)
        assert err == ""
        report: dict[str, Any] = json.loads(aws.run("doctor", "--online", "--no-hooks", "--format", "json", *words)[1])
    assert report["exit_code"] == code
    return code, text, report


def test_who_they_are_and_why_one_fails(aws: Aws, tmp_path: Path) -> None:
    old, new = aws.add_user("old", key_days=200), aws.add_user("new", key_days=3)
    allowed = {"Effect": "Allow", "Action": "iam:ListAccessKeys", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    aws.iam.put_user_policy(UserName="old", PolicyName="own", PolicyDocument=policy)
    wrong = new | {"aws_secret_access_key": Filler("doctor").fill("{{SECRET}}")}
    gone = {key: Filler("gone").fill(word) for key, word in zip(new, ("{{AKID}}", "{{SECRET}}"), strict=True)}
    name_profiles(
        aws, tmp_path, work=old, home=new, wrong=wrong, china=gone | {"region": "cn-north-1"}, empty={"output": "json"}
    )
    code, text, report = ask(aws)
    assert code == 1
    assert f"Profile work is arn:aws:iam::{aws.account}:user/old of account {aws.account}." in text
    assert "Profile wrong does not work: SignatureDoesNotMatch: the secret access key does not belong" in text
    assert "Profile china does not work: InvalidClientTokenId: AWS does not know the access key" in text
    assert "its Region cn-north-1 is of partition aws-cn (China)" in text
    assert "Profile empty is empty: there are no credentials" in text
    found = [(one["rule_id"], one["locations"][0]["path"]) for one in report["findings"]]
    assert ("CG501", f"aws://{aws.account}/iam/user/old") in found
    states = {one["profile"]: one["status"] for one in report["target"]["profiles"]}
    assert states == {
        "work": "works", "home": "works", "wrong": "fails", "china": "fails", "empty": "without-credentials",
    }  # fmt: skip
    assert any("profile home: the age of its key is unknown" in note for note in report["coverage"]["notes"])
    assert wrong["aws_secret_access_key"] not in text + json.dumps(report)


def test_root_is_a_finding(aws: Aws, tmp_path: Path) -> None:
    keys = aws.add_user("app", key_days=3)
    name_profiles(aws, tmp_path, default=keys)
    arn = f"arn:aws:iam::{aws.account}:root"
    aws.patch.setattr(STSBackend, "get_caller_identity", lambda *_: (aws.account, arn, aws.account))
    code, text, report = ask(aws)
    assert code == 1 and "the root user: use a role or IAM Identity Center instead" in text
    assert [one["rule_id"] for one in report["findings"]] == ["CG302"]
    aws.use(keys)
    report = aws.report()
    assert ("CG302", ["P04"]) in [(one["rule_id"], one["practices"]) for one in report["findings"]]


def test_without_a_network_nothing_is_said_of_them(aws: Aws, tmp_path: Path) -> None:
    name_profiles(aws, tmp_path, default=aws.add_user("app", key_days=3))
    aws.patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    code, text, _ = ask(aws)
    assert code == 3 and "Profile default could not be tried: AWS cannot be reached" in text


def test_no_profiles(aws: Aws, tmp_path: Path) -> None:
    name_profiles(aws, tmp_path)
    code, text, _ = ask(aws)
    assert code == 0 and "There is no AWS profile here" in text


def test_a_profile_that_wants_an_mfa_code_asks_nobody(aws: Aws, tmp_path: Path) -> None:
    role = {
        "role_arn": "arn:aws:iam::615309274181:role/x",
        "source_profile": "base",
        "mfa_serial": "arn:aws:iam::1:mfa/x",
    }
    name_profiles(aws, tmp_path, base=aws.add_user("app", key_days=3), work=role)
    _, text, _ = ask(aws)
    assert "Profile work does not work: the profile asks for an MFA code" in text


@pytest.mark.parametrize(("minutes", "said"), [(40, "clock is 40 minutes behind"), (-40, "clock is 40 minutes ahead")])
def test_a_clock_that_is_wrong(minutes: int, said: str) -> None:
    there = datetime.now(timezone.utc) + timedelta(minutes=minutes, seconds=minutes // 2)
    for code in ("SignatureDoesNotMatch", "RequestExpired"):
        headers = {"date": format_datetime(there)}
        answer = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPHeaders": headers}}
        assert said in explain_failure(ClientError(answer, "GetCallerIdentity"), "sts:GetCallerIdentity").reason
