"""Whose commit brought what a change holds, and whether the files still hold it where the change ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timezone
from functools import cached_property
from typing import TYPE_CHECKING

from credguard.git.signatures import parse_signature
from credguard.matching.redaction import mask_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from credguard.git.repository import Git
    from credguard.model.findings import Finding
    from credguard.scanning.scanner import Scanner
    from credguard.sources.changes import Change

_LONGEST = 1 << 20
"""Bytes of a commit that is read for its author."""


class CommitOrigins:
    """Names commit, author and date of findings in a change that ends at the commits `tips`."""

    def __init__(self, repository: Git, tips: Sequence[str], scanner: Scanner) -> None:
        self._repository, self._tips, self._scanner = repository, tips, scanner
        self._signatures: dict[str, dict[str, object]] = {}

    @cached_property
    def _files(self) -> frozenset[tuple[str, str]]:
        """Path and object of every file where the change ends."""
        return frozenset(entry for tip in self._tips for entry in self._repository.read_tree(tip).items())

    def add_origins(self, found: Sequence[tuple[Change, Finding]]) -> list[Finding]:
        """The findings of contents, each with its commit; raises GitError."""
        still = {(c.path, f.fingerprint) for c, f in found if c.commit and (c.path, c.oid) in self._files}
        return [
            self._place(finding, change, in_head=(change.path, finding.fingerprint) in still)
            if change.commit
            else finding
            for change, finding in found
        ]

    def add_to_files(self, findings: Sequence[Finding], brought: Sequence[Change]) -> list[Finding]:
        """The findings on files that the change brought, each with its commit where the file is gone at the end."""
        changes = {change.path: change for change in brought if change.commit}
        return [
            self._place(finding, changes[path], in_head=False)
            if (path := finding.locations[0].path) in changes and (path, changes[path].oid) not in self._files
            else finding
            for finding in findings
        ]

    def _place(self, finding: Finding, change: Change, *, in_head: bool) -> Finding:
        places = tuple(replace(place, commit=change.commit) for place in finding.locations)
        exposure = {**self._read_signature(change.commit or ""), "in_head": in_head}
        return replace(finding, locations=places, exposure=exposure)

    def _read_signature(self, commit: str) -> dict[str, object]:
        if commit not in self._signatures:
            data = next(self._repository.read_blobs([commit], _LONGEST))
            author, date = parse_signature(data) if isinstance(data, bytes) else ("", None)
            self._signatures[commit] = {
                "first_commit": commit,
                "first_seen": date.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") if date else None,
                "author": mask_name(author, self._scanner.scan_names([author])) or None,
            }
        return self._signatures[commit]
