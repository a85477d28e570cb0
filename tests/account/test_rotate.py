"""`credguard rotate`: a new key in place of the old one, and nothing lost wherever a run is killed."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest
from botocore.client import BaseClient
from moto.core.authorization import disable_iam_authentication, enable_iam_authentication

from credguard.aws.live import rotate
from credguard.aws.live.credentials_file import CredentialsFile
from credguard.system import atomic

if TYPE_CHECKING:
    from pathlib import Path

    from tests.account.conftest import Aws

BEFORE = "# mine\n[other]\naws_access_key_id = x\n\n[work]\nregion = eu-west-1\naws_access_key_id={id}\n"
BEFORE += "aws_secret_access_key =  {secret}  \n; end\n[last]\noutput = json\n"
OWN = ["CreateAccessKey", "ListAccessKeys", "GetAccessKeyLastUsed", "UpdateAccessKey", "DeleteAccessKey"]


class Profile:
    """Profile `work` in a credentials file of its own."""

    def __init__(self, aws: Aws, folder: Path) -> None:
        self.aws, self.path = aws, folder / "aws" / "credentials"
        self.user = f"app{len(list(folder.parent.glob('*')))}"
        keys = aws.add_user(self.user, key_days=100)
        statement = {"Effect": "Allow", "Action": [f"iam:{one}" for one in OWN], "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        aws.iam.put_user_policy(UserName=self.user, PolicyName="own", PolicyDocument=policy)
        self.old, self.secret = keys["aws_access_key_id"], keys["aws_secret_access_key"]
        self.path.parent.mkdir()
        self.path.write_text(BEFORE.format(id=self.old, secret=self.secret))
        self.path.chmod(0o600)
        aws.patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(self.path))
        aws.use({})

    def keys(self) -> dict[str, str]:
        """The user's keys, as AWS has them."""
        with disable_iam_authentication():
            found = self.aws.iam.list_access_keys(UserName=self.user)["AccessKeyMetadata"]
        return {key["AccessKeyId"]: key["Status"] for key in found}

    def run(self, *words: str) -> tuple[int, str, str]:
        """Rotates, with moto checking keys and permissions."""
        with enable_iam_authentication():
            return self.aws.run("rotate", "work", *words)

    def read_id(self) -> str:
        """The key ID that the file has."""
        key = CredentialsFile().read_key("work")
        assert key
        return key.id


@pytest.fixture
def profile(aws: Aws, tmp_path: Path) -> Profile:
    return Profile(aws, tmp_path)


def test_the_plan_changes_nothing(profile: Profile) -> None:
    before = profile.path.read_bytes()
    code, out, err = profile.run()
    assert code == 0 and err == "" and "Identity Center" in out
    assert f"in place of {profile.old}" in out and "Nothing was changed" in out
    assert profile.keys() == {profile.old: "Active"} and profile.path.read_bytes() == before
    assert os.listdir(profile.path.parent) == ["credentials"]


def test_a_key_is_replaced(profile: Profile) -> None:
    code, out, _ = profile.run("--apply")
    assert code == 0, out
    new = profile.read_id()
    assert profile.keys() == {profile.old: "Inactive", new: "Active"}
    text = profile.path.read_text()
    key = CredentialsFile().read_key("work")
    assert key and text == BEFORE.format(id=new, secret=key.secret.reveal().decode())
    assert stat.S_IMODE(profile.path.stat().st_mode) == 0o600
    code, _, err = profile.run("--apply")
    assert code == 2 and "is under way; take it up with --resume" in err
    code, out, _ = profile.run("--resume")
    assert code == 0 and "can be deleted from" in out and profile.old in list(profile.keys())
    code, out, _ = profile.run("--resume", "--after", "0")
    assert code == 0 and profile.keys() == {new: "Active"} and os.listdir(profile.path.parent) == ["credentials"]


def test_no_secret_is_shown_or_kept(profile: Profile) -> None:
    _, out, err = profile.run("--apply", "--debug")
    new = CredentialsFile().read_key("work")
    path = profile.path.parent / "credentials.credguard-rotate"
    journal = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert new
    for secret in (profile.secret, new.secret.reveal().decode()):
        assert secret[4:] not in out + err + journal


class _Killed(BaseException):
    """The end of the process, as far as its code can see it."""


def end_at(number: int, patch: pytest.MonkeyPatch) -> None:
    """Ends the run behind one of its changes and writes."""
    moments = [0]  # how many have passed

    def pass_by() -> None:
        moments[0] += 1
        if moments[0] == number:
            raise _Killed

    called, written = BaseClient._make_api_call, atomic.replace_file

    def call(client: BaseClient, name: str, words: dict[str, Any]) -> Any:  # noqa: ANN401
        answer = called(client, name, words)
        if name.endswith("AccessKey"):
            pass_by()
        return answer

    def write(*words: Any, **more: Any) -> None:  # noqa: ANN401
        written(*words, **more)
        pass_by()

    patch.setattr(BaseClient, "_make_api_call", call)
    patch.setattr(atomic, "replace_file", write)


def test_nothing_is_lost_wherever_it_is_killed(aws: Aws, tmp_path: Path) -> None:
    number, killed = 0, True
    while killed:
        number += 1
        (tmp_path / str(number)).mkdir()
        profile = Profile(aws, tmp_path / str(number))
        rotator = rotate.Rotator("work", wait=lambda _: None)
        rotation = rotator.begin()
        with pytest.MonkeyPatch.context() as patch, enable_iam_authentication():
            end_at(number, patch)
            try:
                list(rotator.carry_out(rotation, 0))
                killed = False
            except _Killed:
                assert profile.keys()[profile.read_id()] == "Active", number
        if killed:
            begun = os.path.exists(f"{profile.path}.credguard-rotate")
            code, out, err = profile.run("--resume" if begun else "--apply", "--after", "0")
            assert code == 0, (number, out, err)
        assert profile.keys() == {profile.read_id(): "Active"} and profile.read_id() != profile.old, number
        assert "credguard-new" not in profile.path.read_text(), number
        assert os.listdir(profile.path.parent) == ["credentials"], number
    assert number == 9


def test_two_keys_are_one_too_many(profile: Profile) -> None:
    other = profile.aws.add_key(profile.user, 30)["aws_access_key_id"]
    code, _, err = profile.run("--apply")
    assert code == 2 and f"{other} (active, never used)" in err and "`credguard revoke KEY_ID`" in err
    assert profile.read_id() == profile.old


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[work]\nrole_arn = x\n", "has no access key in"),
        ("[work]\naws_access_key_id = a\naws_secret_access_key = b\naws_session_token = c\n", "temporary credentials"),
        ("[other]\naws_access_key_id = a\naws_secret_access_key = b\n", "has no access key in"),
        ("[work]\naws_access_key_id = a\naws_secret_access_key = b\n[work]\naws_access_key_id = c\n", "two keys in"),
    ],
)
def test_profiles_that_have_nothing_to_rotate(profile: Profile, text: str, said: str) -> None:
    profile.path.write_text(text)
    code, out, err = profile.run("--apply")
    assert code == 2 and out == "" and said in err and err.count("\n") == 1
    assert profile.path.read_text() == text


def test_a_permission_that_is_missing_leaves_all_as_it_was(profile: Profile) -> None:
    profile.aws.iam.delete_user_policy(UserName=profile.user, PolicyName="own")
    code, _, err = profile.run("--apply")
    assert code == 3 and "allow iam:ListAccessKeys" in err and profile.keys() == {profile.old: "Active"}


def test_nothing_to_resume(profile: Profile) -> None:
    code, _, err = profile.run("--resume")
    assert code == 2 and "no rotation of profile work is under way" in err
    (profile.path.parent / "credentials.credguard-rotate").write_text('{"work": {"x": 1}}')
    code, _, err = profile.run("--resume")
    assert code == 2 and "is not what credguard wrote" in err
