"""Times the pre-commit hook beside other programs' hooks, turn by turn in one run: `bench_hook.py --peers DIR`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = (
    "value index result buffer name width height count first last item order total line column parse render open "
    "close read write table field number list left right print return update client server request response"
).split()
ENDINGS = ("py", "js", "md", "go", "html")
SLOW = 10.0
"""Seconds after which a program is not called again for the same commit."""
LONGEST = 60.0
"""Seconds after which a program is stopped."""
STOPS = {True: "yes", False: "NO", None: "not tried"}
# What each is called as, as its own documentation has it for a hook; {files} are the staged names.
COMMANDS = {
    "credguard": (".git/hooks/pre-commit",),
    "git-secrets": ("git", "secrets", "--pre_commit_hook"),
    "gitleaks": ("gitleaks", "git", "--staged", "--no-banner", "."),
    "betterleaks": ("betterleaks", "git", "--staged", "--no-banner", "."),
    "kingfisher": ("kingfisher", "scan", ".", "--staged", "--no-validate", "--no-update-check"),
    "detect-secrets": ("detect-secrets-hook", "{files}"),
}


@dataclass(slots=True)
class Scenario:
    """A commit: how many files the repository holds, and what is staged (size in bytes by name)."""

    name: str
    files: int
    staged: dict[str, int]
    rounds: int
    mention: bool = False
    """One staged file speaks of secrets without holding one."""


@dataclass(slots=True)
class Timing:
    """One program in one scenario: seconds and peak bytes of each turn, and whether it stops a planted key."""

    seconds: list[float] = field(default_factory=list)
    peak: int = 0
    stops_a_key: bool | None = None

    @property
    def median(self) -> float:
        """Seconds of the middle run."""
        return statistics.median(self.seconds)


def scenarios(rounds: int) -> list[Scenario]:
    """The three commits of which the project promises something, and one that has to be looked at closely."""
    five = {f"src/f{number * 80}.{ENDINGS[number]}": 4000 for number in range(5)}
    thousand = {f"src/f{number}.{ENDINGS[number % 5]}": 20_000 for number in range(1000)}
    return [
        Scenario("5 files of 400", 400, five, rounds),
        Scenario("5 files of 400, one mentions secrets", 400, five, rounds, mention=True),
        Scenario("1,000 files, 20 MB", 1000, thousand, max(3, rounds // 3)),
        Scenario("one text file of 108 MB", 5, {"big.txt": 108_000_000}, max(3, rounds // 5)),
    ]


def text(seed: str, size: int) -> bytes:
    """Lines that look like source text, the same for the same seed."""
    seeded = random.Random(seed)  # noqa: S311 - test data
    lines, length = [], 0
    while length < min(size, 1 << 20):
        line = "    " * seeded.randrange(3) + f"{' '.join(seeded.choices(WORDS, k=6))} = {seeded.randrange(10**6)}\n"
        lines.append(line)
        length += len(line)
    piece = "".join(lines).encode()
    return (piece * (size // len(piece) + 1))[:size]


def prepare(folder: Path, scenario: Scenario, environment: dict[str, str]) -> None:
    """Makes the repository, commits its files, stages the change and sets up the hooks."""

    def run(*command: str) -> None:
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)  # noqa: S603

    (folder / "src").mkdir(parents=True)
    run("git", "init", "-q", ".")
    for number in range(scenario.files):
        path = folder / "src" / f"f{number}.{ENDINGS[number % 5]}"
        path.write_bytes(text(f"old {number}", 4000))
    run("git", "add", ".")
    run("git", "commit", "-q", "-m", "begin")
    for name, size in scenario.staged.items():
        (folder / name).write_bytes(text(f"new {name}", size))
    if scenario.mention:
        with (folder / next(iter(scenario.staged))).open("ab") as handle:
            handle.write(b'aws_secret_access_key = os.environ["AWS_SECRET_ACCESS_KEY"]\n')
    run("git", "add", ".")
    run(sys.executable, "-m", "credguard", "install", "--hooks", "pre-commit")
    if shutil.which("git-secrets", path=environment["PATH"]):
        run("git", "secrets", "--register-aws")


def call(
    command: tuple[str, ...], folder: Path, environment: dict[str, str], names: list[str]
) -> tuple[float, int, int]:
    """Runs a hook, for LONGEST at most; gives seconds, peak bytes of its largest process, and its exit code."""
    words = [word for one in command for word in (names if one == "{files}" else [one])]
    start = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603
        words,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    alarm = threading.Timer(LONGEST, os.killpg, (process.pid, signal.SIGKILL))
    alarm.start()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    alarm.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024), process.returncode


def plant(folder: Path, environment: dict[str, str]) -> str:
    """Stages a file with a made-up key pair; gives its name."""
    seeded = random.Random("plant")  # noqa: S311 - test data
    key_id = "AKIA" + "Y" + "".join(seeded.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", k=15))
    secret = "".join(seeded.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", k=40))
    (folder / "planted.py").write_text(f'aws_access_key_id = "{key_id}"\naws_secret_access_key = "{secret}"\n')
    subprocess.run(["git", "add", "planted.py"], cwd=folder, env=environment, check=True)  # noqa: S607
    return "planted.py"


def measure(scenario: Scenario, programs: dict[str, tuple[str, ...]], environment: dict[str, str]) -> dict[str, Timing]:
    """Every program once a round, the first of the round changing."""
    timings = {name: Timing() for name in programs}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "repo"
        prepare(folder, scenario, environment)
        names = list(scenario.staged)
        for number in range(scenario.rounds + 1):
            order = list(programs)
            order = order[number % len(order) :] + order[: number % len(order)]
            for name in order:
                if number and timings[name].seconds and timings[name].seconds[0] > SLOW:
                    continue  # its first turn says enough
                seconds, peak, code = call(programs[name], folder, environment, names)
                if code and seconds < LONGEST:
                    print(f"{name} ended with {code} on a clean commit: {scenario.name}", file=sys.stderr)
                if number or seconds > SLOW:  # the first round warms caches
                    timings[name].seconds.append(seconds)
                    timings[name].peak = max(timings[name].peak, peak)
        planted = plant(folder, environment)
        for name, command in programs.items():
            if timings[name].median > SLOW:
                continue
            timings[name].stops_a_key = call(command, folder, environment, [*names, planted])[2] != 0
    return timings


def found(peers: Path | None, environment: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """The programs that are there."""
    if peers:
        environment["PATH"] = f"{(peers / 'bin').resolve()}{os.pathsep}{environment['PATH']}"

    def there(name: str, command: tuple[str, ...]) -> bool:
        program = "git-secrets" if name == "git-secrets" else command[0]
        return name == "credguard" or shutil.which(program, path=environment["PATH"]) is not None

    return {name: command for name, command in COMMANDS.items() if there(name, command)}


def machine() -> dict[str, object]:
    """What the numbers were measured on."""
    model = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S607
    return {
        "system": platform.platform(), "cpu": model or platform.machine(), "cores": os.cpu_count(),
        "python": platform.python_version(), "git": git,
    }  # fmt: skip


def table(results: dict[str, dict[str, Timing]]) -> Iterator[str]:
    """The results as lines of Markdown."""
    for scenario, timings in results.items():
        own = timings["credguard"].median
        yield f"\n{scenario}\n\n| program | median ms | fastest ms | peak MB | credguard / it | stops a key |"
        yield "|---|---|---|---|---|---|"
        for name, timing in sorted(timings.items(), key=lambda pair: pair[1].median):
            if timing.median >= LONGEST:
                yield f"| {name} | stopped after {LONGEST:.0f} s | | {timing.peak / 1e6:.0f} | | {STOPS[None]} |"
                continue
            yield (
                f"| {name} | {timing.median * 1000:.0f} | {min(timing.seconds) * 1000:.0f} | {timing.peak / 1e6:.0f} "
                f"| {own / timing.median:.2f} | {STOPS[timing.stops_a_key]} |"
            )


def isolated(home: Path) -> dict[str, str]:
    """An environment without anybody's git settings, AWS files or caches."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "AWS_", "PRE_COMMIT"))}
    settings = home / "gitconfig"
    settings.write_text("[user]\n\tname = a\n\temail = a@example.com\n[init]\n\tdefaultBranch = main\n")
    own = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "GIT_CONFIG_GLOBAL": str(settings)}
    return kept | own | {"GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}


def main() -> None:
    """Measures, prints a table, and writes JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", type=Path, metavar="DIR", help="a folder with other programs in its bin/")
    parser.add_argument("--rounds", type=int, default=21, help="turns of each program at a small commit (default: 21)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the results as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        environment = isolated(Path(home))
        programs = found(options.peers, environment)
        results = {s.name: measure(s, programs, environment) for s in scenarios(options.rounds)}
    print(json.dumps(machine()), *table(results), sep="\n")
    if options.output:
        shown = {
            scenario: {
                name: {"seconds": t.seconds, "median": t.median, "peak_bytes": t.peak, "stops_a_key": t.stops_a_key}
                for name, t in timings.items()
            }
            for scenario, timings in results.items()
        }
        report = {"machine": machine(), "commands": programs, "results": shown}
        options.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
