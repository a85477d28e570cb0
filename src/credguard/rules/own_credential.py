"""A value from this machine's own AWS credentials: it works, and it is yours.

What it does
    Reads, in memory, the AWS credentials of the machine that runs credguard: environment variables, ~/.aws/credentials
    and ~/.aws/config (or the files that AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE name), the caches of the AWS
    CLI, ~/.boto, ~/.s3cfg and ~/.passwd-s3fs. Reports each place where such a secret stands in what is scanned:
    plainly, percent-encoded, escaped in JSON or inside base64. The values are never stored or printed. Where there are
    none, as on most CI machines, the rule is silent; a file that cannot be read does not stop the scan.

Why it matters
    There is no doubt about such a finding: the secret is real, and whoever gets the file can use the account.

How to fix
    Take the value out of the file, and let the program find it where it was read from: profile, environment or role.
    If it has left the machine, deactivate the key first.

References
    AWS CLI User Guide, "Configuration and credential file settings"; AWS SDKs and Tools Reference Guide, "Using shared
    config and credentials files".
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from credguard.matcher import Matcher
from credguard.model import Detection, Part, Severity
from credguard.rule import Pattern, Rule
from credguard.rules._own_files import OwnCredentials, OwnValue, read_own_credentials
from credguard.rules._remediation import ACCESS_KEY
from credguard.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from credguard.model import Blob
    from credguard.rule import Hits

_TAIL = 20
"""How many last bytes of a needle the matcher looks for; the rest is compared where they are seen."""
_MOST_PLACES = 50


@cache
def _own() -> OwnCredentials:
    return read_own_credentials()


def own_values() -> tuple[bytes, ...]:
    """The machine's own secret values; read at the first call, kept for the life of the process."""
    return tuple(one.secret.reveal() for one in _own().values)


def unread_files() -> tuple[str, ...]:
    """Credential files of this machine that exist and could not be read."""
    return tuple(_own().unread)


def ENABLED() -> bool:  # noqa: N802 - named by the scanner's contract
    """True when this machine has credentials to compare with."""
    return bool(_own().values)


def forget() -> None:
    """Lets the next call read files and environment anew."""
    _own.cache_clear()
    _index.cache_clear()


@cache
def _index() -> tuple[Matcher, Mapping[str, tuple[OwnValue, str, Secret]]]:
    """A matcher in memory over the ends of all needles, and what each needle stands for.

    The database is never cached on disk: it holds pieces of the secrets. One pass of it over 93 MB took 23 ms with 60
    needles, `bytes.find` for each 510 ms.
    """
    needles: dict[str, tuple[OwnValue, str, Secret]] = {}
    patterns = []
    for number, one in enumerate(_own().values):
        for way, needle in _written(one.secret.reveal()):
            name = f"own-{number}-{len(needles)}"
            needles[name] = (one, way, Secret(needle))
            patterns.append(
                Pattern(name, re.sub(rb".", lambda m: b"\\x%02x" % m[0][0], needle[-_TAIL:], flags=re.DOTALL))
            )
    return Matcher(patterns, cache=False), needles


def _written(value: bytes) -> Iterator[tuple[str, bytes]]:
    """The ways in which a value may be written, each once."""
    percent = quote(value, safe="").encode()
    yield "plain", value
    if percent != value:
        yield "percent-encoded", percent
        yield "percent-encoded", re.sub(rb"%[0-9A-F]{2}", lambda match: match[0].lower(), percent)
    if b"/" in value:
        yield "escaped", value.replace(b"/", b"\\/")
    for shift in range(3):
        # The characters at both ends also hold bits of the neighbours.
        whole = b64encode(bytes(shift) + value).rstrip(b"=")
        yield "base64", whole[(0, 2, 3)[shift] : len(whole) - (1 if (shift + len(value)) % 3 else 0)]


def matches(data: bytes) -> Iterator[Detection]:
    """One detection for each own value that stands in `data`, with every place where it does."""
    if not ENABLED():
        return
    matcher, needles = _index()
    found: dict[bytes, tuple[OwnValue, str, list[Part]]] = {}
    for name, ends in matcher.hits(data).items():
        one, way, needle = needles[name]
        for part in _places(data, ends, needle, one.secret):
            _, _, parts = found.setdefault(one.secret.reveal(), (one, way, []))
            parts.append(part)
    for one, way, parts in found.values():
        yield _describe(one, way, sorted(parts, key=lambda part: part.start)[:_MOST_PLACES])


def _places(data: bytes, ends: Sequence[int], needle: Secret, secret: Secret) -> Iterator[Part]:
    value = needle.reveal()
    for end in ends:
        if data.endswith(value, 0, end):
            yield Part("own_credential", end - len(value), end, secret)


def _describe(one: OwnValue, way: str, parts: list[Part]) -> Detection:
    message = f"this machine's own credential {one.secret.shown}: {one.name} in {one.source}"
    message += f", written {way}" if way != "plain" else ""
    message += ", expired" if one.expired else ""
    attributes: dict[str, object] = {"name": one.name, "source": one.source, "written": way, "places": len(parts)}
    severity = Severity.LOW if one.expired else None
    return Detection(message, tuple(parts), severity, None, attributes, identity=(one.secret.reveal(),))


def _check(blob: Blob, _hits: Hits) -> Iterator[Detection]:
    return matches(blob.data)


RULE = Rule(
    id="CG109",
    name="own-credential",
    severity=Severity.CRITICAL,
    summary="A secret of this machine's own AWS credentials",
    hint="take it out before it leaves the machine; if it has, deactivate the key first",
    practices=("P01", "P14"),
    check_blob=_check,
    remediation=ACCESS_KEY,
    references=(
        "https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html",
        "https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html",
    ),
)
