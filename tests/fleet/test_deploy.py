"""What deploy/ and the page of fleets call exists as they call it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from credguard.cli import build_parser

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "deploy").glob("*.*"), ROOT / "docs" / "fleet.md"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_call_is_understood(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    calls = [
        shlex.split(call.partition(" || ")[0].partition("'")[0].partition("  #")[0], comments=True)
        for call in re.findall(r"credguard (fleet [a-z]+ [^\n`]*)", text)
        if "STORE" not in call
    ]
    if path.suffix == ".yml":
        document = yaml.safe_load(text)
        assert document
        if document.get("kind") == "Job":
            calls.append(document["spec"]["template"]["spec"]["containers"][0]["args"])
    assert calls
    for call in calls:
        options = build_parser(["fleet"]).parse_args(call)
        assert options.step == call[1]
