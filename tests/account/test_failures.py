"""Calls that fail, stop in the middle, or answer nonsense: never a pass, never a traceback, one line each."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.stub import Stubber

from credguard.aws.live import permissions, report
from credguard.aws.live.client import AwsClient, CallError, name_permission, run_within
from credguard.engine.account import ask_accounts
from credguard.engine.run import Run
from credguard.engine.session import Session
from tests.account.conftest import NOW, REGION
from tests.repos import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.account.conftest import Aws

HEADER = ",".join(report.COLUMNS)
ACCOUNT = "615309274181"


@contextmanager
def stubbed() -> Iterator[tuple[AwsClient, Stubber]]:
    """A client whose calls of IAM are answered in the order given."""
    session = boto3.Session("testing", "testing", region_name=REGION)
    client = AwsClient(session=session)
    iam = client._get("iam", "")
    with Stubber(iam) as answers:
        yield client, answers
        answers.assert_no_pending_responses()


def page(names: list[str], marker: str = "") -> dict[str, Any]:
    made = datetime(2026, 1, 1, tzinfo=timezone.utc)
    users = [
        {"UserName": name, "Arn": f"arn:aws:iam::{ACCOUNT}:user/{name}", "Path": "/", "UserId": "AIDA" + "Q" * 16,
         "CreateDate": made}
        for name in names
    ]  # fmt: skip
    return {"UserDetailList": users, "IsTruncated": bool(marker)} | ({"Marker": marker} if marker else {})


CALL = "get_account_authorization_details"
ASKED = {"Filter": ["User", "Role", "Group", "LocalManagedPolicy"], "MaxItems": 1000}


def test_every_page_is_read() -> None:
    with stubbed() as (client, answers):
        answers.add_response(CALL, page(["a", "b"], "next"), ASKED)
        answers.add_response(CALL, page(["c"]), ASKED | {"Marker": "next"})
        assert [one.name for one in permissions.iter_holders(client, ACCOUNT)] == ["a", "b", "c"]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("Throttling", "Throttling: AWS was asked too often; run again later"),
        ("AccessDenied", "not allowed; allow iam:GetAccountAuthorizationDetails"),
        ("ServiceFailure", "AWS answered ServiceFailure"),
        ("ExpiredToken", "ExpiredToken: the temporary credentials have expired: sign in again"),
    ],
)
def test_a_page_lost_in_the_middle_is_no_shorter_list(code: str, said: str) -> None:
    with stubbed() as (client, answers):
        answers.add_response(CALL, page(["a"], "next"), ASKED)
        answers.add_client_error(CALL, code, "quotes <secret> words")
        with pytest.raises(CallError) as raised:
            list(permissions.iter_holders(client, ACCOUNT))
        assert raised.value.text == f"iam:GetAccountAuthorizationDetails: {said}"


def test_a_list_that_stops_without_a_word() -> None:
    with stubbed() as (client, answers):
        answers.add_response(CALL, page(["a"]) | {"IsTruncated": True}, ASKED)
        with pytest.raises(CallError, match="a page was lost in the middle"):
            list(permissions.iter_holders(client, ACCOUNT))


def add_report(answers: Stubber, text: str, made: datetime = NOW) -> None:
    answers.add_response(
        "get_credential_report", {"Content": text.encode(), "ReportFormat": "text/csv", "GeneratedTime": made}
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"), (HEADER + "\n", "is empty"), (f"{HEADER}\nann,arn:x,2026", "is cut off"),
        (HEADER + "\n" + "x" * 200_000, "is no CSV"), ("<html>sign in</html>\n<p>", "is cut off"),
    ],
)  # fmt: skip
def test_half_a_report(text: str, said: str) -> None:
    with stubbed() as (client, answers):
        add_report(answers, text)
        with pytest.raises(CallError, match=f"the credential report {said}"):
            report.fetch_report(client)


def test_a_report_in_the_making_is_waited_for() -> None:
    row = ",".join(["ann", f"arn:aws:iam::{ACCOUNT}:user/ann", *["N/A"] * (len(report.COLUMNS) - 2)])
    waits: list[float] = []
    with stubbed() as (client, answers):
        for _ in range(3):
            answers.add_client_error("get_credential_report", "ReportInProgress")
        add_report(answers, f"{HEADER}\n{row}\n", NOW - timedelta(hours=2))
        found = report.fetch_report(client, waits.append)
        assert found.rows[0]["user"] == "ann" and waits == [2.0, 3.0, 4.5]
        for _ in range(14):
            answers.add_client_error("get_credential_report", "ReportInProgress")
        with pytest.raises(CallError, match="AWS answered ReportInProgress"):
            report.fetch_report(client, waits.append)
        answers._queue.clear()


def test_asked_for_a_moment_ago() -> None:
    with stubbed() as (client, answers):
        answers.add_client_error("generate_credential_report", "LimitExceeded")
        report.start_report(client)
        answers.add_client_error("generate_credential_report", "ServiceFailure")
        with pytest.raises(CallError):
            report.start_report(client)


class _Page(http.server.BaseHTTPRequestHandler):
    """What a proxy or the sign-in page of a network answers."""

    def do_POST(self) -> None:
        body = b"<html>Please <b>sign in</b></html>"
        self.send_response(int(self.server.status))  # type: ignore[attr-defined]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.mark.parametrize("status", ["200", "403", "502"])
def test_a_proxy_answers(aws: Aws, status: str) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), _Page) as proxy:
        proxy.status = status  # type: ignore[attr-defined]
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        aws.patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.server_port}")
        code, out, err = aws.run("account")
        proxy.shutdown()
    assert (
        code == 3
        and err == ""
        and "sts:GetCallerIdentity: " in out
        and "sign in" not in out.replace("sign in with", "")
    )
    assert "8 partial" in out


def test_no_network(aws: Aws) -> None:
    aws.patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    code, out, _ = aws.run("account")
    assert code == 3 and "AWS cannot be reached (EndpointConnectionError)" in out and "8 partial" in out


def test_a_call_that_never_ends_is_left() -> None:
    def sleep() -> dict[str, Any]:
        time.sleep(30)
        return {}

    begun = time.monotonic()
    with pytest.raises(CallError, match="AWS cannot be reached: no answer within"):
        run_within(0.2, "sts:GetCallerIdentity", sleep)
    assert time.monotonic() - begun < 20


def test_a_network_that_is_lost_is_not_waited_for_again() -> None:
    client = AwsClient(session=boto3.Session("testing", "testing", region_name=REGION))
    client._lost = "AWS cannot be reached (ConnectTimeoutError)"
    for call in (lambda: client.ask("iam", "get_user"), lambda: list(client.iter_pages("iam", "list_users"))):
        with pytest.raises(CallError, match="AWS cannot be reached"):
            call()


def test_permissions_are_named_as_policies_do() -> None:
    named = {
        ("iam", "list_mfa_devices"): "iam:ListMFADevices",
        ("cloudtrail", "get_trail_status"): "cloudtrail:GetTrailStatus",
        ("sts", "get_caller_identity"): "sts:GetCallerIdentity",
    }  # fmt: skip
    assert {call: name_permission(*call) for call in named} == named


def test_a_thousand_users_take_few_calls(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two old keys each, in a report of three hours ago: at most 20 calls for 100 users."""
    none = "2020,false,N/A,true,false,N/A,N/A,false,N/A,N/A,false,false"
    root = f"<root_account>,arn:aws:iam::{aws.account}:root,{none}"
    rows = [root]
    old = "2025-01-01T00:00:00+00:00"
    rows += [
        f"u{n},arn:aws:iam::{aws.account}:user/u{n},{old},false,N/A,false,true,{old},N/A,true,{old},N/A,false,false"
        for n in range(1000)
    ]
    aws.add_user("u0", key_days=400)
    aws.complete_report(made=NOW - timedelta(hours=3))
    aws.backend.generate_report()
    monkeypatch.setattr(type(aws.backend), "get_credential_report", lambda _: "\n".join((HEADER, *rows)) + "\n")
    calls: list[str] = []
    called = BaseClient._make_api_call

    def count(one: BaseClient, name: str, words: dict[str, Any]) -> Any:  # noqa: ANN401
        calls.append(name)
        return called(one, name, words)

    monkeypatch.setattr(BaseClient, "_make_api_call", count)
    (answer,) = ask_accounts(Session(), Run(), [AwsClient()])
    assert len(answer.result.findings) > 1500
    assert len(calls) < 200


IMPORTS = "import sys; from credguard.cli import main; code = main(sys.argv[1:]); print(*sorted(sys.modules))"


@pytest.mark.parametrize("words", [["--version"], ["scan", "."], ["audit", "."], ["account", "--help"]])
def test_only_what_asks_imports_the_sdk(tmp_path: Path, words: list[str]) -> None:
    program = (
        IMPORTS
        if "--help" not in words
        else "import atexit, sys; from credguard.cli import main; "
        "atexit.register(lambda: print(*sorted(sys.modules))); main(sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=tmp_path, env=clean_environment(), capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert not {"boto3", "botocore", "credguard.aws.live.client"} & set(done.stdout.split())


def test_without_the_extra(tmp_path: Path) -> None:
    """Where boto3 is not installed, one line says how to get it."""
    (tmp_path / "boto3.py").write_text("raise ImportError\n")
    start = "from credguard.cli import main; sys.exit(main(['account']))"
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {start}"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr == (
        "credguard: this needs boto3, which is an extra of credguard; "
        "install it with `pip install 'credguard-cli[aws]'`\n"
    )
