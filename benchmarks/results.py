"""The options that the scripts share, and the JSON that each leaves for the report."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from programs import machine, stated
from turns import LIMIT, SLOW

if TYPE_CHECKING:
    from collections.abc import Mapping

    from turns import Command


def parser(words: str | None, rounds: int = 0, *, peers: bool = True) -> argparse.ArgumentParser:
    """A parser with the options that many scripts have; those for turns where it is said how many there are."""
    made = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    if peers:
        made.add_argument("--peers", type=Path, metavar="DIR", help="a folder with other programs in its bin/")
    if rounds:
        made.add_argument("--rounds", type=int, default=rounds, help=f"turns of each program (default: {rounds})")
        made.add_argument("--slow", type=float, default=SLOW, help="seconds after which a program has one turn only")
        made.add_argument("--limit", type=float, default=LIMIT, help="seconds after which a program is stopped")
    made.add_argument("--output", type=Path, metavar="FILE", help="write the results as JSON")
    return made


def written(
    kind: str,
    results: Any,  # noqa: ANN401 - each script's own shape, as JSON has it
    output: Path | None,
    environment: Mapping[str, str],
    commands: Mapping[str, Command] | None = None,
    **more: object,
) -> dict[str, Any]:
    """The whole record of one script, also written to its file where one is named."""
    record = {
        "kind": kind,
        "date": date.today().isoformat(),
        "arguments": [Path(word).name if word.startswith("/") else word for word in sys.argv[1:]],
        "machine": machine(environment),
        "commands": stated(commands or {}),
        **more,
        "results": results,
    }
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return record
