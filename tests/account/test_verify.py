"""`--verify`: each state, who is never asked, and that no value of a key gets out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from moto.core.authorization import disable_iam_authentication, enable_iam_authentication

from credguard.aws.live import verify
from credguard.model.secret import Secret
from tests.keys import Filler
from tests.repos import Repository, clean_environment, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.account.conftest import Aws


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The IDs of the keys with which AWS was asked."""
    from botocore.client import BaseClient

    found: list[str] = []
    called = BaseClient._make_api_call

    def note(client: Any, name: str, words: dict[str, Any]) -> Any:  # noqa: ANN401
        if name == "GetCallerIdentity":
            found.append(client._request_signer._credentials.access_key)
        return called(client, name, words)

    monkeypatch.setattr(BaseClient, "_make_api_call", note)
    return found


@pytest.fixture(autouse=True)
def _checked() -> Iterator[None]:
    with enable_iam_authentication():
        yield


def make_key(aws: Aws, name: str) -> dict[str, str]:
    with disable_iam_authentication():
        return aws.add_user(name, key_days=1)


def plant(folder: Path, keys: dict[str, str], name: str = "config.ini") -> None:
    write(folder, {name: "[default]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())})


def allow_own(folder: Path, *accounts: str) -> None:
    write(folder, {".credguard.yaml": f"version: 1\naccounts:\n  own: {json.dumps(list(accounts))}\n"})


def scan(aws: Aws, *words: str) -> list[dict[str, Any]]:
    code, out, err = aws.run(*(words or ("scan", "--verify", ".")), "--format", "json")
    assert out, err
    report = json.loads(out)
    assert report["exit_code"] == code
    found: list[dict[str, Any]] = [one for one in report["findings"] if one["rule_id"] in ("CG103", "CG104")]
    return found


def test_a_key_that_works(aws: Aws, tmp_path: Path, asked: list[str]) -> None:
    keys = make_key(aws, "app")
    plant(tmp_path, keys)
    plant(tmp_path, keys, "copy.ini")
    allow_own(tmp_path, aws.account)
    aws.use({})
    found = scan(aws)
    assert len(found) == 2 and asked == [keys["aws_access_key_id"]]
    for one in found:
        verification = one["attributes"]["verification"]
        assert one["severity"] == "critical" and one["exposure"]["alive"] is True
        assert verification["status"] == "live" and verification["account"] == aws.account
        assert verification["arn"].endswith(":user/app") and verification["partition"] == "aws"
        assert verification["checked_at"].endswith("Z")
        assert "verified: live, arn:aws:iam::" in one["message"]


def test_what_it_was_last_used_for_is_read_first(aws: Aws, tmp_path: Path) -> None:
    keys = make_key(aws, "app")
    plant(tmp_path, keys)
    allow_own(tmp_path, aws.account)
    reader = make_key(aws, "reader")
    aws.iam_as_admin("put_user_policy", UserName="reader", PolicyName="read", PolicyDocument=json.dumps({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "iam:GetAccessKeyLastUsed", "Resource": "*"}],
    }))  # fmt: skip
    aws.use(reader)
    assert scan(aws)[0]["attributes"]["verification"]["last_used"] == "never"


@pytest.mark.parametrize("state", ["wrong", "gone", "token"])
def test_a_key_that_does_not(aws: Aws, tmp_path: Path, state: str) -> None:
    keys = make_key(aws, "app")
    if state == "wrong":
        keys["aws_secret_access_key"] = Filler("wrong").fill("{{SECRET}}")
    if state == "gone":
        aws.iam_as_admin("delete_access_key", UserName="app", AccessKeyId=keys["aws_access_key_id"])
    if state == "token":
        keys["aws_access_key_id"] = "ASIA" + keys["aws_access_key_id"][4:]
    plant(tmp_path, keys)
    allow_own(tmp_path, aws.account)
    aws.use({})
    (found,) = scan(aws)
    status = {"wrong": "secret-wrong", "gone": "inactive-or-unknown", "token": "not-asked"}[state]
    assert found["attributes"]["verification"]["status"] == status
    assert found["severity"] == "critical"  # no less than without
    assert "alive" not in found["exposure"]


def test_other_accounts_are_asked_about_only_when_named(aws: Aws, tmp_path: Path, asked: list[str]) -> None:
    keys = make_key(aws, "app")
    plant(tmp_path, keys)
    aws.use({})
    (found,) = scan(aws)
    assert found["attributes"]["verification"]["status"] == "not-asked" and asked == []
    (found,) = scan(aws, "scan", ".")
    assert "verification" not in found["attributes"]
    code, _, err = aws.run("scan", "--verify=all")
    assert code == 1 and "its owner can see that" in err and asked == [keys["aws_access_key_id"]]


def test_a_canary_sees_no_request(aws: Aws, tmp_path: Path, asked: list[str]) -> None:
    filler = Filler("canary")
    plant(
        tmp_path, {"aws_access_key_id": filler.fill("{{CANARY}}"), "aws_secret_access_key": filler.fill("{{SECRET}}")}
    )
    allow_own(tmp_path, "171436882533")
    (found,) = scan(aws, "scan", "--verify=all", ".")
    assert found["attributes"]["verification"]["status"] == "canary" and found["severity"] == "low"
    old = {"aws_access_key_id": filler.fill("{{OLD_AKID}}"), "aws_secret_access_key": filler.fill("{{SECRET.2}}")}
    plant(tmp_path, old)  # which does not tell its account
    aws.use({})
    (found,) = scan(aws, "scan", "--verify=all", ".")
    assert found["attributes"]["verification"]["status"] == "not-asked" and asked == []


def test_no_network_is_unknown(aws: Aws, tmp_path: Path) -> None:
    plant(tmp_path, make_key(aws, "app"))
    allow_own(tmp_path, aws.account)
    aws.use({})
    aws.patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    (found,) = scan(aws)
    assert found["attributes"]["verification"]["status"] == "unknown" and found["severity"] == "critical"


def test_audits_and_jobs_ask_too(aws: Aws, tmp_path: Path) -> None:
    keys = make_key(aws, "app")
    repositories = [Repository(tmp_path / name) for name in ("one", "two")]
    for repository in repositories:
        allow_own(repository.folder, aws.account)
        repository.commit("begin", {"a.py": "x = 1\n"})
        repository.commit("leak", {"config.ini": "".join(f"{key} = {value}\n" for key, value in keys.items())})
        repository.git("rm", "-q", "config.ini")
        repository.commit("clean", {"a.py": "x = 2\n"})
    aws.use({})
    for words in (("audit", "--verify", "one"), ("audit", "--verify", "one", "two")):
        found = scan(aws, *words)
        assert found and {one["attributes"]["verification"]["status"] for one in found} == {"live"}, words
    aws.patch.chdir(tmp_path / "one")
    found = scan(aws, "ci", "--mode", "history", "--verify")
    assert found and found[0]["attributes"]["verification"]["status"] == "live"


@pytest.mark.parametrize(
    ("code", "headers", "status"),
    [
        ("ExpiredToken", {}, "expired"),
        ("InvalidClientTokenId", {}, "inactive-or-unknown"),
        ("SignatureDoesNotMatch", {}, "secret-wrong"),
        ("SignatureDoesNotMatch", {"date": "Mon, 02 Jan 2006 15:04:05 GMT"}, "unknown"),
        ("AccessDenied", {"x-amzn-requestid": "1"}, "live"),
        ("AccessDenied", {}, "unknown"),
        ("Throttling", {}, "unknown"),
        ("ServiceUnavailable", {}, "unknown"),
        ("IncompleteSignature", {}, "unknown"),
        ("403", {}, "unknown"),
    ],
)
def test_what_an_answer_means(code: str, headers: dict[str, str], status: str) -> None:
    from botocore.exceptions import ClientError

    answer = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPHeaders": headers}}
    error = ClientError(answer, "GetCallerIdentity")
    assert verify.Verifier()._read_failure(error, {"partition": "aws"}).status == status


def test_two_secrets_of_one_key_are_not_tried_at_once(aws: Aws) -> None:
    keys = make_key(aws, "app")
    aws.use({})
    waits: list[float] = []
    verifier = verify.Verifier(wait=waits.append)
    own = frozenset((aws.account,))
    wrong = [Secret(Filler("waits").fill(f"{{{{SECRET.{n}}}}}").encode()) for n in (1, 2, 3)]
    states = [verifier.verify(keys["aws_access_key_id"], one, None, own).status for one in (*wrong[:1], *wrong)]
    assert states == ["secret-wrong", "secret-wrong", "secret-wrong", "not-asked"]
    assert waits == [6.0] and verifier.asked == 2


def test_no_value_gets_out(aws: Aws, tmp_path: Path) -> None:
    """Not into output, reports, caches, or other files, also with all logging on and when something breaks."""
    keys = make_key(aws, "app")
    work, home = tmp_path / "work", tmp_path / "home"
    plant(work, keys)
    allow_own(work, aws.account)
    home.mkdir()
    program = (
        "import logging, sys, http.client; logging.basicConfig(level=0); http.client.HTTPConnection.debuglevel = 0; "
        "from credguard.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    environment = clean_environment() | {
        "AWS_ENDPOINT_URL": aws.url, "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"), "TMPDIR": str(home),
    }  # fmt: skip
    words = ["scan", "--verify", "--debug", "-v", "--report", "html=page.html", "--report", "json=r.json", "."]
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=work, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "verified: live" in done.stdout, done.stderr
    secret = keys["aws_secret_access_key"]
    written = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "config.ini"}
    assert {path.name for path in written} >= {"page.html", "r.json"}
    for text in (done.stdout.encode(), done.stderr.encode(), *written.values()):
        assert secret.encode() not in text and secret[4:24].encode() not in text
    assert secret not in "\0".join(os.environ.values())


def test_times_are_of_now(aws: Aws) -> None:
    keys = make_key(aws, "app")
    aws.use({})
    found = verify.Verifier(all_accounts=True).verify(
        keys["aws_access_key_id"], Secret(keys["aws_secret_access_key"].encode()), None, frozenset()
    )
    assert datetime.now(timezone.utc) - datetime.fromisoformat(found.checked_at.replace("Z", "+00:00")) < timedelta(
        hours=1
    )
