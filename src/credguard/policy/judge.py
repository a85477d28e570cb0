"""Judges what was found in one repository: by its policy, its baseline and the comments beside the findings."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING

from credguard.custom_rules.compile import rules_of
from credguard.lazy_re import regex
from credguard.model.findings import Blob, Detection, Location
from credguard.policy.model import ABOUT_THE_RUN, Policy, decide
from credguard.rules import all_rules
from credguard.scanning.scanner import finding_of
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
    from credguard.suppressions.baseline import Baseline, Entry
    from credguard.suppressions.inline import Marker

MALFORMED, EXPIRED, CHANGED = "CG003", "CG004", "CG005"
_MARKED_KINDS = ("file", "stdin")
_LONG_WORD = regex(r"\S{20,}")


def remark(rule_id: str, message: str, path: str, line: int = 1, identity: str = "", column: int = 1) -> Finding:
    """A finding about the policy, an exception or a marker; `identity` tells it from others of its file."""
    rule = next(rule for rule in all_rules() if rule.id == rule_id)
    what = (path.encode("utf-8", "surrogateescape"), (identity or message).encode("utf-8", "surrogateescape"))
    return finding_of(rule, Detection(message, identity=what), (Location(path, line, column, line, column),))


class Before:
    """What inline comments suppressed in the commit that a change starts from."""

    def __init__(self, repository: Git, commit: str, limit: int) -> None:
        self._repository, self._commit, self._limit = repository, commit, limit
        self._known: dict[str, frozenset[object]] = {}

    @cached_property
    def _tree(self) -> dict[str, str]:
        return self._repository.tree(self._commit) if self._commit else {}

    @cached_property
    def _contents(self) -> frozenset[str]:
        return frozenset(self._tree.values())

    def holds(self, finding: Finding, marker: Marker, blob: Blob, scanner: Scanner, *, foreign: bool) -> bool:
        """True where a comment at this path suppressed the finding, or where the whole content stood before.

        A finding about a file, not about a value in it, is held by the same comment there.
        """
        if blob.path not in self._known:
            oid = self._tree.get(blob.path)
            data = next(self._repository.blobs([oid], self._limit)) if oid else ""
            self._known[blob.path] = (
                _suppressed(Blob(data, blob.path), scanner, foreign=foreign) if isinstance(data, bytes) else frozenset()
            )
        known = self._known[blob.path]
        of_file = any(rule.id == finding.rule_id and rule.check_tree for rule in scanner.rules)
        return finding.fingerprint in known or (of_file and _words(marker) in known) or self._stood(blob.data)

    def _stood(self, data: bytes) -> bool:
        sample = next(iter(self._contents), "")
        hashed = hashlib.new("sha256" if len(sample) == 64 else "sha1", usedforsecurity=False)
        hashed.update(b"blob %d\0" % len(data))
        hashed.update(data)
        return hashed.hexdigest() in self._contents


def _suppressed(blob: Blob, scanner: Scanner, *, foreign: bool) -> frozenset[object]:
    """The fingerprints of what the file's comments suppress, and the words of the comments."""
    markers = _markers(blob, foreign=foreign, custom=scanner.rules)
    findings = scanner.blob(blob) if markers else []
    suppressed = {one.fingerprint for one in findings if inline.beside(markers, one, blob.path)}
    return frozenset(suppressed).union(map(_words, markers))


def _words(marker: Marker) -> tuple[object, ...]:
    return marker.tool, marker.rules, marker.reason, marker.problem


def _markers(blob: Blob, *, foreign: bool, custom: Iterable[Rule] = ()) -> list[Marker]:
    known = {rule.id for rule in (*all_rules(), *custom)}
    return inline.markers(blob.data, blob.path, foreign=foreign, known=known)


def _today() -> date:
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
    before: Before | None = None
    whole: bool = False
    loosenings: tuple[Loosening, ...] = ()
    skipped: tuple[Skip, ...] = ()
    notes: tuple[str, ...] = ()
    content: bytes | None = None
    problems: tuple[tuple[int, str], ...] = ()
    today: date = field(default_factory=_today)
    _used: set[int] = field(default_factory=set)
    _lapsed: set[int] = field(default_factory=set)

    def marked(self, findings: list[Finding], blob: Blob, scanner: Scanner) -> list[Finding]:
        """The findings of a blob, with those that a comment suppresses saying so, and what is wrong
        with the comments beside them."""
        if not findings or blob.kind not in _MARKED_KINDS:
            return findings
        markers = _markers(blob, foreign=self.policy.foreign_markers, custom=rules_of(self.policy.custom))
        if not markers:
            return findings
        result: list[Finding] = []
        for finding in findings:
            marker = inline.beside(markers, finding, blob.path)
            if marker is None:
                result.append(finding)
            elif self.before is None or self.before.holds(
                finding, marker, blob, scanner, foreign=self.policy.foreign_markers
            ):
                result.append(replace(finding, inline=_said(marker.reason) or f"{marker.tool} comment"))
            else:
                result += [finding, _new_marker(marker, finding, blob.path)]
        return result + [_malformed(m, blob.path) for m in markers if m.problem and _concerns(m, findings, blob.path)]

    def path_of(self, finding: Finding) -> str:
        """The finding's path as policy and baseline name it."""
        return self.rooted(finding.locations[0].path.removeprefix(self.label))

    def verdict(self, finding: Finding) -> Verdict | None:
        """What becomes of the finding; None where its rule is off."""
        path = self.path_of(finding)
        allowed = [entry for entry in self.policy.allow if entry.covers(finding, path)]
        listed = self.baseline.covering(finding, path) if self.baseline else None
        if finding.rule_id in ABOUT_THE_RUN:
            allowed, listed = [], None
        self._used |= {id(entry) for entry in allowed} | ({id(listed)} if listed else set())
        self._lapsed |= {id(entry) for entry in (*allowed, listed) if entry and self._is_over(entry)}
        good = next((entry for entry in allowed if not self._is_over(entry)), None)
        known = listed if listed and not self._is_over(listed) else None
        return decide(
            finding, self.policy, stage=self.stage, path=path, allowed=_reason(good) if good else "",
            listed=(_said(known.reason) or "in the baseline") if known else "",
        )  # fmt: skip

    def _is_over(self, entry: Allow | Entry) -> bool:
        return entry.expires is not None and entry.expires < self.today

    def remarks(self, changed: Collection[str] | None = None) -> list[Finding]:
        """What is to be said of the policy, its exceptions and the baseline, after all verdicts.

        With `changed` (the paths of a change) an expired or malformed entry is named only where it
        would have counted, or where its file is among them.
        """
        found = [remark(CHANGED, f"the change {one.text}", one.path, one.line, one.key) for one in self.loosenings]
        for entry in self.policy.allow:
            file, line = entry.source
            if self._is_over(entry) and (changed is None or file in changed or id(entry) in self._lapsed):
                found.append(_over(entry, file, line, entry.rule or entry.fingerprint))
        file = self.policy.baseline
        listed = changed is None or file in changed
        found += [
            remark(MALFORMED, f"a line of the baseline does not count: {text}", file, line)
            for line, text in (self.problems if listed or self.before else ())
        ]
        found += [
            _over(one, file, one.line, one.rule)
            for one in (self.baseline.entries if self.baseline else ())
            if self._is_over(one) and (listed or id(one) in self._lapsed)
        ]
        return [self._shown(finding) for finding in found]

    def _shown(self, finding: Finding) -> Finding:
        places = tuple(replace(place, path=self.label + place.path) for place in finding.locations)
        return replace(finding, locations=places) if self.label else finding

    def unused(self) -> list[str]:
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


def _reason(entry: Allow) -> str:
    more = [f"until {entry.expires}"] if entry.expires else []
    more += [f"by {entry.by}"] if entry.by else []
    return _said(entry.reason) + (f" ({', '.join(more)})" if more else "")


def _said(reason: str) -> str:
    """The reason as reports show it: what is long enough to be a secret only by its beginning."""
    return _LONG_WORD.sub(lambda match: match[0][:4] + "…", reason)[:200]


def _over(entry: Allow | Entry, file: str, line: int, what: str) -> Finding:
    day = entry.expires.isoformat() if entry.expires else ""
    return remark(EXPIRED, f"the exception for {what} ended on {day}", file, line, f"{what} {entry.fingerprint} {day}")


def _malformed(marker: Marker, path: str) -> Finding:
    text = f"the {marker.tool} comment does not count: {marker.problem}"
    return remark(MALFORMED, text, path, marker.line, f"{marker.line} {marker.problem}", marker.column)


def _new_marker(marker: Marker, finding: Finding, path: str) -> Finding:
    text = f"the change adds a {marker.tool} comment that would suppress {finding.rule_id}; it does not count here"
    return remark(CHANGED, text, path, marker.line, f"comment {finding.fingerprint}", marker.column)


def _concerns(marker: Marker, findings: Iterable[Finding], path: str) -> bool:
    return any(
        place.line <= marker.target_line <= place.end_line
        for finding in findings
        for place in finding.locations
        if place.path == path
    )
