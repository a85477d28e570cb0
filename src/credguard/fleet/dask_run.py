"""Runs a plan on a Dask cluster: what travels are numbers; plan, results and key have their own ways."""

from __future__ import annotations

import functools
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from credguard.engine.sealing import find_key
from credguard.engine.worker_pool import Pool
from credguard.errors import CredguardError, ExitCode
from credguard.fleet import plan
from credguard.fleet.hosts.client import is_loopback
from credguard.fleet.run import Summary, is_final, settle_answer
from credguard.fleet.store import PLAN, open_store
from credguard.fleet.work import pause_before, start_work

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from credguard.fleet.plan import PlannedRepository
    from credguard.fleet.work import ScanOutcome, Settings


def check_scheduler(address: str) -> str:
    """The address of a scheduler; raises CredguardError unless it is this machine or has TLS: whoever reaches another
    one runs what they like on all workers."""
    parts = urlsplit(address if "://" in address else f"tcp://{address}")
    if parts.scheme != "tls" and not (parts.scheme == "tcp" and is_loopback(parts.hostname or "")):
        raise CredguardError("--dask: the scheduler has no TLS", "give tls://HOST:PORT; the certificates are Dask's")
    return f"{parts.scheme}://{parts.netloc}"


def run_on_cluster(
    entries: Sequence[PlannedRepository], settings: Settings, address: str, tries: int, pause: float,
    tell: Callable[[PlannedRepository, ScanOutcome], None],
) -> Summary:  # fmt: skip
    """Scans the repositories on the cluster, the biggest first; raises CredguardError. Each worker needs the store, and
    the key in its environment or at the same path."""
    address = check_scheduler(address)
    try:
        from distributed import Client, as_completed
    except ImportError:
        hint = "pip install 'credguard-cli[dask]', here and on the workers"
        raise CredguardError("--dask needs the package distributed", hint) from None
    summary = Summary()
    by_id = {entry.id: entry for entry in entries}
    ordered = [entry.id for entry in sorted(entries, key=lambda entry: (-entry.size, entry.id))]
    try:
        with Client(address, timeout="10s", set_as_default=False) as client:
            work = functools.partial(scan_planned, settings, tries, pause)
            ranks = range(len(ordered), 0, -1)
            futures = [
                client.submit(work, one, key=f"credguard-{one}-{os.getpid()}", priority=rank, pure=False, retries=tries)
                for one, rank in zip(ordered, ranks, strict=True)
            ]
            for future in as_completed(futures, loop=client.loop):
                outcome: ScanOutcome = future.result()
                summary.add(by_id[outcome.id], outcome)
                tell(by_id[outcome.id], outcome)
                future.release()
    except Exception as error:
        if isinstance(error, CredguardError):
            raise
        done = sum(summary.counts.values())
        raise CredguardError(
            f"the Dask cluster failed after {done} of {len(entries)} repositories: {type(error).__name__}",
            "run again: what is stored is kept", ExitCode.INCOMPLETE,
        ) from None  # fmt: skip
    return summary


def scan_planned(settings: Settings, tries: int, pause: float, entry_id: str) -> ScanOutcome:
    """What a task does on a worker: the repository of this ID is looked up in the stored plan and scanned by a process
    of its own, whose end is an outcome and not the worker's."""
    process = multiprocessing.current_process()
    if process.daemon:  # as Dask's nanny starts workers; what this one starts ends with it all the same
        process.daemon = False
    store = open_store(settings.store)
    entry = _find_entry(store.read(PLAN) or b"", entry_id)
    key = find_key(Path(settings.key_file) if settings.key_file else None)
    pool = Pool(
        functools.partial(start_work, settings), 1, tries, settings.deadline, lifetime=1, is_final=is_final,
        pause=functools.partial(pause_before, pause),
    )  # fmt: skip
    ((_, answer, count),) = pool.run([entry])
    return settle_answer(store, key, entry, answer, count, settings.deadline)


@functools.lru_cache(maxsize=2)
def _read_plan(data: bytes) -> dict[str, PlannedRepository]:
    return {entry.id: entry for entry in plan.parse_plan(data, PLAN)}


def _find_entry(data: bytes, entry_id: str) -> PlannedRepository:
    entry = _read_plan(data).get(entry_id)
    if entry is None:
        raise CredguardError("the stored plan is another one", "run again", ExitCode.INCOMPLETE)
    return replace(entry)
