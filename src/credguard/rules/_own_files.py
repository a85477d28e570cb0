"""This machine's own AWS credentials: read from the usual files and the environment, kept in memory only."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from credguard.regex import regex
from credguard.rules._expiry import from_iso, is_past
from credguard.rules._placeholder import entropy, is_example, is_placeholder
from credguard.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILES = (
    ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
    ("AWS_CONFIG_FILE", "~/.aws/config"),
    ("AWS_CREDENTIAL_FILE", ""),
    ("BOTO_CONFIG", "~/.boto"),
    ("S3CMD_CONFIG", "~/.s3cfg"),
    ("", "~/.passwd-s3fs"),
)
_CACHES = (("", "~/.aws/sso/cache"), ("", "~/.aws/cli/cache"), ("AWS_LOGIN_CACHE_DIRECTORY", "~/.aws/login/cache"))
_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")
_BEARER = "AWS_BEARER_TOKEN_"
_MOST_BYTES, _MOST_FILES = 1_000_000, 200

_SECTION = regex(rb"\s*\[([^\]\r\n]{1,200})\]")
_SETTING = regex(
    rb"\s*(aws_secret_access_key|aws_session_token|aws_security_token|secret_key|access_token|AWSSecretKey)\s*[=:]\s*(\S+)",
    re.IGNORECASE,
)
_S3FS = regex(rb"(?:[^\s:#]+:)?[^\s:#]+:(\S+)")
_FIELDS = frozenset(("accesstoken", "refreshtoken", "clientsecret", "secretaccesskey", "sessiontoken"))
_VALUE = regex(rb"[\x21-\x7e]{20,8192}")
_SHORT = 60
_MIN_ENTROPY = 3.2


@dataclass(frozen=True, slots=True)
class OwnValue:
    """A secret of this machine: where it was read, under which name, whether it has expired since."""

    secret: Secret
    name: str
    source: str
    expired: bool = False


@dataclass(slots=True)
class OwnCredentials:
    """All that was read, and the files that could not be."""

    values: list[OwnValue] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def add(self, value: bytes, name: str, source: str, *, expired: bool = False) -> None:
        """Keeps a value that can be a credential and is not known yet."""
        if is_credential(value) and all(value != known.secret.reveal() for known in self.values):
            self.values.append(OwnValue(Secret(value), name, source, expired))


def is_credential(value: bytes) -> bool:
    """False for what is short, empty, a reference, a placeholder or a documented example."""
    if not _VALUE.fullmatch(value) or is_example(value) or entropy(value) < _MIN_ENTROPY:
        return False
    # Long tokens hold runs of slashes by nature; what people type in their place is short.
    return len(value) > _SHORT or not is_placeholder(value)


def read_own_credentials() -> OwnCredentials:
    """Reads environment and files; what is missing is passed over, what cannot be read is listed."""
    own = OwnCredentials()
    for name, value in os.environ.items():
        if name in _VARIABLES or name.startswith(_BEARER):
            own.add(os.fsencode(value), name, "the environment")
    for variable, usual in _FILES:
        path = _path(variable, usual)
        if path:
            _read(own, path)
    for variable, usual in _CACHES:
        for path in _cache_files(own, _path(variable, usual)):
            _read(own, path)
    return own


def _path(variable: str, usual: str) -> str:
    return os.path.expanduser((os.environ.get(variable) if variable else None) or usual)


def _cache_files(own: OwnCredentials, folder: str) -> list[str]:
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError):
        own.unread.append(_shown(folder))
        return []
    return [os.path.join(folder, name) for name in names[:_MOST_FILES]]


def _read(own: OwnCredentials, path: str) -> None:
    try:
        with open(path, "rb") as handle:
            data = handle.read(_MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError):
        own.unread.append(_shown(path))
        return
    if path.endswith(".json"):
        for name, value, expired in _json_values(data):
            own.add(value, name, _shown(path), expired=expired)
        return
    for name, value in _s3fs_values(data) if path.endswith(".passwd-s3fs") else _ini_values(data):
        own.add(value, name, _shown(path))


def _shown(path: str) -> str:
    home = os.path.expanduser("~")
    return "~" + path[len(home) :] if home != "/" and path.startswith(home + os.sep) else path


def _ini_values(data: bytes) -> Iterator[tuple[str, bytes]]:
    section = ""
    for line in data.splitlines():
        head = _SECTION.match(line)
        setting = _SETTING.match(line)
        if head:
            section = head[1].decode("utf-8", "replace")
        elif setting:
            name = setting[1].decode("ascii").lower()
            yield (f"{name} of [{section}]" if section else name), setting[2].strip(b"\"'")


def _s3fs_values(data: bytes) -> Iterator[tuple[str, bytes]]:
    for line in data.splitlines():
        match = _S3FS.match(line.strip())
        if match:
            yield "secret", match[1]


def _json_values(data: bytes) -> Iterator[tuple[str, bytes, bool]]:
    import json  # only where there are caches

    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return
    waiting = [document]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, dict):
            continue
        expiry = one.get("expiresAt") or one.get("Expiration")
        expired = is_past(from_iso(expiry.encode())) if isinstance(expiry, str) else False
        for name, value in one.items():
            if isinstance(value, str) and name.lower() in _FIELDS:
                yield name, value.encode(), expired and "refresh" not in name.lower()
            elif isinstance(value, dict):
                waiting.append(value)
