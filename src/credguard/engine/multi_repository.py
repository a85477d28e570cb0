"""Audits of several repositories: each in a process of its own, put together at the end, and taken up again."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from dataclasses import replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from credguard import __version__
from credguard.enforcement import inventory
from credguard.engine import checkpoint, key_lifecycle
from credguard.engine.conclude import build_result
from credguard.engine.repository_result import RepositoryResult, Target, deserialize_result, serialize_result
from credguard.engine.run import Run
from credguard.engine.session import Session
from credguard.errors import CredguardError, ExitCode
from credguard.git import clone
from credguard.git.repository import Git, find_git
from credguard.model.findings import OF_EVERYTHING, Skip
from credguard.model.result import Result
from credguard.policy import load as config
from credguard.report import make_printable
from credguard.rule import Trait
from credguard.rules import hash_rules, list_rule_ids
from credguard.sources.files import is_bare
from credguard.sources.snapshots import FolderSnapshot
from credguard.sources.worktree import WorkTree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from credguard.model.findings import Finding

    MakeRun = Callable[[], Session]
    Told = Callable[[str], None]

_WATCH_SECONDS = 0.5


def audit_target(session: Session, target: Target) -> RepositoryResult:
    """Audits one repository with a fresh session; raises CredguardError where it cannot be scanned at all."""
    if clone.is_url(target.address):
        with clone.clone_mirror(target.address, _make_clone_bar(session, target)) as folder:
            return _audit_folder(session, target, folder)
    return _audit_folder(session, target, Path(target.address))


def _audit_folder(session: Session, target: Target, folder: Path) -> RepositoryResult:
    run = session.scan_folder(folder, target.label)
    run = run.add(key_lifecycle.find_old_keys(session, run))
    compared = tuple(finding for finding in run.result.findings if finding.rule_id in list_rule_ids(Trait.LONG_LIVED))
    _, tree = run.trees[0]
    where = inventory.find_tree_enforcement(tree)
    result = build_result(session, run, {"kind": "audit", "paths": [target.name]})
    return RepositoryResult(
        target, result, compared, tree.files, tree.repository is not None, tree.bare, where, run.result.rules,
        run.result.material, dict(run.result.gaps),
    )  # fmt: skip


def _make_clone_bar(session: Session, target: Target) -> Callable[[str, float], None] | None:
    """A bar for what git says while it clones."""
    if session.progress is None:
        return None
    from tqdm import tqdm

    bar = tqdm(total=100, desc=f"cloning {make_printable(target.name)}"[:60], unit="%", delay=1, leave=False)

    def tell(stage: str, share: float) -> None:
        bar.set_postfix_str(stage)
        bar.update(int(share * 100) - bar.n)

    return tell


def merge_results(session: Session, parts: Sequence[RepositoryResult]) -> Run:
    """The parts as one run, with what only all of them tell: credentials that several share."""
    trees: list[tuple[str, WorkTree]] = []
    compared: list[Finding] = []
    for label, same in _group_by_repository(parts).items():
        known = [part for part in same if part.tracked]
        tree = WorkTree(
            Path(os.curdir), tuple(dict.fromkeys(name for part in same for name in part.files)),
            repository=Git(Path(os.curdir)) if known else None, bare=all(part.bare for part in same),
        )  # fmt: skip
        trees.append((label, tree))
        compared += [_relabel(one, part.target.label, label) for part in same for one in part.compared]
    shared = key_lifecycle.find_shared_keys(session, Run(Result(tuple(compared)), trees=tuple(trees)))
    found = [
        Result(coverage=part.result.coverage, rules=part.asked, material=part.seen, gaps=part.gaps) for part in parts
    ]
    return Run(
        Result().merge(*found, shared),
        trees=tuple(trees),
        verdicts=tuple(verdict for part in parts for verdict in part.result.verdicts),
        digests=frozenset(part.result.policy_hash for part in parts),
        where=tuple((part.target.label, part.where) for part in parts),
    )


def _group_by_repository(parts: Sequence[RepositoryResult]) -> dict[str, list[RepositoryResult]]:
    """The parts by the label of the first one of the same repository, which may be given several times: by its
    address, by its folder, by another work tree of it."""
    labels: dict[str, str] = {}
    projects: dict[str, list[RepositoryResult]] = {}
    for part in parts:
        label = labels.setdefault(compute_repository_key(part.target.address), part.target.label)
        projects.setdefault(label, []).append(part)
    return projects


def compute_repository_key(address: str) -> str:
    """What two addresses of the same repository have in common; not to be shown."""
    folder = clone.parse_file_url(address) if clone.is_url(address) else address
    if not folder:
        scheme, mark, rest = address.partition("://")
        authority, slash, path = (rest if mark else scheme).partition("/")
        return authority.rpartition("@")[2].lower() + slash + path.rstrip("/").removesuffix(".git")
    with contextlib.suppress(CredguardError):
        found = Git(Path(folder)) if is_bare(Path(folder)) else find_git(Path(folder).absolute())
        if found:
            return found.common_dir
    return os.path.realpath(folder)


def _relabel(finding: Finding, old: str, new: str) -> Finding:
    places = tuple(replace(place, path=new + place.path.removeprefix(old)) for place in finding.locations)
    return finding if old == new else replace(finding, locations=places)


def audit_all(
    make: MakeRun, targets: Sequence[Target], jobs: int, state: checkpoint.Checkpoint | None, tell: Told
) -> Iterator[RepositoryResult]:
    """The part of each target, in order; those that `state` has and that have not changed are taken from it."""
    kept: dict[int, RepositoryResult] = {}
    digests: dict[int, str] = {}
    if state:
        for number, target in enumerate(targets):
            digests[number] = _digest(make(), target)
            known = state.find(target.name, digests[number]) if digests[number] else None
            part = deserialize_result(known, target) if known else None
            if part:
                kept[number] = part
                tell(f"{target.name}: unchanged since the audit before")
    left = [number for number in range(len(targets)) if number not in kept]
    for number, part in _run_jobs(make, targets, left, jobs):
        kept[number] = part
        tell(targets[number].name)
        if state and digests[number] and part.result.exit_code in (ExitCode.CLEAN, ExitCode.FINDINGS):
            state.keep(part.target.name, digests[number], serialize_result(part))
    return (kept[number] for number in range(len(targets)))


def _run_jobs(
    make: MakeRun, targets: Sequence[Target], numbers: Sequence[int], jobs: int
) -> Iterator[tuple[int, RepositoryResult]]:
    """Number and part of each target as it is done, by at most so many processes."""
    if jobs < 2 or len(numbers) < 2:
        for number in numbers:
            yield number, _try_audit(make, targets[number])
        return
    context = multiprocessing.get_context("spawn")
    left = list(reversed(numbers))
    at_work: dict[Any, tuple[BaseProcess, int]] = {}
    try:
        while left or at_work:
            while left and len(at_work) < jobs:
                number = left.pop()
                here, there = context.Pipe(duplex=False)
                worker = context.Process(target=_run_worker, args=(there, make, targets[number]))
                worker.start()
                there.close()
                at_work[here] = (worker, number)
            for ready in wait(list(at_work)):
                process, number = at_work.pop(ready)
                yield number, _receive_result(ready, process, targets[number])
    finally:
        for process, _ in at_work.values():
            process.terminate()
        for process, _ in at_work.values():
            process.join(10)


def _receive_result(connection: Any, process: BaseProcess, target: Target) -> RepositoryResult:  # noqa: ANN401 - as `wait` gives it
    try:
        part = connection.recv()
    except (EOFError, OSError):
        part = _build_failure(target, "its audit ended before it was done; run it alone to see why")
    process.join()
    connection.close()
    assert isinstance(part, RepositoryResult)  # noqa: S101 - our own process sends nothing else
    return part


def _run_worker(connection: Connection, make: MakeRun, target: Target) -> None:
    """What a process does: audits, hands over, and ends when the process that started it does."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_WATCH_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        connection.send(_try_audit(make, target))


def _try_audit(make: MakeRun, target: Target) -> RepositoryResult:
    """The part of a target, also where it could not be scanned."""
    session = make()
    try:
        return audit_target(session, target)
    except CredguardError as error:
        return _build_failure(target, f"{error.message}; {error.hint}" if error.hint else error.message)


def _build_failure(target: Target, reason: str) -> RepositoryResult:
    run = Run().add_skip(Skip(target.label or target.name, reason, OF_EVERYTHING))
    result = build_result(Session(), run, {"kind": "audit", "paths": [target.name]})
    return RepositoryResult(target, result, tracked=False)


def _digest(session: Session, target: Target) -> str:
    """What the result of a target depends on: its state, credguard, its rules, and what was asked for."""
    standing: bytes | str | None = None
    folder = Path() if clone.is_url(target.address) else Path(target.address)
    if clone.is_url(target.address):
        standing = clone.list_remote_refs(target.address)
    else:
        with contextlib.suppress(CredguardError):
            repository = Git(folder) if is_bare(folder) else find_git(folder.absolute())
            standing = checkpoint.fingerprint_repository(repository) if repository else None
    if not standing:
        return ""
    named = _read_named_files(session, folder)
    verified = session.verifiers.describe() if session.verifiers else ""
    asked = (session.policy.digest, str(session.limit), str(session.ignored), session.stage, verified, *named)
    return checkpoint.digest((__version__, hash_rules(), target.label, os.path.realpath(folder), *asked, standing))


def _read_named_files(session: Session, folder: Path) -> list[str | bytes]:
    """The files that the command line names, with their content: the policy, what it extends, the baseline."""
    policies = session.policies
    if not policies:
        return []
    named = os.path.realpath(policies.named) if policies.named else ""
    files = [named, policies.listed, os.path.join(folder, policies.listed)]
    with contextlib.suppress(CredguardError):
        place = Path(named)
        extended = config.load_policy(FolderSnapshot(place.parent), place.name, policies.rules).extends if named else ()
        files += [os.path.join(place.parent, name) for name in extended]
    return [policies.ref, *(word for file in files for word in (file, checkpoint.digest_file(file)))]


@contextlib.contextmanager
def track_progress(total: int, *, show: bool) -> Iterator[Told]:
    """Counts repositories that are done, with a bar where one is to be shown."""
    if not show:
        yield lambda _name: None
        return
    from tqdm import tqdm

    with tqdm(total=total, unit="repository", leave=False) as bar:

        def tell(name: str) -> None:
            bar.set_postfix_str(make_printable(name)[-40:])
            bar.update()

        yield tell


def skip_missing_target(path: str) -> Skip:
    """What is said of a target that is no folder."""
    reason = "is no folder; `credguard scan` takes files" if os.path.exists(path) else "does not exist; check the name"
    return Skip(clone.redact_url(path), reason, OF_EVERYTHING)
