"""What a rule is: its words, its patterns for the matcher, and its check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.model.findings import Confidence, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from credguard.matching.pattern import Hits, Pattern
    from credguard.model.findings import Blob, Detection
    from credguard.sources.worktree import WorkTree

    BlobCheck = Callable[[Blob, Hits], Iterator[Detection]]
    TreeCheck = Callable[[WorkTree], Iterator[Detection]]


CUSTOM_ID = r"(?!CG)[A-Z][A-Z0-9]{1,9}[0-9]{1,6}"
"""The ID of a rule that a policy brings along."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule's words and checks.

    `check_blob(blob, hits)` runs on every blob in which one of `patterns` was seen; `hits` maps
    pattern names to ascending end offsets. `check_tree(tree)` runs once for a work tree. Both
    are pure but for what `tree` reads, and raise nothing on any input. A rule with `check_blob`
    and no patterns runs on every blob, if `enabled()` says at the start that it has work here.
    A tree rule with `concerns` needs the whole tree even for a change, and only where the change
    touches a path (in lower case) which that regular expression finds; the others judge each
    changed file by itself. A rule that is not `in_hooks` speaks in CI and audits only, one not
    `by_default` where the policy switches it on. A check may
    raise UnreadableError for content that it should judge and cannot parse. `standards` are the
    numbers of controls that ask for the same, each with its version.
    """

    id: str
    name: str
    severity: Severity
    summary: str
    hint: str
    practices: tuple[str, ...]
    confidence: Confidence = Confidence.HIGH
    patterns: tuple[Pattern, ...] = ()
    check_blob: BlobCheck | None = None
    check_tree: TreeCheck | None = None
    enabled: Callable[[], bool] | None = None
    concerns: str = ""
    in_hooks: bool = True
    by_default: bool = True
    remediation: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    standards: tuple[str, ...] = ()
    since: str = "0.1.0"
    page: str = ""
