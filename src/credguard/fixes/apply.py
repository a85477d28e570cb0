"""Applies a plan: files first, then the files to remove from git, then modes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from credguard.fixes.edit import RefusedError, write_edit
from credguard.git.repository import GitError
from credguard.system.compat import open_to_read, set_mode

if TYPE_CHECKING:
    from collections.abc import Callable

    from credguard.fixes.plan import FixPlan, Mode
    from credguard.sources.worktree import WorkTree


def apply(tree: WorkTree, made: FixPlan) -> list[str]:
    """Applies what can be applied; returns what could not, each with the reason."""
    failed = [_try_action(edit.path, lambda one=edit: write_edit(tree.root, one)) for edit in made.edits]  # type: ignore[misc]
    failed += [_try_action(path, lambda one=path: _untrack(tree, one)) for path in made.untrack]  # type: ignore[misc]
    failed += [_try_action(mode.shown, lambda one=mode: _set(one)) for mode in made.modes]  # type: ignore[misc]
    return [reason for reason in failed if reason]


def _try_action(path: str, action: Callable[[], None]) -> str:
    """Why the action failed, empty if it succeeded."""
    try:
        action()
    except RefusedError as error:
        return f"{path} {error}"
    except GitError as error:
        return f"{path} is still tracked: {error.message}"
    except OSError as error:
        return f"{path} keeps its mode: {error.strerror}"
    return ""


def _untrack(tree: WorkTree, path: str) -> None:
    """Removes a file from git's index; git refuses if that would lose staged content."""
    if tree.repository is not None:
        tree.repository.run("rm", "--cached", "--quiet", "--", path)


def _set(mode: Mode) -> None:
    """Sets the mode of the file itself, never of a link's target."""
    descriptor = open_to_read(mode.location)
    try:
        set_mode(descriptor, mode.location, mode.mode)
    finally:
        os.close(descriptor)
