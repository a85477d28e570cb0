"""`credguard audit --account`: of each key in git whose it is, whether it works, and what it may do."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.account.conftest import NOW
from tests.account.test_account import EVERYTHING, make_sound
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path

    from tests.account.conftest import Aws, Report


def leak(folder: Path, keys: dict[str, str], *, gone: bool = False) -> Repository:
    """A repository with the key in its files, or only in its history."""
    repository = Repository(folder)
    repository.commit("begin", {".gitignore": ".env\n.env.*\n", "package.json": "{}\n"})
    repository.commit("leak", {"config.ini": "".join(f"{key} = {value}\n" for key, value in keys.items())})
    if gone:
        repository.git("rm", "-q", "config.ini")
        repository.commit("clean", {"a.py": "x = 2\n"})
    return repository


def audit(aws: Aws, *words: str) -> Report:
    code, out, err = aws.run("audit", "--account", *words, "--format", "json")
    assert out, err
    report: dict[str, Any] = json.loads(out)
    assert report["exit_code"] == code
    return report


def owners(report: Report) -> dict[str, dict[str, Any]]:
    """What is said of each key, by its ID."""
    return {
        one["attributes"]["access_key_id"]: one["attributes"]["owner"]
        for one in report["findings"]
        if "owner" in one["attributes"]
    }


def status(report: Report, practice: str) -> tuple[str, str]:
    return next((one["status"], one["reason"]) for one in report["practices"] if one["id"] == practice)


def test_whose_a_key_is_and_what_it_may_do(aws: Aws, tmp_path: Path) -> None:
    make_sound(aws)
    aws.complete_report()
    strong, dead = aws.add_user("strong", key_days=120, used_days=2), aws.add_user("dead", key_days=5, used_days=1)
    aws.iam.create_group(GroupName="staff")
    aws.iam.put_group_policy(GroupName="staff", PolicyName="all", PolicyDocument=json.dumps(EVERYTHING))
    aws.iam.add_user_to_group(GroupName="staff", UserName="strong")
    aws.iam.update_access_key(UserName="dead", AccessKeyId=dead["aws_access_key_id"], Status="Inactive")
    leak(tmp_path / "one", strong)
    leak(tmp_path / "two", dead, gone=True)
    report = audit(aws, "one", "two", "--html", "page.html")
    page = (tmp_path / "page.html").read_text()
    worst = page[page.index("Which leak is the worst") :]
    assert worst.index(strong["aws_access_key_id"]) < worst.index(dead["aws_access_key_id"])
    assert "<td>6</td><td>in the files</td><td>administrator</td>" in worst
    assert "<td>0</td><td>in the history</td><td>narrow</td>" in worst
    found = owners(report)
    first, second = found[strong["aws_access_key_id"]], found[dead["aws_access_key_id"]]
    assert (first["user"], first["status"], first["age_days"], first["service"]) == ("strong", "active", 120, "s3")
    assert first["power"] == "administrator" and first["mfa"] is False
    assert first["abilities"] == ["can do everything"]
    assert first["rights"] == ["policy all of group staff allows every action on every resource"]
    assert (second["user"], second["status"], second["power"]) == ("dead", "inactive", "narrow")
    message = next(one["message"] for one in report["findings"] if one["attributes"].get("owner") == first)
    assert (
        f"key of user strong, active, last used on {NOW - timedelta(days=2):%Y-%m-%d} with s3; it can do everything"
        in message
    )
    assert report["target"]["account"]["account"] == aws.account
    for secret in (strong["aws_secret_access_key"], dead["aws_secret_access_key"]):
        assert secret not in json.dumps(report)


def test_the_account_answers_practices_of_the_scorecard(aws: Aws, tmp_path: Path) -> None:
    make_sound(aws)
    aws.complete_report()
    repository = leak(tmp_path / "one", {"region": "eu-west-1"})
    aws.patch.chdir(repository.folder)
    report = audit(aws)
    assert status(report, "P09")[0] == "pass" and status(report, "P07")[0] == "pass"
    assert status(report, "P08")[0] == "pass" and status(report, "P11")[0] == "pass"
    aws.client("cloudtrail").stop_logging(Name="all")
    assert status(audit(aws), "P09")[0] == "fail"
    aws.use({})
    report = audit(aws)
    assert status(report, "P09")[0] == "partial" and report["exit_code"] == 3


def test_two_keys_of_one_user_are_shared(aws: Aws, tmp_path: Path) -> None:
    make_sound(aws)
    aws.complete_report()
    first = aws.add_user("robot", key_days=5, used_days=1)
    second = aws.add_key("robot", 5, 1)
    leak(tmp_path / "one", first)
    leak(tmp_path / "two", second)
    report = audit(aws, "one", "two")
    (shared,) = [one for one in report["findings"] if one["rule_id"] == "CG502"]
    assert {place["path"] for place in shared["locations"]} == {"one/config.ini", "two/config.ini"}
    assert status(report, "P05")[0] == "fail"
    plain = json.loads(aws.run("audit", "one", "two", "--format", "json")[1])
    assert not [one for one in plain["findings"] if one["rule_id"] == "CG502"]


@pytest.mark.parametrize("taken", ["deleted", "denied"])
def test_keys_that_are_not_there_or_may_not_be_asked_about(aws: Aws, tmp_path: Path, taken: str) -> None:
    make_sound(aws)
    aws.complete_report()
    keys = aws.add_user("gone", key_days=5, used_days=1)
    leak(tmp_path / "one", keys)
    if taken == "deleted":
        aws.iam.delete_access_key(UserName="gone", AccessKeyId=keys["aws_access_key_id"])
        found = owners(audit(aws, "one"))[keys["aws_access_key_id"]]
        assert found["status"] == "deleted" and found["user"] == ""
        return
    from moto.iam.responses import IamResponse

    def fail(_: object) -> None:
        raise RuntimeError

    aws.patch.setattr(IamResponse, "get_access_key_last_used", fail)
    report = audit(aws, "one")
    assert not owners(report)
    assert any(f"iam/key/{keys['aws_access_key_id']}" in skip["path"] for skip in report["coverage"]["skipped"])
