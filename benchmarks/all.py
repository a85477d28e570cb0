"""Runs every benchmark, then writes the page: `all.py --output DIR [--peers DIR] [--corpora DIR] [--lines FILE]`.

What is not given is left out: histories and growth without corpora, labelled lines without their file.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from corpora import histories
from programs import ROOT, isolated
from report import SECTIONS
from results import parser

SMALL = {
    "hook": "--scale 0.01",
    "tree": "--files 60 --bytes 600000",
    "growth": "--commits 3 --steps 1 2 --files 20 --bytes 100000 --bound 99",
    "fleet": "--repositories 3 --simulate 20",
}
UNPAIRED = ("quality", "fleet")
"""What has no turns."""
HERE = Path(__file__).parent
GROWING = "psf/black"
"""The history that is replayed."""


def main(arguments: list[str] | None = None) -> int:
    """Runs the scripts one after the other; 1 when one of them or the report failed."""
    options = parser(__doc__)
    options.add_argument("--corpora", type=Path, metavar="DIR", help="a folder with the named histories")
    options.add_argument("--lines", type=Path, metavar="FILE", help="labelled lines")
    options.add_argument("--only", action="append", choices=SECTIONS, metavar="NAME", help="one of them; repeatable")
    options.add_argument("--small", action="store_true", help="everything in small, to see that it works")
    options.add_argument("--rounds", type=int, help="turns of each program (default: each script's own)")
    options.add_argument("--docs", type=Path, default=ROOT / "docs", metavar="DIR", help="where the page goes")
    options.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="real folders to scan")
    given = options.parse_args(arguments)
    if not given.output:
        options.error("--output is missing: the folder for the results")
    peers = ("--peers", str(given.peers.resolve())) if given.peers else ()
    folders = [str(folder.resolve()) for folder in given.folders]
    jobs: dict[str, tuple[str, ...]] = {"hook": peers, "tree": (*peers, *folders), "fleet": ()}
    if given.corpora:
        jobs["history"] = (*peers, "--corpora", str(given.corpora.resolve()))
        jobs["growth"] = _growing(given.corpora)
    if given.lines:
        jobs["quality"] = (*peers, str(given.lines.resolve()))
    rounds = ("--rounds", str(given.rounds)) if given.rounds else ()
    failed = []
    for name, words in jobs.items():
        if name not in (given.only or jobs):
            continue
        more = (*(rounds if name not in UNPAIRED else ()), *(SMALL.get(name, "").split() if given.small else ()))
        if not _run(name, (*words, *more), given.output):
            failed.append(name)
    report = (sys.executable, str(HERE / "report.py"), str(given.output), "--docs", str(given.docs))
    if subprocess.run(report, check=False).returncode:
        failed.append("report")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return int(bool(failed))


def _growing(corpora: Path) -> tuple[str, ...]:
    """The repository to replay: black, or else the first that is there."""
    with tempfile.TemporaryDirectory() as home:
        found = {one.name: one.folder for one in histories(corpora, isolated(Path(home)))}
    return (str(found.get(GROWING) or next(iter(found.values()), corpora)),)


def _run(name: str, words: tuple[str, ...], output: Path) -> bool:
    """Whether a script ended well; growth over its bound is written down, and is a failure too."""
    print(f"\n== {name}", flush=True)
    command = (sys.executable, str(HERE / f"bench_{name}.py"), *words, "--output", str(output / f"{name}.json"))
    return subprocess.run(command, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
