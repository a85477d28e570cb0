"""The words every layer speaks: severity, blob, detection, finding, coverage, result."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from credguard.model.text_enum import TextEnum

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from credguard.errors import ExitCode
    from credguard.model.practice import Standing
    from credguard.model.secret import Secret

BASIS = "basis"
"""The attribute of findings that say little about what is deployed: `instructions` that may never be followed, or `test
data`. They leave a practice in part open and do not fail it."""


class Severity(IntEnum):
    """How bad a finding is; `low` alone never blocks by default."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def label(self) -> str:
        """The name used in reports and options."""
        return self.name.lower()


class Confidence(IntEnum):
    """How sure a rule is that the value is what it says."""

    LOW = 1
    MEDIUM = 2
    HIGH = 3

    @property
    def label(self) -> str:
        """The name used in reports."""
        return self.name.lower()


class BlobKind(TextEnum):
    """What the bytes of a blob are: `NAME` is a file's own path, `CREDENTIAL_REPORT` one that the user vouches for."""

    FILE = "file"
    NAME = "name"
    SYMLINK = "symlink"
    STDIN = "stdin"
    MESSAGE = "message"
    CREDENTIAL_REPORT = "credential-report"


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes to look at. `path` is relative to the root, `/`-separated, undecodable bytes as surrogate escapes; `made`
    is when they were made, where known."""

    data: bytes
    path: str
    kind: BlobKind = BlobKind.FILE
    made: datetime | None = None


OF_EVERYTHING, OF_HISTORY, OF_CONTENTS, OF_ACCOUNT = "everything", "history", "contents", "account"
"""What a Skip may leave open that is no single file."""


@dataclass(frozen=True, slots=True)
class Skip:
    """Something that should have been scanned and was not, and what to do about it. `extent` says what of a
    run it leaves open: the file at the path, or what one of the constants or a rule's ID names."""

    path: str
    reason: str
    extent: str = ""


class PartRole(TextEnum):
    """Roles of values that more than one rule gives; those of one rule alone are its own words."""

    ACCESS_KEY_ID = "access_key_id"
    SECRET_ACCESS_KEY = "secret_access_key"  # noqa: S105 - no password
    SESSION_TOKEN = "session_token"  # noqa: S105
    PASSWORD = "password"  # noqa: S105
    PRIVATE_KEY = "private_key"
    SECRET = "secret"  # noqa: S105
    TOKEN = "token"  # noqa: S105
    FILE = "file"
    """A place that is a whole file."""


@dataclass(frozen=True, slots=True)
class Part:
    """One value of a detection: its role, a `PartRole` or a word of the rule, and its byte offsets in the blob."""

    role: str
    start: int
    end: int
    secret: Secret


@dataclass(frozen=True, slots=True)
class Detection:
    """What a rule says of a blob or a file, before lines are counted and policy decides.

    Without `parts` it speaks of the whole file (`path`, line 1). `severity` and `confidence`
    of None mean the rule's own. `identity` replaces the parts' values in the fingerprint.
    `practices` are those of the rule's that this one fails, where not all.
    """

    message: str
    parts: tuple[Part, ...] = ()
    severity: Severity | None = None
    confidence: Confidence | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)
    remediation: tuple[str, ...] = ()
    path: str | None = None
    line: int = 1
    identity: tuple[bytes, ...] = field(default=(), repr=False)
    practices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file; lines and columns (in characters) count from 1, `end_column` is one
    past the last character. `utf16` are both columns in UTF-16 units, where they differ."""

    path: str
    line: int = 1
    column: int = 1
    end_line: int = 1
    end_column: int = 1
    role: str = PartRole.FILE
    commit: str | None = None
    utf16: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class SourceLine:
    """A line of a file, redacted; `marks` are the columns of `text` (from 0, with the end after the last) in which
    what was found stands."""

    number: int
    text: str
    marks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A detection with its rule, places and identity; it holds no secret.

    `values` are digests of the secrets, to tell whether they stood elsewhere; `known` says where
    all of them stood before the change; `context` are the lines concerned, redacted;
    `inline` is the reason of a comment beside it that suppresses it.
    """

    rule_id: str
    rule_name: str
    severity: Severity
    confidence: Confidence
    message: str
    fingerprint: str
    locations: tuple[Location, ...]
    attributes: Mapping[str, object] = field(default_factory=dict)
    practices: tuple[str, ...] = ()
    remediation: tuple[str, ...] = ()
    exposure: Mapping[str, object] = field(default_factory=dict)
    values: frozenset[str] = frozenset()
    known: str = ""
    context: tuple[SourceLine, ...] = ()
    inline: str = ""


class Outcome(TextEnum):
    """What becomes of a finding: it blocks, somebody has accepted it, or it is shown and does not block."""

    REPORT = "report"
    ALLOWED = "allowed"
    BASELINE = "baseline"
    INLINE = "inline"
    BELOW_THRESHOLD = "below-threshold"


BASIS = "basis"
"""The attribute of findings that say little about what is deployed: `instructions` that may never be followed, or `test
data`. They leave a practice in part open and do not fail it."""
SHOWN = (Outcome.REPORT, Outcome.BELOW_THRESHOLD)
"""Outcomes of findings that reports show to everybody."""
SUPPRESSED = (Outcome.ALLOWED, Outcome.BASELINE, Outcome.INLINE)
"""Outcomes of findings that somebody has accepted."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What policy says of a finding. `by` is who accepted it, `until` the last day of that, where they are told."""

    finding: Finding
    outcome: Outcome
    reason: str = ""
    by: str = ""
    until: str = ""


@dataclass(slots=True)
class Coverage:
    """What was scanned, and what was not: `skipped` makes a run incomplete, `acknowledged` is what the policy knows of
    and leaves out, the reason with that of the policy."""

    files: int = 0
    blobs: int = 0
    commits: int = 0
    bytes: int = 0
    skipped: list[Skip] = field(default_factory=list)
    acknowledged: list[Skip] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """True when nothing that should have been scanned was left out."""
        return not self.skipped

    def count(self, item: Blob | Skip | str) -> None:
        """Counts one item of a source."""
        if isinstance(item, Blob):
            self.files += 1
            self.blobs += 1
            self.bytes += len(item.data)
        elif isinstance(item, Skip):
            self.skipped.append(item)
        else:
            self.notes.append(item)

    def add(self, other: Coverage) -> None:
        """Counts what another part of the run has scanned."""
        self.files += other.files
        self.blobs += other.blobs
        self.commits += other.commits
        self.bytes += other.bytes
        self.skipped += other.skipped
        self.acknowledged += [one for one in other.acknowledged if one not in self.acknowledged]
        self.notes += [note for note in other.notes if note not in self.notes]


@dataclass(frozen=True, slots=True)
class ScanResult:
    """Everything a report may print; `standings` is the scorecard, where the run made one."""

    target: Mapping[str, object]
    verdicts: tuple[Verdict, ...]
    coverage: Coverage
    exit_code: ExitCode
    rules_hash: str
    policy_hash: str
    standings: tuple[Standing, ...] = ()
