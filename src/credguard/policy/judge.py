"""Judges what was found in one repository: by its policy, its baseline and the comments beside the findings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING

from credguard.custom_rules.compile import compile_custom_rules
from credguard.lazy_re import compile_lazily
from credguard.model.findings import Blob, Detection, Location
from credguard.policy.model import ABOUT_THE_RUN, Policy, decide
from credguard.rules import load_rules
from credguard.scanning.scanner import build_finding
from credguard.suppressions import inline

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import date

    from credguard.git.repository import Git
    from credguard.model.findings import Finding, Skip, Verdict
    from credguard.policy.loosening import Loosening
    from credguard.policy.model import Allow
    from credguard.rule import Rule
    from credguard.scanning.scanner import Scanner
    from credguard.suppressions.baseline import Baseline, BaselineEntry
    from credguard.suppressions.inline import Marker

MALFORMED, EXPIRED, CHANGED = "CG003", "CG004", "CG005"
_MARKED_KINDS = ("file", "stdin")
_LONG_WORD = compile_lazily(r"\S{20,}")


def make_policy_finding(
    rule_id: str, message: str, path: str, line: int = 1, identity: str = "", column: int = 1
) -> Finding:
    """A finding about the policy, an exception or a marker; `identity` tells it from others of its file."""
    rule = next(rule for rule in load_rules() if rule.id == rule_id)
    what = (path.encode("utf-8", "surrogateescape"), (identity or message).encode("utf-8", "surrogateescape"))
    return build_finding(rule, Detection(message, identity=what), (Location(path, line, column, line, column),))


class BaseCommit:
    """What inline comments suppressed in the commit that a change starts from."""

    def __init__(self, repository: Git, commit: str, limit: int) -> None:
        self._repository, self._commit, self._limit = repository, commit, limit
        self._known: dict[str, frozenset[object]] = {}

    @cached_property
    def _tree(self) -> dict[str, str]:
        return self._repository.read_tree(self._commit) if self._commit else {}

    @cached_property
    def _contents(self) -> frozenset[str]:
        return frozenset(self._tree.values())

    def had_suppression(self, finding: Finding, marker: Marker, blob: Blob, scanner: Scanner, *, foreign: bool) -> bool:
        """True where a comment at this path suppressed the finding, or where the whole content stood before.

        A finding about a file, not about a value in it, is held by the same comment there.
        """
        if blob.path not in self._known:
            oid = self._tree.get(blob.path)
            data = next(self._repository.read_blobs([oid], self._limit)) if oid else ""
            self._known[blob.path] = (
                _find_suppressed(Blob(data, blob.path), scanner, foreign=foreign)
                if isinstance(data, bytes)
                else frozenset()
            )
        known = self._known[blob.path]
        of_file = any(rule.id == finding.rule_id and rule.check_tree for rule in scanner.rules)
        return (
            finding.fingerprint in known
            or (of_file and _make_marker_key(marker) in known)
            or self._had_content(blob.data)
        )

    def _had_content(self, data: bytes) -> bool:
        sample = next(iter(self._contents), "")
        hashed = hashlib.new("sha256" if len(sample) == 64 else "sha1", usedforsecurity=False)
        hashed.update(b"blob %d\0" % len(data))
        hashed.update(data)
        return hashed.hexdigest() in self._contents


def _find_suppressed(blob: Blob, scanner: Scanner, *, foreign: bool) -> frozenset[object]:
    """The fingerprints of what the file's comments suppress, and the words of the comments."""
    markers = _find_markers(blob, foreign=foreign, custom=scanner.rules)
    findings = scanner.scan_blob(blob) if markers else []
    suppressed = {one.fingerprint for one in findings if inline.find_suppressing_marker(markers, one, blob.path)}
    return frozenset(suppressed).union(map(_make_marker_key, markers))


def _make_marker_key(marker: Marker) -> tuple[object, ...]:
    return marker.tool, marker.rules, marker.reason, marker.problem


def _find_markers(blob: Blob, *, foreign: bool, custom: Iterable[Rule] = ()) -> list[Marker]:
    known = {rule.id for rule in (*load_rules(), *custom)}
    return inline.find_markers(blob.data, blob.path, foreign=foreign, known=known)


def _get_today() -> date:
    return datetime.now(timezone.utc).date()


@dataclass(slots=True)
class Judge:
    """Says what becomes of the findings of one repository.

    `label` goes before its paths in the report, and `rooted` gives the path that policy and baseline
    use for what is left. With `before`, a comment counts only
    where it stood before the change. `whole` is set where everything is looked at, so that an exception
    that matches nothing is worth a word. `loosenings`, `skipped`, `notes` and the `problems` of the
    baseline came with the policy. `content` is the whole policy, where it is one file and hides from
    the hooks' quick way nothing that it has to do.
    """

    policy: Policy = field(default_factory=Policy)
    stage: str = "audit"
    baseline: Baseline | None = None
    label: str = ""
    rooted: Callable[[str], str] = str
    before: BaseCommit | None = None
    whole: bool = False
    loosenings: tuple[Loosening, ...] = ()
    skipped: tuple[Skip, ...] = ()
    notes: tuple[str, ...] = ()
    content: bytes | None = None
    problems: tuple[tuple[int, str], ...] = ()
    today: date = field(default_factory=_get_today)
    _used: set[int] = field(default_factory=set)
    _lapsed: set[int] = field(default_factory=set)

    def apply_markers(self, findings: list[Finding], blob: Blob, scanner: Scanner) -> list[Finding]:
        """The findings of a blob, with those that a comment suppresses saying so, and what is wrong
        with the comments beside them."""
        if not findings or blob.kind not in _MARKED_KINDS:
            return findings
        markers = _find_markers(
            blob, foreign=self.policy.foreign_markers, custom=compile_custom_rules(self.policy.custom)
        )
        if not markers:
            return findings
        result: list[Finding] = []
        for finding in findings:
            marker = inline.find_suppressing_marker(markers, finding, blob.path)
            if marker is None:
                result.append(finding)
            elif self.before is None or self.before.had_suppression(
                finding, marker, blob, scanner, foreign=self.policy.foreign_markers
            ):
                result.append(replace(finding, inline=_redact_reason(marker.reason) or f"{marker.tool} comment"))
            else:
                result += [finding, _make_marker_finding(marker, finding, blob.path)]
        return result + [
            _make_malformed_finding(m, blob.path)
            for m in markers
            if m.problem and _is_near_finding(m, findings, blob.path)
        ]

    def get_rooted_path(self, finding: Finding) -> str:
        """The finding's path as policy and baseline name it."""
        return self.rooted(finding.locations[0].path.removeprefix(self.label))

    def make_verdict(self, finding: Finding) -> Verdict | None:
        """What becomes of the finding; None where its rule is off."""
        path = self.get_rooted_path(finding)
        allowed = [entry for entry in self.policy.allow if entry.is_applicable(finding, path)]
        listed = self.baseline.find_entry(finding, path) if self.baseline else None
        if finding.rule_id in ABOUT_THE_RUN:
            allowed, listed = [], None
        self._used |= {id(entry) for entry in allowed} | ({id(listed)} if listed else set())
        self._lapsed |= {id(entry) for entry in (*allowed, listed) if entry and self._is_over(entry)}
        good = next((entry for entry in allowed if not self._is_over(entry)), None)
        known = listed if listed and not self._is_over(listed) else None
        return decide(
            finding, self.policy, stage=self.stage, path=path, allowed=_format_reason(good) if good else "",
            listed=(_redact_reason(known.reason) or "in the baseline") if known else "",
        )  # fmt: skip

    def _is_over(self, entry: Allow | BaselineEntry) -> bool:
        return entry.expires is not None and entry.expires < self.today

    def collect_policy_findings(self, changed: Collection[str] | None = None) -> list[Finding]:
        """What is to be said of the policy, its exceptions and the baseline, after all verdicts.

        With `changed` (the paths of a change) an expired or malformed entry is named only where it
        would have counted, or where its file is among them.
        """
        found = [
            make_policy_finding(CHANGED, f"the change {one.text}", one.path, one.line, one.key)
            for one in self.loosenings
        ]
        for entry in self.policy.allow:
            file, line = entry.source
            if self._is_over(entry) and (changed is None or file in changed or id(entry) in self._lapsed):
                found.append(_make_expired_finding(entry, file, line, entry.rule or entry.fingerprint))
        file = self.policy.baseline
        listed = changed is None or file in changed
        found += [
            make_policy_finding(MALFORMED, f"a line of the baseline does not count: {text}", file, line)
            for line, text in (self.problems if listed or self.before else ())
        ]
        found += [
            _make_expired_finding(one, file, one.line, one.rule)
            for one in (self.baseline.entries if self.baseline else ())
            if self._is_over(one) and (listed or id(one) in self._lapsed)
        ]
        return [self._add_label(finding) for finding in found]

    def _add_label(self, finding: Finding) -> Finding:
        places = tuple(replace(place, path=self.label + place.path) for place in finding.locations)
        return replace(finding, locations=places) if self.label else finding

    def list_unused(self) -> list[str]:
        """The exceptions that matched nothing, one note each; none where not everything was looked at."""
        if not self.whole:
            return []
        notes = [
            f"{self.label}{entry.source[0]}:{entry.source[1]}: the exception for "
            f"{entry.rule or entry.fingerprint}{f' at {entry.path}' if entry.path else ''} matches nothing"
            for entry in self.policy.allow
            if id(entry) not in self._used
        ]
        return notes + [
            f"{self.label}{self.policy.baseline}:{entry.line}: "
            f"the entry for {entry.rule} of {entry.path} matches nothing"
            for entry in (self.baseline.entries if self.baseline else ())
            if id(entry) not in self._used
        ]


def _format_reason(entry: Allow) -> str:
    more = [f"until {entry.expires}"] if entry.expires else []
    more += [f"by {entry.by}"] if entry.by else []
    return _redact_reason(entry.reason) + (f" ({', '.join(more)})" if more else "")


def _redact_reason(reason: str) -> str:
    """The reason as reports show it: what is long enough to be a secret only by its beginning."""
    return _LONG_WORD.sub(lambda match: match[0][:4] + "…", reason)[:200]


def _make_expired_finding(entry: Allow | BaselineEntry, file: str, line: int, what: str) -> Finding:
    day = entry.expires.isoformat() if entry.expires else ""
    return make_policy_finding(
        EXPIRED, f"the exception for {what} ended on {day}", file, line, f"{what} {entry.fingerprint} {day}"
    )


def _make_malformed_finding(marker: Marker, path: str) -> Finding:
    text = f"the {marker.tool} comment does not count: {marker.problem}"
    return make_policy_finding(MALFORMED, text, path, marker.line, f"{marker.line} {marker.problem}", marker.column)


def _make_marker_finding(marker: Marker, finding: Finding, path: str) -> Finding:
    text = f"the change adds a {marker.tool} comment that would suppress {finding.rule_id}; it does not count here"
    return make_policy_finding(CHANGED, text, path, marker.line, f"comment {finding.fingerprint}", marker.column)


def _is_near_finding(marker: Marker, findings: Iterable[Finding], path: str) -> bool:
    return any(
        place.line <= marker.target_line <= place.end_line
        for finding in findings
        for place in finding.locations
        if place.path == path
    )
