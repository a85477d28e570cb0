"""Fetches the history that a CI system's shallow clone lacks, with git's own settings and credentials."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from credguard.git.repository import GitError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from credguard.git.repository import Git

# Fetching runs no hook, shows no prompt, follows no submodule and allows only the protocols of ordinary remotes.
_COMMAND = (
    "git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "fetch.recurseSubmodules=false",
    "-c", "gc.auto=0", "-c", "maintenance.auto=false", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
)  # fmt: skip
_TIMEOUT = 600


def fetch_missing(repository: Git, folder: Path, wanted: Sequence[str], *, whole: bool = True) -> list[str]:
    """Fetches what is missing of `wanted` (object IDs and `refs/heads/…`) and, for the `whole` history, what a shallow
    clone lacks; returns the notes on it. Raises GitError if it stays missing: the run would be incomplete."""
    notes: list[str] = []
    if whole and repository.read_shallow_commits():
        _fetch(folder, "--unshallow", "origin")
        notes.append("the clone was shallow: its history was fetched")
    for revision in wanted:
        if revision.startswith("refs/heads/"):
            here = "refs/remotes/origin/" + revision.removeprefix("refs/heads/")
            if not _is_present(repository, here):
                _fetch(folder, "origin", f"+{revision}:{here}")
        elif not _is_present(repository, revision):
            _try(folder, "origin", revision)
    if whole and repository.read_shallow_commits():
        raise GitError("the clone is shallow and could not be deepened", "check out with `fetch-depth: 0`")
    return notes


def _is_present(repository: Git, revision: str) -> bool:
    return bool(repository.run("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", ok=(0, 1, 128)).strip())


def _fetch(folder: Path, *arguments: str) -> None:
    reason = _try(folder, *arguments)
    if reason:
        raise GitError(f"git fetch failed: {reason}", "check out with `fetch-depth: 0`")


def _try(folder: Path, *arguments: str) -> str:
    """Why the fetch failed, by its first line, or nothing; a URL's credentials are left out."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_TRACE")}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "https:http:ssh:git:file", "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603 - a fixed argument list, no shell
            [*_COMMAND, *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
            check=False, timeout=_TIMEOUT,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return type(error).__name__
    if done.returncode == 0:
        return ""
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return _mask_credentials(lines[0]) if lines else f"exit code {done.returncode}"


def _mask_credentials(line: str) -> str:
    """The line with the part between `://` and `@` in a URL redacted."""
    head, mark, rest = line.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{head}{mark}****{at}{host}" if mark and user else line
