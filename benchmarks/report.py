"""Makes docs/benchmarks.md and its plot from what the scripts left: `report.py RESULTS_DIR [--docs DIR]`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Tables = Callable[[Mapping[str, Any]], Iterator[str]]

PLOT = "images/benchmarks.svg"
_NOTE = "<!-- Made by benchmarks/report.py from the results of the scripts beside it; run those. -->"
_TIMES = """\
Times are of the whole process, the middle one of all turns. Programs take turns in one run; "credguard / it" is the
middle one of the ratios turn by turn, under 1 where credguard is faster; "default rules / it" is the same without the
rule that only the strict policy asks for. "Largest process" is the peak resident memory of the largest process of a
call, with the files that it has mapped; "memory of its own" is the peak of what all its processes together hold
without mapped files. The scripts, the corpora and how to run them again:
[benchmarks/README.md](../benchmarks/README.md)."""
_SCALE = "Times in the plot are on a scale of logarithms; the tables below have the numbers."
SECTIONS = {
    "hook": ("The pre-commit hook", "A commit without a key is staged; then a key pair, to see who stops it."),
    "tree": ("Files", "Folders scanned as they lie on disk, the first made up from a seed."),
    "history": ("Histories", "Every object of a repository; `git cat-file` only reads and prints them."),
    "growth": (
        "Growth",
        "A history replayed with other contents, and made-up files scanned with ever more rules of CG1xx, credguard "
        "alone. Start-up is taken off the times. An exponent of 1 is linear, less is better.",
    ),
    "fleet": (
        "Fleets",
        "Small made-up repositories scanned by `credguard fleet run`, and results merged; each step once.",
    ),
    "quality": (
        "Right and wrong",
        "Labelled lines of public code: a report on a line that holds a credential is right, on another wrong. All "
        "kinds of credentials count, also passwords, which ours looks for only with all rules. The parts that rules "
        "were developed on and held out are told apart by file name.",
    ),
}

_TABLES: dict[str, Tables] = {
    "hook": tables.times, "tree": tables.times, "history": tables.times, "growth": tables.growth,
    "fleet": tables.fleet, "quality": tables.quality,
}  # fmt: skip


def load(folder: Path) -> dict[str, dict[str, Any]]:
    """The records of a folder by kind; raises ValueError where two are of one kind or there is none."""
    records: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["kind"] in records:
            raise ValueError(f"{path.name}: there is another result of {record['kind']}")
        records[record["kind"]] = record
    if not records:
        raise ValueError(f"no results in {folder}")
    return {kind: records[kind] for kind in SECTIONS if kind in records}


def page(records: Mapping[str, Mapping[str, Any]], *, plotted: bool = True) -> str:
    """The Markdown of all records."""
    lines = [_NOTE, "", "# Benchmarks", "", *_machines(records), "", *_TIMES.splitlines()]
    if plotted:
        lines += ["", f"![Times of each program, growth, and what was found]({PLOT})", "", _SCALE]
    for kind, record in records.items():
        title, words = SECTIONS[kind]
        lines += [
            "",
            f"## {title}",
            "",
            words,
            *_corpora(record),
            *_TABLES[kind](record["results"]),
            *_commands(record),
        ]
    return "\n".join(lines) + "\n"


def _machines(records: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What was measured on and when; one line for all that share it."""
    told: dict[str, list[str]] = {}
    for kind, record in records.items():
        one = record["machine"]
        versions = ", ".join(f"{name} {version}" for name, version in one["versions"].items())
        memory = f", {one['memory_gb']} GB" if one["memory_gb"] else ""
        words = (
            f"{one['system']}, {one['cpu']}, {one['cores']} cores{memory}, Python {one['python']}; {versions}. "
            f"Measured on {record['date']}"
        )
        told.setdefault(words, []).append(SECTIONS[kind][0].lower())
    for words, kinds in told.items():
        yield f"{words}." if len(told) == 1 else f"- {words}: {', '.join(kinds)}."


def _corpora(record: Mapping[str, Any]) -> Iterator[str]:
    """The histories that were looked at."""
    if record.get("corpora"):
        yield from ("", "| repository | HEAD | has the named commit | commits | objects |", "|---|---|---|---|---|")
    for one in record.get("corpora") or ():
        wanted = f"{one['wanted'][:12]}: {'yes' if one['has_it'] else 'NO'}" if one["wanted"] else "none named"
        yield f"| {one['name']} | {one['head'][:12]} | {wanted} | {one['commits']:,} | {one['objects']:,} |"


def _commands(record: Mapping[str, Any]) -> Iterator[str]:
    """How each program was called."""
    called = record["commands"]
    if called:
        arguments = " ".join(record["arguments"])
        yield from (
            "",
            f"Called with `{arguments or 'no options'}`, and each program as:",
            "",
            "| program | command |",
            "|---|---|",
        )
    for name, words in called.items():
        yield f"| {name} | `{words}` |"


def main(arguments: list[str] | None = None) -> int:
    """Writes the page and, where matplotlib is there, the plot; 2 where there is nothing to write from."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, metavar="RESULTS_DIR", help="a folder with the JSON of the scripts")
    parser.add_argument("--docs", type=Path, default=Path(__file__).parent.parent / "docs", metavar="DIR")
    given = parser.parse_args(arguments)
    try:
        records = load(given.results)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        import plot
    except ModuleNotFoundError as error:
        print(f"no plot: {error}; it comes with `pip install .[bench]`", file=sys.stderr)
        plotted = False
    else:
        plot.draw(records, given.docs / PLOT)
        plotted = True
    given.docs.mkdir(parents=True, exist_ok=True)
    (given.docs / "benchmarks.md").write_text(page(records, plotted=plotted), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
