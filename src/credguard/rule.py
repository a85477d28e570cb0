"""What a rule is: its words, its patterns for the matcher, and its check."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from credguard.model.findings import Confidence, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from credguard.aws.account_state import AccountItem
    from credguard.matching.pattern import Hits, Pattern
    from credguard.model.findings import Blob, Detection
    from credguard.sources.worktree import WorkTree

    BlobCheck = Callable[[Blob, Hits], Iterator[Detection]]
    TreeCheck = Callable[[WorkTree], Iterator[Detection]]
    AccountCheck = Callable[[AccountItem], Iterator[Detection]]


CUSTOM_ID = r"(?!CG)[A-Z][A-Z0-9]{1,9}[0-9]{1,6}"
"""The ID of a rule that a policy brings along."""
ABOUT_CREDGUARD, SECRET_VALUES, ROOT_USER = "CG0", "CG1", "CG3"
"""What the IDs of three families begin with."""
SECRET_PRACTICES = ("P01", "P10", "P16", "P19")
"""The practices that every rule on a secret value checks."""
CREDENTIAL_REPORT = "give --credential-report FILE"
GIT_REPOSITORY = "scan a git repository"
"""What makes rules run, as `Rule.needs` gives it."""


class Trait(Enum):
    """What sets a rule apart for those who use its findings."""

    WHOLE = "its findings can be used as they are, so no path exempts them"
    HALF = "its findings are parts, of which another rule's finding may hold the whole"
    GUESS = "it goes by what stands around a value, and yields to rules that know the value"
    ACCESS_KEY = "its findings hold an access key ID, maybe a long-lived one"
    TEMPORARY = "its findings are credentials that end by themselves"
    LONG_LIVED = "its values work until somebody ends them, so they are compared between projects"
    OF_ACCOUNT = "its findings are worse in the team's own accounts"
    BUILT_ON_VALUES = "it is about the age or the sharing of LONG_LIVED values"
    OF_THE_PAST = "it is asked about files as well that git tracked once"
    ON_TRACKED_FILES = "it has nothing to ask where there is no git repository"
    ON_WORK_TREE = "it has nothing to ask in a bare repository"
    ON_CHANGES = "it is about a change alone"
    ON_ACCOUNT = "only a credential report answers it in full"
    ON_ROOT = "a credential report answers it only with the root user's row"
    ON_REQUEST = "it runs only where the run was given what it is about"


class Fix(Enum):
    """What `credguard fix` does about a rule's findings."""

    UNTRACK = "take the file out of git"
    IGNORE = "have git ignore the file"
    DOCKERIGNORE = "keep the file out of images"
    EXAMPLE = "empty the example file"
    WORKFLOW = "give the workflow a role"


def is_custom(rule_id: str) -> bool:
    """True for the ID of a rule that a policy brings along."""
    return not rule_id.startswith("CG")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule's words and checks.

    `check_blob(blob, hits)` runs on every blob in which one of `patterns` was seen; `hits` maps
    pattern names to ascending end offsets. `check_tree(tree)` runs once for a work tree,
    `check_account(item)` on each thing that a live account answers. All
    are pure but for what `tree` reads, and raise nothing on any input. A rule with `check_blob`
    and no patterns runs on every blob, if `enabled()` says at the start that it has work here.
    A tree rule with `concerns` needs the whole tree even for a change, and only where the change
    touches a path (in lower case) which that regular expression finds; the others judge each
    changed file by itself. A rule that is not `in_hooks` speaks in CI and audits only. Findings of less than
    `least` confidence are for where the policy switches the rule on, as are `optional_patterns`, which are among
    `patterns` and lead to no others. A check may
    raise UnreadableError for content that it should judge and cannot parse. `standards` are the
    numbers of controls that ask for the same, each with its version. `practices` are those that it
    checks (IDs), `needs` what makes it run that a scan of some files does not, `columns` those of a
    credential report that it reads, `fix` what is done about its findings.
    A report leaves out a finding at the same value or in the same file as one of a rule whose ID begins
    with one of `yields_to`; findings in one file with the same attribute `cause` are one there.
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
    check_account: AccountCheck | None = None
    enabled: Callable[[], bool] | None = None
    concerns: str = ""
    in_hooks: bool = True
    least: Confidence = Confidence.LOW
    optional_patterns: tuple[Pattern, ...] = ()
    traits: frozenset[Trait] = frozenset()
    needs: str = ""
    columns: tuple[str, ...] = ()
    fix: Fix | None = None
    yields_to: tuple[str, ...] = ()
    cause: str = ""
    remediation: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    standards: tuple[str, ...] = ()
    since: str = "0.1.0"
    page: str = ""


def get_default_part(rule: Rule) -> Rule:
    """The rule without the patterns that only lead to findings which a policy has to ask for."""
    if not rule.optional_patterns:
        return rule
    return replace(rule, patterns=tuple(one for one in rule.patterns if one not in rule.optional_patterns))
