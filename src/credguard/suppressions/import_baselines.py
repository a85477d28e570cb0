"""Reads the known findings of other scanners, and matches them with credguard's findings.

Their entries contain locations, hashes or patterns, so each applies only to a current finding: one at the location,
with the hash, or with the pattern on its lines. Values are compared in memory only.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from credguard.errors import CredguardError
from credguard.lazy_re import compile_lazily
from credguard.matching.database import Matcher
from credguard.matching.pattern import Pattern
from credguard.model.secret import Secret
from credguard.parsers.utf16 import recode_marked
from credguard.rule import SECRET_VALUES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from credguard.model.findings import Location

LARGEST_IMPORT = 64 << 20
"""Bytes of the largest file that is read."""
_POSITION = compile_lazily(r"(?:[0-9a-f]{7,64}:)?(?P<path>[^\n]+):(?P<rule>[\w.-]+):(?P<line>\d{1,9})")
_HEX40 = compile_lazily(r"[0-9a-f]{40}")
_LONGEST_PATTERN, _MOST_PATTERNS = 1000, 2000
_SHORTEST_VALUE = 16
_EXPECTED = (
    "it may be .secrets.baseline of detect-secrets, .gitleaksignore, .gitallowed, "
    "or a JSON report of gitleaks or betterleaks"
)


class FindingView(NamedTuple):
    """One location of a finding as others see it: its lines, its value, and the text of its first line."""

    path: str
    first: int
    last: int
    value: bytes
    text: bytes


@dataclass(frozen=True, slots=True)
class ImportedEntry:
    """One entry of another scanner: `where` identifies it, and all other set fields have to match."""

    where: str
    tool: str
    path: str = ""
    first: int = 0
    last: int = 0
    rule: str = ""
    digest: str = ""
    secret: Secret | None = None
    pattern: Matcher | None = None
    note: str = ""

    def is_match(self, sights: Sequence[FindingView], *, private: bool) -> bool:
        """True if the entry matches the finding, a private key or another value."""
        if self.pattern:
            return all(self._has_pattern(sight) for sight in sights)
        near = [sight for sight in sights if sight.path == self.path]
        if self.digest and not self._is_key_header:
            return any(_compute_sha1(sight.value) == self.digest for sight in near)
        if ("private" in self.rule.lower()) != private:
            return False
        if self.secret and not private:
            return any(_is_same_value(self.secret.reveal(), sight.value) for sight in near)
        return any(sight.first <= self.last and self.first <= sight.last for sight in near)

    @property
    def _is_key_header(self) -> bool:
        """True if the hash is that of a key's first line, which many keys share."""
        return "private" in self.rule.lower() and self.first > 0

    def _has_pattern(self, sight: FindingView) -> bool:
        line = b"%s:%d:%s" % (sight.path.encode("utf-8", "surrogateescape"), sight.first, sight.text)
        return bool(self.pattern and self.pattern.find_hits(line))


def _compute_sha1(value: bytes) -> str:
    return hashlib.sha1(value, usedforsecurity=False).hexdigest()


def _is_same_value(theirs: bytes, ours: bytes) -> bool:
    """True for the same value, or if one of the two scanners has trimmed it more."""
    short, long = sorted((theirs, ours), key=len)
    return short == long or (len(short) >= _SHORTEST_VALUE and short in long)


def build_finding_view(data: bytes, place: Location) -> FindingView:
    """What other scanners see at a location of a file."""
    text = recode_marked(data).removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    lines = text.split("\n")[place.line - 1 : place.end_line] or [""]
    first = lines[0]
    if len(lines) == 1:
        value = first[place.column - 1 : place.end_column - 1]
    else:
        value = "\n".join((first[place.column - 1 :], *lines[1:-1], lines[-1][: place.end_column - 1]))
    return FindingView(place.path, place.line, place.end_line, _encode(value), _encode(first.rstrip("\r")))


def _encode(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that JSON may contain and no file can
        return text.encode("utf-8", "surrogatepass")


def match_imported(
    known: Sequence[ImportedEntry], seen: Sequence[tuple[str, Sequence[FindingView]]], private_key: str
) -> tuple[dict[int, ImportedEntry], list[ImportedEntry]]:
    """The entry that covers each finding (rule and views), by number, and the entries that cover none.

    Other tools have only secret values; `private_key` is the rule whose findings they call private keys.
    """
    by_path: dict[str, list[ImportedEntry]] = {}
    for entry in known:
        by_path.setdefault(entry.path, []).append(entry)
    adopted: dict[int, ImportedEntry] = {}
    unused = {id(entry): entry for entry in known}
    for number, (rule_id, sights) in enumerate(seen):
        if not rule_id.startswith(SECRET_VALUES):
            continue
        paths = dict.fromkeys(["", *(one.path for one in sights)])
        for entry in (entry for path in paths for entry in by_path.get(path, ())):
            if (entry.path or entry.pattern) and sights and entry.is_match(sights, private=rule_id == private_key):
                adopted.setdefault(number, entry)
                unused.pop(id(entry), None)
    return adopted, list(unused.values())


def read(data: bytes, name: str) -> list[ImportedEntry]:
    """The entries of another scanner's file in any supported format; raises CredguardError."""
    if len(data) > LARGEST_IMPORT:
        raise CredguardError(f"{name} is larger than {LARGEST_IMPORT >> 20} MiB", "import a smaller report")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CredguardError(f"{name} is not UTF-8 text", _EXPECTED) from None
    base = name.replace("\\", "/").rpartition("/")[2]
    if base == ".gitallowed":
        return list(_parse_patterns(text, name))
    if text.lstrip()[:1] in ("{", "["):
        try:
            return list(_parse_report(text, name))
        except RecursionError:
            raise CredguardError(f"{name} is nested too deeply", _EXPECTED) from None
    return list(_parse_positions(text, name))


def _parse_patterns(text: str, name: str) -> Iterator[ImportedEntry]:
    """The patterns of git-secrets, each for complete lines of `path:line:text`."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            if number > _MOST_PATTERNS:
                raise CredguardError(f"{name} has more than {_MOST_PATTERNS} lines", "import a shorter one")
            yield ImportedEntry(f"{name}:{number}", "git-secrets", pattern=_compile_matcher(line))


def _compile_matcher(expression: str) -> Matcher | None:
    """The pattern, matched in linear time; None for an invalid one, one that matches the empty string, or one with
    lookaround or backreferences."""
    if len(expression) > _LONGEST_PATTERN:
        return None
    try:
        return Matcher([Pattern("allowed", expression.encode("utf-8", "surrogateescape"))], cache=False)
    except Exception:  # noqa: BLE001 - hyperscan raises its own errors and ValueError
        return None


def _parse_positions(text: str, name: str) -> Iterator[ImportedEntry]:
    """The lines of gitleaks: `[commit:]file:rule:line`."""
    for number, line in enumerate(text.splitlines(), 1):
        said = line.strip()
        if not said or said.startswith("#"):
            continue
        match = _POSITION.fullmatch(said)
        if match is None:
            raise CredguardError(
                f"{name}:{number}: is not a line of .gitleaksignore ([commit:]file:rule:line)", _EXPECTED
            )
        yield _make_entry(f"{name}:{number}", "gitleaks", match["path"], int(match["line"]), rule=match["rule"])


def _make_entry(
    where: str, tool: str, path: str, first: int, last: int = 0, rule: str = "", secret: object = ""
) -> ImportedEntry:  # fmt: skip
    plain = secret if isinstance(secret, str) and _is_plain(secret) else ""
    return ImportedEntry(
        where,
        tool,
        _normalize_path(path),
        first,
        max(first, last),
        rule,
        secret=Secret(_encode(plain)) if plain else None,
    )


def _is_plain(secret: str) -> bool:
    """True for a value that the report does not redact."""
    return len(secret) >= _SHORTEST_VALUE and not any(sign in secret for sign in ("REDACTED", "...", "…", "**"))


def _normalize_path(path: str) -> str:
    """The path in credguard's form; Windows separators are converted."""
    plain = path.replace("\\", "/") if "\\" in path and "/" not in path else path
    return plain.removeprefix("./")


def _parse_report(text: str, name: str) -> Iterator[ImportedEntry]:
    content = _load_json(text, name)
    if isinstance(content, dict) and isinstance(content.get("results"), dict):
        yield from _parse_hashes(content["results"], name)
        return
    findings = content.get("findings") if isinstance(content, dict) and "findings" in content else content
    for number, item in enumerate(findings if isinstance(findings, list) else [findings], 1):
        where = f"{name}, finding {number}"
        if not isinstance(item, dict):
            raise CredguardError(f"{where}: is not a finding", _EXPECTED)
        yield _parse_finding(item, where)


def _load_json(text: str, name: str) -> object:
    """The file's JSON, or JSON lines."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        try:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        except (ValueError, RecursionError):
            place = f":{error.lineno}:{error.colno}" if isinstance(error, json.JSONDecodeError) else ""
            raise CredguardError(f"{name}{place}: is not valid JSON", _EXPECTED) from None


def _parse_hashes(results: dict[str, object], name: str) -> Iterator[ImportedEntry]:
    """The entries of detect-secrets: by file, the SHA-1 of each value."""
    for path, entries in results.items():
        for number, entry in enumerate(entries if isinstance(entries, list) else [entries], 1):
            digest = entry.get("hashed_secret") if isinstance(entry, dict) else None
            if not isinstance(entry, dict) or not isinstance(digest, str) or not _HEX40.fullmatch(digest):
                raise CredguardError(f"{name}: entry {number} of {path} has no hashed_secret", _EXPECTED)
            line = _read_number(entry.get("line_number"))
            note = {True: "audited there as a secret", False: "audited there as not a secret"}
            where = f"{name}, {path}{f':{line}' if line else f' entry {number}'}"
            kind, audited = str(entry.get("type", "")), note.get(bool(entry.get("is_secret")), "")
            told = audited if "is_secret" in entry else ""
            yield ImportedEntry(where, "detect-secrets", _normalize_path(path), line, line, kind, digest, note=told)


def _parse_finding(item: dict[str, object], where: str) -> ImportedEntry:
    """One finding of gitleaks or betterleaks."""
    place, match = item.get("location"), item.get("match")
    if isinstance(place, dict):
        tool, value = "betterleaks", match.get("value") if isinstance(match, dict) else ""
        path, first, last, rule = place.get("path"), place.get("start_line"), place.get("end_line"), item.get("rule_id")
    else:
        tool, value = "gitleaks", item.get("Secret")
        path, first, last, rule = item.get("File"), item.get("StartLine"), item.get("EndLine"), item.get("RuleID")
    if not isinstance(path, str) or not path or not _read_number(first):
        raise CredguardError(f"{where}: has no file and line", _EXPECTED)
    return _make_entry(where, tool, path, _read_number(first), _read_number(last), str(rule), value)


def _read_number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 31 else 0
