"""An AWS of our own: moto's server in this process, and a new account in it for each test."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto.core.authorization import disable_iam_authentication
from moto.core.responses import ActionResult
from moto.iam.models import AccessKeyLastUsed, iam_backends
from moto.iam.responses import IamResponse
from moto.server import ThreadedMotoServer

from credguard.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator

    Report = dict[str, Any]

REGION = "us-east-1"
NOW = datetime.now(timezone.utc).replace(microsecond=0)
_ACCOUNTS = count(615_309_274_181, 1_000_003)
DOCUMENT = Path(__file__).parents[2] / "docs" / "account.md"


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of moto's server."""
    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@dataclass
class Aws:
    """One account, and credguard run in it."""

    url: str
    capfd: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch
    account: str = field(default_factory=lambda: str(next(_ACCOUNTS)))
    keys: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keys = self.assume(self.account)
        self.use(self.keys)

    def assume(self, account: str) -> dict[str, str]:
        """Credentials in that account."""
        anyone = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        sts = boto3.client("sts", endpoint_url=self.url, region_name=REGION, **anyone)
        role = f"arn:aws:iam::{account}:role/admin"
        with disable_iam_authentication():
            given = sts.assume_role(RoleArn=role, RoleSessionName="tests")["Credentials"]
        return {
            "aws_access_key_id": given["AccessKeyId"], "aws_secret_access_key": given["SecretAccessKey"],
            "aws_session_token": given["SessionToken"],
        }  # fmt: skip

    def use(self, keys: dict[str, str]) -> None:
        """Has credguard run with these credentials."""
        self.patch.setenv("AWS_ENDPOINT_URL", self.url)
        self.patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        self.patch.setenv("AWS_DEFAULT_REGION", REGION)
        for name in ("aws_access_key_id", "aws_secret_access_key", "aws_session_token"):
            self.patch.delenv(name.upper(), raising=False)
            if name in keys:
                self.patch.setenv(name.upper(), keys[name])

    def client(self, service: str, region: str = REGION) -> Any:  # noqa: ANN401 - boto3 has no types
        """A client with all permissions."""
        return boto3.client(service, endpoint_url=self.url, region_name=region, **self.keys)

    @property
    def iam(self) -> Any:  # noqa: ANN401
        """The account's IAM."""
        return self.client("iam")

    def iam_as_admin(self, method: str, **words: str) -> None:
        """Calls IAM with all permissions, whatever moto checks."""
        with disable_iam_authentication():
            getattr(self.iam, method)(**words)

    def add_user(self, name: str, *, key_days: float | None = None, used_days: float | None = None) -> dict[str, str]:
        """A user, with a key of that age where one is given; the credentials."""
        self.iam.create_user(UserName=name)
        return {} if key_days is None else self.add_key(name, key_days, used_days)

    def add_key(self, name: str, days: float, used_days: float | None = None) -> dict[str, str]:
        """A key that was made so many days ago."""
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        kept = iam_backends[self.account]["aws"].users[name].access_keys[-1]
        kept.create_date = (NOW - timedelta(days=days)).replace(tzinfo=None)
        if used_days is not None:
            when = (NOW - timedelta(days=used_days)).replace(tzinfo=None)
            kept.last_used = AccessKeyLastUsed(timestamp=when, service="s3", region=REGION)
        return {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}

    def add_mfa(self, name: str) -> None:
        """A second factor of a user."""
        device = self.iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]["SerialNumber"]
        codes = {"AuthenticationCode1": "123456", "AuthenticationCode2": "234567"}
        self.iam.enable_mfa_device(UserName=name, SerialNumber=device, **codes)

    def watch_trail(self) -> None:
        """A trail of all Regions, a metric filter on its log group, and an alarm on that."""
        self.client("s3").create_bucket(Bucket=f"trail-{self.account}")
        logs, trails = self.client("logs"), self.client("cloudtrail")
        logs.create_log_group(logGroupName="trail")
        group = logs.describe_log_groups()["logGroups"][0]["arn"]
        trails.create_trail(
            Name="all", S3BucketName=f"trail-{self.account}", IsMultiRegionTrail=True,
            CloudWatchLogsLogGroupArn=group, CloudWatchLogsRoleArn=f"arn:aws:iam::{self.account}:role/logs",
        )  # fmt: skip
        trails.start_logging(Name="all")
        trails.put_event_selectors(
            TrailName="all", EventSelectors=[{"ReadWriteType": "All", "IncludeManagementEvents": True}]
        )
        metric = {"metricName": "root", "metricNamespace": "trail", "metricValue": "1"}
        logs.put_metric_filter(
            logGroupName="trail", filterName="root", filterPattern="Root", metricTransformations=[metric]
        )
        self.client("cloudwatch").put_metric_alarm(
            AlarmName="root", MetricName="root", Namespace="trail", Period=60, EvaluationPeriods=1, Statistic="Sum",
            Threshold=1, ComparisonOperator="GreaterThanOrEqualToThreshold", ActionsEnabled=True,
            AlarmActions=[f"arn:aws:sns:{REGION}:{self.account}:people"],
        )  # fmt: skip

    def complete_report(self, made: datetime = NOW, **root: str) -> None:
        """Has moto's credential report name root, and say when it was made."""
        row = {"user": "<root_account>", "arn": f"arn:aws:iam::{self.account}:root", "mfa_active": "true"} | root
        backend = self.backend
        asked = type(backend).get_credential_report

        def get_report(backend: Any) -> str:  # noqa: ANN401
            head, _, users = asked(backend).partition("\n")
            return "\n".join((head, ",".join(row.get(name, "N/A") for name in head.split(",")), users))

        def answer(response: Any) -> ActionResult:  # noqa: ANN401
            content = response.backend.get_credential_report()
            return ActionResult({"Content": content, "ReportFormat": "text/csv", "GeneratedTime": made})

        self.patch.setattr(type(backend), "get_credential_report", get_report)
        self.patch.setattr(IamResponse, "get_credential_report", answer)
        backend.account_summary._account_mfa_enabled = 1

    @property
    def backend(self) -> Any:  # noqa: ANN401
        """moto's own state of the account's IAM."""
        return iam_backends[self.account]["aws"]

    def freeze_report(self) -> None:
        """Has moto give the credential report of now from now on."""
        self.backend.generate_report()
        kept = self.backend.get_credential_report()
        self.patch.setattr(type(self.backend), "get_credential_report", lambda _: kept)

    def run(self, *words: str) -> tuple[int, str, str]:
        """The exit code of a command, and what it prints."""
        self.capfd.readouterr()
        code = main(list(words))
        out, err = self.capfd.readouterr()
        return code, out, err

    def report(self, *words: str) -> Report:
        """The report of `credguard account`."""
        code, out, err = self.run("account", *words, "--format", "json")
        assert out, err
        found: Report = json.loads(out)
        assert found["exit_code"] == code
        return found


@pytest.fixture
def managed_policies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has the account know AWS's managed policies, which takes half a second."""
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")


@pytest.fixture
def aws(server: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Aws:
    """An account with nothing in it; credguard runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return Aws(server, capfd, monkeypatch)


def read_least_policy() -> list[str]:
    """The actions of the statement in docs/account.md."""
    block = re.search(r"```json\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    statements = json.loads(block[1])["Statement"]
    assert len(statements) == 1
    actions: list[str] = statements[0]["Action"]
    return actions
