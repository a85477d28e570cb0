"""Asks AWS: boto3's own credential chain, one way to call, and every failure as a reason in our own words."""

from __future__ import annotations

import logging
import re
import threading
from datetime import datetime, timezone
from difflib import get_close_matches
from email.utils import parsedate_to_datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from credguard.errors import CredguardError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

CONTACT_SECONDS = 9.0
"""How long the first answer may take: without a network, a run ends in ten seconds."""
_CONNECT_SECONDS, _READ_SECONDS, _ATTEMPTS = 4, 20, 4
_LOGGERS = ("boto3", "botocore", "urllib3", "s3transfer")
DEFAULT_REGION = "us-east-1"
DENIED = frozenset(
    ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "NotAuthorized")
)
_CREDENTIALS = {
    "InvalidClientTokenId": "AWS does not know the access key: deleted, inactive, of another partition, or temporary "
    "without its session token",
    "UnrecognizedClientException": "AWS does not know the access key: deleted, inactive, or of another partition",
    "InvalidAccessKeyId": "AWS does not know the access key: deleted, inactive, or of another partition",
    "SignatureDoesNotMatch": "the secret access key does not belong to the access key ID, or this machine's clock is "
    "off by more than 15 minutes",
    "RequestExpired": "this machine's clock is off by more than 15 minutes",
    "ExpiredToken": "the temporary credentials have expired: sign in again",
    "ExpiredTokenException": "the temporary credentials have expired: sign in again",
    "IncompleteSignature": "the credentials are malformed: `credguard doctor` says how",
    "OptInRequired": "the account has not signed up for the service, or the Region is not enabled",
}
_CODE_IN_XML = re.compile(r"<Code>([A-Za-z.]{3,60})</Code>")
_OF_SIGNATURE = ("SignatureDoesNotMatch", "RequestExpired", "RequestTimeTooSkewed", "InvalidSignatureException")
_CLOCK_MINUTES = 5
_NO_PROFILE = "credguard-no-profile"
NO_CREDENTIALS = "there are no credentials: set AWS_PROFILE, or sign in with `aws login`"
CLOCK = "ClockSkew"
"""The code of a failure by this machine's clock, which AWS gives several names."""
_THROTTLED = ("Throttl", "TooManyRequests", "RequestLimitExceeded", "SlowDown")
_INSTALL = "this needs boto3, which is an extra of credguard"


class CallError(Exception):
    """A call that gave no answer: `permission` is the action that it needs, `code` AWS's code (empty without an
    answer), `reason` what happened in words that quote nothing of the answer."""

    def __init__(self, permission: str, reason: str, code: str = "") -> None:
        super().__init__(reason)
        self.permission = permission
        self.reason = reason
        self.code = code

    @property
    def is_of_network(self) -> bool:
        """True where AWS was not reached at all."""
        return self.reason.startswith(_UNREACHABLE)

    @property
    def text(self) -> str:
        """One line: which call, and why it gave no answer."""
        return f"{self.permission}: {self.reason}"


def require_boto3() -> None:
    """Raises CredguardError where boto3 is not installed."""
    try:
        import boto3  # noqa: F401
    except ImportError as error:
        raise CredguardError(_INSTALL, "install it with `pip install 'credguard-cli[aws]'`") from error


def list_profiles() -> list[str]:
    """The profiles of AWS's configuration; raises CredguardError where that cannot be read."""
    from botocore import exceptions
    from botocore.session import Session

    try:
        return list(Session().available_profiles)
    except exceptions.BotoCoreError as error:
        raise CredguardError(
            f"AWS's configuration cannot be read ({type(error).__name__})", "`credguard doctor` says more"
        ) from None


def check_profiles(names: Iterable[str]) -> None:
    """Raises CredguardError for a profile that AWS's configuration does not have."""
    named = [name for name in names if name]
    known = list_profiles() if named else []
    for name in named:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else "`aws configure list-profiles` lists them"
            raise CredguardError(f"there is no profile {name}", hint)


class AwsClient:
    """The calls of one caller. `profile` is one of AWS's configuration, empty for the usual chain; with `role`, that
    role is assumed first. Once the network has failed, every call fails at once."""

    def __init__(self, profile: str = "", region: str = "", role: str = "", session: Any = None) -> None:  # noqa: ANN401 - boto3 has no types
        self.profile, self.role = profile, role
        self._region = region
        self._session: Any = session
        self._clients: dict[tuple[str, str, bool], Any] = {}
        self._lost = ""
        silence_loggers()

    @property
    def region(self) -> str:
        """The Region that is asked where none is named."""
        return self._region or (self._session.region_name if self._session else "") or DEFAULT_REGION

    def contact(self) -> dict[str, Any]:
        """The answer of sts:GetCallerIdentity, within `CONTACT_SECONDS`; raises CallError."""
        return run_within(CONTACT_SECONDS, "sts:GetCallerIdentity", self._contact)

    def _contact(self) -> dict[str, Any]:
        self._open()
        if self.role:
            self._assume()
        return self.ask("sts", "get_caller_identity")

    def _open(self) -> None:
        from botocore import exceptions

        if self._session is not None:
            return
        try:
            self._session = make_session(self.profile)
        except exceptions.ProfileNotFound:
            raise CallError("sts:GetCallerIdentity", f"there is no profile {self.profile}") from None
        except Exception as error:  # noqa: BLE001 - a configuration file can be broken in any way
            raise explain_failure(error, "sts:GetCallerIdentity") from None

    def _assume(self) -> None:
        words: dict[str, Any] = {"RoleArn": self.role, "RoleSessionName": "credguard-account", "DurationSeconds": 3600}
        given = self.ask("sts", "assume_role", **words)["Credentials"]
        region = self.region
        self._clients.clear()
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
        self._session = make_session(key=tuple(given[name] for name in names), region=region)

    def ask(self, service: str, method: str, region: str = "", **words: Any) -> dict[str, Any]:  # noqa: ANN401
        """The answer to one call; raises CallError."""
        permission = name_permission(service, method)
        if self._lost:
            raise CallError(permission, self._lost)
        try:
            answer: dict[str, Any] = getattr(self._get(service, region), method)(**words)
        except Exception as error:  # noqa: BLE001 - proxies and parsers make botocore raise whatever there is
            raise self._note(explain_failure(error, permission)) from None
        return answer

    def change(self, service: str, method: str, **words: Any) -> dict[str, Any]:  # noqa: ANN401
        """Has AWS change something, once: what may have been done is not tried again. Raises CallError."""
        permission = name_permission(service, method)
        try:
            answer: dict[str, Any] = getattr(self._get(service, "", once=True), method)(**words)
        except Exception as error:  # noqa: BLE001 - as above
            raise explain_failure(error, permission) from None
        return answer

    def find_key_id(self) -> str:
        """The ID of the key that signs the calls, empty where there is none."""
        found = self._session.get_credentials() if self._session else None
        return str(found.access_key) if found else ""

    def find_region(self) -> str:
        """The Region of the profile, by the configuration alone; raises CallError."""
        self._open()
        return self.region

    def iter_pages(self, service: str, method: str, region: str = "", **words: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
        """The pages of a list to its end. Raises CallError where one is lost, so that no part passes for the whole."""
        permission = name_permission(service, method)
        if self._lost:
            raise CallError(permission, self._lost)
        page: dict[str, Any] = {}
        try:
            for page in self._get(service, region).get_paginator(method).paginate(**words):
                yield page
        except Exception as error:  # noqa: BLE001 - as above
            raise self._note(explain_failure(error, permission)) from None
        if page.get("IsTruncated"):
            raise CallError(permission, "a page was lost in the middle of the list")

    def _note(self, failure: CallError) -> CallError:
        if not failure.code and failure.reason.startswith(_UNREACHABLE):
            self._lost = failure.reason
        return failure

    def _get(self, service: str, region: str, *, once: bool = False) -> Any:  # noqa: ANN401
        from botocore.config import Config

        key = (service, region or self.region, once)
        if key not in self._clients:
            config = Config(
                connect_timeout=_CONNECT_SECONDS, read_timeout=_READ_SECONDS, user_agent_extra="credguard",
                retries={"mode": "standard", "total_max_attempts": 1 if once or service == "sts" else _ATTEMPTS},
            )  # fmt: skip
            self._clients[key] = self._session.client(service, region_name=key[1], config=config)
        return self._clients[key]


def make_session(profile: str = "", key: tuple[str, ...] = (), region: str = "") -> Any:  # noqa: ANN401
    """A session of boto3: of a profile (empty for the usual chain), or with a `key` (ID, secret and maybe a token) of
    that and of nothing that is configured. All share what AWS's services look like, which takes longer to read than to
    ask."""
    import boto3
    from botocore.session import Session

    core = Session(profile=(_NO_PROFILE if key else profile) or None)
    core.register_component("data_loader", load_services())
    if key:
        core.full_config.setdefault("profiles", {})[_NO_PROFILE] = {}
        core.set_credentials(*key)
    else:
        roles = core.get_component("credential_provider").get_provider("assume-role")
        roles._prompter = _refuse_prompt  # noqa: SLF001 - it has no other way to be told that nobody answers
    return boto3.Session(botocore_session=core, region_name=region or None)


def _refuse_prompt(_: str) -> str:
    raise CallError(
        "sts:AssumeRole", "the profile asks for an MFA code: get a session first, with `aws sts` or the CLI"
    )


@cache
def load_services() -> Any:  # noqa: ANN401
    """What botocore reads the descriptions of AWS's services with, each once."""
    from botocore.loaders import create_loader

    return create_loader()


def name_permission(service: str, method: str) -> str:
    """The action that a method of a client needs: `iam:ListUsers`."""
    words = {"mfa": "MFA"}
    return f"{service}:" + "".join(words.get(word, word.capitalize()) for word in method.split("_"))


def silence_loggers() -> None:
    """Has the libraries log nothing: at debug level they log requests with their headers."""
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def run_within(seconds: float, permission: str, call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the call gives; raises CallError where that takes longer (a name server that does not answer cannot be
    interrupted otherwise), or what the call raises."""
    answers: list[dict[str, Any]] = []
    failures: list[CallError] = []

    def work() -> None:
        try:
            answers.append(call())
        except CallError as error:
            failures.append(error)
        except Exception as error:  # noqa: BLE001 - the thread's own end must not print
            failures.append(explain_failure(error, permission))

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(seconds)
    if failures:
        raise failures[0]
    if not answers:
        raise CallError(permission, f"{_UNREACHABLE}: no answer within {seconds:.0f} seconds")
    return answers[0]


def measure_clock(error: Any) -> int:  # noqa: ANN401
    """How many minutes this machine's clock is ahead of the server's that answered, 0 for less than five."""
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    try:
        there = parsedate_to_datetime(str(headers.get("date", "")))
    except (ValueError, TypeError):
        return 0
    there = there if there.tzinfo else there.replace(tzinfo=timezone.utc)
    minutes = int((datetime.now(timezone.utc) - there).total_seconds() / 60)
    return minutes if abs(minutes) >= _CLOCK_MINUTES else 0


_UNREACHABLE = "AWS cannot be reached"


def explain_failure(error: Exception, permission: str) -> CallError:
    """The failure in our own words: texts of AWS may quote the request, those of a proxy anything."""
    from botocore import exceptions

    if isinstance(error, CallError):
        return CallError(permission, error.reason, error.code)
    if isinstance(error, exceptions.ClientError):
        return _explain_answer(error, permission)
    if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return CallError(permission, NO_CREDENTIALS)
    if isinstance(error, (exceptions.TokenRetrievalError, exceptions.UnauthorizedSSOTokenError)):
        return CallError(permission, "the sign-in of IAM Identity Center has expired: run `aws sso login`")
    if isinstance(error, exceptions.CredentialRetrievalError):
        return CallError(permission, "the program or service that gives the credentials failed")
    if isinstance(
        error, (exceptions.ConnectionError, exceptions.HTTPClientError)
    ):  # connections, time-outs, proxies, TLS
        return CallError(permission, f"{_UNREACHABLE} ({type(error).__name__})")
    if isinstance(error, exceptions.PaginationError):
        return CallError(permission, "a page was lost in the middle of the list")
    if type(error).__name__ == "ResponseParserError":
        return CallError(permission, "the answer is not AWS's: a proxy, or a sign-in page of the network")
    return CallError(permission, f"the call failed ({type(error).__name__})")


def _explain_answer(error: Any, permission: str) -> CallError:  # noqa: ANN401
    """What an error answer of AWS means."""
    answer = error.response if isinstance(error.response, dict) else {}
    said = answer.get("Error", {})
    code = re.sub(r"[^A-Za-z0-9.]", "", str(said.get("Code", "")))[:60]
    if code.isdigit() and (inside := _CODE_IN_XML.search(str(said.get("Message", "")))):
        code = inside[1]  # an endpoint that answers in XML whatever it was asked in
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    if code in DENIED:
        return CallError(permission, f"not allowed; allow {permission}", code)
    if code in _OF_SIGNATURE and (minutes := measure_clock(error)):
        off = "ahead" if minutes > 0 else "behind"
        return CallError(permission, f"this machine's clock is {abs(minutes)} minutes {off}: set it right", CLOCK)
    if code in _CREDENTIALS:
        return CallError(permission, f"{code}: {_CREDENTIALS[code]}", code)
    if code.startswith(_THROTTLED):
        return CallError(permission, f"{code}: AWS was asked too often; run again later", code)
    if code == "403":
        return CallError(permission, f"HTTP 403: not allowed, or a proxy refused it; allow {permission}", code)
    if not code or code.isdigit():
        return CallError(permission, f"the answer is not AWS's (HTTP {status}): a proxy may have given it", code)
    return CallError(permission, f"AWS answered {code}", code)
