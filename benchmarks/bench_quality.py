"""How right programs are on labelled lines: `bench_quality.py LINES.jsonl [--files DIR] [--peers DIR]`.

Each row has `file`, `label` (T a credential, F none, X an example), `text` (lines), `before` and `after`. A finding
on one of the lines of a T row is right, on those of another row wrong. Ours runs with its default rules and with all;
its rows are also told apart in two parts by their file's name, so that what was learnt on one can be checked on the
other. Other programs are run once over a folder in which every row is a file of its own, its name kept.

With `--files`, the rows' `file` and `line` (from 1) are places in that folder, and whole files are scanned: a finding
on a line of a T row is right, on any other line of the folder wrong. This is what a user meets; scored on chosen lines
alone, precision looks better.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from credguard.model.findings import Blob
from credguard.rule import get_default_part
from credguard.rules import get_rule, load_rules
from credguard.scanning.scanner import Scanner
from peer_findings import findings
from programs import LINES, isolated, present
from results import parser, written
from tables import quality
from whole_files import list_lines, match_lines, scan_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from credguard.model.findings import Finding

Row = dict[str, Any]


@dataclass(slots=True)
class Score:
    """Rows found and missed, by rule."""

    wanted: int = 0
    right: int = 0
    wrong: int = 0
    by_rule: dict[str, Counter[bool]] = field(default_factory=lambda: defaultdict(Counter))
    missed: list[Row] = field(default_factory=list)
    false: list[tuple[Row, list[str]]] = field(default_factory=list)

    def add(self, row: Row, rules: list[str]) -> None:
        """Counts one row, on which these rules have spoken."""
        true = row["label"] == "T"
        self.wanted += true
        for rule in rules:
            self.by_rule[rule][true] += 1
        if rules:
            self.right += true
            self.wrong += not true
            if not true:
                self.false.append((row, rules))
        elif true:
            self.missed.append(row)

    def as_json(self) -> dict[str, Any]:
        """Counts, recall, precision, and right and wrong rows of each rule."""
        told = self.right + self.wrong
        return {
            "wanted": self.wanted,
            "right": self.right,
            "wrong": self.wrong,
            "recall": self.right / self.wanted if self.wanted else 0.0,
            "precision": self.right / told if told else 1.0,
            "by_rule": {rule: {"right": n[True], "wrong": n[False]} for rule, n in sorted(self.by_rule.items())},
        }


def text_of(row: Row) -> bytes:
    """The row's lines with those around them."""
    return "\n".join((*row["before"], *row["text"], *row["after"])).encode("utf-8", "surrogateescape")


def lines_of(row: Row) -> tuple[int, int]:
    """The first and the last of the row's own lines in that text."""
    first = len(row["before"]) + 1
    return first, first + len(row["text"]) - 1


def told(scanner: Scanner, row: Row, *, strict: bool) -> list[str]:
    """The IDs of the rules that speak of the row's own lines; if not `strict`, as surely as the default asks for."""
    first, last = lines_of(row)
    found: Iterable[Finding] = scanner.scan_blob(Blob(text_of(row), row["file"]))
    return sorted(
        {
            finding.rule_id
            for finding in found
            if (strict or finding.confidence >= get_rule(finding.rule_id).least)
            and any(place.line <= last and place.end_line >= first for place in finding.locations)
        }
    )


def half(row: Row) -> str:
    """The part that a row belongs to: two thirds to develop with, one to check."""
    name = row["file"].split("/")[-1].split(".")[0]
    return "held out" if blake2b(name.encode(), digest_size=1).digest()[0] % 3 == 0 else "developed on"


def ours(rows: list[Row], *, strict: bool, folder: Path | None = None) -> dict[str, Score]:
    """The scores of credguard: of all rows, and of each part."""
    rules = [rule if strict else get_default_part(rule) for rule in load_rules() if rule.check_blob]
    scanner = Scanner(rules, cache=False)
    scores: dict[str, Score] = defaultdict(Score)
    if folder:
        for row, spoken in match_lines(list_lines(rows), scan_files(scanner, folder, strict=strict)):
            scores["all"].add(row, spoken)
    for row in rows if not folder else ():
        spoken = told(scanner, row, strict=strict)
        for part in ("all", half(row)):
            scores[part].add(row, spoken)
    if scanner.failures:
        print(f"{len(scanner.failures)} failures", file=sys.stderr)
    return scores


def spread(rows: list[Row], folder: Path) -> dict[str, Row]:
    """Writes every row as a file of its own below the folder; gives the rows by these paths."""
    placed = {}
    for number, row in enumerate(rows):
        path = PurePosixPath(f"row{number}") / PurePosixPath(row["file"].replace("..", "_").lstrip("/"))
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text_of(row) + b"\n")
        placed[str(path)] = row
    return placed


def peers_on_files(rows: list[Row], folder: Path, environment: Mapping[str, str]) -> Iterator[tuple[str, Score]]:
    """The scores of the other programs that are there, on whole files."""
    for name, command in present(LINES, environment).items():
        score = Score()
        for row, spoken in match_lines(list_lines(rows), findings(name, command, folder, environment)):
            score.add(row, spoken)
        yield name, score


def peers(rows: list[Row], environment: Mapping[str, str]) -> Iterator[tuple[str, Score]]:
    """The scores of the other programs that are there."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place).resolve()
        placed = spread(rows, folder)
        for name, command in present(LINES, environment).items():
            spoken: dict[str, set[str]] = defaultdict(set)
            for one in findings(name, command, folder, environment):
                first, last = lines_of(placed[one.path]) if one.path in placed else (0, -1)
                if one.first <= last and one.last >= first:
                    spoken[one.path].add(one.rule)
            score = Score()
            for path, row in placed.items():
                score.add(row, sorted(spoken[path]))
            yield name, score


def main(arguments: list[str] | None = None) -> int:
    """Prints the scores and writes JSON."""
    options = parser(__doc__)
    options.add_argument("lines", type=Path, metavar="LINES.jsonl")
    options.add_argument("--files", type=Path, metavar="DIR", help="the whole files that `file` and `line` name")
    options.add_argument("--show", choices=("wrong", "missed"), help="print these lines of ours, of the developed part")
    options.add_argument("--strict", action="store_true", help="of ours only the run with all rules")
    given = options.parse_args(arguments)
    rows = [json.loads(line) for line in given.lines.read_text(encoding="utf-8").splitlines()]
    scores: dict[str, Score] = {}
    for strict in (True,) if given.strict else (False, True):
        name = "credguard, all rules" if strict else "credguard, default rules"
        for part, score in sorted(ours(rows, strict=strict, folder=given.files).items()):
            scores[name if part == "all" else f"{name}: {part}"] = score
            if part == ("all" if given.files else "developed on"):
                _show(score, given.show)
    with tempfile.TemporaryDirectory() as home:
        environment = isolated(Path(home), given.peers)
        if given.peers:
            scores |= dict(
                peers_on_files(rows, given.files.resolve(), environment) if given.files else peers(rows, environment)
            )
        results = {name: score.as_json() for name, score in scores.items()}
        written("quality", results, given.output, environment, present(LINES, environment), lines=len(rows))
    print(*quality(results), sep="\n")
    _print_rules(results)
    return 0


def _print_rules(results: Mapping[str, Any]) -> None:
    for name, one in results.items():
        if name.startswith("credguard") and ":" not in name:
            print(f"\n{name}")
            for rule, counts in one["by_rule"].items():
                print(f"  {rule}  right {counts['right']:4}  wrong {counts['wrong']:4}")


def _show(score: Score, which: str | None) -> None:
    """Prints lines: whose they are, the kind of file, the first of them."""
    if which == "wrong":
        for row, rules in score.false:
            print(row["label"], ",".join(rules), row["file"].rpartition(".")[2], row["text"][0].strip()[:200])
    elif which:
        for row in score.missed:
            print(row["category"], row["file"].rpartition(".")[2], row["text"][0].strip()[:200])


if __name__ == "__main__":
    sys.exit(main())
