"""Plans the safe fixes for findings: files to change, files to remove from git, modes to set."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from credguard.aws import local_files
from credguard.fixes import dockerignore, example_files, github_oidc, gitignore
from credguard.fixes.committed import CommittedFile, find_committed
from credguard.fixes.edit import Edit, RefusedError, find_fix, load_text
from credguard.git.repository import GitError
from credguard.heuristics.real_values import SecretConfidence, find_secret_variables
from credguard.model.findings import Severity
from credguard.rule import Fix
from credguard.sources.env_files import (
    EnvFileKind,
    classify_env_file,
    find_common_env_files,
    get_folder,
    is_fixture,
    list_env_files,
)
from credguard.system.compat import is_ours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from credguard.model.findings import Finding
    from credguard.sources.worktree import WorkTree

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Mode:
    """A file that only its owner should read and write: its path, how it is shown, and its new mode."""

    location: str
    shown: str
    mode: int


@dataclass(slots=True)
class FixPlan:
    """The fixes, in this order. `untrack` are paths that are removed from git and stay on disk, `ignored` those that
    git should then ignore. `refused` lists what has to be done by hand, with the reason; `advice` other manual steps,
    each in its lines; `committed` are the files that hold secrets and that some commit contains."""

    edits: list[Edit] = field(default_factory=list)
    untrack: list[str] = field(default_factory=list)
    modes: list[Mode] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    advice: list[tuple[str, ...]] = field(default_factory=list)
    committed: list[CommittedFile] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """True when there is nothing to do."""
        return not (self.edits or self.untrack or self.modes)


def plan_fixes(
    tree: WorkTree,
    findings: Sequence[Finding],
    *,
    role: str = github_oidc.ROLE,
    machine: bool = False,
    settle: Callable[[Edit], Edit] = lambda edit: edit,
) -> FixPlan:
    """Plans the fixes for the findings of a tree, and the modes of its env files; with `machine` also those of this
    machine's AWS files. `settle` is called for each change: it may hide more of it, or raise RefusedError."""
    made = FixPlan()
    conflicts = _find_unmerged(tree)
    gone = [f for f in findings if find_fix(f) is Fix.UNTRACK and f.locations[0].path in tree.tracked]
    made.untrack = [path for path in _list_paths(gone) if _may_leave(tree, path, conflicts, made)]
    examples = _filter_by_fix(findings, Fix.EXAMPLE)
    made.committed = find_committed(tree.repository, dict.fromkeys((*made.untrack, *_list_paths(examples))))
    drafts = [*_plan_examples(tree, made), *_plan_stripped_examples(tree, examples, made)]
    ignored = [f for f in findings if find_fix(f) is Fix.IGNORE or f.locations[0].path in made.untrack]
    drafts += _plan_gitignore(tree, ignored, [edit.path for edit in drafts], made)
    drafts += _plan_dockerignore(tree, _filter_by_fix(findings, Fix.DOCKERIGNORE), made)
    drafts += _plan_workflows(tree, _filter_by_fix(findings, Fix.WORKFLOW), role, made)
    for edit in drafts:
        if edit.path in conflicts:
            made.refused.append(f"{edit.path} is in conflict: resolve that first")
        else:
            with _RefusalRecorder(made, edit.path):
                made.edits.append(settle(edit))
    if os.name != "nt":
        made.modes = [*_find_env_modes(tree), *(_find_machine_modes() if machine else ())]
    return made


class _RefusalRecorder:
    """Records a refusal in the plan, and continues."""

    def __init__(self, made: FixPlan, path: str) -> None:
        self._made, self._path = made, path

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> bool:
        if isinstance(error, RefusedError):
            self._made.refused.append(f"{self._path} {error}")
        return isinstance(error, RefusedError)


def _filter_by_fix(findings: Iterable[Finding], fix: Fix) -> list[Finding]:
    return [finding for finding in findings if find_fix(finding) is fix]


def _list_paths(findings: Iterable[Finding]) -> list[str]:
    return list(dict.fromkeys(finding.locations[0].path for finding in findings))


def _find_unmerged(tree: WorkTree) -> frozenset[str]:
    """The paths with merge conflicts."""
    if tree.repository is None:
        return frozenset()
    records = tree.repository.split(tree.repository.run("ls-files", "-z", "--unmerged"))
    return frozenset(record.partition("\t")[2] for record in records)


def _may_leave(tree: WorkTree, path: str, conflicts: frozenset[str], made: FixPlan) -> bool:
    """True for a tracked file that stays on disk when it is removed from git."""
    try:
        info = os.lstat(tree.resolve_path(path) or "")
    except OSError:
        made.refused.append(f"{path} is tracked and not on disk: git rm would leave no copy, so do it yourself")
        return False
    if path in conflicts or not stat.S_ISREG(info.st_mode):
        reason = (
            "is in conflict: resolve that first" if path in conflicts else ("is not a regular file: fix it yourself")
        )
        made.refused.append(f"{path} {reason}")
        return False
    return True


def _plan_examples(tree: WorkTree, made: FixPlan) -> Iterator[Edit]:
    """Examples beside the env files that are removed from git."""
    for path in made.untrack:
        kind = classify_env_file(path)
        if kind in (EnvFileKind.ENV, EnvFileKind.PRIVATE) and not is_fixture(path):
            with _RefusalRecorder(made, path):
                data = load_text(tree.root, path)
                edit = example_files.build_example(tree, path, data) if data else None
                if edit and data:
                    example_files.check_example(data, edit)
                    yield edit


def _plan_stripped_examples(tree: WorkTree, findings: Iterable[Finding], made: FixPlan) -> Iterator[Edit]:
    for path in _list_paths(findings):
        with _RefusalRecorder(made, path):
            edit = example_files.strip_real_values(tree.root, path)
            if edit:
                yield edit


def _plan_gitignore(tree: WorkTree, findings: Sequence[Finding], new: list[str], made: FixPlan) -> list[Edit]:
    if tree.repository is None or not findings:
        return []
    with _RefusalRecorder(made, gitignore.IGNORE_FILE):
        edits, made.ignored = gitignore.build_gitignore_edits(tree, findings, new)
        return edits
    return []


def _plan_dockerignore(tree: WorkTree, findings: Sequence[Finding], made: FixPlan) -> list[Edit]:
    if not findings:
        return []
    files = dict.fromkeys(str(finding.attributes["ignore_file"]) for finding in findings)
    edits, refused = dockerignore.build_dockerignore_edits(
        tree, files, idle=any(f.severity is Severity.LOW for f in findings)
    )
    made.refused += refused
    return edits


def _plan_workflows(tree: WorkTree, findings: Sequence[Finding], role: str, made: FixPlan) -> Iterator[Edit]:
    """Workflows with a role instead of keys; the manual steps if they have an unusual form."""
    for path in _list_paths(findings):
        here = [finding for finding in findings if finding.locations[0].path == path]
        with _RefusalRecorder(made, path):
            data = load_text(tree.root, path) or b""
            lines = {finding.locations[0].line for finding in here if finding.attributes.get("system") == "github"}
            patched = github_oidc.patch_workflow(data, lines, role)
            if patched.settled:
                yield Edit(path, data, patched.data)
                made.advice += ((step,) for step in _advise_on_role(path, role, patched.narrowed))
            for finding in here:
                place = finding.locations[0]
                if place.line not in patched.settled:
                    made.advice.append((f"{path} line {place.line}, by hand:", *finding.remediation))


def _advise_on_role(path: str, role: str, narrowed: Iterable[str]) -> Iterator[str]:
    for job in narrowed:
        yield f"job {job} of {path} now has the permissions shown and no others: add what else it needs"
    if role == github_oidc.ROLE:
        yield f"create the role for {path} to assume and write its ARN there (or run fix with --role ARN)"
    yield f"let that role trust token.actions.githubusercontent.com only for this repository and branch ({path})"
    yield f"when {path} works with it: delete the stored secrets, then deactivate the user's key"


def _find_env_modes(tree: WorkTree) -> Iterator[Mode]:
    """The env files with secrets that other users of this machine can read."""
    kinds = dict(list_env_files(tree.files))
    folders = dict.fromkeys(("", *(get_folder(path) for path in kinds if not is_fixture(path))))
    lying = dict.fromkeys(path for folder in folders for path in find_common_env_files(tree, folder))
    listed = (
        path for path, kind in kinds.items() if kind in (EnvFileKind.ENV, EnvFileKind.PRIVATE) and not is_fixture(path)
    )
    for path in dict.fromkeys((*listed, *lying)):
        location = tree.resolve_path(path) or ""
        try:
            info = os.lstat(location)
            data = load_text(tree.root, path)
        except (OSError, RefusedError):
            continue
        mine = stat.S_ISREG(info.st_mode) and is_ours(info)
        if (
            mine
            and info.st_mode & _OTHERS
            and max(find_secret_variables(data or b"").values(), default=0) >= SecretConfidence.CHOSEN
        ):
            yield Mode(location, path, stat.S_IMODE(info.st_mode) & ~_OTHERS)


def _find_machine_modes() -> Iterator[Mode]:
    """This machine's AWS credential files, and their folders that others can write to."""
    files = local_files.list_credential_files()
    home = os.path.realpath(os.path.expanduser("~"))
    folders = dict.fromkeys(os.path.dirname(path) for path in files)
    for path in (*files, *(one for one in folders if os.path.realpath(one) not in (home, "/"))):
        try:
            info = os.lstat(path)
        except OSError:
            continue
        folder = stat.S_ISDIR(info.st_mode)
        loose = info.st_mode & (stat.S_IWGRP | stat.S_IWOTH if folder else _OTHERS)
        if loose and is_ours(info) and (folder or stat.S_ISREG(info.st_mode)):
            yield Mode(path, local_files.abbreviate_path(path), stat.S_IMODE(info.st_mode) & ~_OTHERS)


def find_unignored(tree: WorkTree, made: FixPlan) -> list[str]:
    """After the plan was applied: the paths that git still does not ignore."""
    if tree.repository is None or not made.ignored:
        return []
    try:
        matches = tree.repository.check_ignore(made.ignored)
    except GitError:
        return made.ignored
    return [path for path in made.ignored if path not in matches or not matches[path].ignores]
