"""Tests that the installed hooks work: a planted key pair must be blocked, and clean work must pass."""

from __future__ import annotations

import os
import secrets
import string
import subprocess
import sys
from base64 import b32encode
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.errors import CredguardError, ExitCode
from credguard.git.repository import Git
from credguard.git.spawn import build_environment
from credguard.hooks import scripts
from credguard.hooks.events import DEFAULT, HOOK_NAMES
from credguard.hooks.locate import find_credguard_call, locate_hooks, must_be_folder, read_hook
from credguard.hooks.scripts import CHAINED
from credguard.system import scratch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from credguard.hooks.locate import HookFolder

_IDENTITY = {f"GIT_{who}_{what}": "credguard" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
_NO_SHARED_INDEX = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.splitIndex", "GIT_CONFIG_VALUE_0": "false"}
_LETTERS = string.ascii_letters + string.digits + "+/"


def _discard(_line: str) -> None:
    """Discards the line."""


def check_hooks(folder: Path, report: Callable[[str], None] = _discard) -> list[str]:
    """The problems of the hooks that git runs in the repository of `folder`, none if everything works; what works is
    passed to `report`, line by line.

    The hook is really run, on its own index and objects: the repository does not change. Raises CredguardError if there
    is no repository.
    """
    place = locate_hooks(folder)
    report(f"git looks for hooks in {place.path}" + (f" ({place.origin})" if place.setting else ""))
    try:
        must_be_folder(place)
        return _examine(place, report)
    except CredguardError as error:
        return [f"{error.message}; {error.hint}"]


def _examine(place: HookFolder, report: Callable[[str], None]) -> list[str]:
    needed = "pre-receive" if place.bare else "pre-commit"
    usual = (needed,) if place.bare else DEFAULT
    looked_at = [_Hook.read_from(place, name) for name in HOOK_NAMES if name in usual or _is_installed(place, name)]
    problems = _find_shadowed(place)
    for hook in looked_at:
        found = hook.diagnose(needed=hook.name == needed)
        problems += [found] if found else []
        if not found:
            report(hook.format_status())
    proved = next(hook for hook in looked_at if hook.name == needed)
    return problems if proved.diagnose(needed=True) else problems + _prove(place, proved, report)


def _is_installed(place: HookFolder, name: str) -> bool:
    return scripts.is_installed(read_hook(place.path / name) or b"")


def _find_shadowed(place: HookFolder) -> list[str]:
    """credguard's hooks in the folder that git would use without core.hooksPath."""
    if place.setting is None or place.path == place.default:
        return []
    names = [name for name in HOOK_NAMES if scripts.is_installed(read_hook(place.default / name) or b"")]
    names = [name for name in names if not _Hook.read_from(place, name).calls]
    if not names:
        return []
    return [
        f"{', '.join(names)} in {place.default} never run: {place.origin} points git to {place.path}; run"
        " `credguard install` again, or unset it"
    ]


@dataclass(frozen=True, slots=True)
class _Hook:
    """One installed hook. `ours` is true for one that `credguard install` wrote or of `hooks/`, `through` names what
    else calls credguard for it."""

    path: Path
    content: bytes | None
    ours: bool
    through: str
    chained: bool

    @classmethod
    def read_from(cls, place: HookFolder, name: str) -> _Hook:
        path = place.path / name
        content = read_hook(path)
        through = None if content is None else find_credguard_call(place, name, content)
        return cls(path, content, through == "", through or "", os.path.lexists(path.with_name(name + CHAINED)))

    @property
    def name(self) -> str:
        """The name that git calls it by."""
        return self.path.name

    @property
    def calls(self) -> bool:
        """True if it leads to credguard in any way."""
        return self.ours or bool(self.through)

    def diagnose(self, *, needed: bool) -> str:
        """The problem of the hook, empty if there is none; only a `needed` hook must exist."""
        again = f"run `credguard install --hooks {self.name}`"
        if self.content is None:
            return f"{self.name} is not in {self.path.parent}; {again}" if needed or self.chained else ""
        if not self.calls:
            if self.chained:
                return f"{self.path} has been replaced by another program's hook; merge the two, then {again}"
            return f"{self.path} does not call credguard; {again}" if needed else ""
        if not os.access(self.path, os.X_OK):
            return f"{self.path} is not executable, so git ignores it; run chmod +x on it"
        if b"\r\n" in self.content:
            return f"{self.path} has Windows line endings, which a shell cannot run; {again}"
        return ""

    def format_status(self) -> str:
        """The status of a hook without problems."""
        if self.content is None:
            return f"{self.name}: not installed"
        if not self.calls:
            return f"{self.name}: another program's, does not call credguard"
        also = f", and {self.name}{CHAINED} after it" if self.chained else ""
        return f"{self.name}: runs credguard" + (f" through {self.through}" if self.through else also)


def _prove(place: HookFolder, hook: _Hook, report: Callable[[str], None]) -> list[str]:
    try:
        with scratch.create_scratch_folder() as own:
            return _Trial(place, hook, own).find_failures(report)
    except (CredguardError, OSError) as error:
        return [f"{hook.name} could not be tested: {error}"]


class _Trial:
    """Runs a hook as git does, on an index and an object store in a temporary folder."""

    def __init__(self, place: HookFolder, hook: _Hook, folder: Path) -> None:
        self.place = place
        self.hook = hook
        self.folder = folder
        (folder / "objects").mkdir()
        self.scratch = {
            "GIT_INDEX_FILE": str(folder / "index"),
            "GIT_OBJECT_DIRECTORY": str(folder / "objects"),
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": _quote_path(place.repository.layout.objects),
        }
        self.git = Git(place.root, extra=self.scratch | _IDENTITY | _NO_SHARED_INDEX)

    def find_failures(self, report: Callable[[str], None]) -> list[str]:
        """Tests a file with a newly generated key pair, then one without."""
        canary = f"credguard-canary-{secrets.token_hex(4)}.ini"
        code, output = self._run(canary, generate_key_pair())
        if code == 0:
            return [f"{self.hook.name} did not block a generated key pair; run `credguard install` again"]
        if code != ExitCode.FINDINGS or canary not in output:
            return [f"{self.hook.name} does not work (exit {code}): {_find_first_line(output)}"]
        code, output = self._run(canary, b"# nothing secret\n")
        if code:
            return [f"{self.hook.name} also blocks a file without a key (exit {code}): {_find_first_line(output)}"]
        alone = "" if self.hook.ours else " (only credguard was tested, not what else the hook runs)"
        report(f"{self.hook.name}: blocks a generated key pair and lets clean work pass{alone}")
        return []

    def _run(self, path: str, content: bytes) -> tuple[int, str]:
        """Exit code and output of the hook when `path` is about to be added."""
        self._stage(path, content)
        stdin = self._build_push_input() if self.hook.name == "pre-receive" else b""
        done = subprocess.run(  # noqa: S603 - the installed hook, as git would run it
            [self._prepare_command()], cwd=self.place.root, env=self._build_environment(), input=stdin,
            capture_output=True,
            check=False,
        )  # fmt: skip
        return done.returncode, (done.stderr + done.stdout).decode("utf-8", "replace")

    def _stage(self, path: str, content: bytes) -> None:
        """Sets the index to HEAD plus this file."""
        oid = self.git.run("hash-object", "-w", "--stdin", stdin=content).strip().decode()
        head = self.git.resolve_head()
        self.git.run("read-tree", head or "--empty")
        self.git.run("update-index", "-z", "--index-info", stdin=f"100644 {oid}\t{path}\0".encode())

    def _build_push_input(self) -> bytes:
        """What git would pass for a push of one new branch."""
        tree = self.git.run("write-tree").strip().decode()
        commit = self.git.run("commit-tree", "-m", "a trial of the hook", tree).strip().decode()
        return f"{'0' * len(commit)} {commit} refs/heads/credguard-trial\n".encode()

    def _prepare_command(self) -> str:
        """The hook's path: a link to credguard's, without a chained hook; for a third-party one, which could change the
        work tree, only its call of credguard."""
        path = self.folder / self.hook.name
        if path.is_symlink() or path.exists():
            return str(path)
        if self.hook.ours:
            path.symlink_to(self.hook.path.absolute())
        else:
            path.write_bytes(scripts.format_installed_hook(self.hook.name, sys.executable))
            path.chmod(0o755)
        return str(path)

    def _build_environment(self) -> dict[str, str]:
        kept = build_environment(inherit=False).keys()
        env = {name: value for name, value in os.environ.items() if name in kept}
        env |= self.scratch | {"GIT_EDITOR": ":"}
        if self.place.bare:
            return env | {"GIT_DIR": ".", "GIT_QUARANTINE_PATH": self.scratch["GIT_OBJECT_DIRECTORY"]}
        return env if self.place.git_dir == self.place.root / ".git" else env | {"GIT_DIR": str(self.place.git_dir)}


def generate_key_pair() -> bytes:
    """A credentials file of a profile that does not exist: valid in shape, random, never issued."""
    body = 1 << 79 | (10**11 + secrets.randbelow(9 * 10**11)) << 39 | secrets.randbits(39)
    key_id = "AKIA" + b32encode(body.to_bytes(10, "big")).decode()
    secret = "".join(secrets.choice(_LETTERS) for _ in range(36)) + "aZ4+"
    return f"[trial]\naws_access_key_id = {key_id}\naws_secret_access_key = {secret}\n".encode()


def _find_first_line(output: str) -> str:
    return next((line.strip() for line in output.splitlines() if line.strip()), "no output")


def _quote_path(path: str) -> str:
    """A path in the syntax of GIT_ALTERNATE_OBJECT_DIRECTORIES, whatever its characters."""
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
