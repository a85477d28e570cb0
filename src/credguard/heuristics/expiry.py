"""When a credential expires, and how that affects its severity."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.model.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Callable

_ISO = compile_lazily(rb"(\d{4})-?(\d\d)-?(\d\d)[T ](\d\d):?(\d\d):?(\d\d)(?:\.\d{1,9})?(?:Z|UTC|[+-]00:?00)?")


def build_datetime(build: Callable[[], datetime], later: timedelta = timedelta()) -> datetime | None:
    """The result of `build` plus `later`; None if there is no such date."""
    try:
        return build() + later
    except (ValueError, OverflowError, OSError):
        return None


def parse_epoch(text: bytes) -> datetime | None:
    """The moment of a decimal number of seconds since 1970."""
    return build_datetime(lambda: datetime.fromtimestamp(int(text), timezone.utc))


def parse_iso_time(text: bytes, later: timedelta = timedelta()) -> datetime | None:
    """The UTC moment at the start of `text`, basic (`20150830T123600Z`) or extended form."""
    match = _ISO.match(text)
    if not match:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    return build_datetime(lambda: datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc), later)


def is_past(expires: datetime | None) -> bool:
    """True if the moment is known and past."""
    return expires is not None and expires < datetime.now(timezone.utc)


def grade_by_expiry(expires: datetime | None, alive: Severity) -> Severity:
    """`alive` until the credential has expired, low from then on; unknown counts as alive."""
    return Severity.LOW if is_past(expires) else alive


def format_rfc3339(expires: datetime) -> str:
    """The moment as `2015-08-30T12:36:00Z`."""
    return expires.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_expiry(expires: datetime | None) -> str:
    """The words for a message: `expired …`, `valid until …`, or unknown."""
    if expires is None:
        return "expiry unknown"
    return ("expired " if is_past(expires) else "valid until ") + format_rfc3339(expires)
