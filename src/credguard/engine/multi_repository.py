"""Audits of several repositories: by processes that take one after another, put together and taken up again."""

from __future__ import annotations

import contextlib
import functools
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from credguard import __version__
from credguard.aws import local_files
from credguard.enforcement import inventory
from credguard.engine import checkpoint, key_lifecycle
from credguard.engine.conclude import build_result
from credguard.engine.repository_result import RepositoryResult, Target, deserialize_result, serialize_result
from credguard.engine.run import Run
from credguard.engine.sealing import load_own_key
from credguard.engine.session import Session
from credguard.errors import CredguardError, ExitCode
from credguard.git import clone
from credguard.git.repository import Git, find_git
from credguard.history.memory import load_memory
from credguard.matching.database import keep_databases
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

    from credguard.engine.sealing import SealingKey
    from credguard.model.findings import Finding

    MakeRun = Callable[[], Session]
    Told = Callable[[str], None]

_OBJECTS = "objects"
"""What a key is for that marks objects, and what stands in the state where it keeps these marks."""


def audit_target(session: Session, target: Target, secret: bytes = b"") -> RepositoryResult:
    """Audits one repository with a fresh session; with a `secret`, what it reads of the history is remembered under
    it. Raises CredguardError where it cannot be scanned at all."""
    memory = load_memory(target.past, secret) if secret else None
    session = session.renew(memory=memory) if memory else session
    if clone.is_url(target.address):
        with clone.clone_mirror(target.address, _make_clone_bar(session, target)) as folder:
            part = _audit_folder(session, target, folder)
    else:
        part = _audit_folder(session, target, Path(target.address))
    return replace(part, target=replace(target, past=b""), memory=memory.serialize() if memory else b"")


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
        key = part.target.key or compute_repository_key(part.target.address)
        label = labels.setdefault(key, part.target.label)
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
    asked: dict[int, Target] = dict(enumerate(targets))
    key = load_own_key() if state else None
    if state and key:
        session = make()
        for number, target in enumerate(targets):
            digests[number] = _digest(session, target, key)
            known = state.find(target.name, digests[number]) if digests[number] else None
            part = deserialize_result(known, target, key) if known else None
            if part:
                kept[number] = part
                tell(f"{target.name}: unchanged since the audit before")
            else:
                asked[number] = replace(target, past=state.find(f"{target.name}\n", _OBJECTS) or b"")
    left = [asked[number] for number in range(len(targets)) if number not in kept]
    places = [number for number in range(len(targets)) if number not in kept]
    for place, part in _run_jobs(make, left, jobs, key.derive(_OBJECTS) if key else b""):
        number = places[place]
        kept[number] = part
        tell(targets[number].name)
        if state and key and digests[number] and part.result.exit_code in (ExitCode.CLEAN, ExitCode.FINDINGS):
            state.keep(part.target.name, digests[number], serialize_result(part, key))
            state.keep(f"{part.target.name}\n", _OBJECTS, part.memory)
    return (kept[number] for number in range(len(targets)))


def _run_jobs(
    make: MakeRun, targets: Sequence[Target], jobs: int, secret: bytes
) -> Iterator[tuple[int, RepositoryResult]]:
    """Number and part of each target as it is done, by at most so many processes; the biggest are begun first."""
    ordered = sorted(range(len(targets)), key=lambda number: -_measure(targets[number]))
    start = functools.partial(start_audits, make, secret)
    if jobs < 2 or len(ordered) < 2:
        audit = start() if ordered else None
        yield from ((number, audit(targets[number])) for number in ordered if audit)
        return
    from credguard.engine import worker_pool  # one repository needs no other process

    pool = worker_pool.Pool(start, jobs)
    for place, answer, _ in pool.run([targets[number] for number in ordered]):
        yield ordered[place], read_answer(answer, targets[ordered[place]])


def read_answer(answer: object, target: Target) -> RepositoryResult:
    """What a process of a pool answered, or the part that says why it did not."""
    if isinstance(answer, RepositoryResult):
        return answer
    from credguard.engine import worker_pool

    assert isinstance(answer, worker_pool.Failure)  # noqa: S101 - the pool gives nothing else
    if answer.kind == "bug":
        return build_failure(target, f"a bug in credguard: {answer.place}; report it with the output of --debug")
    return build_failure(target, "its audit ended before it was done; run it alone to see why")


def start_audits(make: MakeRun, secret: bytes = b"") -> Callable[[Target], RepositoryResult]:
    """What audits one repository after another in this process; raises CredguardError."""
    keep_databases()
    return functools.partial(_try_audit, make(), secret)


def _try_audit(session: Session, secret: bytes, target: Target) -> RepositoryResult:
    """The part of a target, also where it could not be scanned."""
    try:
        return audit_target(session.renew(), target, secret)
    except CredguardError as error:
        return build_failure(target, f"{error.message}; {error.hint}" if error.hint else error.message)


def _measure(target: Target) -> float:
    """How long an audit may take, by the bytes of the packs; what is to be cloned is waited for, so that it comes
    first."""
    if clone.is_url(target.address):
        return math.inf
    size = 0
    for folder in (f"{target.address}/.git/objects/pack", f"{target.address}/objects/pack"):
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            size += sum(entry.stat().st_size for entry in entries)
    return size


def build_failure(target: Target, reason: str) -> RepositoryResult:
    """The part of a repository that could not be scanned."""
    run = Run().add_skip(Skip(target.label or target.name, reason, OF_EVERYTHING))
    result = build_result(Session(), run, {"kind": "audit", "paths": [target.name]})
    return RepositoryResult(target, result, tracked=False)


def _digest(session: Session, target: Target, key: SealingKey) -> str:
    """What the result of a target depends on: its state, credguard, its rules, and what was asked for."""
    standing = digest_standing(target.address)
    folder = Path() if clone.is_url(target.address) else Path(target.address)
    words = (target.label, os.path.realpath(folder), digest_request(session, folder, key), standing)
    return checkpoint.digest(words) if standing else ""


def digest_standing(address: str) -> str:
    """What a repository holds, "" where that cannot be told: of a folder all that an audit scans, of a URL its refs."""
    if clone.is_url(address):
        refs = clone.list_remote_refs(address)
        return checkpoint.digest((refs,)) if refs else ""
    with contextlib.suppress(CredguardError):
        folder = Path(address)
        repository = Git(folder) if is_bare(folder) else find_git(folder.absolute())
        return (checkpoint.fingerprint_repository(repository) if repository else None) or ""
    return ""


def digest_request(session: Session, folder: Path, key: SealingKey) -> str:
    """What was asked for: credguard, its rules, the options, the files that they name, and the own credentials."""
    own = local_files.digest_credentials(key.derive("own"))
    named = _read_named_files(session, folder)
    verified = session.verifiers.describe() if session.verifiers else ""
    asked = (session.policy.digest, str(session.limit), str(session.ignored), session.stage, verified, own, *named)
    return checkpoint.digest((__version__, hash_rules(), *asked))


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
