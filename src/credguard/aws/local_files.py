"""Locates and reads this machine's own AWS credentials; nothing is stored or shown."""

from __future__ import annotations

import contextlib
import os
import re
import stat

from credguard.heuristics.placeholders import compute_entropy, is_example, is_placeholder
from credguard.lazy_re import compile_lazily
from credguard.system.compat import encode_path, open_to_read

TYPE_CHECKING = False  # as in typing, whose import the hook would wait for
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Told = tuple[bytes, str, str, str]
    """A value, its name, its source, and its expiry as written in the file."""

_FILES = (
    ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
    ("AWS_CONFIG_FILE", "~/.aws/config"),
    ("AWS_CREDENTIAL_FILE", ""),
    ("BOTO_CONFIG", "~/.boto"),
    ("S3CMD_CONFIG", "~/.s3cfg"),
    ("", "~/.passwd-s3fs"),
)
_RCLONE = (("RCLONE_CONFIG", "~/.config/rclone/rclone.conf"), ("", "~/.rclone.conf"))
_CACHES = (("", "~/.aws/sso/cache"), ("", "~/.aws/cli/cache"), ("AWS_LOGIN_CACHE_DIRECTORY", "~/.aws/login/cache"))
_SESSION = "AWS_SESSION_TOKEN"
_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", _SESSION, "AWS_SECURITY_TOKEN")
_BEARER = "AWS_BEARER_TOKEN_"
_MOST_BYTES, _MOST_FILES = 1_000_000, 200

_SECTION = compile_lazily(rb"\s*\[([^\]\r\n]{1,200})\]")
_SETTING = compile_lazily(
    rb"\s*(aws_secret_access_key|aws_session_token|aws_security_token|secret_key|access_token|AWSSecretKey)\s*[=:]\s*(\S+)",
    re.IGNORECASE,
)
_S3FS = compile_lazily(rb"(?:[^\s:#]+:)?[^\s:#]+:(\S+)")
_FIELDS = frozenset(("accesstoken", "refreshtoken", "clientsecret", "secretaccesskey", "sessiontoken"))
_VALUE = compile_lazily(rb"[\x21-\x7e]{20,8192}")
_SHORT = 60
_MIN_ENTROPY = 3.2


def is_credential(value: bytes) -> bool:
    """False for a value that is short, empty, a reference, a placeholder or a documented example."""
    if not _VALUE.fullmatch(value) or is_example(value) or compute_entropy(value) < _MIN_ENTROPY:
        return False
    # Long tokens may contain runs of slashes; placeholders that people type are short.
    return len(value) > _SHORT or not is_placeholder(value)


def read(unread: Callable[[str], None]) -> Iterator[Told]:
    """The possible credentials in environment and files; a file that cannot be read is passed to `unread`."""
    return (one for one in _read_all(unread) if is_credential(one[0]))


def _read_all(unread: Callable[[str], None]) -> Iterator[Told]:
    for name, value in _list_variables():
        yield encode_path(value), name, "the environment", ""
    for variable, usual in _FILES:
        path = _resolve_path(variable, usual)
        if path:
            yield from _read_file(path, unread)
    for variable, usual in _CACHES:
        for path in _list_cache_files(_resolve_path(variable, usual), unread):
            yield from _read_file(path, unread)


def _list_variables() -> list[tuple[str, str]]:
    return [(name, value) for name, value in os.environ.items() if name in _VARIABLES or name.startswith(_BEARER)]


def digest_credentials(key: bytes) -> str:
    """What tells this machine's long-lived credentials from others: the values of variables, and sizes and times of
    files. Temporary ones are left out: each hour has its own, and what was there before cannot hold them. Under the key
    (at most 64 bytes), so that it answers no guess."""
    from hashlib import blake2b  # which a hook does without

    made = blake2b(digest_size=16, key=key)
    is_temporary = bool(os.environ.get(_SESSION))
    for name, value in _list_variables():
        if not is_temporary or name.startswith(_BEARER):
            made.update(encode_path(f"{name}={value}") + b"\0")
    for path in (_resolve_path(variable, usual) for variable, usual in _FILES):
        with contextlib.suppress(OSError, ValueError):
            info = os.stat(path)
            made.update(encode_path(path) + b"\0%d %d\0" % (info.st_size, info.st_mtime_ns))
    return made.hexdigest()


def list_credential_files() -> list[str]:
    """The existing files of this machine that may contain AWS credentials, including caches and rclone's."""
    paths = [_resolve_path(variable, usual) for variable, usual in (*_FILES, *_RCLONE)]
    for variable, usual in _CACHES:
        paths += _list_cache_files(_resolve_path(variable, usual), lambda _folder: None)
    return [path for path in dict.fromkeys(paths) if path and os.path.lexists(path)]


def abbreviate_path(path: str) -> str:
    """The path with `~` for the home folder."""
    return _abbreviate(path)


def _resolve_path(variable: str, usual: str) -> str:
    return os.path.expanduser((os.environ.get(variable) if variable else None) or usual)


def _list_cache_files(folder: str, unread: Callable[[str], None]) -> list[str]:
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError):
        unread(_abbreviate(folder))
        return []
    return [os.path.join(folder, name) for name in names[:_MOST_FILES]]


def _read_file(path: str, unread: Callable[[str], None]) -> Iterator[Told]:
    try:
        # Never waits for a pipe or a device, nor consumes its data.
        descriptor = open_to_read(path, follow=True)
        with os.fdopen(descriptor, "rb") as handle:
            data = handle.read(_MOST_BYTES) if stat.S_ISREG(os.fstat(descriptor).st_mode) else None
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError):
        data = None
    if data is None:
        unread(_abbreviate(path))
        return
    if path.endswith(".json"):
        yield from ((value, name, _abbreviate(path), expiry) for name, value, expiry in _parse_json(data))
    else:
        pairs = _parse_s3fs(data) if path.endswith(".passwd-s3fs") else _parse_ini(data)
        yield from ((value, name, _abbreviate(path), "") for name, value in pairs)


def _abbreviate(path: str) -> str:
    home = os.path.expanduser("~")
    return "~" + path[len(home) :] if home != "/" and path.startswith(home + os.sep) else path


def _parse_ini(data: bytes) -> Iterator[tuple[str, bytes]]:
    section = ""
    for line in data.splitlines():
        head = _SECTION.match(line)
        setting = _SETTING.match(line)
        if head:
            section = head[1].decode("utf-8", "replace")
        elif setting:
            name = setting[1].decode("ascii").lower()
            yield (f"{name} of [{section}]" if section else name), setting[2].strip(b"\"'")


def _parse_s3fs(data: bytes) -> Iterator[tuple[str, bytes]]:
    for line in data.splitlines():
        match = _S3FS.match(line.strip())
        if match:
            yield "secret", match[1]


def _parse_json(data: bytes) -> Iterator[tuple[str, bytes, str]]:
    import json  # only needed for caches

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
        expiry = expiry if isinstance(expiry, str) else ""
        for name, value in one.items():
            if isinstance(value, str) and name.lower() in _FIELDS:
                yield name, value.encode("utf-8", "surrogatepass"), "" if "refresh" in name.lower() else expiry
            elif isinstance(value, dict):
                waiting.append(value)
