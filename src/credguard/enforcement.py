"""Where a repository calls credguard: the hooks that git runs here, shared hook settings, and CI steps."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from credguard import guards
from credguard.config.place import Folder, Objects
from credguard.errors import CredguardError
from credguard.hook_folder import leads_to_credguard, locate, read_hook
from credguard.hook_script import NAMES
from credguard.practices import Enforcement
from credguard.regex import regex

if TYPE_CHECKING:
    from collections.abc import Iterable

    from credguard.config.place import Place
    from credguard.hook_folder import HookFolder
    from credguard.worktree import WorkTree

_CI_FILES = (
    ".gitlab-ci.yml", ".circleci/config.yml", "azure-pipelines.yml", "azure-pipelines.yaml", "bitbucket-pipelines.yml",
    "buildspec.yml", "Jenkinsfile", ".travis.yml", ".drone.yml", ".woodpecker.yml",
)  # fmt: skip
_CI_FOLDERS = (".github/workflows", ".gitlab", ".buildkite", ".woodpecker")
_SHARED = regex(r"\.pre-commit-config\.yaml|prek\.toml|\.?lefthook\.ya?ml|\.husky/[^/]+|\.githooks/[^/]+")
_RUNS_HOOKS = regex(
    r"^(?![ \t]*(?:#|//)).*?(?:\bpre-commit run\b|\bprek run\b|uses:[ \t]*(?:pre-commit|j178)/)", re.MULTILINE
)
_JUDGED_BY_ITSELF = frozenset(("credguard audit", "credguard install"))
"""Calls that take the policy of the change that they judge."""


def of_tree(tree: WorkTree) -> Enforcement | None:
    """Where the repository of a tree calls credguard; None outside of git."""
    if tree.repository is None:
        return None
    if tree.bare:
        head = tree.repository.head()
        place: Place = Objects(tree.repository, head) if head else Folder(Path(os.devnull))
    else:
        place = Folder(Path(tree.repository.toplevel()))
    return of_files(place, _hooks(tree.root))


def merged(found: Iterable[tuple[str, Enforcement | None]]) -> Enforcement | None:
    """What holds for several repositories together, each with its label: a kind of place that one of them
    lacks counts for none; None where none is a repository."""
    known = [(label, where) for label, where in found if where is not None]
    if len(known) < 2:
        return known[0][1] if known else None
    hooked = all(where.hooks or where.shared for _, where in known)
    checked = all(where.ci for _, where in known)
    return Enforcement(
        tuple(f"{label}{hook}" for label, where in known for hook in where.hooks) if hooked else (),
        tuple(f"{label}{path}" for label, where in known for path in where.shared) if hooked else (),
        tuple(f"{label}{path}" for label, where in known for path in where.ci) if checked else (),
        tuple(f"{label}{path}" for label, where in known for path in where.loose) if checked else (),
    )


def ci_files(place: Place) -> dict[str, bytes]:
    """The CI files of a repository, by path."""
    found = place.texts(_CI_FILES, _CI_FOLDERS)
    return {path: data for path, data in found.items() if "/" not in path or path.endswith((".yml", ".yaml"))}


def of_files(place: Place, hooks: tuple[str, ...] = ()) -> Enforcement:
    """Where the files of a repository call credguard; `hooks` are those that git runs."""
    calls = guards.calls(place)
    shared = tuple(path for path in calls if _SHARED.fullmatch(path))
    ci, loose = [], []
    for path, data in ci_files(place).items():
        told = calls.get(path)
        if told:
            ci.append(path)
            if told.every == told.muted or {call for _, call in told.every} <= _JUDGED_BY_ITSELF:
                loose.append(path)
        elif shared and _RUNS_HOOKS.search(data.decode("utf-8", "replace")):
            ci.append(path)
            loose.append(path)
    return Enforcement(hooks, shared, tuple(ci), tuple(loose))


def _hooks(folder: Path) -> tuple[str, ...]:
    """The hooks through which git calls credguard in this clone."""
    try:
        place = locate(folder)
        return tuple(name for name in NAMES if _calls(place, name))
    except CredguardError:
        return ()


def _calls(place: HookFolder, name: str) -> bool:
    path = place.path / name
    content = read_hook(path)
    return content is not None and os.access(path, os.X_OK) and leads_to_credguard(place, name, content) is not None
