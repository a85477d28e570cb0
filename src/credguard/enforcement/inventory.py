"""Where a repository calls credguard: the hooks that git runs here, shared hook settings, and CI steps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.ci import systems
from credguard.enforcement import calls
from credguard.errors import CredguardError
from credguard.hooks.events import HOOK_NAMES
from credguard.hooks.locate import find_credguard_call, locate_hooks, read_hook
from credguard.lazy_re import compile_lazily
from credguard.model.practices import Enforcement
from credguard.sources.snapshots import CommitSnapshot, FolderSnapshot

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from credguard.enforcement.call_sites import Site
    from credguard.hooks.locate import HookFolder
    from credguard.sources.snapshots import Snapshot
    from credguard.sources.worktree import WorkTree

_SHARED = compile_lazily(
    r"\.pre-commit-config\.yaml|prek\.toml|\.?lefthook\.(?:ya?ml|toml|json)|\.husky/[^/]+|\.githooks/[^/]+|\.overcommit\.yml"
)
_JUDGED_BY_ITSELF = frozenset(("credguard audit", "credguard install"))
"""Calls that use the policy of the change that they check."""


def find_tree_enforcement(tree: WorkTree) -> Enforcement | None:
    """How the repository of a tree calls credguard; None outside of git."""
    if tree.repository is None:
        return None
    if tree.bare:
        head = tree.repository.resolve_head()
        place: Snapshot = CommitSnapshot(tree.repository, head) if head else FolderSnapshot(Path(os.devnull))
    else:
        place = FolderSnapshot(Path(tree.repository.find_toplevel()))
    return find_file_enforcement(place, _find_hooks(tree.root))


def merge_enforcements(found: Iterable[tuple[str, Enforcement | None]]) -> Enforcement | None:
    """The result for several repositories together, each with its label: a kind of call that one of them lacks counts
    for none; None if none is a repository."""
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


def read_ci_files(place: Snapshot) -> dict[str, bytes]:
    """The CI files of a repository, by path."""
    found = place.read_texts(systems.FILES, systems.FOLDERS)
    return {path: data for path, data in found.items() if systems.find_settings_system(path)}


def find_file_enforcement(place: Snapshot, hooks: tuple[str, ...] = ()) -> Enforcement:
    """How the files of a repository call credguard; `hooks` are those that git runs."""
    sites = calls.load_calls(place).sites
    shared = tuple(path for path, found in sites.items() if _SHARED.fullmatch(path) and _enforce(found, sites))
    ci = [path for path in sites if systems.find_settings_system(path)]
    strict = {path for path in ci if _enforce(sites[path], sites) and not _is_loose(sites[path], sites)}
    return Enforcement(hooks, shared, tuple(ci), tuple(path for path in ci if path not in strict))


def _enforce(found: Iterable[Site], sites: Mapping[str, tuple[Site, ...]]) -> bool:
    """True if the failure of one of the calls has a consequence, in this file and in those that use it."""
    return any(
        one.enforces
        and (not one.through or one.through == one.path or _enforce(_list_own_sites(one.through, sites), sites))
        for one in found
    )


def _is_loose(found: Iterable[Site], sites: Mapping[str, tuple[Site, ...]]) -> bool:
    """True if every call checks a change with the change's own policy, or only runs hooks."""
    words: set[str] = set()
    for one in found:
        if one.through and _SHARED.fullmatch(one.through):
            continue
        leads = _list_own_sites(one.through, sites) if one.through and one.through != one.path else (one,)
        words |= {call.words for site in leads for call in site.calls if not call.muted} or {""}
    return words <= _JUDGED_BY_ITSELF


def _list_own_sites(path: str, sites: Mapping[str, tuple[Site, ...]]) -> tuple[Site, ...]:
    return tuple(site for site in sites.get(path, ()) if not site.through)


def _find_hooks(folder: Path) -> tuple[str, ...]:
    """The hooks by which git calls credguard in this clone."""
    try:
        place = locate_hooks(folder)
        return tuple(name for name in HOOK_NAMES if _is_calling_hook(place, name))
    except CredguardError:
        return ()


def _is_calling_hook(place: HookFolder, name: str) -> bool:
    path = place.path / name
    content = read_hook(path)
    return content is not None and os.access(path, os.X_OK) and find_credguard_call(place, name, content) is not None
