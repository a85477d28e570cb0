"""Hooks in real repositories: installs them as people do, and lets git run them."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from tests import processes
from tests.keys import Filler
from tests.repos import Repository

if TYPE_CHECKING:
    from pathlib import Path

KEY_ID = Filler("install").fill("{{AKID}}")
SECRET = Filler("install").fill("{{SECRET}}")
ZERO = "0" * 40
KNOWN = "# above\n"
HOOKS = ("pre-commit", "pre-merge-commit", "commit-msg", "pre-push", "post-rewrite")
LEAK = Filler("install").fill("aws_access_key_id = {{AKID}}\naws_secret_access_key = {{SECRET}}\n")
IDENTITY = {f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
THEIRS = '#!/bin/sh\n{ echo "theirs $*"; cat; } >>"$LOG"\nexit "${THEIRS:-0}"\n'


def credguard(*args: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line, as a process of its own."""
    return processes.run_text(args, cwd=cwd, env=os.environ | environment)


def git(folder: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """git with an author, hooks and all."""
    return subprocess.run(
        ["git", *args], cwd=folder, env=os.environ | IDENTITY | environment, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip


def stops_a_leak(folder: Path, **environment: str) -> bool:
    """Stages a key pair and tries to commit it, then clean work, which must pass."""
    (folder / "c.ini").write_text(LEAK)
    assert git(folder, "add", "-f", "c.ini").returncode == 0
    stopped = git(folder, "commit", "-qm", "leak", **environment)
    (folder / "c.ini").write_text(f"# clean in {folder.name}\n")
    assert git(folder, "add", "-f", "c.ini").returncode == 0
    clean = git(folder, "commit", "--allow-empty", "-qm", "clean", **environment)
    assert clean.returncode == 0, clean.stderr
    return stopped.returncode == 1 and "CG103" in stopped.stderr


def hook(folder: Path, name: str = "pre-commit", text: str = THEIRS, mode: int = 0o755) -> Path:
    """Somebody else's hook in a hooks folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(mode)
    return path


def listing(folder: Path) -> dict[str, tuple[int, bytes, int]]:
    """Mode, content and time of all that is in a folder, samples aside."""
    return {
        path.name: (path.lstat().st_mode, path.read_bytes(), path.lstat().st_mtime_ns)
        for path in folder.iterdir()
        if path.suffix != ".sample"
    }


def only_git(folder: Path) -> str:
    """A PATH with nothing but git, sh and cat."""
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    for name in ("git", "sh", "cat"):
        if not (tools / name).exists():
            (tools / name).symlink_to(which(name))
    return str(tools)


def which(name: str) -> str:
    """Where a program lies."""
    found = shutil.which(name)
    assert found
    return found


def set_hooks(repo: Repository, *names: str) -> None:
    """Puts hooks (default: all of a work tree) in place that start this credguard."""
    folder = repo.folder / ("hooks" if (repo.folder / "HEAD").exists() else ".git/hooks")
    for name in names or HOOKS:
        hook(folder, name, processes.format_hook(name))


def hooked(folder: Path) -> Repository:
    """A repository with a first commit and every hook in place."""
    repo = Repository(folder)
    repo.commit("begin", {"README.md": "hello\n", ".gitignore": ".env\n.env.*\n"})
    set_hooks(repo)
    return repo


def leak(repo: Repository, name: str = "c.ini", content: str | bytes = LEAK) -> None:
    """Stages a key pair, or other content."""
    repo.write({name: content})
    repo.git("--literal-pathspecs", "add", "-f", "--", name)


def commit_leak(repo: Repository, name: str = "c.ini", content: str | bytes = LEAK) -> str:
    """Commits a key pair past the hooks; gives the commit."""
    leak(repo, name, content)
    repo.git("commit", "-qm", "leak", "--no-verify")
    return repo.git("rev-parse", "HEAD").strip()


def stopped(repo: Repository, *args: str, **environment: str) -> bool:
    """Whether git is stopped by a finding and HEAD stays; else it must have gone through."""
    before = repo.git("rev-parse", "HEAD")
    done = git(repo.folder, *args, **environment)
    if done.returncode:
        assert "CG" in done.stderr, done.stderr
        assert repo.git("rev-parse", "HEAD") == before
        assert SECRET[4:] not in done.stderr + done.stdout
    return done.returncode != 0


def cloned(folder: Path, remote: Repository) -> Repository:
    """A clone with hooks; its first commit is on the remote."""
    repo = hooked(folder)
    repo.git("remote", "add", "origin", str(remote.folder))
    repo.git("push", "-q", "--no-verify", "origin", "main")
    repo.git("fetch", "-q", "origin")
    return repo


def push(repo: Repository, *what: str) -> subprocess.CompletedProcess[str]:
    """A push that passes, or that we refuse."""
    done = git(repo.folder, "push", "-q", "origin", *what)
    assert not done.returncode or "credguard" in done.stderr or "CG1" in done.stderr, done.stderr
    return done


def stops(repo: Repository, *what: str) -> bool:
    """Whether the push is stopped by a finding; else it must have passed."""
    done = push(repo, *what)
    assert not done.returncode or "CG10" in done.stderr or "CG20" in done.stderr or "CG30" in done.stderr, done.stderr
    return done.returncode != 0
