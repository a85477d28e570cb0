"""The services that are asked whether their tokens work: the one harmless request of each, and what its answer says."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from credguard.aws.key_id import CANARY_ACCOUNTS, decode_account
from credguard.aws.signed_request import find_embedded_request
from credguard.heuristics.boundaries import decode_base64
from credguard.lazy_re import compile_lazily
from credguard.model.verification import VerificationStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class ServiceAnswer(NamedTuple):
    """What a server said: the HTTP status, the headers with names in lower case, and the start of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def parse(self) -> dict[str, Any]:
        """The body as a JSON object; empty for anything else."""
        try:
            parsed = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return parsed if isinstance(parsed, dict) else {}


class TokenStatement(NamedTuple):
    """What an answer says of a token: its state, why, whose it is, and what it may do."""

    status: VerificationStatus
    reason: str = ""
    owner: str = ""
    rights: str = ""


class Request(NamedTuple):
    """What is asked: a path below the service's address, and headers; `read` gives the meaning of the answer."""

    path: str
    headers: dict[str, str]
    read: Callable[[ServiceAnswer], TokenStatement]
    method: str = "GET"
    address: str = ""
    """Where this one token is asked about, if not at the service's address."""


@dataclass(frozen=True, slots=True)
class TokenService:
    """A service: its `name` on the command line, its address, and what its rule's `kind` attributes begin with."""

    name: str
    address: str
    kinds: tuple[str, ...]
    build: Callable[[str], Request | None]
    """The request for a token; None for one that no harmless request is known for."""


_TEXT = compile_lazily(r"[^\x20-\x7e]")
_EXPIRED = compile_lazily(r"expired", re.IGNORECASE)
_BEDROCK_OWNER = compile_lazily(rb"-at-(\d{12}):")
_REGION = compile_lazily(r"[a-z]{2,4}(?:-[a-z]{2,10}){1,3}-\d")
_ARN = compile_lazily(r"arn:aws[\w-]*:iam::\d{12}:user/[\w+=,.@/-]{1,200}")
_FORBIDDEN = 403
_NO_ACCESS = "the service denied this call, which a token of few rights may not make: the token works"


def clean_text(value: object) -> str:
    """Text of a server for a report: printable ASCII, at most 100 characters."""
    return _TEXT.sub("?", str(value))[:100] if value else ""


def read_refusal(answer: ServiceAnswer, message: object) -> TokenStatement:
    """What a refusal says: only a clear one says that the token is over."""
    if answer.status == 401:
        return (
            TokenStatement(VerificationStatus.EXPIRED)
            if _EXPIRED.search(str(message))
            else TokenStatement(VerificationStatus.GONE, "the service does not know it")
        )
    return TokenStatement(VerificationStatus.UNKNOWN, f"HTTP {answer.status}")


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _build_github(token: str) -> Request | None:
    """GET /user; for an installation's token, which has no user, GET /rate_limit, which counts for nothing
    (docs.github.com/en/rest/users/users, docs.github.com/en/rest/rate-limit)."""
    if token.startswith("ghr_"):
        return None
    headers = {**_bearer(token), "Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    return Request("/rate_limit" if token.startswith("ghs_") else "/user", headers, _read_github)


def _read_github(answer: ServiceAnswer) -> TokenStatement:
    parsed = answer.parse()
    if answer.status == 200 and ("login" in parsed or "resources" in parsed):
        return TokenStatement(
            VerificationStatus.LIVE,
            "",
            clean_text(parsed.get("login")),
            clean_text(answer.headers.get("x-oauth-scopes")),
        )
    if answer.status == _FORBIDDEN and "SSO" in str(parsed.get("message")):
        return TokenStatement(VerificationStatus.LIVE, "it has no access until it is authorized for single sign-on")
    return read_refusal(answer, parsed.get("message"))


def _build_gitlab(token: str) -> Request | None:
    """GET /api/v4/personal_access_tokens/self, which a token of any scope may ask
    (docs.gitlab.com/api/personal_access_tokens)."""
    if not token.startswith("glpat-"):
        return None
    return Request("/api/v4/personal_access_tokens/self", {"PRIVATE-TOKEN": token}, _read_gitlab)


def _read_gitlab(answer: ServiceAnswer) -> TokenStatement:
    parsed = answer.parse()
    if answer.status == 200 and "active" in parsed:
        owner = f"user {parsed['user_id']}" if parsed.get("user_id") else ""
        scopes = parsed.get("scopes")
        rights = ", ".join(map(str, scopes)) if isinstance(scopes, list) else ""
        status = VerificationStatus.LIVE if parsed["active"] is True else VerificationStatus.GONE
        return TokenStatement(
            status,
            "" if status is VerificationStatus.LIVE else "GitLab says that it is not active",
            owner,
            clean_text(rights),
        )
    if answer.status == _FORBIDDEN and "insufficient_scope" in answer.body.decode("latin-1"):
        return TokenStatement(VerificationStatus.LIVE, _NO_ACCESS)
    return read_refusal(answer, f"{parsed.get('message')} {parsed.get('error_description')}")


def _build_slack(token: str) -> Request | None:
    """POST auth.test, which needs no scope (docs.slack.dev/reference/methods/auth.test)."""
    if not token.startswith(("xoxb-", "xoxp-", "xoxa-", "xoxs-", "xoxo-", "xoxr-", "xoxc-")) or token[3] == "c":
        return None
    return Request("/api/auth.test", _bearer(token), _read_slack, "POST")


_SLACK_GONE = ("invalid_auth", "account_inactive", "token_revoked", "user_removed_from_team", "org_login_required")


def _read_slack(answer: ServiceAnswer) -> TokenStatement:
    parsed = answer.parse()
    if answer.status != 200 or "ok" not in parsed:
        return TokenStatement(VerificationStatus.UNKNOWN, f"HTTP {answer.status}")
    if parsed["ok"] is True:
        owner = " of ".join(filter(None, (clean_text(parsed.get("user")), clean_text(parsed.get("team")))))
        return TokenStatement(VerificationStatus.LIVE, "", owner, clean_text(answer.headers.get("x-oauth-scopes")))
    error = clean_text(parsed.get("error"))
    if error == "token_expired":
        return TokenStatement(VerificationStatus.EXPIRED)
    return TokenStatement(
        VerificationStatus.GONE if error in _SLACK_GONE else VerificationStatus.UNKNOWN,
        f"Slack says {error or 'nothing'}",
    )


def _build_stripe(token: str) -> Request | None:
    """GET /v1/account, which reads and changes nothing (docs.stripe.com/api/accounts/retrieve)."""
    if not re.match(r"[rs]k_(?:live|test)_", token):
        return None
    return Request("/v1/account", _bearer(token), _read_stripe)


def _read_stripe(answer: ServiceAnswer) -> TokenStatement:
    parsed = answer.parse()
    if answer.status == 200 and parsed.get("object") == "account":
        return TokenStatement(VerificationStatus.LIVE, "", clean_text(parsed.get("id")))
    error = parsed.get("error")
    words = error if isinstance(error, dict) else {}
    if answer.status == _FORBIDDEN and words:
        return TokenStatement(VerificationStatus.LIVE, _NO_ACCESS)
    return read_refusal(answer, f"{words.get('code')} {words.get('message')}")


def _build_openai(token: str) -> Request | None:
    """GET /v1/models, which costs nothing (platform.openai.com/docs/api-reference/models/list)."""
    return Request("/v1/models", _bearer(token), _read_models)


def _build_anthropic(token: str) -> Request | None:
    """GET /v1/models, for an admin key GET /v1/organizations/me (docs.anthropic.com/en/api/models-list)."""
    if not token.startswith(("sk-ant-api", "sk-ant-admin")):
        return None
    path = "/v1/organizations/me" if token.startswith("sk-ant-admin") else "/v1/models"
    return Request(path, {"x-api-key": token, "anthropic-version": "2023-06-01"}, _read_models)


def _read_models(answer: ServiceAnswer) -> TokenStatement:
    """The answer of OpenAI and Anthropic."""
    parsed = answer.parse()
    if answer.status == 200 and ("data" in parsed or "id" in parsed):
        organization = answer.headers.get("openai-organization") or parsed.get("name")
        return TokenStatement(VerificationStatus.LIVE, "", clean_text(organization))
    error = parsed.get("error")
    words = error if isinstance(error, dict) else {}
    if answer.status == _FORBIDDEN and words and "country" not in str(words.get("message")).lower():
        return TokenStatement(VerificationStatus.LIVE, _NO_ACCESS)
    return read_refusal(answer, f"{words.get('code')} {words.get('message')}")


def _build_bedrock(token: str) -> Request | None:
    """ListFoundationModels, which a key of any right may be denied, but not a key that works (Amazon Bedrock API
    Reference); never with a key of a known canary account."""
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    if token.startswith("ABSK"):
        owner = _BEDROCK_OWNER.search(decode_base64(token[4:].encode()))
        if owner is None or owner[1].decode() in CANARY_ACCOUNTS:
            return None
    else:
        embedded = find_embedded_request(decode_base64(token.rpartition("-")[2].encode()))
        if embedded is None or (decode_account(embedded[0]) or "") in CANARY_ACCOUNTS | {""}:
            return None
        region = embedded[1].region or region
    if not _REGION.fullmatch(region):
        return None
    host = f"https://bedrock.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
    return Request("/foundation-models", _bearer(token), _read_bedrock, address=host)


def _read_bedrock(answer: ServiceAnswer) -> TokenStatement:
    message = str(answer.parse().get("message") or answer.parse().get("Message") or "")
    if answer.status == 200 and "modelSummaries" in answer.parse():
        return TokenStatement(VerificationStatus.LIVE)
    if answer.status == _FORBIDDEN and "not authorized to perform" in message:
        arn = _ARN.search(message)
        return TokenStatement(VerificationStatus.LIVE, _NO_ACCESS, clean_text(arn[0] if arn else ""))
    if answer.status == _FORBIDDEN and _EXPIRED.search(message):
        return TokenStatement(VerificationStatus.EXPIRED)
    if answer.status == _FORBIDDEN and ("Authentication failed" in message or "security token" in message):
        return TokenStatement(VerificationStatus.GONE, "AWS does not know it")
    return read_refusal(answer, message)


SERVICES = (
    TokenService(
        "github", "https://api.github.com", ("github", "github-fine-grained", "github-refresh"), _build_github
    ),
    TokenService("gitlab", "https://gitlab.com", ("gitlab",), _build_gitlab),
    TokenService("slack", "https://slack.com", ("slack",), _build_slack),
    TokenService("stripe", "https://api.stripe.com", ("stripe-live", "stripe-test"), _build_stripe),
    TokenService("openai", "https://api.openai.com", ("openai",), _build_openai),
    TokenService("bedrock", "", ("long-term", "short-term"), _build_bedrock),
    TokenService("anthropic", "https://api.anthropic.com", ("anthropic",), _build_anthropic),
)
