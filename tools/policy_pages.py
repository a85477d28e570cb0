"""Writes the policy's JSON Schema and the table of its reference page, both from the table that validates policies."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from credguard.policy.json_schema import build_policy_schema, render_reference
from credguard.rules import load_rules

ROOT = Path(__file__).parent.parent
SCHEMA = ROOT / "src" / "credguard" / "policy.schema.json"
PAGE = ROOT / "docs" / "policy.md"
BEGIN, END = "<!-- keys: written by tools/policy_pages.py -->\n", "<!-- end of keys -->\n"


def pages() -> dict[Path, str]:
    """What the files have to hold."""
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    return {
        SCHEMA: json.dumps(build_policy_schema({rule.id: rule.name for rule in load_rules()}), indent=1) + "\n",
        PAGE: head + BEGIN + "\n" + render_reference() + "\n" + END + tail,
    }


def stale() -> list[str]:
    """The files that hold something else."""
    return [
        str(path.relative_to(ROOT))
        for path, text in pages().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(f"stale: {', '.join(stale())}; run python tools/policy_pages.py" if stale() else 0)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
