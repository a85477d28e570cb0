"""Applies the comments beside findings: those that they suppress say so, and what is wrong with a comment is one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.model.findings import Blob, BlobKind, Detection, Location
from credguard.rules import load_rules
from credguard.rules.tool import policy_loosened, suppression_malformed
from credguard.scanning.placement import build_finding
from credguard.suppressions import inline

if TYPE_CHECKING:
    from collections.abc import Iterable

    from credguard.git.repository import Git
    from credguard.model.findings import Finding
    from credguard.rule import Rule
    from credguard.scanning.scanner import Scanner
    from credguard.suppressions.inline import Marker

MALFORMED, CHANGED = suppression_malformed.RULE, policy_loosened.RULE
_MARKED_KINDS = (BlobKind.FILE, BlobKind.STDIN)
_LONG_WORD = compile_lazily(r"\S{20,}")


class BaseCommit:
    """The commit that a change starts from: a comment counts only where it suppressed the same there."""

    def __init__(self, repository: Git, commit: str, limit: int) -> None:
        self._repository, self.commit, self._limit = repository, commit, limit

    @cached_property
    def _tree(self) -> dict[str, str]:
        return self._repository.read_tree(self.commit) if self.commit else {}

    @cached_property
    def _contents(self) -> frozenset[str]:
        return frozenset(self._tree.values())

    def read(self, path: str) -> Blob | None:
        """The file at that path, None where there is none or it cannot be had."""
        oid = self._tree.get(path)
        data = next(self._repository.read_blobs([oid], self._limit)) if oid else ""
        return Blob(data, path) if isinstance(data, bytes) else None

    def has_content(self, data: bytes) -> bool:
        """True where a file of any path had this content."""
        sample = next(iter(self._contents), "")
        hashed = hashlib.new("sha256" if len(sample) == 64 else "sha1", usedforsecurity=False)
        hashed.update(b"blob %d\0" % len(data))
        hashed.update(data)
        return hashed.hexdigest() in self._contents


@dataclass(frozen=True, slots=True)
class CommentPolicy:
    """Which comments count: those of other scanners if `foreign`, for our rules and the `custom` ones (their IDs),
    and with a `base` only where they stood before the change."""

    foreign: bool = True
    custom: frozenset[str] = frozenset()
    base: BaseCommit | None = None


@dataclass(frozen=True, slots=True)
class Comments:
    """Scans blobs and applies the comments in them."""

    scanner: Scanner
    policy: CommentPolicy = field(default_factory=CommentPolicy)
    _before: dict[str, frozenset[object]] = field(default_factory=dict)

    def scan_blob(self, blob: Blob) -> list[Finding]:
        """The findings of a blob as `apply` gives them."""
        return self.apply(self.scanner.scan_blob(blob), blob)

    def apply(self, findings: list[Finding], blob: Blob) -> list[Finding]:
        """The findings of a blob, with those that a comment suppresses saying so, and what is wrong with the comments
        beside them."""
        if not findings or blob.kind not in _MARKED_KINDS:
            return findings
        markers = self._find_markers(blob, self.policy.custom)
        if not markers:
            return findings
        result: list[Finding] = []
        for finding in findings:
            marker = inline.find_suppressing_marker(markers, finding, blob.path)
            if marker is None:
                result.append(finding)
            elif self.policy.base is None or self._had_suppression(self.policy.base, finding, marker, blob):
                result.append(replace(finding, inline=redact_reason(marker.reason) or f"{marker.tool} comment"))
            else:
                result += [finding, _make_marker_finding(marker, finding, blob.path)]
        return result + [
            _make_malformed_finding(m, blob.path)
            for m in markers
            if m.problem and _is_near_finding(m, findings, blob.path)
        ]

    def _had_suppression(self, base: BaseCommit, finding: Finding, marker: Marker, blob: Blob) -> bool:
        """True where a comment at this path suppressed the finding, or where the whole content stood before.

        A finding about a file, not about a value in it, is held by the same comment there.
        """
        if blob.path not in self._before:
            before = base.read(blob.path)
            self._before[blob.path] = self._find_suppressed(before) if before else frozenset()
        known = self._before[blob.path]
        of_file = any(rule.id == finding.rule_id and rule.check_tree for rule in self.scanner.rules)
        return (
            finding.fingerprint in known
            or (of_file and _make_marker_key(marker) in known)
            or base.has_content(blob.data)
        )

    def _find_suppressed(self, blob: Blob) -> frozenset[object]:
        """The fingerprints of what the file's comments suppress, and the words of the comments."""
        markers = self._find_markers(blob, {rule.id for rule in self.scanner.rules})
        findings = self.scanner.scan_blob(blob) if markers else []
        suppressed = {one.fingerprint for one in findings if inline.find_suppressing_marker(markers, one, blob.path)}
        return frozenset(suppressed).union(map(_make_marker_key, markers))

    def _find_markers(self, blob: Blob, custom: Iterable[str]) -> list[Marker]:
        known = {rule.id for rule in load_rules()}.union(custom)
        return inline.find_markers(blob.data, blob.path, foreign=self.policy.foreign, known=known)


def make_policy_finding(
    rule: Rule, message: str, path: str, line: int = 1, identity: str = "", column: int = 1
) -> Finding:
    """A finding about the policy, an exception or a marker; `identity` tells it from others of its file."""
    what = (path.encode("utf-8", "surrogateescape"), (identity or message).encode("utf-8", "surrogateescape"))
    return build_finding(rule, Detection(message, identity=what), (Location(path, line, column, line, column),))


def redact_reason(reason: str) -> str:
    """The reason as reports show it: what is long enough to be a secret only by its beginning."""
    return _LONG_WORD.sub(lambda match: match[0][:4] + "…", reason)[:200]


def _make_marker_key(marker: Marker) -> tuple[object, ...]:
    return marker.tool, marker.rules, marker.reason, marker.problem


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
