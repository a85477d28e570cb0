"""Asks a service whether a token works: one request, to the service's own address alone, and never again."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field
from datetime import datetime, timezone
from ipaddress import ip_address
from typing import IO, TYPE_CHECKING, Any
from urllib import request
from urllib.error import HTTPError
from urllib.parse import urlsplit

from credguard.engine.token_services import SERVICES, ServiceAnswer, TokenService
from credguard.errors import CredguardError
from credguard.heuristics.expiry import format_rfc3339
from credguard.model.verification import Verification, VerificationStatus

if TYPE_CHECKING:
    from credguard.engine.token_services import Request
    from credguard.model.secret import Secret

_SECONDS = 10
_MOST_BYTES = 65_536
_TOO_MANY, _SERVER_FAULT = 429, 500


@dataclass(slots=True)
class TokenVerifier:
    """Asks the named services about their tokens, about each token once. `asked` counts the tokens that were used."""

    names: tuple[str, ...]
    asked: int = 0
    _known: dict[tuple[str, Secret], Verification] = field(default_factory=dict)
    _lost: dict[str, str] = field(default_factory=dict)

    @property
    def kinds(self) -> frozenset[str]:
        """The `kind` attributes of the findings whose tokens may be asked about."""
        return frozenset(kind for service in self._list_services() for kind in service.kinds)

    def check_addresses(self) -> None:
        """Raises CredguardError for a service whose address from the environment is not one to send a token to."""
        for service in self._list_services():
            if service.address or f"CREDGUARD_{service.name.upper()}_URL" in os.environ:
                get_address(service)

    def verify(self, kind: str, token: Secret) -> Verification:
        """Whether the token works, whose finding has this `kind`."""
        service = next(one for one in self._list_services() if kind in one.kinds)
        key = (service.name, token)
        if key not in self._known:
            self._known[key] = self._verify(service, token)
        return self._known[key]

    def _list_services(self) -> list[TokenService]:
        return [service for service in SERVICES if service.name in self.names]

    def _verify(self, service: TokenService, token: Secret) -> Verification:
        try:
            wanted = service.build(token.reveal().decode("ascii"))
        except UnicodeDecodeError:
            wanted = None
        if wanted is None:
            return Verification(VerificationStatus.NOT_ASKED, "no harmless request is known for this kind of token")
        checked_at = format_rfc3339(datetime.now(timezone.utc))
        lost = self._lost.get(service.name)
        if lost:
            return Verification(VerificationStatus.UNKNOWN, lost, checked_at)
        self.asked += 1
        address = get_address(service, wanted.address)
        answer = _ask(address, wanted)
        if isinstance(answer, str):
            self._lost[service.name] = answer
            return Verification(VerificationStatus.UNKNOWN, answer, checked_at)
        if answer.status == _TOO_MANY or answer.status >= _SERVER_FAULT:
            self._lost[service.name] = (
                f"{urlsplit(address).hostname} answered HTTP {answer.status} and is not asked again"
            )
            return Verification(VerificationStatus.UNKNOWN, self._lost[service.name], checked_at)
        found = wanted.read(answer)
        return Verification(found.status, found.reason, checked_at, owner=found.owner, rights=found.rights)


def get_address(service: TokenService, of_token: str = "") -> str:
    """The service's address: its own, the one that belongs to a token, or that of the organization's own server, which
    CREDGUARD_<NAME>_URL names.

    Raises CredguardError for one that is not https, unless it is of this machine (RFC 6890, loopback).
    """
    variable = f"CREDGUARD_{service.name.upper()}_URL"
    address = os.environ.get(variable) or of_token or service.address
    try:
        parts = urlsplit(address)
        safe = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or ""))
        named = bool(parts.hostname) and not parts.username and not parts.query
    except ValueError:
        safe = named = False
    if not safe or not named:
        raise CredguardError(f"{variable} is no https address", "tokens are sent to no other")
    return address.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _NoRedirects(request.HTTPRedirectHandler):
    """A redirect is an answer: urllib would take the token along to wherever it points."""

    def redirect_request(self, *_: Any, **__: Any) -> None:  # noqa: ANN401 - urllib's own signature
        return None


def _ask(address: str, wanted: Request) -> ServiceAnswer | str:
    """The answer, or in words why there is none; no text of an error, which might quote the request."""
    host = urlsplit(address).hostname or ""
    headers = {"User-Agent": "credguard-verify", "Accept": "application/json", **wanted.headers}
    body = b"" if wanted.method == "POST" else None
    opener = request.build_opener(_NoRedirects, request.HTTPSHandler(context=ssl.create_default_context()))
    try:
        sent = request.Request(address + wanted.path, body, headers, method=wanted.method)  # noqa: S310 - checked
        with opener.open(sent, timeout=_SECONDS) as response:
            return _read(response)
    except HTTPError as error:
        with error:
            return _read(error)
    except Exception as error:  # noqa: BLE001 - proxies make urllib and http.client raise whatever there is
        return f"no answer from {host} ({type(error).__name__})"


def _read(response: HTTPError | IO[bytes]) -> ServiceAnswer:
    headers = {name.lower(): value for name, value in getattr(response, "headers", {}).items()}
    return ServiceAnswer(int(getattr(response, "status", 0) or 0), headers, response.read(_MOST_BYTES))
