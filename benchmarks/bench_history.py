"""Times the scan of whole histories beside git itself and others: `bench_history.py --corpora DIR [REPO…] --peers DIR`.

The histories are those of corpora.py, by name and commit; DIR holds them, as `owner+name/repo`, `owner/name` or `name`.
Each is looked at as it lies there; whether it has the named commit, and what else it holds, is said and recorded.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from corpora import HISTORIES, histories, history
from programs import HISTORY, isolated, present
from results import parser, written
from tables import times
from turns import as_json, measure

TARGETS = {"git cat-file": 1.5, "betterleaks": 0.5, "gitleaks": 0.3, "kingfisher": 0.2}
"""The share of another's time that ours may take."""


def main(arguments: list[str] | None = None) -> None:
    """Measures, prints tables, and writes JSON."""
    options = parser(__doc__, rounds=7)
    options.add_argument("repositories", nargs="*", type=Path, metavar="REPO", help="others, bare or not")
    options.add_argument("--corpora", type=Path, metavar="DIR", help="a folder with the named histories")
    options.add_argument("--only", action="append", choices=HISTORIES, metavar="NAME", help="of these one; repeatable")
    given = options.parse_args(arguments)
    with tempfile.TemporaryDirectory() as home:
        environment = isolated(Path(home), given.peers)
        programs = present(HISTORY, environment)
        named = list(histories(given.corpora, environment)) if given.corpora else []
        found = [one for one in named if one.name in (given.only or HISTORIES)]
        found += [history(folder, environment) for folder in given.repositories]
        if not found:
            options.error("no history is there: name some, or the folder where they lie")
        results: dict[str, Any] = {}
        for one in found:
            print(one.words(), file=sys.stderr)
            timings = measure(one.folder, programs, environment, given.rounds, slow=given.slow, limit=given.limit)
            results[one.name] = as_json(timings, TARGETS)
        corpora = [one.as_json() for one in found]
        record = written("history", results, given.output, environment, programs, corpora=corpora)
    print(*times(record["results"]), sep="\n")


if __name__ == "__main__":
    main()
