"""This machine's own AWS credentials, kept in memory only, and the encodings in which each may appear."""

from __future__ import annotations

from dataclasses import dataclass, field

from credguard.aws.local_files import read
from credguard.heuristics.expiry import is_past, parse_iso_time
from credguard.model.secret import Secret


@dataclass(frozen=True, slots=True)
class OwnValue:
    """A secret of this machine: its source, its name, and whether it has expired."""

    secret: Secret
    name: str
    source: str
    expired: bool = False


@dataclass(slots=True)
class OwnCredentials:
    """Every value that was read, without duplicates, and the files that could not be read."""

    values: list[OwnValue] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def read_own_credentials() -> OwnCredentials:
    """Reads environment and files; missing files are skipped, unreadable ones are listed."""
    own = OwnCredentials()
    known: dict[bytes, OwnValue] = {}
    for value, name, source, expiry in read(own.unread.append):
        if value not in known:
            expired = is_past(parse_iso_time(expiry.encode("ascii", "replace")))
            known[value] = OwnValue(Secret(value), name, source, expired)
    own.values += known.values()
    return own
