"""Runs other programs over a folder and reads their findings from their JSON: path, first and last line, rule."""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from turns import Command


class Told(NamedTuple):
    """One place that a program reports."""

    path: str
    """Below the folder."""
    first: int
    last: int
    rule: str


def findings(name: str, command: Command, folder: Path, environment: Mapping[str, str]) -> list[Told]:
    """All places that a program reports in a folder; raises ValueError where its report is missing or not readable."""
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.json"
        words = [str(report) if word == "{report}" else word for word in command]
        done = subprocess.run(words, cwd=folder, env=dict(environment), capture_output=True, check=False)
        try:
            text = report.read_text(encoding="utf-8") if "{report}" in command else done.stdout.decode()
        except FileNotFoundError as error:
            raise ValueError(f"{name} left no report; it ended with {done.returncode}") from error
    return [told._replace(path=_below(told.path, folder)) for told in _READERS[name](text)]


def _below(path: str, folder: Path) -> str:
    """A reported path as one below the folder, however it was spelled."""
    pure = PurePosixPath(path)
    return str(pure.relative_to(folder) if pure.is_relative_to(folder) else pure)


def _gitleaks(text: str) -> Iterator[Told]:
    for one in json.loads(text):
        yield Told(one["File"], one["StartLine"], one["EndLine"], one["RuleID"])


def _betterleaks(text: str) -> Iterator[Told]:
    """A finding may have further parts, such as the secret that goes with a key ID."""
    for one in json.loads(text)["findings"]:
        parts = [part for group in one.get("component_sets") or () for part in group["components"]]
        for part in (one, *parts):
            place = part["location"]
            yield Told(place["path"], place["start_line"], place["end_line"], part["rule_id"])


def _kingfisher(text: str) -> Iterator[Told]:
    """It tells one line of each; what else belongs to a finding comes without a line."""
    for one in json.loads(text)["findings"]:
        found: dict[str, Any] = one["finding"]
        yield Told(found["path"], found["line"], found["line"], one["rule"]["id"])


def _trufflehog(text: str) -> Iterator[Told]:
    for line in text.splitlines():
        one = json.loads(line) if line.startswith("{") else {}
        if "SourceMetadata" in one:
            place = one["SourceMetadata"]["Data"]["Filesystem"]
            number = place.get("line", 1)
            yield Told(place["file"], number, number, one["DetectorName"])


def _detect_secrets(text: str) -> Iterator[Told]:
    for path, found in json.loads(text)["results"].items():
        for one in found:
            yield Told(path, one["line_number"], one["line_number"], one["type"])


_READERS: dict[str, Callable[[str], Iterator[Told]]] = {
    "gitleaks": _gitleaks,
    "betterleaks": _betterleaks,
    "kingfisher": _kingfisher,
    "trufflehog": _trufflehog,
    "detect-secrets": _detect_secrets,
}
