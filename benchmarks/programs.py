"""The programs that are compared: how each is called, its version, the machine, and an environment without settings.

Every rule that a program has by default is on, of ours also those that only a strict policy asks for; none asks the
network. `{files}` are the staged names, `{policy}` is a file with our strict policy, `{report}` where findings go.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from turns import DEFAULT_RULES, OURS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from turns import Command

ROOT = Path(__file__).parent.parent
_SCAN = (sys.executable, "-m", "credguard", "scan", "--no-progress", "--format", "json")
KEPT_CACHE = "BENCH_CACHE"
"""The variable that names a folder in which compiled patterns stay from run to run."""
_STRICT = "version: 1\nextends: strict\n"

HOOK: dict[str, Command] = {
    OURS: (".git/hooks/pre-commit",),
    "git-secrets": ("git", "secrets", "--pre_commit_hook"),
    "gitleaks": ("gitleaks", "git", "--staged", "--no-banner", "."),
    "betterleaks": ("betterleaks", "git", "--staged", "--no-banner", "."),
    "kingfisher": ("kingfisher", "scan", ".", "--staged", "--no-validate", "--no-update-check"),
    "detect-secrets": ("detect-secrets-hook", "{files}"),
}
TREE: dict[str, Command] = {
    OURS: (*_SCAN, "--config", "{policy}", "."),
    DEFAULT_RULES: (*_SCAN, "."),
    "gitleaks": ("gitleaks", "dir", "--no-banner", "."),
    "betterleaks": ("betterleaks", "fs", "--no-banner", "."),
    "kingfisher": ("kingfisher", "scan", ".", "--no-validate", "--no-update-check"),
    "trufflehog": ("trufflehog", "filesystem", "--no-verification", "--no-update", "."),
    "detect-secrets": ("detect-secrets", "scan", "--no-verify", "--all-files", "."),
}
HISTORY: dict[str, Command] = {
    "git cat-file": ("git", "cat-file", "--batch-all-objects", "--batch", "--unordered", "--buffer"),
    OURS: (*_SCAN, "--history", "--config", "{policy}"),
    DEFAULT_RULES: (*_SCAN, "--history"),
    "gitleaks": ("gitleaks", "git", "--no-banner", "."),
    "betterleaks": ("betterleaks", "git", "--no-banner", "."),
    "kingfisher": ("kingfisher", "scan", ".", "--no-validate", "--no-update-check"),
    "trufflehog": ("trufflehog", "git", "--no-verification", "--no-update", "file://."),
}
LINES: dict[str, Command] = {
    "gitleaks": ("gitleaks", "dir", "--no-banner", "--report-format", "json", "--report-path", "{report}", "."),
    "betterleaks": ("betterleaks", "fs", "--no-banner", "--silent", "--output", "{report}", "."),
    "kingfisher": (
        "kingfisher", "scan", ".", "--no-validate", "--no-update-check", "--no-dedup", "--format", "json", "--output",
        "{report}",
    ),
    "trufflehog": ("trufflehog", "filesystem", "--no-verification", "--no-update", "--json", "."),
    "detect-secrets": ("detect-secrets", "scan", "--no-verify", "--all-files", "."),
}  # fmt: skip
"""For findings, not for time; where no `{report}` is asked for, they come on standard output."""
_VERSIONS: dict[str, Command] = {
    OURS: (sys.executable, "-m", "credguard", "--version"),
    "git": ("git", "--version"),
    "gitleaks": ("gitleaks", "--version"),
    "betterleaks": ("betterleaks", "--version"),
    "kingfisher": ("kingfisher", "--version"),
    "trufflehog": ("trufflehog", "--version"),
    "detect-secrets": ("detect-secrets", "--version"),
}


def isolated(home: Path, peers: Path | None = None) -> dict[str, str]:
    """An environment without anybody's git settings, AWS files or caches, with the programs of `peers`/bin."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "AWS_", "PRE_COMMIT", "CREDGUARD_"))}
    settings = home / "gitconfig"
    settings.write_text("[user]\n\tname = a\n\temail = a@example.com\n[init]\n\tdefaultBranch = main\n")
    (home / "strict.yaml").write_text(_STRICT)
    cache = os.environ.get(KEPT_CACHE) or str(home / "cache")
    own = {"HOME": str(home), "XDG_CACHE_HOME": cache, "GIT_CONFIG_GLOBAL": str(settings)}
    # a scanned folder must not bring Python modules
    python = {"PYTHONPATH": str(ROOT / "src"), "PYTHONSAFEPATH": "1"}
    if peers:
        own["PATH"] = f"{(peers / 'bin').resolve()}{os.pathsep}{kept['PATH']}"
    return kept | own | python | {"GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}


def present(commands: Mapping[str, Command], environment: Mapping[str, str]) -> dict[str, Command]:
    """Of these commands those whose program is there, with our policy's path filled in."""
    policy = str(Path(environment["HOME"]) / "strict.yaml")

    def there(name: str, command: Command) -> bool:
        program = "git-secrets" if name == "git-secrets" else command[0]
        return name == OURS or shutil.which(program, path=environment["PATH"]) is not None

    return {
        name: tuple(policy if word == "{policy}" else word for word in command)
        for name, command in commands.items()
        if there(name, command)
    }


def stated(commands: Mapping[str, Command]) -> dict[str, str]:
    """The commands as they are shown: programs by their names, not by this machine's paths."""
    python = (sys.executable, "-m")
    return {
        name: " ".join(
            Path(word).name if word.startswith("/") else word for word in command[2 * (command[:2] == python) :]
        )
        for name, command in commands.items()
    }


def machine(environment: Mapping[str, str]) -> dict[str, Any]:
    """What was measured on, and with which versions."""
    return {
        "system": platform.system(),
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": _memory(),
        "python": platform.python_version(),
        "versions": {
            name: version for name, command in _VERSIONS.items() if (version := _version(command, environment))
        },
    }


def _processor() -> str:
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return model or platform.processor() or platform.machine()


def _memory() -> int | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)
    except (ValueError, OSError):
        return None


def _version(command: Command, environment: Mapping[str, str]) -> str:
    """The last word of what a program says of its version; empty where it is not there."""
    program = shutil.which(command[0], path=environment["PATH"])
    if program is None:
        return ""
    done = subprocess.run((program, *command[1:]), env=dict(environment), capture_output=True, text=True, check=False)
    words = (done.stdout or done.stderr).split()
    return words[-1] if words else ""
