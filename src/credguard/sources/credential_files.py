"""The files in which AWS and related tools store credentials: their names, and whether one contains any."""

from __future__ import annotations

import csv
import re
from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.heuristics.real_values import SecretConfidence, classify_value, is_random
from credguard.lazy_re import compile_lazily
from credguard.parsers.assignments import ASSIGNMENTS_LIMIT, parse_pairs

if TYPE_CHECKING:
    from collections.abc import Callable

HEAD = 4096
_AWS_SECTION = compile_lazily(rb"^\s{0,20}\[[^\]\n]{1,200}\]", re.MULTILINE)
_AUTH = compile_lazily(rb"[\"_]auth\"?\s{0,20}[:=]\s{0,20}\"?([A-Za-z0-9+/]{8,16000}={0,2})")
_S3FS = compile_lazily(rb"^[ \t]{0,20}(?:[^\s:#]{1,200}:)?[^\s:#]{3,200}:(\S{16,200})[ \t\r]*$", re.MULTILINE)
_NETRC = compile_lazily(rb"(?<!\S)password[ \t\r\n]{1,20}(\S{1,4000})")
_PGPASS = compile_lazily(rb"^[^#\s:][^:\n]{0,200}(?::[^:\n]{0,200}){3}:([^\s:]{1,200})[ \t\r]*$", re.MULTILINE)
_SPACES = compile_lazily(r"[\s_\-\"']+")


@dataclass(frozen=True, slots=True)
class FileShape:
    """A kind of credential file: its description and the test whether it contains a real credential."""

    what: str
    holds: Callable[[bytes], bool]
    always: bool = False
    """Reported, with low severity, even if no credential is found in it."""


def _make_assignment_test(least: SecretConfidence) -> Callable[[bytes], bool]:
    return lambda data: any(classify_value(one.name, one.value) >= least for one in parse_pairs(data))


def is_console_csv(data: bytes) -> bool:
    """True for a table as downloaded from the AWS console, with a row that contains a real secret key or password."""
    lines = data[:ASSIGNMENTS_LIMIT].decode("utf-8-sig", "replace").splitlines()[:200]
    header = lines[0] if lines else ""
    delimiter = max(",;\t", key=header.count)
    try:
        rows = list(csv.reader((line.replace("\0", "") for line in lines), delimiter=delimiter))
    except csv.Error:
        return False
    names = [_SPACES.sub("", cell).lower() for cell in rows[0]] if rows else []
    return any(_has_real_secret(dict(zip(names, row, strict=False))) for row in rows[1:])


def _has_real_secret(row: dict[str, str]) -> bool:
    cells = {name: cell.strip().encode("utf-8", "replace") for name, cell in row.items()}
    if "accesskeyid" in cells and is_random(cells.get("secretaccesskey", b"")):
        return True
    if "smtpusername" in cells and is_random(cells.get("smtppassword", b"")):
        return True
    console = "consoleloginlink" in cells or "directsigninlink" in cells
    return console and classify_value(b"console_password", cells.get("password", b"")) >= SecretConfidence.WEAK


def is_profile(data: bytes) -> bool:
    """True for an ini section with a static key: an ID and a secret, both real."""
    if not _AWS_SECTION.search(data, 0, ASSIGNMENTS_LIMIT):
        return False
    needed = {b"aws_access_key_id", b"aws_secret_access_key"}
    for one in parse_pairs(data):
        if one.name.lower() in needed and classify_value(one.name, one.value) >= SecretConfidence.RANDOM:
            needed.discard(one.name.lower())
    return not needed


def _has_docker_auth(data: bytes) -> bool:
    for match in _AUTH.finditer(data, 0, ASSIGNMENTS_LIMIT):
        try:
            password = b64decode(match[1] + b"=" * (-len(match[1]) % 4)).partition(b":")[2]
        except ValueError:
            continue
        if classify_value(b"registry_password", password) >= SecretConfidence.WEAK:
            return True
    return _make_assignment_test(SecretConfidence.RANDOM)(data)


def _has_s3fs_key(data: bytes) -> bool:
    return any(is_random(match[1]) for match in _S3FS.finditer(data, 0, ASSIGNMENTS_LIMIT))


def _make_password_test(pattern: re.Pattern[bytes]) -> Callable[[bytes], bool]:
    return lambda data: any(
        classify_value(b"password", m[1]) >= SecretConfidence.CHOSEN
        for m in pattern.finditer(data, 0, ASSIGNMENTS_LIMIT)
    )


def _has_url_password(data: bytes) -> bool:
    return any(
        classify_value(b"url", line) >= SecretConfidence.CHOSEN for line in data[:ASSIGNMENTS_LIMIT].splitlines()
    )


_ANY = _make_assignment_test(SecretConfidence.RANDOM)
_PASSWORDS = _make_assignment_test(SecretConfidence.CHOSEN)
CSV = FileShape("a table of access keys or passwords as downloaded from the AWS console", is_console_csv)
PROFILE = FileShape("an AWS profile with a static key", is_profile)
_SHARED = FileShape("an AWS shared credentials file", _ANY)
_DOCKER = FileShape("a Docker configuration with a registry's password", _has_docker_auth)
_HISTORY = FileShape("a command history", _ANY, always=True)
_NAMES = {
    ".boto": FileShape("a boto configuration with a key", _ANY),
    "boto.cfg": FileShape("a boto configuration with a key", _ANY),
    ".s3cfg": FileShape("an s3cmd configuration with a key", _ANY),
    "s3cfg": FileShape("an s3cmd configuration with a key", _ANY),
    "s3cmd.ini": FileShape("an s3cmd configuration with a key", _ANY),
    ".passwd-s3fs": FileShape("the key file of s3fs", _has_s3fs_key),
    "passwd-s3fs": FileShape("the key file of s3fs", _has_s3fs_key),
    "rclone.conf": FileShape("an rclone configuration with a credential", _PASSWORDS),
    ".rclone.conf": FileShape("an rclone configuration with a credential", _PASSWORDS),
    "awscredentials.properties": FileShape("the credentials file of the AWS SDK for Java", _ANY),
    "awscreds": FileShape("the key file of the old EC2 and CloudWatch tools", _ANY),
    ".git-credentials": FileShape("git's stored passwords", _has_url_password),
    ".netrc": FileShape("a netrc file with a password", _make_password_test(_NETRC)),
    "_netrc": FileShape("a netrc file with a password", _make_password_test(_NETRC)),
    ".pgpass": FileShape("PostgreSQL's password file", _make_password_test(_PGPASS)),
    ".pypirc": FileShape("a PyPI upload configuration with a password", _PASSWORDS),
    ".npmrc": FileShape("an npm configuration with a token", _PASSWORDS),
    ".dockercfg": _DOCKER,
    **dict.fromkeys(
        (".bash_history", ".zsh_history", ".sh_history", ".ksh_history", ".histfile", "fish_history", ".psql_history",
         ".mysql_history", ".python_history", ".node_repl_history", ".irb_history", "consolehost_history.txt"),
        _HISTORY,
    ),
}  # fmt: skip
# Names that have this meaning only in their tool's folder.
_PLACES = (
    (compile_lazily(r"(?:.*/)?\.aws/credentials(?:[.~].*)?"), _SHARED),
    (compile_lazily(r"(?:.*/)?\.aws/config(?:[.~].*)?"), FileShape("an AWS configuration with a static key", _ANY)),
    (
        compile_lazily(r"(?:.*/)?\.aws/sso/cache/[^/]*\.json"),
        FileShape("a cached sign-in of IAM Identity Center", _ANY),
    ),
    (
        compile_lazily(r"(?:.*/)?\.aws/(?:cli|boto)/cache/[^/]*\.json"),
        FileShape("the AWS CLI's cached credentials", _ANY),
    ),
    (compile_lazily(r"(?:.*/)?\.aws/login/cache/[^/]*"), FileShape("a cached sign-in of `aws login`", _ANY)),
    (compile_lazily(r"(?:.*/)?\.mc/config\.json"), FileShape("a MinIO client configuration with a key", _ANY)),
    (compile_lazily(r"(?:.*/)?\.docker/config\.json"), _DOCKER),
)
_TABLES = (".csv", ".tsv")
_INI = (".ini", ".cfg", ".conf")
_NO_PROFILE = tuple(
    ".py .js .ts .tsx .jsx .go .java .rb .php .rs .cs .md .rst .html .json .yaml .yml .kt .swift .proto .tf .vue .svg "
    ".png".split()
)


def find_credential_shape(path: str) -> FileShape | None:
    """The kind of credential file that a path's name indicates."""
    low = path.lower()
    shape = _NAMES.get(low[low.rfind("/") + 1 :])
    if shape is None and (".aws/" in low or ".mc/" in low or ".docker/" in low):
        shape = next((shape for pattern, shape in _PLACES if pattern.fullmatch(low)), None)
    return shape


def guess_credential_shape(name: str) -> FileShape | None:
    """The kind that a file may be by its content, whatever its name; the root user's CSV has another rule."""
    if name.endswith(_TABLES):
        return None if name.startswith("rootkey") else CSV
    if name.endswith(_INI) or ("credential" in name and not name.endswith(_NO_PROFILE)):
        return PROFILE
    return None


def may_be(shape: FileShape, head: bytes) -> bool:
    """True if the first bytes of a file do not rule out this kind."""
    if shape is CSV:
        low = head[:300].lower()
        return any(word in low for word in (b"secret", b"smtp", b"sign", b"login"))
    return b"aws_" in head.lower()
