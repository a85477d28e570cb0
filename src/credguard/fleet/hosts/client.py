"""Asks the API of a code host, page by page: rate limits are kept, and a list that breaks off is an error."""

from __future__ import annotations

import ipaddress
import json
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from credguard import __version__
from credguard.errors import CredguardError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message

_TRIES = 5
_SECONDS = 60.0
_LONGEST_WAIT = 3600.0
_LARGEST_PAGE = 64 << 20
_MOST_PAGES = 20_000
_NEXT = re.compile(r'<([^>]*)>\s*;[^,]*\brel="?next"?')
_WAIT_CODES = (429, 403, 503)


class _SameHost(HTTPRedirectHandler):
    """Follows no redirection to another host, which would be given the token."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        """The request to follow, None to refuse it."""
        if _get_origin(newurl) != _get_origin(req.full_url):
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _get_origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.lower()


def is_loopback(host: str) -> bool:
    """True for this machine by a name or an address that cannot mean another."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def check_base(base: str) -> str:
    """The address of an API without a final slash; raises CredguardError unless a token may be sent there."""
    parts = urlsplit(base)
    if parts.username or parts.password or parts.query:
        raise CredguardError("--url holds a user, a password or parameters", "tokens are taken from the environment")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise CredguardError("--url is not https", "a token would be readable on its way")
    return base.rstrip("/")


@dataclass(slots=True)
class HostClient:
    """One API: its `base`, the `headers` of each request (with the token, never shown), what to call it, and the
    `scope` that its token needs."""

    base: str
    headers: Mapping[str, str] = field(repr=False)
    name: str
    scope: str

    def list_pages(self, path: str) -> list[Any]:
        """The pages of a list whose `Link` headers lead on; raises CredguardError where one is lacking."""
        pages: list[list[Any]] = []
        url, known, total = f"{self.base}{path}", set[str](), 0
        while url:
            if url in known or len(pages) >= _MOST_PAGES:
                raise self._build_error("its list does not end")
            known.add(url)
            page, headers = self.fetch(url)
            if not isinstance(page, list):
                raise self._build_error("an answer is no list")
            pages.append(page)
            total += len(page)
            expected = headers.get("X-Total") or headers.get("X-Total-Count") or ""
            following = _NEXT.search(headers.get("Link") or "")
            url = following[1] if following else ""
        if expected.isdigit() and total < int(expected):
            raise self._build_error(f"its list broke off: {total} of {expected} repositories came")
        return [one for page in pages for one in page]

    def fetch(self, url: str) -> tuple[Any, Message]:
        """The parsed answer and its headers; raises CredguardError. Waits where the host asks for it."""
        if _get_origin(url) != _get_origin(self.base):
            raise self._build_error("a list leads on to another host")
        waited = 0.0
        for tries in range(1, _TRIES + 1):
            try:
                return self._request(url)
            except HTTPError as error:
                pause = _find_pause(error, tries)
                code, headers = error.code, error.headers
                error.close()
                waited += pause or 0.0
                if pause is None or tries == _TRIES or waited > _LONGEST_WAIT:
                    raise self._explain(code, headers) from None
            except (URLError, OSError, ValueError) as error:
                reason = "an answer could not be read" if isinstance(error, ValueError) else "it did not answer"
                if tries == _TRIES:
                    raise self._build_error(reason) from None
                pause = 0.5 * tries
            time.sleep(pause)
        raise self._build_error("it did not answer")

    def _request(self, url: str) -> tuple[Any, Message]:
        opener = build_opener(_SameHost)
        headers = {"User-Agent": f"credguard/{__version__}", "Accept": "application/json", **self.headers}
        with opener.open(Request(url, headers=headers), timeout=_SECONDS) as answer:  # noqa: S310 - check_base
            data = answer.read(_LARGEST_PAGE + 1)
            length = answer.headers.get("Content-Length") or ""
            if len(data) > _LARGEST_PAGE or (length.isdigit() and len(data) < int(length)):
                raise ValueError
            return json.loads(data), answer.headers

    def _explain(self, code: int, headers: Message) -> CredguardError:
        if code in (401, 403) and headers.get("X-RateLimit-Remaining") != "0":
            return self._build_error(f"access was denied ({code})", f"give a token with {self.scope}")
        if code == 404:
            return self._build_error("there is no such owner, or the token may not see it (404)", "check the name")
        if code in _WAIT_CODES:
            return self._build_error(f"its rate limit is used up ({code})", "try again later")
        return self._build_error(f"it answered {code}")

    def _build_error(self, reason: str, hint: str = "try again; no plan was written") -> CredguardError:
        return CredguardError(f"{self.name}: {reason}", hint, ExitCode.INCOMPLETE)


def _find_pause(error: HTTPError, tries: int) -> float | None:
    """How long to wait before the same request may succeed, None where it never will."""
    headers = error.headers
    after = headers.get("Retry-After") or ""
    if error.code in _WAIT_CODES and after.isdigit():
        return min(float(after), _LONGEST_WAIT + 1)
    left = headers.get("X-RateLimit-Remaining") or headers.get("RateLimit-Remaining")
    reset = headers.get("X-RateLimit-Reset") or headers.get("RateLimit-Reset") or ""
    if error.code in (403, 429) and left == "0" and reset.isdigit():
        return max(1.0, min(int(reset) - time.time() + 1, _LONGEST_WAIT + 1))
    if error.code == 429 or error.code >= 500:
        return 0.5 * 2.0**tries
    return None
