"""Runs rules over blobs and work trees, and turns what they say into located findings."""

from __future__ import annotations

import os
from bisect import bisect_left
from dataclasses import replace
from typing import TYPE_CHECKING

from credguard.context import redacted
from credguard.decode import BASE64, WIDE, base64_texts, utf16_as_utf8
from credguard.document import locate
from credguard.errors import CredguardError, UnreadableError
from credguard.matcher import Matcher
from credguard.model import Blob, Finding, Location
from credguard.rules import all_rules
from credguard.secret import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from credguard.document import Place
    from credguard.model import Detection
    from credguard.rule import Hits, Rule
    from credguard.worktree import WorkTree

_HALVES = ("CG101", "CG102")


class Scanner:
    """Applies rules; `failures` collects (path, rule ID, reason) of rules that could not answer,
    `unread` the reason why a file's structure could not be parsed, by path."""

    def __init__(self, rules: Sequence[Rule] | None = None, *, cache: bool = True) -> None:
        self.rules = tuple(all_rules() if rules is None else rules)
        self.matcher = Matcher([WIDE, BASE64, *(p for rule in self.rules for p in rule.patterns)], cache=cache)
        self.failures: list[tuple[str, str, str]] = []
        self.unread: dict[str, str] = {}
        self._always = [r for r in self.rules if r.check_blob and not r.patterns and _enabled(r)]
        self._by_pattern: dict[str, list[Rule]] = {}
        for rule in self.rules:
            for pattern in rule.patterns:
                self._by_pattern.setdefault(pattern.name, []).append(rule)

    def blob(self, blob: Blob) -> list[Finding]:
        """The findings of every blob rule on one blob, in order of place; also in what it encodes."""
        hits = self.matcher.hits(blob.data)
        findings = self._blob_findings(blob, hits) if hits or self._always else []
        if WIDE.name in hits:
            text = Blob(utf16_as_utf8(blob.data, hits[WIDE.name]), blob.path, blob.kind)
            findings += self._blob_findings(text, self.matcher.hits(text.data))
        return findings

    def names(self, paths: Sequence[str]) -> list[Finding]:
        """The findings in file names themselves; all are looked at in one pass first."""
        encoded = [os.fsencode(path) for path in paths]
        if not self.matcher.hits(b"\n".join(encoded)) and not self._always:
            return []
        return [f for path, data in zip(paths, encoded, strict=True) for f in self.blob(Blob(data, path, "name"))]

    def tree(self, tree: WorkTree, rules: Sequence[Rule] | None = None) -> list[Finding]:
        """The findings of every tree rule, or of those given, on a work tree."""
        findings: list[Finding] = []
        for rule in self.rules if rules is None else rules:
            check = rule.check_tree
            if check:
                for detection in self._guarded(rule, str(tree.root), lambda check=check: check(tree)):  # type: ignore[misc]
                    path = detection.path or "."
                    data = (tree.read(path) or b"") if detection.parts else b""
                    findings.append(_finding(rule, detection, _locations(detection, Blob(data, path))))
        return findings

    def _blob_findings(self, blob: Blob, hits: Hits) -> list[Finding]:
        found = self._detections(blob, hits)
        plain = sorted((part.start, part.end) for _, one in found for part in one.parts)
        for start, end, text in base64_texts(blob.data, hits.get(BASE64.name, ())):
            if _overlaps(plain, start, end):
                continue  # a rule has read this base64 itself
            inner = Blob(text, blob.path, blob.kind)
            for rule, one in self._detections(inner, self.matcher.hits(text)):
                parts = tuple(replace(part, start=start, end=end) for part in one.parts)
                found.append((rule, replace(one, parts=parts, message=one.message + ", base64-encoded")))
        found = _without_halves(found)
        if not found:
            return []
        places = locate(blob.data, (o for _, d in found for part in d.parts for o in (part.start, part.end)))
        findings = [
            replace(_finding(rule, d, _locations(d, blob, places)), context=redacted(blob.data, d.parts, places))
            for rule, d in found
        ]
        return sorted(findings, key=lambda f: (f.locations[0].line, f.locations[0].column, f.rule_id))

    def _detections(self, blob: Blob, hits: Hits) -> list[tuple[Rule, Detection]]:
        rules = {rule.id: rule for name in hits for rule in self._by_pattern.get(name, ())}
        rules.update((rule.id, rule) for rule in self._always)
        found: list[tuple[Rule, Detection]] = []
        for _, rule in sorted(rules.items()):
            check = rule.check_blob
            if check:
                found += [
                    (rule, d) for d in self._guarded(rule, blob.path, lambda check=check: check(blob, hits))  # type: ignore[misc]
                ]  # fmt: skip
        return found

    def _guarded(self, rule: Rule, path: str, check: Callable[[], Iterable[Detection]]) -> list[Detection]:
        """What the rule says; a crash is noted by type only, for its text might quote the content."""
        try:
            return list(check())
        except UnreadableError as error:
            self.unread.setdefault(path, error.message)
            return []
        except CredguardError as error:
            self.failures.append((path, rule.id, error.message))
            return []
        except Exception as error:
            self.failures.append((path, rule.id, type(error).__name__))
            if os.environ.get("CREDGUARD_RAISE"):
                raise
            return []


def _overlaps(places: Sequence[tuple[int, int]], start: int, end: int) -> bool:
    """True when one of the ascending places shares a byte with start..end."""
    at = bisect_left(places, (start, 0))
    return (at < len(places) and places[at][0] < end) or (at > 0 and places[at - 1][1] > start)


def _without_halves(found: list[tuple[Rule, Detection]]) -> list[tuple[Rule, Detection]]:
    """Leaves out a lone ID or secret whose every place another rule's finding speaks of."""
    if len({rule.id for rule, _ in found}) < 2:
        return found
    told = {(part.start, part.end) for rule, one in found if rule.id not in _HALVES for part in one.parts}
    return [
        (rule, one)
        for rule, one in found
        if rule.id not in _HALVES or not all((part.start, part.end) in told for part in one.parts)
    ]


def _enabled(rule: Rule) -> bool:
    return rule.enabled is None or rule.enabled()


def _locations(
    detection: Detection, blob: Blob, places: dict[int, Place] | None = None
) -> tuple[Location, ...]:
    if not detection.parts:
        path = detection.path if detection.path is not None else blob.path
        return (Location(path, detection.line, 1, detection.line, 1),)
    if places is None:
        places = locate(blob.data, (o for part in detection.parts for o in (part.start, part.end)))
    return tuple(_location(blob.path, part.role, places[part.start], places[part.end]) for part in detection.parts)


def _location(path: str, role: str, start: Place, end: Place) -> Location:
    utf16 = (start.utf16, end.utf16)
    same = utf16 == (start.column, end.column)
    return Location(path, start.line, start.column, end.line, end.column, role, utf16=None if same else utf16)


def _finding(rule: Rule, detection: Detection, locations: tuple[Location, ...]) -> Finding:
    values = detection.identity or tuple(dict.fromkeys(part.secret.reveal() for part in detection.parts))
    key_id = detection.attributes.get("access_key_id")
    steps = detection.remediation or rule.remediation
    if isinstance(key_id, str):
        steps = tuple(step.replace("AKID", key_id) for step in steps)
    return Finding(
        rule.id,
        rule.name,
        rule.severity if detection.severity is None else detection.severity,
        rule.confidence if detection.confidence is None else detection.confidence,
        detection.message,
        fingerprint(rule.id, values or (os.fsencode(locations[0].path),)),
        locations,
        detection.attributes,
        rule.practices,
        (rule.hint, *steps),
        values=frozenset(fingerprint("value", (value,)) for value in values),
    )
