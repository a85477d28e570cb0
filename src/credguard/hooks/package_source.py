"""Where this credguard came from: the repository and the commit from which others can install the same."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from credguard import HOME
from credguard.errors import CredguardError
from credguard.git.repository import GitError, find_git
from credguard.hooks.events import FRAMEWORK_IDS
from credguard.lazy_re import compile_lazily
from credguard.system.compat import decode_path

if TYPE_CHECKING:
    from collections.abc import Iterable

_URL = compile_lazily(
    r"(?:https?|ssh|git|file)://[\w.@:/~+%-]{3,300}|[\w.-]{1,60}@[\w.-]{1,200}:[\w./~-]{1,300}|/[\w./~+-]{1,300}"
)
_REVISION = compile_lazily(r"[\w./-]{1,200}")
_GITHUB = compile_lazily(r"(?:https://|ssh://git@|git@)github\.com[/:]([\w.-]+/[\w.-]+?)(?:\.git)?/?")


@dataclass(frozen=True, slots=True)
class PackageSource:
    """The source of credguard: a URL that git can fetch from, and a commit or tag."""

    url: str
    rev: str

    @property
    def step(self) -> str:
        """The step of a GitHub workflow."""
        found = _GITHUB.fullmatch(self.url)
        return f"uses: {found[1]}@{self.rev}" if found else f"run: pipx run --spec '{self.pip}' credguard ci"

    @property
    def pip(self) -> str:
        """What pip installs."""
        url = re.sub(r"^([\w.-]+@[\w.-]+):", r"ssh://\1/", self.url)
        return f"git+{'file://' if url.startswith('/') else ''}{url}@{self.rev}"

    def list_hooks(self, hooks: Iterable[str] = FRAMEWORK_IDS) -> list[str]:
        """The lines of `.pre-commit-config.yaml`."""
        return [f"- repo: {self.url}", f"  rev: {self.rev}", "  hooks:", *(f"  - id: {hook}" for hook in hooks)]


UNKNOWN_SOURCE = PackageSource(HOME, "FULL-COMMIT-ID")


def resolve_source(url: str, rev: str) -> PackageSource:
    """The given source, else the one that this credguard was installed from, else UNKNOWN.

    Raises CredguardError for an invalid URL or revision.
    """
    if not url and not rev:
        return find_source()
    if not _URL.fullmatch(url) or not _REVISION.fullmatch(rev) or rev.startswith("-"):
        hint = "give both, such as --source https://github.com/OWNER/credguard --rev FULL-COMMIT-ID"
        raise CredguardError("--source and --rev do not give a repository and commit", hint)
    return PackageSource(_strip_user(url), rev)


def find_source() -> PackageSource:
    """The source that this credguard was installed from, or that of the checkout which it runs or was installed from;
    else UNKNOWN_SOURCE."""
    url, rev = _read_origin()
    if rev and _URL.fullmatch(url) and not url.startswith("file:") and _REVISION.fullmatch(rev):
        return PackageSource(_strip_user(url), rev)
    folders = [Path(__file__).parents[3]]
    if url.startswith("file:"):
        from urllib.parse import urlsplit
        from urllib.request import url2pathname  # which takes longer to import than a hook to run

        folders.append(Path(url2pathname(urlsplit(url).path)))
    return next(filter(None, map(_find_cloned_source, folders)), UNKNOWN_SOURCE)


def _read_origin() -> tuple[str, str]:
    """The address from which pip installed this package, and the commit if that was a repository (PEP 610)."""
    from importlib.metadata import PackageNotFoundError, distribution  # whose import takes as long as ten of ours

    try:
        found = json.loads(distribution("credguard-cli").read_text("direct_url.json") or "{}")
        return str(found["url"]), str(found.get("vcs_info", {}).get("commit_id", ""))
    except (PackageNotFoundError, ValueError, LookupError, TypeError, AttributeError):
        return "", ""


def _find_cloned_source(root: Path) -> PackageSource | None:
    """The `origin` of a checkout of credguard, if that has the commit that is checked out."""
    if not (root / "pyproject.toml").is_file() or not (root / ".git").exists():
        return None
    try:
        repository = find_git(root)
        url = decode_path(repository.run("remote", "get-url", "origin")).strip() if repository else ""
        if not repository or not _URL.fullmatch(url) or url.startswith(("file:", "/")):
            return None
        rev = repository.run("rev-parse", "--verify", "HEAD").decode().strip()
        is_there = repository.run("for-each-ref", "--count=1", f"--contains={rev}", "refs/remotes/origin")
    except GitError:
        return None
    return PackageSource(_strip_user(url), rev) if is_there else None


def _strip_user(url: str) -> str:
    """The URL without a user and password, which must not be shared."""
    return re.sub(r"^(https?://)[^/@]*@", r"\1", url)
