"""Times the scan of folders beside other programs, in turns: `bench_tree.py [FOLDER…] --peers DIR`.

A tree of made-up files comes first, the same each time; then the folders that are named, as they lie on disk.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from corpora import make_tree
from programs import TREE, isolated, present
from results import parser, written
from tables import times
from turns import as_json, measure


def counted(folder: Path) -> str:
    """How many files and bytes lie there."""
    sizes = [path.lstat().st_size for path in folder.rglob("*") if path.is_file()]
    return f"{len(sizes):,} files, {sum(sizes) / 1e6:.1f} MB"


def main(arguments: list[str] | None = None) -> None:
    """Measures, prints tables, and writes JSON."""
    options = parser(__doc__, rounds=7)
    options.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="real folders, beside the made-up one")
    options.add_argument("--files", type=int, default=5000, help="made-up files (default: 5000; 0 for none)")
    options.add_argument("--bytes", type=int, default=94_000_000, help="bytes of them all (default: 94000000)")
    given = options.parse_args(arguments)
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as place:
        environment = isolated(Path(home), given.peers)
        programs = present(TREE, environment)
        made = Path(place) / "made-up"
        if given.files:
            make_tree(made, given.files, given.bytes)
        results: dict[str, Any] = {}
        for folder in (*([made] if given.files else []), *given.folders):
            timings = measure(folder, programs, environment, given.rounds, slow=given.slow, limit=given.limit)
            results[f"{folder.name}: {counted(folder)}"] = as_json(timings)
        record = written("tree", results, given.output, environment, programs)
    print(*times(record["results"]), sep="\n")


if __name__ == "__main__":
    main()
