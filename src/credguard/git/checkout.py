"""What a folder is a checkout of: remote, commit and branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.git.clone import is_url, redact_url
from credguard.git.repository import GitError, find_git

if TYPE_CHECKING:
    from pathlib import Path


def describe_checkout(folder: Path) -> dict[str, str]:
    """`repositoryUri`, `revisionId` and `branch` of the repository around the folder, each where git knows it. A URL is
    without user, password and query."""
    try:
        repository = find_git(folder.absolute())
        if repository is None:
            return {}
        remote = repository.run("config", "--get", "remote.origin.url", ok=(0, 1)).decode("utf-8", "replace").strip()
        branch = repository.run("symbolic-ref", "--quiet", "--short", "HEAD", ok=(0, 1)).decode("utf-8", "replace")
        found = {
            "repositoryUri": _format_uri(remote),
            "revisionId": repository.resolve_head() or "",
            "branch": branch.strip(),
        }
    except GitError:
        return {}
    return {name: value for name, value in found.items() if value}


def _format_uri(remote: str) -> str:
    """The remote as a URI, "" for one that is none, as a folder is."""
    if not is_url(remote) or "\n" in remote:
        return ""
    if "://" in remote:
        return redact_url(remote)
    host, _, path = redact_url(remote).partition(":")  # the short form of ssh
    return f"ssh://{host}/{path.lstrip('/')}"
