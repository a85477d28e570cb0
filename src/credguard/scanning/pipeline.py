"""The one way from a source to findings: the scanner, then the comments beside what it finds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from credguard.matching.redaction import mask_name
from credguard.model.findings import Blob, Coverage
from credguard.model.result import Result
from credguard.scanning import limits
from credguard.scanning.context import find_contexts, make_restorer, place_blobs, rename_failures, rename_paths
from credguard.sources import files, lfs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from credguard.model.findings import Finding
    from credguard.model.progress import Progress
    from credguard.rule import Rule
    from credguard.scanning.comments import Comments
    from credguard.scanning.quiet_files import QuietFiles
    from credguard.scanning.scanner import Scanner
    from credguard.sources.interface import Source
    from credguard.sources.worktree import WorkTree


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Scans what sources give, by one policy; every method gives a value and changes nothing.

    `limit` is the largest file in bytes; `progress` wraps the stream of inputs; a history is scanned by so many `jobs`
    (processes; 0 for as many as there are processors); a key is too old after so many `rotation_days`. With
    `for_practices`, results say which practices there was something for. What is known to be `quiet` is counted alone,
    and results say which files are.
    """

    comments: Comments
    limit: int = files.DEFAULT_LIMIT
    rotation_days: int = 90
    jobs: int = 0
    progress: Progress | None = None
    for_practices: bool = True
    quiet: QuietFiles | None = None

    @property
    def scanner(self) -> Scanner:
        """The scanner without the comments."""
        return self.comments.scanner

    def scan_blob(self, blob: Blob) -> list[Finding]:
        """The findings of one blob."""
        return self.comments.scan_blob(blob)

    def scan(self, source: Source, total: int | None = None) -> Result:
        """Scans the source; with progress where the `total` of its items is known."""
        findings: list[Finding] = []
        coverage = Coverage()
        over = False
        material: set[str] = set()
        quiet: set[bytes] = set()
        for item in self.progress(source, total) if self.progress and total is not None else source:
            coverage.count(item)
            if isinstance(item, Blob):
                findings += self._scan_file(item, material, quiet)
                findings, more = limits.trim(findings, limits.OF_RUN)
                over = over or more
        return Result(tuple(findings), coverage, over, material=frozenset(material), quiet=frozenset(quiet))

    def _scan_file(self, blob: Blob, material: set[str], quiet: set[bytes]) -> list[Finding]:
        """The findings of a file; adds to the material what it shows, or its mark to `quiet` if there is nothing."""
        if self.quiet is None:
            self.add_material(blob, material)
            return self.scan_blob(blob)
        mark = self.quiet.mark(blob)
        if mark in self.quiet.known:
            quiet.add(mark)
            return []
        own: set[str] = set()
        before = self.scanner.count_notes()
        self.add_material(blob, own)
        findings = self.scan_blob(blob)
        material |= own
        if not (findings or own or lfs.parse_pointer(blob.data)) and self.scanner.count_notes() == before:
            quiet.add(mark)
        return findings

    def scan_in_context(
        self, source: Source, total: int, place: Callable[[str], str], restore: Callable[[str], str]
    ) -> Result:
        """The same, where rules go by the path that `place` gives, and the result has that which `restore` gives."""
        result = self.scan(place_blobs(source, place), total)
        problems = rename_failures(self.scanner.take_problems(), restore)
        return rename_paths(replace(result, problems=problems), restore)

    def add_material(self, blob: Blob, material: set[str]) -> None:
        """Adds the practices (IDs) that the blob shows something for, if the run is for practices."""
        if self.for_practices:
            from credguard.scanning.evidence import add_blob_material  # hooks have no scorecard

            add_blob_material(blob, material)

    def scan_names(self, paths: Iterable[str]) -> tuple[list[Finding], dict[str, str]]:
        """The findings in file names, and how to show the names that hold a secret."""
        findings = self.scanner.scan_names(list(paths))
        masks: dict[str, str] = {}
        for finding in findings:
            path = finding.locations[0].path
            masks[path] = mask_name(masks.get(path, path), (finding,))
        return findings, {path: shown for path, shown in masks.items() if shown != path}

    def scan_tree(self, tree: WorkTree, rules: Sequence[Rule] | None = None) -> list[Finding]:
        """The findings of the tree rules (or of those given), with the comments in the files that they are about."""
        found: dict[str, list[Finding]] = {}
        for finding in self.scanner.scan_tree(tree, rules):
            found.setdefault(finding.locations[0].path, []).append(finding)
        return [
            finding
            for path, findings in found.items()
            for finding in self.comments.apply(findings, Blob(tree.read(path) or b"", path))
        ]

    def scan_files(self, paths: Sequence[str]) -> Result:
        """Scans files on disk and their names, each under the name given."""
        findings, masks = self.scan_names(paths)
        source = files.read_named_files(paths, self.limit)
        contexts = find_contexts(list(paths))
        if contexts:
            read = self.scan_in_context(
                source, len(paths), lambda path: contexts.get(path) or path, make_restorer(contexts)
            )
        else:
            read = self.scan(source, len(paths))
        return mask_paths(Result(tuple(findings)).merge(read), masks)


def mask_paths(result: Result, masks: Mapping[str, str], label: str = "") -> Result:
    """The result with file names shown as `masks` and `label` say, and no more findings than a run may have."""

    def mask(path: str) -> str:
        return label + masks.get(path, path)

    if masks or label:
        result = rename_paths(result, mask)
    findings, over = limits.trim(list(result.findings), limits.OF_RUN)
    return replace(result, findings=tuple(findings), over=result.over or over)
