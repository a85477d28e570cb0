"""Hooks in real repositories: installs them as people do, and lets git run them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.keys import Filler

if TYPE_CHECKING:
    from pathlib import Path

LEAK = Filler("install").fill("aws_access_key_id = {{AKID}}\naws_secret_access_key = {{SECRET}}\n")
IDENTITY = {f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
THEIRS = '#!/bin/sh\n{ echo "theirs $*"; cat; } >>"$LOG"\nexit "${THEIRS:-0}"\n'


def credguard(*args: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line, as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "credguard", *args], cwd=cwd, env=os.environ | environment, text=True,
        capture_output=True, check=False, timeout=120,
    )  # fmt: skip


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
