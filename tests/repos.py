"""Real git repositories in temporary folders, away from this machine's settings."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
    "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z",
}  # fmt: skip
_SETTINGS = ("-c", "core.autocrlf=false", "-c", "maintenance.auto=false")


def clean_environment() -> dict[str, str]:
    """This process's environment without a surrounding git's variables and without anybody's git settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    settings = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    return kept | settings


def write(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Writes each file (path relative to the folder, text as UTF-8, line ends as given), making its folders."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


@functools.cache
def _init(*, bare: bool) -> Path:
    """An empty repository as git makes it, with one of the sample hooks: a copy of it takes a fifth of `git init`."""
    folder = Path(tempfile.mkdtemp(dir=os.environ["TESTS_DATABASES"]))
    _run(folder, "init", "--quiet", "--initial-branch=main", *(["--bare"] if bare else []))
    for sample in folder.rglob("*.sample"):
        if sample.stem != "pre-commit":
            sample.unlink()
    return folder


def _run(folder: Path, *args: str, stdin: str = "") -> str:
    done = subprocess.run(
        ["git", *_SETTINGS, *args], cwd=folder, env=clean_environment() | _IDENTITY, input=stdin.encode(),
        capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise AssertionError(f"git {' '.join(args)}: {done.stderr.decode('utf-8', 'replace')}")
    return done.stdout.decode("utf-8", "surrogateescape")


class Repository:
    """A git repository on the branch `main`, made in `folder`; commits have a fixed author and date."""

    def __init__(self, folder: Path, *, bare: bool = False, exists: bool = False) -> None:
        self.folder = folder
        if exists:
            return
        if (folder / ("HEAD" if bare else ".git")).exists():
            self.git("init", "--quiet", "--initial-branch=main")
        else:
            shutil.copytree(_init(bare=bare), folder, dirs_exist_ok=True)

    def git(self, *args: str, stdin: str = "") -> str:
        """The output of a git command; raises AssertionError, with git's message, when it fails."""
        return _run(self.folder, *args, stdin=stdin)

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Writes files into the work tree; git is not told."""
        write(self.folder, files)

    def add(self, *paths: str, force: bool = False) -> None:
        """Stages paths (default: all that is not ignored); `force` stages ignored ones too."""
        self.git("add", *(["--force"] if force else []), "--", *(paths or (".",)))

    def commit(self, message: str = "change", files: Mapping[str, str | bytes] | None = None) -> str:
        """Writes and stages `files`, commits what is staged (maybe nothing), and gives the commit's ID."""
        if files:
            self.write(files)
            self.add(*files, force=True)
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self._read_head() or self.git("rev-parse", "HEAD").strip()

    def _read_head(self) -> str:
        """The commit of HEAD right after it was made, when git keeps both as files in `.git`; else nothing."""
        try:
            head = (self.folder / ".git" / "HEAD").read_text(encoding="utf-8")
            name = head.removeprefix("ref: ").strip()
            return name if name == head.strip() else (self.folder / ".git" / name).read_text(encoding="utf-8").strip()
        except OSError:
            return ""


def copy(made: Path, folder: Path) -> Repository:
    """A copy of a repository that was made once for many tests."""
    shutil.copytree(made, folder, symlinks=True)
    return Repository(folder, exists=True)
