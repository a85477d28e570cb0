"""A value from this machine's own AWS credentials.

What it does
    Reads, in memory, the AWS credentials of the machine that runs credguard: environment variables, ~/.aws/credentials
    and ~/.aws/config (or the files set by AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE), the caches of the AWS CLI,
    ~/.boto, ~/.s3cfg and ~/.passwd-s3fs. Reports each location of such a secret in the scanned content: in plain text,
    percent-encoded, escaped in JSON or inside base64. The values are never stored or printed. If there are none, as on
    most CI machines, the rule reports nothing; a file that cannot be read does not stop the scan.

Why it matters
    Such a finding is certain: the secret is real, and anyone who gets the file can use the account.

How to fix
    Remove the value from the file, and let the program read it from its source: profile, environment or role. If it has
    left the machine, deactivate the key first.

References
    AWS CLI User Guide, "Configuration and credential file settings"; AWS SDKs and Tools Reference Guide, "Using shared
    config and credentials files".
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from credguard.heuristics.encodings import iter_encodings
from credguard.matching.database import Matcher
from credguard.matching.pattern import Pattern
from credguard.model.findings import Detection, Part, Severity
from credguard.model.secret import Secret
from credguard.rule import Rule, Trait
from credguard.rules.aws._own_values import OwnCredentials, OwnValue, read_own_credentials
from credguard.rules.aws._remediation import ACCESS_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

_TAIL = 20
"""How many trailing bytes of a needle the matcher searches for; the rest is compared at each match."""
_COMPILE_AFTER = 1_000_000
_MOST_PLACES = 50


class _Needles:
    """The encodings in which the own values may appear, and the search for them.

    The first megabyte is searched with `bytes.find`; beyond that a matcher in memory is faster: for 93 MB and 60
    needles it took 23 ms, `find` 510 ms, and compiling it 10 ms. It is never cached on disk, because it contains parts
    of the secrets.
    """

    def __init__(self, values: Sequence[OwnValue]) -> None:
        self.all = [(one, way, Secret(text)) for one in values for way, text in iter_encodings(one.secret.reveal())]
        self._matcher: Matcher | None = None
        self._searched = 0

    def find_places(self, data: bytes) -> Iterator[tuple[int, int]]:
        """The number of a needle and the end of the match, for every match."""
        self._searched += len(data)
        if self._searched < _COMPILE_AFTER:
            return self._search_bytes(data)
        if self._matcher is None:
            self._matcher = Matcher(map(self._build_pattern, range(len(self.all))), cache=False)
        return self._search_matcher(self._matcher, data)

    def _build_pattern(self, number: int) -> Pattern:
        tail = self.all[number][2].reveal()[-_TAIL:]
        return Pattern(str(number), b"".join(b"\\x%02x" % byte for byte in tail))

    def _search_bytes(self, data: bytes) -> Iterator[tuple[int, int]]:
        for number, (_, _, needle) in enumerate(self.all):
            value = needle.reveal()
            at = data.find(value)
            while at >= 0:
                yield number, at + len(value)
                at = data.find(value, at + len(value))

    def _search_matcher(self, matcher: Matcher, data: bytes) -> Iterator[tuple[int, int]]:
        for name, ends in matcher.find_hits(data).items():
            value = self.all[int(name)][2].reveal()
            for end in ends:
                if data.endswith(value, 0, end):
                    yield int(name), end


@cache
def _load_own() -> OwnCredentials:
    return read_own_credentials()


@cache
def _load_needles() -> _Needles:
    return _Needles(_load_own().values)


def list_own_values() -> tuple[bytes, ...]:
    """The machine's own secret values; read at the first call, kept for the lifetime of the process."""
    return tuple(one.secret.reveal() for one in _load_own().values)


def list_unread_files() -> tuple[str, ...]:
    """Credential files of this machine that exist and could not be read."""
    return tuple(_load_own().unread)


def has_own_credentials() -> bool:
    """True if this machine has credentials to compare with."""
    return bool(_load_own().values)


def forget() -> None:
    """Makes the next call read files and environment again."""
    _load_own.cache_clear()
    _load_needles.cache_clear()


def find_own_values(data: bytes) -> Iterator[Detection]:
    """One detection for each own value in `data`, with all of its locations."""
    if not has_own_credentials():
        return
    needles = _load_needles()
    found: dict[Secret, tuple[OwnValue, str, list[Part]]] = {}
    for number, end in needles.find_places(data):
        one, way, needle = needles.all[number]
        _, _, parts = found.setdefault(one.secret, (one, way, []))
        parts.append(Part("own_credential", end - len(needle.reveal()), end, one.secret))
    for one, way, parts in found.values():
        yield _describe(one, way, sorted(parts, key=lambda part: part.start)[:_MOST_PLACES])


def _describe(one: OwnValue, way: str, parts: list[Part]) -> Detection:
    message = f"this machine's own credential {one.secret.shown}: {one.name} in {one.source}"
    message += f", encoded as {way}" if way != "plain" else ""
    message += ", expired" if one.expired else ""
    attributes: dict[str, object] = {"name": one.name, "source": one.source, "written": way, "places": len(parts)}
    severity = Severity.LOW if one.expired else None
    return Detection(message, tuple(parts), severity, None, attributes, identity=(one.secret.reveal(),))


def _check(blob: Blob, _hits: Hits) -> Iterator[Detection]:
    return find_own_values(blob.data)


RULE = Rule(
    id="CG109",
    name="own-credential",
    severity=Severity.CRITICAL,
    summary="A secret of this machine's own AWS credentials",
    hint="remove it before it leaves the machine; if it has, deactivate the key first",
    practices=("P01", "P10", "P14", "P16", "P19"),
    traits=frozenset((Trait.WHOLE, Trait.OF_ACCOUNT)),
    check_blob=_check,
    enabled=has_own_credentials,
    remediation=ACCESS_KEY,
    references=(
        "https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html",
        "https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html",
    ),
)
