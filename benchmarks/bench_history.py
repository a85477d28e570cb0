"""Times the scan of whole histories beside git itself and others, in turns: `bench_history.py REPO… --peers DIR`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bench_hook import isolated, machine

if TYPE_CHECKING:
    from collections.abc import Iterator

_TICK = 0.01
# {repo} is the folder; every rule that a program has by default is on, none asks the network.
COMMANDS = {
    "git cat-file": ("git", "cat-file", "--batch-all-objects", "--batch", "--unordered", "--buffer"),
    "credguard": (sys.executable, "-m", "credguard", "scan", "--history", "--no-progress", "--format", "json"),
    "betterleaks": ("betterleaks", "git", "--no-banner", "."),
    "gitleaks": ("gitleaks", "git", "--no-banner", "."),
    "kingfisher": ("kingfisher", "scan", ".", "--no-validate", "--no-update-check"),
}
TARGETS = {"git cat-file": 1.5, "betterleaks": 0.5, "gitleaks": 0.3, "kingfisher": 0.2}
"""The share of another's time that ours may take."""


@dataclass(slots=True)
class Timing:
    """One program on one repository: seconds, processor seconds (its own and its children's) and peak bytes
    of its first process, each turn; and the last exit code."""

    seconds: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    peak: int = 0
    code: int = 0

    @property
    def median(self) -> float:
        """Seconds of the middle turn."""
        return statistics.median(self.seconds)


def call(command: tuple[str, ...], folder: Path, environment: dict[str, str]) -> tuple[float, float, int, int]:
    """Runs a program in a repository; gives seconds, processor seconds, peak bytes and the exit code."""
    start = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    peaks = [0]
    watch = threading.Thread(target=_watch, args=(process.pid, peaks), daemon=True)
    watch.start()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    watch.join()
    return seconds, usage.ru_utime + usage.ru_stime, peaks[0], process.returncode


def _watch(pid: int, peaks: list[int]) -> None:
    """Notes the peak memory of one process, without its children's, while it lives (Linux)."""
    status = Path(f"/proc/{pid}/status")
    while True:
        try:
            lines = status.read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, ProcessLookupError):
            return
        peak = next((line for line in lines if line.startswith("VmHWM")), None)
        if peak is None:
            return
        peaks[0] = max(peaks[0], int(peak.split()[1]) * 1024)
        time.sleep(_TICK)


def measure(
    folder: Path, programs: dict[str, tuple[str, ...]], environment: dict[str, str], rounds: int
) -> dict[str, Timing]:
    """Every program once a round, the first of the round changing; one round before to warm caches."""
    timings = {name: Timing() for name in programs}
    for number in range(rounds + 1):
        names = list(programs)
        for name in names[number % len(names) :] + names[: number % len(names)]:
            seconds, processor, peak, code = call(programs[name], folder, environment)
            if number:
                timings[name].seconds.append(seconds)
                timings[name].processor.append(processor)
                timings[name].peak = max(timings[name].peak, peak)
                timings[name].code = code
    return timings


def ratios(ours: Timing, other: Timing) -> float:
    """The middle one of our time over the other's, turn by turn."""
    return statistics.median(own / theirs for own, theirs in zip(ours.seconds, other.seconds, strict=True))


def table(name: str, timings: dict[str, Timing]) -> Iterator[str]:
    """The results for one repository as lines of Markdown."""
    yield f"\n{name}\n\n| program | median s | fastest s | processor s | peak MB | credguard / it | target | exit |"
    yield "|---|---|---|---|---|---|---|---|"
    for program, timing in sorted(timings.items(), key=lambda pair: pair[1].median):
        processor = statistics.median(timing.processor)
        yield (
            f"| {program} | {timing.median:.2f} | {min(timing.seconds):.2f} | {processor:.2f} "
            f"| {timing.peak / 1e6:.0f} | {ratios(timings['credguard'], timing):.2f} | {TARGETS.get(program, '')} "
            f"| {timing.code} |"
        )


def main() -> None:
    """Measures, prints tables, and writes JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repositories", nargs="+", type=Path, metavar="REPO", help="repositories, bare or not")
    parser.add_argument("--peers", type=Path, metavar="DIR", help="a folder with other programs in its bin/")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each program (default: 7)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the results as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        environment = isolated(Path(home))
        environment["PYTHONPATH"] = str(Path(__file__).parent.parent / "src")
        if options.peers:
            environment["PATH"] = f"{(options.peers / 'bin').resolve()}{os.pathsep}{environment['PATH']}"
        programs = {name: words for name, words in COMMANDS.items() if shutil.which(words[0], path=environment["PATH"])}
        results = {}
        print(json.dumps(machine()))
        for folder in options.repositories:
            results[folder.name if folder.name != "repo" else folder.parent.name] = timings = measure(
                folder, programs, environment, options.rounds
            )
            print(*table(str(folder), timings), sep="\n", flush=True)
    if options.output:
        shown = {
            name: {
                program: {
                    "seconds": t.seconds, "median": t.median, "processor_seconds": t.processor, "peak_bytes": t.peak,
                    "exit_code": t.code, "credguard_share": ratios(timings["credguard"], t),
                    "target": TARGETS.get(program),
                }
                for program, t in timings.items()
            }
            for name, timings in results.items()
        }  # fmt: skip
        report = {"machine": machine(), "commands": programs, "results": shown}
        options.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
