"""Runs rules over blobs and work trees, and turns what they say into located findings."""

from __future__ import annotations

import os
from copy import copy
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from credguard.aws.credential import ID, SECRET
from credguard.decoders import mime
from credguard.decoders.containers import CONTAINER
from credguard.decoders.decompress import UnpackBudget
from credguard.decoders.encoded_text import PATTERNS, has_base64, iter_views
from credguard.decoders.unicode import UTF32, WIDE, WIDE_TOKEN, decode_utf16, decode_utf32
from credguard.errors import CredguardError, UnreadableError
from credguard.matching.database import Matcher
from credguard.matching.positions import has_overlap, locate
from credguard.matching.redaction import LineRedactor, is_telling, mask_name
from credguard.model.findings import Blob, BlobKind, Location, Skip
from credguard.model.limit_reasons import TOO_OFTEN_ENCODED
from credguard.model.result import Problems
from credguard.rule import Trait, get_default_part
from credguard.rules import load_rules
from credguard.scanning import limits
from credguard.scanning.halves import drop_halves, is_half, is_half_of
from credguard.scanning.placement import build_finding, build_locations
from credguard.sources import lfs
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Detection, Finding
    from credguard.model.secret import Secret
    from credguard.rule import Rule
    from credguard.sources.worktree import WorkTree

KIND_TOKENS = ("token", "bedrock_api_key")
"""The roles of a token in a detection that says its `kind`."""
_NOWHERE = (Location("."),)
_EVERYWHERE = (WIDE, WIDE_TOKEN, UTF32, CONTAINER, mime.PART, mime.RECORDED, lfs.POINTER, *PATTERNS)
"""What says that a blob has to be read in another way as well."""


class Scanner:
    """Applies rules; `failures` collects (path, rule ID, reason) of rules that could not answer,
    `unread` the reason why a file could not be judged whole, by path, `notes` what is closed to
    everybody, `secrets` the values found, which no path may show, `pointers` the names of contents
    that git LFS keeps. `budget` bounds what is unpacked. `credentials`, where not None, collects the values of whole
    keys by role and by the fingerprint of their finding, for a run that verifies them, and tokens of `token_kinds`."""

    def __init__(self, rules: Sequence[Rule] | None = None, *, cache: bool = True, known: Sequence[Rule] = ()) -> None:
        """`known` are further rules that may be chosen: their patterns are looked for as well, so that
        one compiled database serves every policy."""
        chosen = map(get_default_part, load_rules()) if rules is None else rules
        self.rules: tuple[Rule, ...] = tuple(chosen)
        patterns = [pattern for rule in (*self.rules, *known) for pattern in rule.patterns]
        self._patterns, self._cache = [*_EVERYWHERE, *patterns], cache
        self.matcher = Matcher(self._patterns, cache=cache)
        self.failures: list[tuple[str, str, str]] = []
        self.unread: dict[str, str] = {}
        self.notes: dict[str, None] = {}
        self.secrets: set[bytes] = set()
        self.pointers: set[str] = set()
        self.credentials: dict[str, dict[str, Secret]] | None = None
        self.token_kinds: frozenset[str] = frozenset()
        self.budget = UnpackBudget()
        self._placed = True
        self._always: list[Rule] = []
        self._by_pattern: dict[str, list[Rule]] = {}
        self._apply(self.rules)

    def choose(self, rules: Sequence[Rule], depth: int | None = None) -> Scanner:
        """A scanner of these rules, of which one may be new, that notes with this one what it finds and cannot do;
        with a `depth` so many archives may stand in each other from now on."""
        chosen = copy(self)
        chosen.budget.depth = self.budget.depth if depth is None else depth
        chosen._apply(rules)  # noqa: SLF001 - of its own kind
        return chosen

    def renew(self) -> Scanner:
        """A scanner of the same rules that has found nothing yet and may unpack as much as a new one, for a process
        that scans again and again."""
        fresh = copy(self)
        fresh.failures, fresh.unread, fresh.notes = [], {}, {}
        fresh.secrets, fresh.pointers, fresh.budget = set(), set(), UnpackBudget()
        fresh.credentials = None if self.credentials is None else {}
        return fresh

    def take_problems(self) -> Problems:
        """What could not be done since this was last asked."""
        problems = Problems(dict(self.unread), tuple(self.notes), tuple(self.failures))
        for noted in (self.unread, self.notes, self.failures):
            noted.clear()
        return problems

    def count_notes(self) -> tuple[int, ...]:
        """How much has been noted beside findings."""
        return len(self.unread), len(self.notes), len(self.failures), len(self.pointers)

    def _apply(self, rules: Sequence[Rule]) -> None:
        more = [pattern for rule in rules for pattern in rule.patterns if pattern.name not in self.matcher.names]
        if more:
            self._patterns = [*self._patterns, *more]
            self.matcher = Matcher(self._patterns, cache=self._cache)
        self.rules = tuple(rules)
        self._always = [r for r in self.rules if r.check_blob and not r.patterns and _is_enabled(r)]
        self._by_pattern = {}
        for rule in self.rules:
            for pattern in rule.patterns:
                self._by_pattern.setdefault(pattern.name, []).append(rule)

    def scan_blob(self, blob: Blob, depth: int = 0, hits: Hits | None = None) -> list[Finding]:
        """The findings of every blob rule on one blob, in order of place; also in what it encodes,
        packs or compresses. `depth` archives stand around it; `hits` are the matcher's, where known."""
        hits = self.matcher.find_hits(blob.data) if hits is None else hits
        findings = self._find_in_blob(blob, hits) if hits or self._always else []
        for patterns, read in (((WIDE, WIDE_TOKEN), decode_utf16), ((UTF32,), decode_utf32)):
            name = next((pattern.name for pattern in patterns if pattern.name in hits), "")
            if name:
                text = Blob(read(blob.data, hits[name]), blob.path, blob.kind)
                findings += self._find_in_blob(text, self.matcher.find_hits(text.data))
        if lfs.POINTER.name in hits and (name := lfs.parse_pointer(blob.data)):
            self.pointers.add(name)
        if CONTAINER.name in hits or mime.PART.name in hits or mime.RECORDED.name in hits:
            packed = self._scan_members(blob, depth, hits)
            told = {finding.fingerprint for finding in packed}
            values = {value for finding in packed if not is_half(finding) for value in finding.values}
            findings = [one for one in findings if not (one.fingerprint in told or is_half_of(one, values))] + packed
        return findings

    def find_marks(self, blob: Blob, hits: Hits) -> set[tuple[str, str]]:
        """Rule ID and fingerprint of each finding of `blob`, which takes less time than to say where they are."""
        self._placed = False
        try:
            return {(finding.rule_id, finding.fingerprint) for finding in self.scan_blob(blob, hits=hits)}
        finally:
            self._placed = True

    def _scan_members(self, blob: Blob, depth: int, hits: Hits) -> list[Finding]:
        """The findings in the members of an archive or a mail; a member's name is scanned too."""
        findings: list[Finding] = []
        packed: Iterable[Blob | Skip | str] = ()
        if CONTAINER.name in hits:
            from credguard.decoders.archives import iter_members  # most files are none

            packed = iter_members(blob, self.budget, depth)
        for item in chain(packed, mime.iter_parts(blob, hits, self.budget, depth)):
            if isinstance(item, Blob):
                named = self.scan_names([item.path])
                shown = mask_name(item.path, named)
                findings += [_replace_path(finding, shown) for finding in named]
                findings += self.scan_blob(replace(item, path=shown), depth + 1)
                findings, over = limits.trim(findings, limits.OF_FILE)
                if over:
                    self.unread.setdefault(blob.path, f"holds {limits.explain_overflow(limits.OF_FILE)}")
            elif isinstance(item, Skip):
                self.unread.setdefault(item.path, item.reason)
            else:
                self.notes[item] = None
        return findings

    def has_patternless_finding(self, data: bytes) -> bool:
        """True where a rule without patterns finds something."""
        return bool(self._always) and bool(self._run_rules(Blob(data, ""), {}))

    @property
    def looks_always(self) -> bool:
        """True when there are rules that look without a pattern's hit."""
        return bool(self._always)

    def scan_names(self, paths: Sequence[str]) -> list[Finding]:
        """The findings in file names themselves; all are scanned in one pass first."""
        encoded = [encode_path(path) for path in paths]
        if not self.matcher.scan(b"\n".join(encoded)) and not self._always:
            return []
        findings: list[Finding] = []
        for path, data in zip(paths, encoded, strict=True):
            findings += self.scan_blob(Blob(data, path, BlobKind.NAME))
            findings, over = limits.trim(findings, limits.OF_RUN)
            if over:
                self.unread.setdefault(".", f"file names have {limits.explain_overflow(limits.OF_RUN)}")
        return findings

    def scan_tree(self, tree: WorkTree, rules: Sequence[Rule] | None = None) -> list[Finding]:
        """The findings of every tree rule, or of those given, on a work tree."""
        findings: list[Finding] = []
        for rule in self.rules if rules is None else rules:
            check = rule.check_tree
            if check:
                for detection in self._run_rule(rule, str(tree.root), lambda check=check: check(tree)):  # type: ignore[misc]
                    path = detection.path or "."
                    data = (tree.read(path) or b"") if detection.parts else b""
                    findings.append(build_finding(rule, detection, build_locations(detection, Blob(data, path))))
        return findings

    def _find_in_blob(self, blob: Blob, hits: Hits) -> list[Finding]:
        packed: list[Finding] = []
        seen = self._detect_in_views(blob, hits, packed)
        found = drop_halves(seen)
        if not found:
            return packed
        secrets = (part.secret for _, one in found for part in one.parts if not part.secret.public)
        self.secrets.update(secret.reveal() for secret in secrets if is_telling(secret.reveal()))
        found = self._limit_detections(found, blob.path)
        if not self._placed and blob.kind is not BlobKind.NAME:  # names are shown without what is found in them
            return [
                build_finding(rule, d, build_locations(d, blob) if not d.parts else _NOWHERE) for rule, d in found
            ] + packed
        places = locate(blob.data, (o for _, d in found for part in d.parts for o in (part.start, part.end)))
        lines = LineRedactor(blob.data, (part for _, one in seen for part in one.parts), places)
        findings = [
            replace(build_finding(rule, d, build_locations(d, blob, places)), context=lines.redact(d.parts))
            for rule, d in found
        ]
        if self.credentials is not None:
            for (_, detection), finding in zip(found, findings, strict=True):
                _keep_credential(detection, finding, self.credentials, self.token_kinds)
        return sorted(findings, key=lambda f: (f.locations[0].line, f.locations[0].column, f.rule_id)) + packed

    def _limit_detections(self, found: list[tuple[Rule, Detection]], path: str) -> list[tuple[Rule, Detection]]:
        """As many of the detections as a file may have, the most severe first."""
        kept = limits.pick_worst(found, limits.OF_FILE, _rank_detection)
        if len(kept) < len(found):
            self.unread.setdefault(path, limits.explain_file_overflow(len(kept), len(found)))
        return kept

    def _detect_in_views(
        self, blob: Blob, hits: Hits, packed: list[Finding], depth: int = 0
    ) -> list[tuple[Rule, Detection]]:
        """What the rules say of the blob as it stands and, where its disguises hide more, of what they
        hide; the findings in archives that were written as base64 go to `packed`."""
        found = self._run_rules(blob, hits)
        if depth >= self.budget.depth:
            if has_base64(blob.data, hits):
                self.unread.setdefault(blob.path, TOO_OFTEN_ENCODED)
            return found
        plain = sorted((p.start, p.end) for rule, one in found if Trait.GUESS not in rule.traits for p in one.parts)
        told: set[tuple[str, int]] = set()
        for view in iter_views(blob.data, hits):
            inner = Blob(view.text, blob.path, blob.kind)
            inner_hits = self.matcher.find_hits(view.text)
            for rule, one in self._detect_in_views(inner, inner_hits, packed, depth + 1):
                parts = tuple(replace(p, start=view.origin[p.start], end=view.origin[p.end]) for p in one.parts)
                known = {(rule.id, part.start) for part in parts}
                if not known <= told and not all(has_overlap(plain, part.start, part.end) for part in parts):
                    told |= known
                    found.append((rule, replace(one, parts=parts, message=f"{one.message}, {view.how}")))
            if CONTAINER.name in inner_hits:
                packed += self._scan_members(replace(inner, path=f"{blob.path}!base64"), depth, inner_hits)
        return found

    def _run_rules(self, blob: Blob, hits: Hits) -> list[tuple[Rule, Detection]]:
        rules = {rule.id: rule for name in hits for rule in self._by_pattern.get(name, ())}
        rules.update((rule.id, rule) for rule in self._always)
        found: list[tuple[Rule, Detection]] = []
        for _, rule in sorted(rules.items()):
            check = rule.check_blob
            if check:
                found += [
                    (rule, d) for d in self._run_rule(rule, blob.path, lambda check=check: check(blob, hits))  # type: ignore[misc]
                ]  # fmt: skip
        return found

    def _run_rule(self, rule: Rule, path: str, check: Callable[[], Iterable[Detection]]) -> list[Detection]:
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


def _keep_credential(
    detection: Detection, finding: Finding, kept: dict[str, dict[str, Secret]], kinds: frozenset[str]
) -> None:
    """Keeps the values of a detection that has an access key ID and its secret, or is a token of one of the kinds."""
    roles: dict[str, Secret] = {}
    for part in detection.parts:
        roles.setdefault(part.role, part.secret)
    if ID in roles and SECRET in roles:
        kept[finding.fingerprint] = roles
    elif detection.attributes.get("kind") in kinds and (role := next((one for one in KIND_TOKENS if one in roles), "")):
        kept[finding.fingerprint] = {KIND_TOKENS[0]: roles[role]}


def _rank_detection(one: tuple[Rule, Detection]) -> tuple[object, ...]:
    rule, detection = one
    severity = rule.severity if detection.severity is None else detection.severity
    return -int(severity), detection.parts[0].start if detection.parts else 0, rule.id, detection.message


def _replace_path(finding: Finding, path: str) -> Finding:
    return replace(finding, locations=tuple(replace(place, path=path) for place in finding.locations))


def _is_enabled(rule: Rule) -> bool:
    return rule.enabled is None or rule.enabled()
