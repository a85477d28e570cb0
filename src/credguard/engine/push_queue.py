"""Pushes that a server let in before they were scanned: a file each, removed when the scan is whole."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from credguard.engine.conclude import build_result
from credguard.engine.receive import RefUpdate, scan_updates
from credguard.engine.run import Run
from credguard.engine.standings import Evidence, compute_standings
from credguard.errors import CredguardError, ExitCode
from credguard.git import refs
from credguard.git.repository import Git, GitError
from credguard.history.stage_advice import fit_advice
from credguard.model.findings import OF_EVERYTHING, Coverage, ScanResult, Skip
from credguard.policy.model import Policy, combine_digests, exit_code
from credguard.rules import hash_rules
from credguard.scanning.context import rename_failures, rename_paths
from credguard.system import atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from credguard.engine.session import Session
    from credguard.policy.resolve import PolicyResolver

_SUFFIX = ".push.json"
_LARGEST = 64 << 20
_VERSION = 1
_WORDS = {"repository": str, "user": str, "time": str, "default": str, "known": list, "updates": list}


@dataclass(frozen=True, slots=True)
class QueuedPush:
    """A push: where, by whom and when, the commit of the default branch (empty for none) and those of all refs before
    it, and what it updated."""

    repository: str
    user: str
    time: str
    default: str
    known: tuple[str, ...]
    updates: tuple[RefUpdate, ...]


def store_push(folder: str, repository: Git, git_dir: str, user: str, updates: Iterable[RefUpdate]) -> str:
    """Writes the push to the queue, with what the repository has before it; gives the file. Raises CredguardError and
    GitError."""
    listed = repository.run("for-each-ref", "--format=%(objectname)").decode().split()
    now = datetime.now(timezone.utc)
    push = QueuedPush(
        os.path.realpath(git_dir), user, now.isoformat(timespec="seconds"),
        refs.find_default_branch(repository) or "", tuple(dict.fromkeys(listed)), tuple(updates),
    )  # fmt: skip
    path = os.path.join(folder, f"{now:%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}{_SUFFIX}")
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        atomic.replace_file(path, json.dumps({"schema": _VERSION, **asdict(push)}).encode() + b"\n", 0o600)
    except OSError as error:
        raise CredguardError(
            f"the push could not be queued in {folder}: {error.strerror}",
            "let the user of the server write there, or use --on-deadline refuse", ExitCode.INCOMPLETE,
        ) from error  # fmt: skip
    return path


def list_queue(folder: str) -> list[str]:
    """The files of the queue, the oldest first; raises CredguardError."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(_SUFFIX))
    except OSError as error:
        raise CredguardError(
            f"the queue {folder} could not be read: {error.strerror}", "name the folder of --queue"
        ) from error
    return [os.path.join(folder, name) for name in names]


def remove_push(path: str) -> None:
    """Removes a push from the queue; raises CredguardError."""
    try:
        Path(path).unlink(missing_ok=True)
    except OSError as error:
        raise CredguardError(
            f"{path} could not be removed: {error.strerror}", "run this as the user of the server", ExitCode.INCOMPLETE
        ) from error


def scan_queue(session: Session, policies: PolicyResolver, paths: Sequence[str]) -> list[ScanResult]:
    """The result of each queued push."""
    return [_scan_file(session, policies, path) for path in paths]


def merge_pushes(results: Sequence[ScanResult], folder: str) -> ScanResult:
    """The results of a queue as one."""
    coverage = Coverage()
    for one in results:
        coverage.add(one.coverage)
    verdicts = tuple(verdict for one in results for verdict in one.verdicts)
    digest = combine_digests({one.policy_hash for one in results} or {Policy().digest})
    standings = compute_standings(verdicts, Evidence())
    return ScanResult(
        {"kind": "queue", "paths": [folder]}, verdicts, coverage, exit_code(verdicts, coverage), hash_rules(), digest,
        standings,
    )  # fmt: skip


def _scan_file(session: Session, policies: PolicyResolver, path: str) -> ScanResult:
    run, repository = Run(), None
    try:
        push = _read_push(path)
        repository = Git(Path(push.repository))
        run = _scan_push(session, policies, push, repository)
    except CredguardError as error:
        hint = f"if this push was refused in the end, or removed again, delete {path}"
        run = run.add_skip(Skip(path, f"{error.message}; {hint}", OF_EVERYTHING))
    except (OSError, ValueError, TypeError, KeyError) as error:
        run = run.add_skip(Skip(path, f"it is no queued push ({type(error).__name__})", OF_EVERYTHING))
    result = build_result(session, run, {"kind": "queue", "paths": [path]})
    return fit_advice(result, repository, pushed=True) if repository and result.verdicts else result


def _scan_push(session: Session, policies: PolicyResolver, push: QueuedPush, repository: Git) -> Run:
    """The run over a push, with the repository before each path."""
    brought = [one.new for one in push.updates if not one.is_deletion]
    missing = [oid for oid in brought if not _has(repository, oid)]
    if missing:
        raise GitError(f"the object {missing[0]} is no longer there")
    run = scan_updates(session, repository, policies, push.updates, push.default or None, push.known)
    label = f"{push.repository}/"
    problems = rename_failures(session.scanner.take_problems(), label.__add__)
    result = rename_paths(replace(run.result, problems=run.result.problems.merge(problems)), label.__add__)
    return replace(run, result=result, judges=tuple(replace(judge, label=label) for judge in run.judges))


def _has(repository: Git, oid: str) -> bool:
    return b" missing" not in repository.run("cat-file", "--batch-check", stdin=oid.encode() + b"\n")


def _read_push(path: str) -> QueuedPush:
    """The push in a file; raises OSError, ValueError, TypeError and KeyError for one that is none."""
    with open(path, "rb") as handle:
        data: dict[str, Any] = json.loads(handle.read(_LARGEST))
    if data["schema"] != _VERSION or any(not isinstance(data[name], kind) for name, kind in _WORDS.items()):
        raise ValueError
    updates = tuple(RefUpdate(str(one["old"]), str(one["new"]), str(one["name"])) for one in data["updates"])
    known = tuple(map(str, data["known"]))
    oids = [*known, *(oid for one in updates for oid in (one.old, one.new)), *filter(None, [data["default"]])]
    if not all(oid.isalnum() and oid.isascii() for oid in oids) or not os.path.isabs(data["repository"]):
        raise ValueError
    return QueuedPush(data["repository"], data["user"], data["time"], data["default"], known, updates)
