"""Shows how time and memory grow with a history and with the number of rules: `bench_growth.py REPO`.

The repository's main line is replayed one, four and sixteen times, each time with other contents,
so that every replay adds as many objects as the first. Both must grow no faster than linearly.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from bench_history import call
from bench_hook import isolated, machine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

REPLAYS = (1, 4, 16)
AUDIT = (sys.executable, "-m", "credguard", "scan", "--history", "--no-progress", "--format", "json")
SCAN = (sys.executable, "-m", "credguard", "scan", "--no-progress", "--quiet")
SLACK = 1.15
"""How much faster than linearly a measured figure may grow before it counts as faster: timing is noisy."""


def replayed(source: Path, folder: Path, times: int, environment: dict[str, str], most: int) -> None:
    """Makes in `folder` a repository that holds the last `most` commits of `source` so many times."""
    git(folder, environment, "init", "--quiet", "--bare", ".")
    with subprocess.Popen(
        ["git", "fast-import", "--quiet", "--force"],  # noqa: S607
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
    ) as importer:
        assert importer.stdin  # noqa: S101
        for number in range(times):
            export = ("git", "fast-export", "--reencode=no", f"--max-count={most}", "HEAD")
            with subprocess.Popen(export, cwd=source, env=environment, stdout=subprocess.PIPE) as exporter:  # noqa: S603
                assert exporter.stdout  # noqa: S101
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


def git(folder: Path, environment: dict[str, str], *args: str) -> None:
    """Runs git; raises CalledProcessError when it fails."""
    subprocess.run(["git", *args], cwd=folder, env=environment, check=True)  # noqa: S603, S607


def by_history(source: Path, environment: dict[str, str], most: int, rounds: int) -> list[dict[str, float]]:
    """Seconds and peak MB of a scan of each replay, the best of some rounds."""
    rows = []
    for times in REPLAYS:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            replayed(source, folder, times, environment, most)
            measured = [call(AUDIT, folder, environment) for _ in range(rounds)]
            objects = subprocess.run(
                ["git", "rev-list", "--objects", "--all", "--count"], cwd=folder, env=environment, text=True,  # noqa: S607
                capture_output=True, check=True,
            ).stdout  # fmt: skip
            seconds = min(one[0] for one in measured)
            peak = max(one[2] for one in measured) / 1e6
            rows.append({"replays": times, "objects": int(objects), "seconds": seconds, "peak_mb": peak})
    return rows


def by_rules(tree: Path, environment: dict[str, str], rounds: int) -> list[dict[str, float]]:
    """Seconds of a scan of a folder with a quarter, half and all of the rules."""
    listed = subprocess.run(
        [sys.executable, "-m", "credguard", "rules", "--format", "json"],
        env=environment,
        capture_output=True,
        check=True,
    ).stdout
    ids = [rule["id"] for rule in json.loads(listed)]
    rows = []
    for share in (4, 2, 1):
        chosen = ids[::share]
        command = (*SCAN, "--select", ",".join(chosen), str(tree))
        seconds = min(call(command, tree, environment)[0] for _ in range(rounds))
        rows.append({"rules": len(chosen), "seconds": seconds})
    return rows


def main() -> int:
    """Measures, prints, writes JSON; 1 when something grows faster than linearly."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("repository", type=Path, metavar="REPO", help="a repository to replay")
    parser.add_argument("--commits", type=int, default=500, help="how many of its last commits (default: 500)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each, the best counts (default: 3)")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the results as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        environment = isolated(Path(home))
        history = by_history(options.repository, environment, options.commits, options.rounds)
        rules = by_rules(options.repository, environment, options.rounds)
    report = {"machine": machine(), "history": history, "rules": rules}
    print(json.dumps(report, indent=1))
    if options.output:
        options.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    linear = all(
        after["seconds"] / before["seconds"] <= SLACK * after["objects"] / before["objects"]
        for before, after in pairwise(history)
    )
    print("linear or better" if linear else "FASTER THAN LINEAR")
    return 0 if linear else 1


if __name__ == "__main__":
    sys.exit(main())
