"""What a run would compile at its first use, compiled and stored beforehand: in an image, on a server, at install."""

from __future__ import annotations

import compileall
import os
from dataclasses import dataclass
from pathlib import Path

import credguard
from credguard.engine.session import Session
from credguard.errors import CredguardError
from credguard.history.scan import make_history_scanner
from credguard.history.workers import make_sieve_matcher
from credguard.hooks import fast_path
from credguard.policy import load
from credguard.policy.model import Policy
from credguard.rule import get_default_part
from credguard.rules import load_rules
from credguard.scanning.scanner import Scanner
from credguard.sources.snapshots import FolderSnapshot
from credguard.system import ownership


@dataclass(frozen=True, slots=True)
class WarmCache:
    """The folder, the bytes of what it holds now, and whether the byte code of the package is complete."""

    folder: str
    size: int
    has_byte_code: bool


def warm_cache(*, shared: bool = False) -> WarmCache:
    """Compiles and stores the patterns of the default and of every packaged policy, for hooks, scans and histories, and
    the byte code of the package. A `shared` cache may be read by every user of the machine. Raises CredguardError where
    no run would read what is stored."""
    try:
        folder = ownership.cache_folder()
        ownership.locate_trusted(os.path.join(folder, "any"), make=True)
    except OSError as error:
        raise CredguardError(
            f"no cache can be stored: {error.strerror or error}",
            "name a folder of yours with --to, or in CREDGUARD_CACHE_DIR",
        ) from error
    for policy in (Policy(), *map(_load_packaged, load.PACKAGED)):
        for in_hook in (False, True):
            session = Session(policy, in_hook=in_hook)
            make_sieve_matcher(make_history_scanner(session.scanner.choose(session.select_rules(policy))))
    store_prefilter()
    if not fast_path.is_cached():
        raise CredguardError(f"{folder} cannot be written", "make it writable, or name another folder with --to")
    stored = [entry for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)]
    if shared:
        os.chmod(folder, 0o755)  # noqa: S103 - it holds patterns alone
        for entry in stored:
            os.chmod(entry.path, 0o644)
    return WarmCache(folder, sum(entry.stat().st_size for entry in stored), compile_byte_code())


def store_prefilter() -> None:
    """Stores the database for the fast path of hooks; raises OSError."""
    # Not a run's own database: its policy may add custom or noisy rules.
    usual = Scanner([get_default_part(rule) for rule in load_rules() if rule.in_hooks])
    ownership.write_owned(fast_path.locate_cache(), fast_path.serialize_cache(usual.matcher))


def compile_byte_code() -> bool:
    """Compiles the package's modules, as pip does; False where its folder cannot be written."""
    return bool(compileall.compile_dir(os.path.dirname(credguard.__file__), quiet=2))


def list_cold() -> list[str]:
    """Why the next hook starts slowly, one sentence each; none if it does not."""
    cold = []
    try:
        folder = ownership.cache_folder()
        ownership.locate_trusted(os.path.join(folder, "any"), make=True)
        if not fast_path.is_cached():
            cold.append("no compiled patterns are stored: the next hook takes some seconds; run `credguard warm`")
    except OSError as error:
        reason = error.strerror or error
        cold.append(f"no cache can be stored ({reason}): every hook takes some seconds; set CREDGUARD_CACHE_DIR")
    if not os.path.exists(getattr(credguard, "__cached__", None) or ""):
        cold.append("the package has no byte code: every hook compiles it; run `credguard warm` as its owner")
    return cold


def _load_packaged(name: str) -> Policy:
    names = {rule.id: rule.name for rule in load_rules()}
    return load.load_policy(FolderSnapshot(Path(load.__file__).parent), f"{name}.yaml", names).policy
