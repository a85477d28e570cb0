"""`--verify=github,…`: what each answer of a service means, where a token is sent, and that it gets nowhere else."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from credguard.aws.key_id import CANARY_ACCOUNTS
from credguard.commands import _verify_option
from credguard.engine.token_services import SERVICES, ServiceAnswer
from credguard.engine.token_verifier import TokenVerifier
from credguard.model.secret import Secret
from tests.keys import ALPHABETS, Filler, characters
from tests.repos import Repository, clean_environment, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BEDROCK = "ABSK"
DENIED = {"error": {"code": "x", "message": "missing scopes"}}
ANSWERS: list[tuple[str, str, int, Any, str]] = [
    ("github", "gho_", 200, {"login": "ada"}, "live"),
    ("github", "ghs_", 200, {"resources": {}}, "live"),
    ("github", "gho_", 401, {"message": "Bad credentials"}, "inactive-or-unknown"),
    ("github", "gho_", 403, {"message": "API rate limit exceeded"}, "unknown"),
    ("github", "gho_", 403, {"message": "Resource protected by organization SAML enforcement: SSO"}, "live"),
    ("github", "gho_", 200, "<html>sign in at the proxy</html>", "unknown"),
    ("github", "gho_", 302, "", "unknown"),
    ("gitlab", "glpat-", 200, {"active": True, "user_id": 7, "scopes": ["api"]}, "live"),
    ("gitlab", "glpat-", 200, {"active": False}, "inactive-or-unknown"),
    ("gitlab", "glpat-", 401, {"message": "401 Unauthorized"}, "inactive-or-unknown"),
    ("gitlab", "glpat-", 401, {"error_description": "Token is expired."}, "expired"),
    ("gitlab", "glpat-", 403, {"error": "insufficient_scope"}, "live"),
    ("slack", "xoxb-", 200, {"ok": True, "user": "bot", "team": "Acme"}, "live"),
    ("slack", "xoxb-", 200, {"ok": False, "error": "invalid_auth"}, "inactive-or-unknown"),
    ("slack", "xoxb-", 200, {"ok": False, "error": "token_expired"}, "expired"),
    ("slack", "xoxb-", 200, {"ok": False, "error": "fatal_error"}, "unknown"),
    ("stripe", "sk_live_", 200, {"object": "account", "id": "acct_1"}, "live"),
    ("stripe", "rk_live_", 403, DENIED, "live"),
    ("stripe", "sk_live_", 401, {"error": {"message": "Invalid API Key"}}, "inactive-or-unknown"),
    ("stripe", "sk_live_", 401, {"error": {"code": "api_key_expired"}}, "expired"),
    ("openai", "sk-proj-", 200, {"object": "list", "data": []}, "live"),
    ("openai", "sk-proj-", 403, DENIED, "live"),
    ("openai", "sk-proj-", 403, {"error": {"message": "Country, region, or territory not supported"}}, "unknown"),
    ("openai", "sk-proj-", 401, {"error": {"code": "invalid_api_key"}}, "inactive-or-unknown"),
    ("anthropic", "sk-ant-api03-", 200, {"data": []}, "live"),
    ("anthropic", "sk-ant-admin01-", 200, {"id": "org", "name": "Acme"}, "live"),
    ("anthropic", "sk-ant-api03-", 401, {"error": {"type": "authentication_error"}}, "inactive-or-unknown"),
    ("bedrock", BEDROCK, 200, {"modelSummaries": []}, "live"),
    (
        "bedrock",
        BEDROCK,
        403,
        {"Message": "User: arn:aws:iam::111122223333:user/x is not authorized to perform: y"},
        "live",
    ),
    (
        "bedrock",
        BEDROCK,
        403,
        {"Message": "Authentication failed: Please make sure your API Key is valid."},
        "inactive-or-unknown",
    ),
    ("bedrock", BEDROCK, 403, {"Message": "Bearer Token has expired"}, "expired"),
    ("bedrock", BEDROCK, 403, "<html>denied by the proxy</html>", "unknown"),
    ("anthropic", "sk-ant-api03-", 529, {"error": {"type": "overloaded_error"}}, "unknown"),
]
KINDS = {"stripe": "stripe-live", "bedrock": "long-term"}


class Service:
    """A server on loopback that answers what it is set to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.status, self.body, self.requests = 200, b"{}", list[tuple[str, str, dict[str, str]]]()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.requests.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
                self.send_response(service.status)
                self.send_header("Location", f"{service.address}/elsewhere")
                self.send_header("Content-Length", str(len(service.body)))
                self.end_headers()
                self.wfile.write(service.body)

            do_POST = do_GET  # noqa: N815 - http.server's own name

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, status: int, body: object) -> None:
        self.status, self.body = status, (body if isinstance(body, str) else json.dumps(body)).encode()


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    started = Service()
    for one in SERVICES:
        monkeypatch.setenv(f"CREDGUARD_{one.name.upper()}_URL", started.address)
    thread = threading.Thread(target=started.server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield started
    started.server.shutdown()
    started.server.server_close()


@pytest.fixture
def filler(request: pytest.FixtureRequest) -> Filler:
    return Filler(case=request.node.name, secrets=set())


def make_token(prefix: str) -> Secret:
    value = characters(random.Random(7), ALPHABETS["ALNUM"], 40)
    return Secret(make_bedrock_key("111122223333", value) if prefix == BEDROCK else f"{prefix}{value}".encode())


def make_bedrock_key(account: str, value: str) -> bytes:
    return b"ABSK" + b64encode(f"BedrockAPIKey-u-at-{account}:{value}".encode())


@pytest.mark.parametrize(("name", "prefix", "status", "body", "state"), ANSWERS)
def test_answers(service: Service, name: str, prefix: str, status: int, body: object, state: str) -> None:
    """Only a clear answer says that a token is over, and none that it is safe; the token is sent once, there alone."""
    service.answer(status, body)
    verifier, token = TokenVerifier((name,)), make_token(prefix)
    found = [verifier.verify(KINDS.get(name, name), token) for _ in range(2)]
    assert [one.status for one in found] == [state, state]
    assert found[0].checked_at
    assert len(service.requests) == verifier.asked == 1
    method, path, headers = service.requests[0]
    value = token.reveal().decode()
    assert (method, value in path) == ("POST" if name == "slack" else "GET", False)
    assert sum(value in header for header in headers.values()) == 1
    assert value not in repr(found) + repr(verifier)


@pytest.mark.parametrize(("name", "kind", "prefix"), [
    ("github", "github-refresh", "ghr_"), ("anthropic", "anthropic", "sk-ant-oat01-"), ("slack", "slack", "xoxc-"),
])  # fmt: skip
def test_no_harmless_request(service: Service, name: str, kind: str, prefix: str) -> None:
    """A token whose use would change something, or is not known to change nothing, is not used."""
    assert TokenVerifier((name,)).verify(kind, make_token(prefix)).status == "not-asked"
    assert service.requests == []


def test_canary(service: Service) -> None:
    """A Bedrock key of an account that is known for traps is not used."""
    verifier = TokenVerifier(("bedrock",))
    for account in sorted(CANARY_ACCOUNTS)[:3]:
        assert verifier.verify("long-term", Secret(make_bedrock_key(account, "x" * 40))).status == "not-asked"
    assert service.requests == []


def test_service_is_not_pressed(service: Service) -> None:
    """After `429` no further token is sent."""
    service.answer(429, {})
    verifier = TokenVerifier(("github",))
    states = [verifier.verify("github", make_token(prefix)).status for prefix in ("gho_", "ghp_", "ghu_")]
    assert states == ["unknown"] * 3
    assert len(service.requests) == 1


def test_no_service(service: Service) -> None:
    """No answer says nothing of a token."""
    service.server.server_close()
    found = TokenVerifier(("openai",)).verify("openai", make_token("sk-proj-"))
    assert (found.status, found.reason.startswith("no answer from 127.0.0.1 (")) == ("unknown", True)


def test_text_of_servers() -> None:
    """What a server says of itself reaches no terminal as it is."""
    github = next(one for one in SERVICES if one.name == "github").build("gho_x")
    assert github
    said = github.read(
        ServiceAnswer(200, {"x-oauth-scopes": "repo\x1b[2J"}, json.dumps({"login": "ada\n\x1b[31m"}).encode())
    )
    assert (said.owner, said.rights) == ("ada??[31m", "repo?[2J")


def _run(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **clean_environment(),
        **{k: v for k, v in os.environ.items() if k.startswith("CREDGUARD_")},
        **variables,
    }
    return subprocess.run(
        [sys.executable, "-m", "credguard", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )


def test_named_services_alone(service: Service, tmp_path: Path, filler: Filler) -> None:
    """A live token is critical, says whose it is, and its value is in no output; without its name nothing is asked."""
    token = filler.fill("{{GITHUB}}")
    write(tmp_path, {"app.py": f"token = '{token}'\n"})
    service.answer(200, {"login": "ada"})
    report = _run(tmp_path, "scan", "--format", "json", "--verify=gitlab,slack", ".")
    assert service.requests == []
    report = _run(tmp_path, "scan", "--format", "json", "--verify=github", ".")
    finding = next(one for one in json.loads(report.stdout)["findings"] if one["rule_name"] == "github-token")
    assert (finding["severity"], finding["attributes"]["verification"]["status"]) == ("critical", "live")
    assert finding["attributes"]["verification"]["owner"] == "ada"
    assert finding["message"].endswith("verified: live, ada")
    assert [request[:2] for request in service.requests] == [("GET", "/user")]
    assert token not in report.stdout + report.stderr


def test_hook(service: Service, tmp_path: Path, filler: Filler) -> None:
    """A hook asks where its own arguments say so."""
    repository = Repository(tmp_path)
    write(tmp_path, {"app.py": f"token = '{filler.fill('{{GITHUB}}')}'\n"})
    repository.git("add", ".")
    service.answer(401, {"message": "Bad credentials"})
    refused = _run(tmp_path, "hook", "pre-commit", "--verify=github")
    assert refused.returncode == 1
    assert "verified: inactive-or-unknown" in refused.stderr


@pytest.mark.parametrize("address", ["http://api.acme.io", "ftp://127.0.0.1", "https://ada:pw@api.acme.io", "https://"])
def test_addresses(tmp_path: Path, address: str) -> None:
    """A token is sent to no address without TLS but this machine's."""
    refused = _run(tmp_path, "scan", "--verify=github", ".", CREDGUARD_GITHUB_URL=address)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "CREDGUARD_GITHUB_URL" in refused.stderr
    assert len(refused.stderr.splitlines()) <= 2
    assert "pw@" not in refused.stderr


def test_names() -> None:
    """The command line, which imports no service, names each of them."""
    assert tuple(sorted(_verify_option._SERVICES)) == tuple(sorted(one.name for one in SERVICES))


def test_unknown_name(tmp_path: Path) -> None:
    """A service that is not known is an error, not one that is left out."""
    refused = _run(tmp_path, "scan", "--verify=github,gitea", ".")
    assert refused.returncode == 2
    assert "'gitea'" in refused.stderr
