"""Shows how time and memory grow with a history and with the number of rules: `bench_growth.py REPO`.

The repository's main line is replayed one, four and sixteen times, each time with other contents, so that every replay
adds as many objects as the first. Then the made-up tree is scanned with a sixteenth, a quarter and all of the rules.
Time is processor time, the least of some turns, less that of the same call where there is nothing to look at. The
exponent is the slope of the logarithms: 1 is linear, less is better. It ends with 1 where one is over the bound.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpora import make_tree
from programs import isolated, present
from results import parser, written
from tables import growth
from turns import OURS, call

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import IO

    from turns import Command

_SCAN = (sys.executable, "-m", "credguard", "scan", "--no-progress", "--quiet")
HISTORY = {OURS: (*_SCAN, "--history", "--config", "{policy}")}
STEPS = (1, 4, 16)
BOUND = 1.1
"""An exponent over this counts as faster than linear; the tenth is for noise."""
_LEAST = 0.001
"""Seconds that anything takes at least, where start-up is taken off."""


def replayed(source: Path, folder: Path, times: int, environment: Mapping[str, str], most: int) -> None:
    """Makes in `folder` a repository that holds the last `most` commits of `source` so many times; none for 0."""
    git(folder, environment, "init", "--quiet", "--bare", ".")
    with subprocess.Popen(
        ["git", "fast-import", "--quiet", "--force"], cwd=folder, env=dict(environment), stdin=subprocess.PIPE
    ) as importer:
        assert importer.stdin
        for number in range(times):
            export = ("git", "fast-export", "--reencode=no", f"--max-count={most}", "HEAD")
            with subprocess.Popen(export, cwd=source, env=dict(environment), stdout=subprocess.PIPE) as exporter:
                assert exporter.stdout
                for piece in altered(exporter.stdout, number):
                    importer.stdin.write(piece)
    git(folder, environment, "repack", "-adq")


def altered(stream: IO[bytes], number: int) -> Iterator[bytes]:
    """A fast-export stream on a branch of its own, every blob with a first line of its own."""
    is_blob = False
    marks = number * 10_000_000
    while line := stream.readline():
        word = line.split(b" ", 1)[0].rstrip(b"\n")
        if word == b"data":
            size = int(line.split()[1])
            data = stream.read(size)
            if is_blob:
                data = b"replay %d\n" % number + data
            yield b"data %d\n" % len(data) + data
            is_blob = False
        elif word in (b"mark", b"from", b"merge") and b":" in line:
            yield b"%s :%d\n" % (word, int(line.split(b":")[1]) + marks)
        elif word == b"M" and line.split(b" ")[2].startswith(b":"):
            _, mode, mark, path = line.split(b" ", 3)
            yield b"M %s :%d %s" % (mode, int(mark[1:]) + marks, path)
        elif word in (b"commit", b"reset"):
            yield b"%s refs/heads/replay-%d\n" % (word, number)
        else:
            is_blob = is_blob or word == b"blob"
            yield line


def git(folder: Path, environment: Mapping[str, str], *args: str) -> str:
    """What git prints; raises CalledProcessError when it fails."""
    done = subprocess.run(["git", *args], cwd=folder, env=dict(environment), check=True, stdout=subprocess.PIPE)
    return done.stdout.decode()


def least(command: Command, folder: Path, environment: Mapping[str, str], rounds: int) -> dict[str, float]:
    """The best processor time and wall clock of some turns, of which the first warms caches, and then the memory."""
    turns = [call(command, folder, environment) for _ in range(rounds)]
    watched = call(command, folder, environment, watch=True)
    return {
        "processor": min(turn.processor for turn in turns),
        "seconds": min(turn.seconds for turn in turns),
        "peak_mb": watched.largest / 1e6,
        "private_mb": watched.private / 1e6,
    }


def without(row: dict[str, float], start: Mapping[str, float]) -> dict[str, float]:
    """A measurement with what start-up takes taken off its times."""
    return row | {name: max(_LEAST, row[name] - start[name]) for name in ("processor", "seconds")}


def by_history(
    source: Path, environment: Mapping[str, str], most: int, rounds: int, steps: Sequence[int]
) -> list[dict[str, float]]:
    """A row for a history without commits, and one for each number of replays."""
    rows: list[dict[str, float]] = []
    command = present(HISTORY, environment)[OURS]
    for times in (0, *steps):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            replayed(source, folder, times, environment, most)
            row = least(command, folder, environment, rounds)
            counted = dict(line.split(": ") for line in git(folder, environment, "count-objects", "-v").splitlines())
            rows.append({"size": int(counted["in-pack"])} | (without(row, rows[0]) if rows else row))
    return rows


def by_rules(
    environment: Mapping[str, str], files: int, size: int, rounds: int, steps: Sequence[int]
) -> list[dict[str, float]]:
    """A row for the scan of an empty folder with all rules, and one for each share of the rules on made-up files."""
    listed = subprocess.run(
        [sys.executable, "-m", "credguard", "rules", "--format", "json"],
        env=dict(environment),
        capture_output=True,
        check=True,
    ).stdout
    ids = [rule["id"] for rule in json.loads(listed) if rule["id"].startswith("CG1")]
    rows = []
    with tempfile.TemporaryDirectory() as name:
        tree, empty = Path(name) / "tree", Path(name) / "empty"
        make_tree(tree, files, size)
        empty.mkdir()
        for step in reversed(steps):
            chosen = ids[::step]
            command = (*_SCAN, "--select", ",".join(chosen), ".")
            start = least(command, empty, environment, rounds)
            rows.append({"size": len(chosen)} | without(least(command, tree, environment, rounds), start))
    return [{"size": 0} | start, *rows]


def exponents(rows: list[dict[str, float]]) -> dict[str, float]:
    """The slope of each figure's logarithm over the size's; the first row is start-up and does not count."""
    return {
        figure: round(_slope([(math.log(row["size"]), math.log(max(_LEAST, row[figure]))) for row in rows[1:]]), 2)
        for figure in ("processor", "seconds", "peak_mb", "private_mb")
    }


def _slope(points: list[tuple[float, float]]) -> float:
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    across = sum((x - middle_x) ** 2 for x, _ in points)
    return sum((x - middle_x) * (y - middle_y) for x, y in points) / across if across else 0.0


def main(arguments: list[str] | None = None) -> int:
    """Measures, prints, writes JSON; 1 when something grows faster than linearly."""
    options = parser(__doc__, peers=False)
    options.add_argument("repository", type=Path, metavar="REPO", help="a repository to replay")
    options.add_argument("--commits", type=int, default=500, help="how many of its last commits (default: 500)")
    options.add_argument("--rounds", type=int, default=5, help="turns of each, the best counts (default: 5)")
    options.add_argument("--steps", type=int, nargs="+", default=STEPS, help="how many times as much (default: 1 4 16)")
    options.add_argument("--bound", type=float, default=BOUND, help=f"the highest exponent to pass (default: {BOUND})")
    options.add_argument("--files", type=int, default=1000, help="made-up files for the rules (default: 1000)")
    options.add_argument("--bytes", type=int, default=19_000_000, help="bytes of them all (default: 19000000)")
    given = options.parse_args(arguments)
    with tempfile.TemporaryDirectory() as home:
        environment = isolated(Path(home))
        history = by_history(given.repository, environment, given.commits, given.rounds, given.steps)
        rules = by_rules(environment, given.files, given.bytes, given.rounds, given.steps)
        results: dict[str, Any] = {
            name: {"rows": rows, "exponents": exponents(rows)}
            for name, rows in (("objects of the history", history), ("rules", rules))
        }
        written("growth", results, given.output, environment, HISTORY)
    print(*growth(results), sep="\n")
    over = any(
        one["exponents"][figure] > given.bound for one in results.values() for figure in ("processor", "peak_mb")
    )
    print("\nFASTER THAN LINEAR" if over else "\nlinear or better")
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
