"""Findings of a history as they are reported: one for a value, at its place, with all that git knows of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from credguard.aws.key_id import classify_key_id
from credguard.git.repository import GitError
from credguard.history import deleted_files
from credguard.history.exposure import SHOWN_REFS, add_exposure
from credguard.lazy_re import compile_lazily
from credguard.matching.redaction import mask_name
from credguard.model.findings import Blob, BlobKind
from credguard.rule import Trait
from credguard.rules import list_rule_ids
from credguard.rules.account import key_older_than_limit
from credguard.scanning.placement import build_finding
from credguard.system.compat import decode_path

if TYPE_CHECKING:
    import re
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from credguard.git.repository import Git
    from credguard.history.provenance import Provenance
    from credguard.history.trail import Trail
    from credguard.model.findings import Finding, Location
    from credguard.rule import Rule
    from credguard.scanning.pipeline import Pipeline

_LIMIT = 1 << 32
_OTHERS = "others"
_KEY_ID = compile_lazily(r"A[KS]IA[A-Z0-9]{16}")
_HALF = compile_lazily(r"[A-Za-z0-9+/]{40,}")

FindingKey = tuple[str, str]
"""Rule ID and fingerprint."""


@dataclass(slots=True)
class _Group:
    """A finding, the objects that hold its value, and where the run has it (nowhere: only the history has)."""

    finding: Finding
    oids: dict[str, None] = field(default_factory=dict)
    numbers: list[int] = field(default_factory=list)


class HistoryFindings:
    """Gathers the findings of one history, and what the run found already; `publish` gives them all. Unless
    `complete`, no more than the passes over all objects had room for are gathered."""

    def __init__(self, pipeline: Pipeline, repository: Git, label: str, tracing: Provenance, *, complete: bool) -> None:
        """`pipeline` is that of the rules for old contents."""
        self._pipeline, self._git, self._label = pipeline, repository, label
        self._tracing, self._complete = tracing, complete
        self._masks: dict[str, str] = {}
        self._now = datetime.now(timezone.utc)
        self._told: dict[FindingKey, _Group] = {}

    def add_known(self, findings: Sequence[Finding], inner: tuple[str, ...]) -> None:
        """What the run has found below the label, but not where a path begins with one of `inner`."""
        for number, finding in enumerate(findings):
            path = finding.locations[0].path
            if path.startswith(self._label) and not (inner and path.startswith(inner)):
                one = self._told.setdefault((finding.rule_id, finding.fingerprint), _Group(finding))
                one.numbers.append(number)

    def add_contents(self, found: Mapping[FindingKey, Collection[str]]) -> None:
        """Findings in contents and messages, by the objects that hold each: they are read once more, now
        that their paths are known."""
        groups = list(found.values())
        places = {
            self._tracing.find_place(oids, trail)
            for oids, trail in zip(groups, self._tracing.build_trails(groups), strict=True)
        }
        every = {oid for oids in groups for oid in oids}
        places |= {(oid, path, "") for oid in every for path in self._tracing.list_paths(oid) if "root" in path.lower()}
        ordered = sorted(places, key=lambda one: (one[0], one[1], one[2] == ""))
        try:
            for (oid, path, commit), data in zip(
                ordered, self._git.read_blobs([one[0] for one in ordered], _LIMIT), strict=True
            ):
                if not isinstance(data, bytes):
                    self._tracing.problems[f"object {oid} could not be read again: {data}"] = None
                    continue
                kind = BlobKind.FILE if self._tracing.kinds.get(oid) == "blob" else BlobKind.MESSAGE
                for finding in self._scan_at_commit(Blob(data, path, kind), commit):
                    key = (finding.rule_id, finding.fingerprint)
                    if key in found or self._complete:
                        self._add(finding, found.get(key) or (oid,))
        except GitError as error:
            self._tracing.problems[f"{error.message}; {error.hint}"] = None

    def add_copies(self, objects: Iterable[tuple[str, str, bytes]]) -> None:
        """Findings in objects (type, ID, content) that are not what their IDs say: git may give another when asked."""
        ordered = sorted(objects)
        trails = self._tracing.build_trails([[oid] for _, oid, _ in ordered])
        for (kind, oid, data), trail in zip(ordered, trails, strict=True):
            _, path, commit = self._tracing.find_place([oid], trail)
            if not data:
                self._tracing.problems[f"object {oid} is not what its name says, and too large to be kept"] = None
            for finding in self._scan_at_commit(
                Blob(data, path, BlobKind.FILE if kind == "blob" else BlobKind.MESSAGE), commit
            ):
                self._add(finding, (oid,))

    def add_names(self, found: Mapping[bytes, Sequence[Finding]]) -> None:
        """Findings in file names, shown without the secret."""
        for name, findings in found.items():
            shown = mask_name(decode_path(name), findings)
            arrivals = [one for one in self._tracing.former if name in one.path.split(b"/")]
            for one in arrivals[:1]:
                path = decode_path(one.path).replace(decode_path(name), shown)
                for finding in findings:
                    places = tuple(replace(p, path=path, commit=one.commit or None) for p in finding.locations)
                    self._add(replace(finding, locations=places), [one.oid for one in arrivals])
                    self._tracing.count_in(arrivals)

    def add_deleted_files(self, rules: Sequence[Rule]) -> None:
        """What the file rules say of files that were tracked once."""
        arrivals = [one for one in self._tracing.former if deleted_files.is_credential_path(one.path)] if rules else []
        for finding, versions in deleted_files.scan_deleted_files(self._pipeline.scanner, rules, self._git, arrivals):
            places = tuple(replace(place, commit=versions[0].commit or None) for place in finding.locations)
            message = deleted_files.use_past_tense(finding.message)
            self._add(replace(finding, locations=places, message=message), [one.oid for one in versions])
            self._tracing.count_in(versions)

    def publish(self, known: Sequence[Finding], age_rule: Rule | None) -> tuple[Finding, ...]:
        """The findings `known` already, which say now how far they have come, and those that only the history has.
        By the `age_rule` with the age of keys that no file holds any more."""
        findings, days = list(known), self._pipeline.rotation_days
        groups = [one for one in _merge_halves(self._told) if one.oids]
        for one, trail in zip(groups, self._tracing.build_trails([one.oids for one in groups]), strict=True):
            shown = self._mask_trail(trail)
            for number in one.numbers:
                findings[number] = add_exposure(findings[number], shown, self._now, days)
            if one.numbers:
                continue
            finding = add_exposure(one.finding, shown, self._now, days)
            places = tuple(self._complete_location(place, trail) for place in finding.locations)
            finding = replace(finding, locations=places)
            findings.append(finding)
            findings += self._find_key_age(finding, trail, age_rule)
        return tuple(findings)

    def _scan_at_commit(self, blob: Blob, commit: str) -> list[Finding]:
        findings = self._pipeline.scan_blob(blob)
        head = blob.data.count(b"\n", 0, blob.data.find(b"\n\n") + 2) if blob.kind is BlobKind.MESSAGE else 0
        return [
            replace(f, locations=tuple(replace(place, commit=commit or None) for place in f.locations))
            for f in (_shift_lines(finding, head) for finding in findings)
        ]

    def _add(self, finding: Finding, oids: Iterable[str]) -> None:
        one = self._told.setdefault((finding.rule_id, finding.fingerprint), _Group(finding))
        one.oids.update(dict.fromkeys(oids))

    def _complete_location(self, place: Location, trail: Trail) -> Location:
        path = self._label + self._mask_secrets(place.path)
        return replace(place, path=path, commit=place.commit or trail.first_commit or None)

    def _mask_trail(self, trail: Trail) -> Trail:
        """What git knows, as it may be shown: anybody can write a secret into a name."""
        return replace(
            trail,
            author=self._mask_secrets(trail.author),
            paths=[self._mask_secrets(path) for path in trail.paths],
            refs={use: self._mask_refs(names, whole=use == _OTHERS) for use, names in trail.refs.items()},
            tagged=[self._mask_secrets(name) for name in trail.tagged],
            reflogs=[self._mask_secrets(name) for name in trail.reflogs],
        )

    def _mask_refs(self, names: Sequence[str], *, whole: bool) -> list[str]:
        """Those of the names that are shown without secrets, the others only to be counted."""
        shown = len(names) if whole else SHOWN_REFS
        return [*map(self._mask_secrets, names[:shown]), *names[shown:]]

    def _mask_secrets(self, path: str) -> str:
        """A path, or another name, without the secrets in it: also without what may be the other half of a key ID."""
        if path not in self._masks:
            shown = mask_name(path, self._pipeline.scanner.scan_names([path]))
            self._masks[path] = _HALF.sub(_mask_match, shown) if _KEY_ID.search(shown) else shown
        return self._masks[path]

    def _find_key_age(self, finding: Finding, trail: Trail, rule: Rule | None) -> list[Finding]:
        """A finding for an old long-lived key that no file holds any more."""
        key_id = finding.attributes.get("access_key_id")
        if (
            rule is None
            or not isinstance(key_id, str)
            or not trail.first_seen
            or finding.rule_id not in list_rule_ids(Trait.ACCESS_KEY)
        ):
            return []
        if not key_id.startswith("AKIA") or classify_key_id(key_id.encode()) not in ("long-lived", "old-format"):
            return []
        detection = key_older_than_limit.check_key_age(
            trail.first_seen, self._now, self._pipeline.rotation_days, key_id
        )
        if not detection:
            return []
        return [replace(build_finding(rule, detection, finding.locations[:1]), exposure=finding.exposure)]


def _shift_lines(finding: Finding, head: int) -> Finding:
    """The finding with its lines counted from the end of a head of so many lines, unless it stands there."""
    if not head or any(place.line <= head for place in finding.locations):
        return finding
    places = (replace(place, line=place.line - head, end_line=place.end_line - head) for place in finding.locations)
    context = tuple(replace(line, number=line.number - head) for line in finding.context if line.number > head)
    return replace(finding, locations=tuple(places), context=context)


def _mask_match(match: re.Match[str]) -> str:
    return match[0][:4] + "*" * (len(match[0]) - 4)


def _merge_halves(told: Mapping[FindingKey, _Group]) -> list[_Group]:
    """Leaves out lone halves of the history that are part of a whole credential, which takes over their objects."""
    halves = list_rule_ids(Trait.HALF)
    wholes = [one for (rule_id, _), one in told.items() if rule_id not in halves and one.finding.values]
    owners: dict[str, list[_Group]] = {}
    for one in wholes:
        for value in one.finding.values:
            owners.setdefault(value, []).append(one)
    kept = []
    for (rule_id, _), one in told.items():
        values = one.finding.values if rule_id in halves and not one.numbers else frozenset()
        near = (whole for value in values for whole in owners.get(value, ()))
        owner = next((whole for whole in near if values <= whole.finding.values), None)
        if owner is None:
            kept.append(one)
        else:
            owner.oids.update(one.oids)
    return kept
