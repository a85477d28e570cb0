"""Times pushes to a repository with the hook of a server and to one without, turn by turn in one run."""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOOK = (
    "#!/bin/sh\nexec '{python}' -E -c 'import sys; from credguard.cli import main; sys.exit(main())' hook pre-receive\n"
)
_WHO = {f"GIT_{who}_{what}": "a@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
_FILES = 400


class Bench:
    """A repository to push from, and bare ones to push to."""

    def __init__(self, folder: Path) -> None:
        self._folder, self.work = folder, folder / "work"
        caches = {"XDG_CACHE_HOME": os.environ.get("BENCH_CACHE") or str(folder / "cache"), "HOME": str(folder)}
        self._environment = os.environ | _WHO | caches | {"GIT_CONFIG_GLOBAL": os.devnull}
        self.git(folder, "init", "-q", "-b", "main", str(self.work))

    def git(self, folder: Path, *words: str, stdin: bytes = b"") -> None:
        """Runs git, which must succeed."""
        subprocess.run(["git", *words], cwd=folder, env=self._environment, input=stdin, check=True, capture_output=True)

    def make(self, name: str, *, hooked: bool) -> Path:
        """A bare repository to push to."""
        place = self._folder / name
        self.git(self._folder, "init", "-q", "--bare", "-b", "main", str(place))
        if hooked:
            hook = place / "hooks" / "pre-receive"
            hook.write_text(_HOOK.format(python=sys.executable))
            hook.chmod(0o755)
        return place

    def push(self, place: Path, ref: str) -> float:
        """Seconds of processor time of a push, those of the hook included."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.git(self.work, "push", "-q", str(place), ref)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def time_small(bench: Bench, rounds: int) -> Iterator[tuple[str, list[float], list[float]]]:
    """Pushes of one commit, and of a branch that brings nothing new."""
    for number in range(_FILES):
        (bench.work / f"f{number}.py").write_text(f"v = {number}\n" * 100)
    bench.git(bench.work, "add", ".")
    bench.git(bench.work, "commit", "-qm", "begin")
    places = [bench.make(name, hooked=name == "hooked") for name in ("plain", "hooked")]
    for ref in ("main", "main:refs/heads/first"):  # the second has the hook note what governs pushes
        for place in places:
            bench.push(place, ref)
    found: dict[str, list[list[float]]] = {"one commit": [], "nothing new": []}
    for turn in range(rounds):
        (bench.work / f"f{turn % _FILES}.py").write_text(f"w = {turn}\n" * 100)
        bench.git(bench.work, "commit", "-qam", f"turn {turn}")
        for name, ref in (("one commit", "main"), ("nothing new", f"main:refs/heads/b{turn}")):
            found[name].append([bench.push(place, ref) for place in places])
    for name, turns in found.items():
        yield name, [turn[0] for turn in turns], [turn[1] for turn in turns]


def time_large(bench: Bench, commits: int, rounds: int) -> tuple[str, list[float], list[float]]:
    """First pushes of so many commits."""
    text = b"".join(
        b"commit refs/heads/many\ncommitter Ann <ann@example.com> %d +0000\ndata 4\nwork\n" % (1_700_000_000 + number)
        + b"M 644 inline d%d/f%d.py\ndata <<E\n%sE\n\n" % (number % 50, number % 1000, b"v = %d\n" % number * 20)
        for number in range(commits)
    )
    bench.git(bench.work, "fast-import", "--quiet", stdin=text)
    turns = [
        [bench.push(bench.make(f"{hooked}{turn}", hooked=hooked), "many:main") for hooked in (False, True)]
        for turn in range(rounds)
    ]
    return f"{commits:,} commits", [turn[0] for turn in turns], [turn[1] for turn in turns]


def main(arguments: list[str] | None = None) -> None:
    """Prints the medians of each kind of push."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=11, help="turns of a small push (default: 11)")
    options.add_argument("--commits", type=int, default=20_000, help="commits of a large one (default: 20,000)")
    given = options.parse_args(arguments)
    print("| push | git alone, CPU s | with the hook | more | times |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        small = list(time_small(bench, given.rounds))  # the first of which compiles the patterns, untimed
        for name, plain, hooked in (*small, time_large(bench, given.commits, max(1, given.rounds // 4))):
            more = statistics.median(with_hook - alone for alone, with_hook in zip(plain, hooked, strict=True))
            alone, both = statistics.median(plain), statistics.median(hooked)
            print(f"| {name} | {alone:.3f} | {both:.3f} | {more:.3f} | {both / alone:.2f} |")


if __name__ == "__main__":
    main()
