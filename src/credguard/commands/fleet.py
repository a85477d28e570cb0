"""`credguard fleet`: thousands of repositories, planned, scanned by many machines, and joined in one report."""

from __future__ import annotations

import fnmatch
import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.commands import _fleet_options, _options
from credguard.errors import CredguardError, ExitCode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable

    from credguard.engine.sealing import SealingKey
    from credguard.engine.session import Session
    from credguard.fleet.plan import PlannedRepository
    from credguard.fleet.work import ScanOutcome, Settings


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the steps of `fleet`."""
    _fleet_options.add_steps(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Runs the step that the arguments name."""
    steps: dict[str, Callable[[argparse.Namespace], ExitCode]] = {
        "plan": _plan, "run": _run, "status": _show_status, "merge": _merge,
    }  # fmt: skip
    return steps[options.step](options)


def _plan(options: argparse.Namespace) -> ExitCode:
    """Lists the repositories and writes the plan, and the key beside it."""
    from credguard.engine import sealing
    from credguard.fleet import plan
    from credguard.system import atomic, streams

    entries = plan.order_entries(_filter(_list_entries(options), options))
    if not entries:
        raise CredguardError("there is no repository to plan", "check the list and --include", ExitCode.INCOMPLETE)
    data = plan.format_plan(entries)
    if not options.output:
        streams.write_stdout(data)
        return ExitCode.CLEAN
    try:
        atomic.write_output(options.output, data)
    except OSError as error:
        raise CredguardError(f"{options.output} could not be written: {error.strerror}", "choose another") from error
    key = _locate_key(options, options.output)
    if sealing.make_key(key):
        _print(f"credguard: made the fleet's key {key}: keep it, and apart from the store")
    _print(f"credguard: {len(entries)} repositories planned")
    return ExitCode.CLEAN


def _list_entries(options: argparse.Namespace) -> list[PlannedRepository]:
    from credguard.fleet import targets
    from credguard.fleet.hosts.listing import LISTERS

    entries: list[PlannedRepository] = []
    for path in options.source_file:
        entries += targets.read_targets(Path(path))
    for path in options.mirrors:
        entries += targets.list_mirrors(Path(path))
    for kind, lister in LISTERS.items():
        given = getattr(options, kind)
        for owner in [""] if given is True else given or ():
            entries += lister(owner, options.url)
    return entries


def _filter(entries: Iterable[PlannedRepository], options: argparse.Namespace) -> list[PlannedRepository]:
    """Those that are wanted; how many were left out is told, and why."""
    kept: list[PlannedRepository] = []
    left = {"archived (--archived plans them)": 0, "forks (--forks plans them)": 0, "by --include or --exclude": 0}
    archived, forks, named = left
    for entry in entries:
        included = not options.include or any(fnmatch.fnmatchcase(entry.name, one) for one in options.include)
        if not included or any(fnmatch.fnmatchcase(entry.name, one) for one in options.exclude):
            left[named] += 1
        elif entry.archived and not options.archived:
            left[archived] += 1
        elif entry.fork and not options.forks:
            left[forks] += 1
        else:
            kept.append(entry)
    for reason, count in left.items():
        if count:
            _print(f"credguard: {count} left out: {reason}")
    return kept


def _run(options: argparse.Namespace) -> ExitCode:
    """Scans the plan, or this machine's part of it."""
    from credguard.engine.sealing import find_key
    from credguard.fleet import plan, shards
    from credguard.fleet import run as fleet_run
    from credguard.fleet.store import open_store
    from credguard.system.compat import count_cores

    entries = plan.read_plan(options.plan)
    index, count = shards.parse_shard(options.shard, os.environ)
    key_file = str(_locate_key(options, options.plan))
    find_key(Path(key_file))
    jobs = options.jobs or count_cores()
    settings = _build_settings(options, key_file, jobs)
    fleet_run.store_plan(open_store(options.store), entries)
    mine = shards.select_shard(entries, index, count)
    if options.dask:
        from credguard.fleet import dask_run

        summary = dask_run.run_on_cluster(
            mine, settings, options.dask, options.tries, options.pause, _Ticker(options, mine)
        )
    else:
        summary = fleet_run.run_entries(mine, settings, jobs, options.tries, options.pause, _Ticker(options, mine))
    for name, reason in sorted(summary.reasons.items()):
        _print(f"credguard: {name}: {reason}")
    counted = ", ".join(f"{number} {state}" for state, number in sorted(summary.counts.items()))
    part = f" (shard {index + 1} of {count})" if count > 1 else ""
    _print(f"credguard: {len(mine)} repositories{part}: {counted or 'none in this shard'}")
    return summary.exit_code


def _build_settings(options: argparse.Namespace, key_file: str, jobs: int) -> Settings:
    from credguard.fleet.work import Settings

    make = functools.partial(make_worker_session, options)
    make()  # what is wrong with an option is said once
    room = _options.parse_size_option(options.disk, "--disk") // jobs if options.disk else 0
    return Settings(make, options.store, key_file, float(options.timeout), room, options.full)


def make_worker_session(options: argparse.Namespace) -> Session:
    """The session of a worker: one process scans one repository."""
    return _options.create_session(options, history=True, jobs=1, stage="audit")


class _Ticker:
    """Shows what is done, where a bar is wanted."""

    def __init__(self, options: argparse.Namespace, entries: list[PlannedRepository]) -> None:
        show = options.progress if options.progress is not None else sys.stderr.isatty() and not options.quiet
        self._bar = None
        if show:
            from tqdm import tqdm

            self._bar = tqdm(total=len(entries), unit="repository", leave=False)

    def __call__(self, entry: PlannedRepository, outcome: ScanOutcome) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(f"{entry.name[-40:]}: {outcome.state}")
            self._bar.update()


def _read_store(options: argparse.Namespace) -> tuple[list[PlannedRepository], SealingKey]:
    from credguard.engine.sealing import find_key
    from credguard.fleet import plan
    from credguard.fleet.store import PLAN, open_store

    data = open_store(options.store).read(PLAN)
    if data is None:
        raise CredguardError(f"{options.store} has no plan", "`credguard fleet run` puts it there")
    key = options.reuse_key_file or (f"{options.plan}.key" if options.plan else "")
    entries = plan.read_plan(options.plan) if options.plan else plan.parse_plan(data, f"{options.store}/{PLAN}")
    return entries, find_key(Path(key) if key else None)


def _show_status(options: argparse.Namespace) -> ExitCode:
    """Prints how far the plan is."""
    from collections import Counter

    from credguard.fleet import record
    from credguard.fleet.merge import read_rows
    from credguard.fleet.store import LEASES, open_store

    entries, key = _read_store(options)
    store = open_store(options.store)
    rows = read_rows(store, entries, key)
    counts = Counter(row.state for row in rows)
    print(f"{len(rows)} planned, " + ", ".join(f"{count} {state}" for state, count in sorted(counts.items())))
    busy = len(store.list_names(LEASES))
    if busy:
        print(f"{busy} at work")
    for row in rows:
        if row.state != record.WHOLE:
            print(f"{row.entry.name}: {row.state}: {row.reason}")
    return ExitCode.CLEAN if counts[record.WHOLE] == len(rows) else ExitCode.INCOMPLETE


def _merge(options: argparse.Namespace) -> ExitCode:
    """Joins the results into one report."""
    from credguard.fleet import merge
    from credguard.fleet.store import open_store
    from credguard.report import load

    entries, key = _read_store(options)
    last = load.load_report(Path(options.compare)) if options.compare else None
    session = _options.create_session(options)
    merged = merge.merge_rows(session, merge.read_rows(open_store(options.store), entries, key))
    if last:
        merged = merge.compare_with_last(merged, last)
    if options.tables:
        from credguard.fleet.tables import write_tables

        write_tables(options.tables, merged)
    if options.html:
        from credguard.fleet.page import write_page

        write_page(options.html, merged)
    return _options.finish(merged.result, options)


def _locate_key(options: argparse.Namespace, plan: str) -> Path:
    """Where the key lies: where the option says, or beside the plan."""
    return Path(options.reuse_key_file or f"{plan}.key")


def _print(line: str) -> None:
    from credguard.report import make_printable

    print(make_printable(line), file=sys.stderr, flush=True)
