"""What a worker of a fleet does with one repository: sees whether it has changed, scans it, and stores the result."""

from __future__ import annotations

import json
import os
import random
import socket
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.enforcement import inventory
from credguard.engine import key_lifecycle, multi_repository, scorecard
from credguard.engine.key_reuse import find_sub_projects
from credguard.engine.repository_result import RepositoryResult
from credguard.engine.sealing import find_key
from credguard.errors import CredguardError, ExitCode
from credguard.fleet import ages, record
from credguard.fleet.hosts.tokens import build_git_settings
from credguard.fleet.record import Record
from credguard.fleet.store import format_lease_name, format_objects_name, format_result_name, open_store
from credguard.git import clone
from credguard.history.memory import load_memory
from credguard.lazy_re import compile_lazily
from credguard.matching.database import keep_databases
from credguard.matching.redaction import hide_values
from credguard.rule import Trait
from credguard.rules import list_rule_ids
from credguard.system import compat, ownership

if TYPE_CHECKING:
    from collections.abc import Callable

    from credguard.engine.sealing import SealingKey
    from credguard.engine.session import Session
    from credguard.fleet.plan import PlannedRepository
    from credguard.fleet.store import ResultStore

_NIGHTS = 30
"""Nights in which every repository is scanned whole once."""
_LEASE_MARGIN = 60
_DIGITS = 32
_BROKEN = compile_lazily(r"exit code -\d|git could not list the objects|the history ended early|git \S+ hung for")
"""What is said where something ended or held up git or a process that read for it: another try may be whole."""


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """What all workers of a run are told: nothing of it is secret, and none of it is logged. `make` makes the session,
    `key_file` holds the key where the environment does not, `room` (bytes, 0: no limit) is what a clone may take,
    `full` scans what has not changed as well."""

    make: Callable[[], Session]
    store: str
    key_file: str
    deadline: float = 600.0
    room: int = 0
    full: bool = False


@dataclass(frozen=True, slots=True)
class ScanOutcome:
    """How a repository fared: a state of `record`, `kept` or `leased`, the reason, and whether another try may help."""

    id: str
    state: str
    reason: str = ""
    exit_code: int = 0
    is_transient: bool = False


def start_work(settings: Settings) -> Callable[[PlannedRepository], ScanOutcome]:
    """What scans one repository after another in this process; raises CredguardError."""
    keep_databases()
    os.environ.update(build_git_settings(os.environ))
    if settings.room:
        compat.limit_file_size(settings.room)
    return _Worker(settings).scan


class _Worker:
    """One process with its session, the store and the key."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._session = settings.make()
        self._store: ResultStore = open_store(settings.store)
        self._key: SealingKey = find_key(Path(settings.key_file) if settings.key_file else None)
        self._name = f"{socket.gethostname()}:{os.getppid()}"
        self._asked = multi_repository.digest_request(self._session, Path(os.devnull), self._key)

    def scan(self, entry: PlannedRepository) -> ScanOutcome:
        """Scans a repository and stores what came of it, unless it is known or another worker is at it."""
        name = format_lease_name(entry.id)
        if _is_leased(self._store.read(name), self._name):
            return ScanOutcome(entry.id, "leased", "another worker is at it")
        until = (
            time.time() + self._settings.deadline + _LEASE_MARGIN if self._settings.deadline else time.time() + 86400
        )
        self._store.write(name, json.dumps({"worker": self._name, "until": until}).encode())
        try:
            before = read_record(self._store, entry, self._key)
            found = self._scan(entry, before, datetime.now(timezone.utc))
            self._store.write(format_result_name(entry.id), record.serialize_record(found[0], self._key))
            return found[1]
        finally:
            self._store.remove(name)

    def _scan(self, entry: PlannedRepository, before: Record | None, now: datetime) -> tuple[Record, ScanOutcome]:
        began = time.monotonic()
        standing = multi_repository.digest_standing(entry.address)
        standing = self._key.derive(f"standing {standing}").hex()[:_DIGITS] if standing else ""
        run = {"started": now.strftime(ages.FORMAT), "worker": self._name}
        if before and before.result and standing and not self._is_old(before, standing, now):
            part = ages.refresh_ages(before.result, now)
            kept = replace(before, result=part, run=before.run | {"checked": run["started"]})
            return kept, ScanOutcome(entry.id, "kept", exit_code=part.result.exit_code)
        try:
            all_read = self._is_whole_night(before, now)
            past = b"" if all_read else self._store.read(format_objects_name(entry.id)) or b""
            part, limit, past = self._audit(entry, past)
        except CredguardError as error:
            reason = f"{error.message}; {error.hint}" if error.hint else error.message
            state = record.UNREACHABLE if isinstance(error, clone.CloneError) else record.INCOMPLETE
            lost = replace(before, state=state, reason=reason) if before else Record(entry.id, state, reason)
            transient = isinstance(error, clone.CloneError) and error.is_transient
            return replace(lost, run=run), ScanOutcome(entry.id, state, reason, ExitCode.INCOMPLETE, transient)
        whole = part.result.coverage.complete
        run["seconds"] = f"{time.monotonic() - began:.1f}"
        reason = "" if whole else "not everything could be scanned"
        if whole:
            self._store.write(format_objects_name(entry.id), past)
        today = now.strftime("%Y-%m-%d")
        found = Record(
            entry.id, record.WHOLE if whole else record.INCOMPLETE, reason, part, today, standing if whole else "",
            self._asked, ages.find_due(part, now, limit), today if all_read or not before else before.whole, run,
        )  # fmt: skip
        broken = any(_BROKEN.search(skip.reason) for skip in part.result.coverage.skipped)
        return found, ScanOutcome(entry.id, found.state, reason, part.result.exit_code, is_transient=broken)

    def _is_old(self, before: Record, standing: str, now: datetime) -> bool:
        """True unless the result says all that a scan would say now, and it is not this repository's night."""
        known = before.state == record.WHOLE and (before.standing, before.asked) == (standing, self._asked)
        return not known or now.strftime(ages.FORMAT) >= before.due or self._is_whole_night(before, now)

    def _is_whole_night(self, before: Record | None, now: datetime) -> bool:
        """True where all of the repository is to be read, whatever is known of it: once in thirty nights."""
        if self._settings.full or before is None:
            return True
        night = now.date()
        longest = (night - timedelta(days=_NIGHTS)).isoformat()
        is_turn = int(before.id, 16) % _NIGHTS == night.toordinal() % _NIGHTS
        return before.whole != night.isoformat() and (is_turn or before.whole <= longest)

    def _audit(self, entry: PlannedRepository, past: bytes) -> tuple[RepositoryResult, int, bytes]:
        """The result of a repository, the days that its keys may live, and what the next scan need not read; raises
        CredguardError."""
        memory = load_memory(past, self._key.derive("objects"))
        session = self._session.renew(memory=memory)
        if clone.is_url(entry.address):
            with clone.clone_mirror(entry.address) as folder:
                return *_audit_folder(session, entry, folder), memory.serialize()
        if not os.path.isdir(entry.address):
            raise CredguardError(f"{entry.name} is not there", "check the mirror", ExitCode.INCOMPLETE)
        ownership.leave_out([entry.address])
        return *_audit_folder(session, entry, Path(entry.address)), memory.serialize()


def _audit_folder(session: Session, entry: PlannedRepository, folder: Path) -> tuple[RepositoryResult, int]:
    target = record.make_target(entry)
    run = session.scan_folder(folder, target.label)
    run = run.add(key_lifecycle.find_old_keys(session, run))
    compared = tuple(finding for finding in run.result.findings if finding.rule_id in list_rule_ids(Trait.LONG_LIVED))
    _, tree = run.trees[0]
    days = session.get_policy(run).rotation_days
    where = inventory.find_tree_enforcement(tree)
    known = replace(run, where=((target.label, where),))
    result = scorecard.score_result(session, known, {"kind": "audit", "paths": [entry.name]})
    projects = find_sub_projects(tree.files)
    shown = hide_values(projects, session.scanner.secrets)
    part = RepositoryResult(
        target, result, compared, tuple(sorted(shown.get(one, one) for one in projects)), tree.repository is not None,
        tree.bare, where, run.result.rules, run.result.material, dict(run.result.gaps),
    )  # fmt: skip
    return part, days


def read_record(store: ResultStore, entry: PlannedRepository, key: SealingKey) -> Record | None:
    """What the store has of a repository, None where that is nothing or damaged; raises CredguardError."""
    data = store.read(format_result_name(entry.id))
    return record.parse_record(data, entry, key) if data else None


def _is_leased(data: bytes | None, name: str) -> bool:
    """True while another worker that may still live is at the repository."""
    try:
        lease = json.loads(data or b"")
        host, _, process = str(lease["worker"]).partition(":")
        if host == name.partition(":")[0] and not compat.may_run(int(process)):
            return False
        return str(lease["worker"]) != name and float(lease["until"]) > time.time()
    except (ValueError, KeyError, TypeError):
        return False


def pause_before(seconds: float, tries: int) -> float:
    """How long to wait before a repository is tried again: longer each time, and not as long as others wait."""
    return seconds * 2.0 ** (tries - 1) * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
