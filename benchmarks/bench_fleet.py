"""Shows what a fleet costs: `bench_fleet.py [--repositories N] [--simulate N]` (credguard alone).

Small repositories are planned, scanned by one and by two processes, and scanned again where nothing has changed; then
the results of so many repositories (10,000) are made up from one of them, and merged with the page. Time is processor
time of the process and of all that it started, per repository; memory is the most that one process held.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from credguard.engine.sealing import SealingKey, find_key
from credguard.fleet.plan import format_plan, make_entry, order_entries, read_plan
from programs import isolated
from results import parser, written

if TYPE_CHECKING:
    from collections.abc import Mapping

FLEET = (sys.executable, "-m", "credguard", "fleet")
_COMMITS, _FILES = 3, 4


def main() -> int:
    """Runs all of it and prints a table."""
    made = parser(__doc__, peers=False)
    made.add_argument("--repositories", type=int, default=200, metavar="N", help="real ones (default: 200)")
    made.add_argument("--simulate", type=int, default=10_000, metavar="N", help="made-up results (default: 10,000)")
    options = made.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder, home = Path(name), Path(name, "home")
        home.mkdir()
        environment = isolated(home)
        make_repositories(folder / "mirrors", options.repositories, environment)
        results = measure_runs(folder, options.repositories, environment)
        results |= measure_merge(folder, options.simulate, environment)
        written("fleet", results, options.output, environment)
    for label, numbers in results.items():
        print(f"{label:<44} " + ", ".join(f"{value:,.3f} {unit}" for unit, value in numbers.items()))
    return 0


def make_repositories(folder: Path, count: int, environment: Mapping[str, str]) -> None:
    """Small repositories of a few commits."""
    for number in range(count):
        place = folder / f"r{number:05}"
        place.mkdir(parents=True)
        git(place, environment, "init", "-q")
        for commit in range(_COMMITS):
            for one in range(_FILES):
                (place / f"f{one}.yml").write_text(f"name: n{number}\nvalue: {commit * one}\n", encoding="utf-8")
            git(place, environment, "add", "-A")
            git(place, environment, "commit", "-qm", f"c{commit}")


def git(folder: Path, environment: Mapping[str, str], *words: str) -> None:
    """Runs git, which must succeed."""
    subprocess.run(["git", *words], cwd=folder, env=dict(environment), check=True)


def measure_runs(folder: Path, count: int, environment: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """The plan scanned by one and two processes, and again."""
    call(folder, environment, "plan", "--mirrors", "mirrors", "-o", "plan.jsonl")
    call(folder, environment, "run", "plan.jsonl", "--store", "warm", "--jobs", "1")
    found = {}
    for jobs in (1, 2):
        store = f"store{jobs}"
        found[f"{count} repositories, {jobs} process{'es' if jobs > 1 else ''}"] = per_repository(
            count, *call(folder, environment, "run", "plan.jsonl", "--store", store, "--jobs", str(jobs))
        )
    again = call(folder, environment, "run", "plan.jsonl", "--store", "store1", "--jobs", "1")
    found[f"{count} repositories, nothing changed"] = per_repository(count, *again)
    return found


def per_repository(count: int, seconds: float, wall: float, _memory: float) -> dict[str, float]:
    """Processor seconds of each repository, and how many were done in a second of the clock."""
    return {"CPU s each": seconds / count, "a second": count / wall}


def measure_merge(folder: Path, count: int, environment: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Made-up results merged, with the page."""
    key = find_key(folder / "plan.jsonl.key")
    simulate(folder, count, key)
    words = ("merge", "many", "--plan", "many.jsonl", "--reuse-key-file", "plan.jsonl.key", "--format", "json")
    seconds, wall, memory = call(folder, environment, *words, "-o", "many.json", "--html", "many.html", codes=(0, 1))
    size = (folder / "many.html").stat().st_size / 1e6
    return {
        f"{count:,} results merged, with the page": {"CPU s": seconds, "s": wall, "MB held": memory, "MB page": size}
    }


def simulate(folder: Path, count: int, key: SealingKey) -> None:
    """A plan of so many repositories and their results: each that of a real one, with a credential of its own."""
    entry = read_plan(str(folder / "plan.jsonl"))[0]
    template = (folder / "store1" / "results" / f"{entry.id}.json").read_text(encoding="utf-8")
    entries = order_entries(make_entry(f"https://host.example/team-{n % 97}/r{n:05}.git", size=n) for n in range(count))
    (folder / "many.jsonl").write_bytes(format_plan(entries))
    results = folder / "many" / "results"
    results.mkdir(parents=True)
    (folder / "many" / "plan.jsonl").write_bytes(format_plan(entries))
    for number, one in enumerate(entries):
        record: dict[str, Any] = json.loads(template.replace(entry.name, one.name).replace(entry.id, one.id))
        part = record["part"]
        for finding in part["report"]["findings"]:
            finding["fingerprint"] = key.seal(os.urandom(16).hex())
            finding["exposure"]["first_seen"] = f"2026-0{1 + number % 9}-01T00:00:00Z"
        (results / f"{one.id}.json").write_text(json.dumps(record), encoding="utf-8")


def call(
    folder: Path, environment: Mapping[str, str], *words: str, codes: tuple[int, ...] = (0,)
) -> tuple[float, float, float]:
    """Processor seconds, seconds and megabytes of a step; raises CalledProcessError for another exit code."""
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([*FLEET, *words], cwd=folder, env=dict(environment), check=False, capture_output=True)
    wall, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in codes:
        raise subprocess.CalledProcessError(done.returncode, words, done.stdout, done.stderr)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, wall, after.ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
