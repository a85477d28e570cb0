"""How right the rules are on labelled lines: `bench_quality.py LINES.jsonl`, default rules and strict ones.

Each row has `file`, `label` (T a credential, F none, X an example), `text` (lines), `before` and `after`. A finding
on one of the lines of a T row is right, on those of another row wrong. Rows are also told apart in two parts by
their file's name, so that what was learnt on one can be checked on the other.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from credguard.model import Blob
from credguard.rules import all_rules
from credguard.scan import Scanner

if TYPE_CHECKING:
    from collections.abc import Iterable

    from credguard.model import Finding

Row = dict[str, Any]


@dataclass(slots=True)
class Score:
    """Lines found and missed, by rule."""

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

    @property
    def words(self) -> str:
        """Recall and precision."""
        told = self.right + self.wrong
        recall = self.right / self.wanted if self.wanted else 0.0
        precision = self.right / told if told else 1.0
        return (
            f"recall {recall:.4f}, precision {precision:.4f} ({self.right} of {self.wanted} lines, {self.wrong} wrong)"
        )


def told(scanner: Scanner, row: Row) -> list[str]:
    """The IDs of the rules that speak of the row's own lines."""
    first = len(row["before"]) + 1
    last = first + len(row["text"]) - 1
    text = "\n".join((*row["before"], *row["text"], *row["after"]))
    findings: Iterable[Finding] = scanner.blob(Blob(text.encode("utf-8", "surrogateescape"), row["file"]))
    return sorted(
        {
            finding.rule_id
            for finding in findings
            if any(place.line <= last and place.end_line >= first for place in finding.locations)
        }
    )


def half(row: Row) -> str:
    """The part that a row belongs to: two thirds to develop with, one to check."""
    name = row["file"].split("/")[-1].split(".")[0]
    return "held out" if blake2b(name.encode(), digest_size=1).digest()[0] % 3 == 0 else "developed on"


def main(arguments: list[str]) -> int:
    """Prints the scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", type=Path)
    parser.add_argument("--show", choices=("wrong", "missed"), help="print these lines, of the developed part")
    parser.add_argument("--strict", action="store_true", help="only with the rules that strict adds")
    options = parser.parse_args(arguments)
    rows = [json.loads(line) for line in options.lines.read_text(encoding="utf-8").splitlines()]
    for strict in (True,) if options.strict else (False, True):
        _measure(rows, strict=strict, show=options.show)
    return 0


def _measure(rows: list[Row], *, strict: bool, show: str | None) -> None:
    scanner = Scanner([rule for rule in all_rules() if rule.check_blob and (strict or rule.by_default)], cache=False)
    scores: dict[str, Score] = defaultdict(Score)
    for row in rows:
        rules = told(scanner, row)
        for part in ("all", half(row)):
            scores[part].add(row, rules)
    print(f"\n{'strict' if strict else 'default'}: {len(rows)} lines, {len(scanner.failures)} failures")
    for part, score in sorted(scores.items()):
        print(f"  {part:13}{score.words}")
    for rule, counts in sorted(scores["all"].by_rule.items()):
        print(f"    {rule}  right {counts[True]:4}  wrong {counts[False]:4}")
    if show == "wrong":
        for row, rules in scores["developed on"].false:
            print(row["label"], ",".join(rules), row["file"].rpartition(".")[2], row["text"][0].strip()[:200])
    elif show:
        for row in scores["developed on"].missed:
            print(row["category"], row["file"].rpartition(".")[2], row["text"][0].strip()[:200])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
