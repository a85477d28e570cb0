"""The baseline, the file of known findings: one sorted line each, without line numbers and changing dates.

An entry covers one value for one rule at one path: it applies anywhere in that file, and a copy in another file is a
new exposure. Lines may be in any order and repeated, as after a merge with `merge=union`; of two lines for the same
finding the one that expires first applies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.rule import CUSTOM_ID

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from credguard.model.findings import Finding

LARGEST_BASELINE = 1 << 20
"""The most bytes of a baseline that are read."""
BASELINE_HEADER = (
    "# Known findings of credguard, one per line: fingerprint, rule, path, perhaps expires=YYYY-MM-DD, --"
    " reason.\n# `credguard baseline update` adds what is new, `credguard baseline prune` takes out what is"
    " gone.\n"
)
_FINGERPRINT = compile_lazily(r"[0-9a-f]{32}")
_RULE = compile_lazily(rf"CG(?!00)\d{{3}}|{CUSTOM_ID}")
_ESCAPE = compile_lazily(r"%(?:([0-9A-Fa-f]{2})|)")
_TRACES = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")
_FIELDS = 3


@dataclass(frozen=True, slots=True)
class BaselineEntry:
    """One known finding; `line` is its line in the file."""

    fingerprint: str
    rule: str
    path: str
    reason: str
    expires: date | None = None
    line: int = field(default=0, compare=False)

    @property
    def key(self) -> tuple[str, str, str]:
        """What the entry covers."""
        return self.fingerprint, self.rule, self.path


@dataclass(frozen=True, slots=True)
class Baseline:
    """The entries of a baseline, one per finding, and the problems of other lines (number, words)."""

    entries: tuple[BaselineEntry, ...] = ()
    problems: tuple[tuple[int, str], ...] = ()
    _known: Mapping[tuple[str, str, str], BaselineEntry] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_known", {entry.key: entry for entry in self.entries})

    def find_entry(self, finding: Finding, path: str = "") -> BaselineEntry | None:
        """The entry for the finding at `path` (by default its first location), expired or not."""
        return self._known.get((finding.fingerprint, finding.rule_id, path or finding.locations[0].path))


class _ProblemError(Exception):
    """The problem of a line, without quoting it."""


def read(data: bytes, path: str) -> Baseline:  # noqa: ARG001 - readers of policy files all take the name
    """The baseline in a file's bytes; never raises."""
    entries: list[BaselineEntry] = []
    problems: list[tuple[int, str]] = []
    if len(data) > LARGEST_BASELINE:
        problems.append((1, f"the file is larger than {LARGEST_BASELINE >> 20} MiB; the rest is ignored"))
        data = data[: data.rfind(b"\n", 0, LARGEST_BASELINE) + 1]
    for number, raw in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        said = _read_line(raw.strip(), number)
        if isinstance(said, BaselineEntry):
            entries.append(said)
        elif said:
            problems.append((number, said))
    return Baseline(tuple(_keep_strictest(entries)), tuple(problems))


def _read_line(raw: bytes, number: int) -> BaselineEntry | str:
    """The line's entry, or its problem; "" for a blank line or a comment."""
    if not raw or raw.startswith(b"#"):
        return ""
    try:
        return _parse_entry(raw.decode("utf-8"), number)
    except UnicodeDecodeError:
        return "it is not UTF-8 text"
    except _ProblemError as error:
        return str(error)


def _parse_entry(line: str, number: int) -> BaselineEntry:
    if line.startswith(_TRACES):
        raise _ProblemError("it is a conflict marker; keep the entries of both sides")
    head, dashes, reason = line.partition(" -- ")
    words = head.split()
    if not words or not _FINGERPRINT.fullmatch(words[0]):
        raise _ProblemError("it does not begin with a fingerprint of 32 hex digits")
    if len(words) < _FIELDS:
        raise _ProblemError("it needs a fingerprint, a rule and a path")
    if not _RULE.fullmatch(words[1]):
        raise _ProblemError("its second word is not a rule that can be suppressed")
    if not dashes or not reason.strip():
        raise _ProblemError("it gives no reason (` -- reason`)")
    return BaselineEntry(
        words[0], words[1], _decode_path(words[2]), reason.strip(), _parse_expires(words[_FIELDS:]), number
    )


def _parse_expires(words: list[str]) -> date | None:
    if not words:
        return None
    name, _, day = words[0].partition("=")
    if name != "expires" or len(words) > 1:
        raise _ProblemError("only expires=YYYY-MM-DD may follow the path (a space in a path is written %20)")
    try:
        if len(day) != len("2027-01-31"):
            raise ValueError
        return date.fromisoformat(day)
    except ValueError:
        raise _ProblemError("expires= is not followed by a date (YYYY-MM-DD)") from None


def _decode_path(word: str) -> str:
    """The path that a word of the file encodes."""
    if "%" not in word:
        return word
    if not all(match[1] for match in _ESCAPE.finditer(word)):
        raise _ProblemError("a % in its path is not followed by two hex digits (% itself is written %25)")
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda match: bytes.fromhex(match[1].decode()), word.encode())
    return raw.decode("utf-8", "surrogateescape")


def _encode_path(path: str) -> str:
    """The path as one printable word that cannot be mistaken for the dashes before the reason."""
    if path == "--":
        return "%2D-"
    return "".join(
        character
        if character.isprintable() and character not in " %"
        else "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))
        for character in path
    )


def _keep_strictest(entries: Iterable[BaselineEntry]) -> Iterable[BaselineEntry]:
    """One entry per finding: the first to expire, then the first by its reason."""
    chosen: dict[tuple[str, str, str], BaselineEntry] = {}
    for entry in entries:
        known = chosen.setdefault(entry.key, entry)
        if (entry.expires or date.max, entry.reason) < (known.expires or date.max, known.reason):
            chosen[entry.key] = entry
    return chosen.values()


def format_entry(entry: BaselineEntry) -> str:
    """The entry's line, without its end."""
    until = f" expires={entry.expires.isoformat()}" if entry.expires else ""
    return f"{entry.fingerprint} {entry.rule} {_encode_path(entry.path)}{until} -- {flatten_reason(entry.reason)}"


def flatten_reason(reason: str) -> str:
    """The reason as one line of printable text."""
    return " ".join("".join(c if c.isprintable() else " " for c in reason).split())


def format_baseline(entries: Iterable[BaselineEntry], head: str = BASELINE_HEADER) -> bytes:
    """The file for these entries below the comments `head`; the same entries in any order produce the same bytes."""
    lines = sorted(format_entry(entry) + "\n" for entry in _keep_strictest(entries))
    return (head + "".join(lines)).encode("utf-8", "replace")


def read_head(data: bytes) -> str:
    """The comments of a baseline, each once, in their order; the default ones if it has none."""
    lines = (line.strip() for line in data.decode("utf-8", "replace").split("\n"))
    comments = dict.fromkeys(line for line in lines if line.startswith("#"))
    return "".join(line + "\n" for line in comments) or BASELINE_HEADER


def strip_conflict_markers(data: bytes) -> bytes:
    """The baseline without conflict markers; the entries of both sides stay."""
    traces = tuple(trace.encode() for trace in _TRACES)
    return b"".join(line for line in data.splitlines(keepends=True) if not line.startswith(traces))


def merge(*sides: Iterable[BaselineEntry]) -> tuple[BaselineEntry, ...]:
    """The entries of all sides, one per finding."""
    return tuple(_keep_strictest(chain.from_iterable(sides)))
