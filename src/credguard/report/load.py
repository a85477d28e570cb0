"""Reads a saved JSON report back, to convert it or to compare it with another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from credguard.errors import CredguardError, ExitCode
from credguard.model.findings import (
    Confidence,
    Coverage,
    Finding,
    Location,
    Outcome,
    ScanResult,
    Severity,
    Skip,
    SourceLine,
    Verdict,
)
from credguard.model.practice import PracticeStatus, Standing
from credguard.model.practices import MARKS, PRACTICES
from credguard.report import sanitize_data

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def load_report(path: Path) -> ScanResult:
    """The result that `--format json` wrote to `path`; raises CredguardError when the file is none of ours."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise CredguardError(f"{path} could not be read: {error.strerror}", "check the name") from error
    try:
        report = cast("dict[str, Any]", sanitize_data(json.loads(text)))
        if report["schema_version"] != 1 or report["tool"]["name"] != "credguard":
            raise ValueError
        return parse_result(report)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise make_foreign_error(path) from error


def make_foreign_error(path: Path) -> CredguardError:
    """The error for a file that is none of ours."""
    hint = "write one with `credguard audit --format json --output FILE`"
    return CredguardError(f"{path} is no JSON report of credguard, schema version 1", hint)


def parse_result(report: dict[str, Any]) -> ScanResult:
    """The result that a parsed report stands for; raises KeyError, TypeError, ValueError or AttributeError
    for what is none."""
    counted = report["coverage"]
    skipped, acknowledged = (
        [Skip(str(skip["path"]), str(skip["reason"])) for skip in skips]
        for skips in (counted["skipped"], counted.get("acknowledged", ()))
    )
    coverage = Coverage(
        **{name: int(counted[name]) for name in ("files", "blobs", "commits", "bytes")},
        skipped=skipped,
        acknowledged=acknowledged,
        notes=[str(note) for note in counted["notes"]],
    )
    verdicts = tuple(parse_verdict(finding) for finding in report["findings"])
    tool = report["tool"]
    return ScanResult(
        dict(report["target"]), verdicts, coverage, ExitCode(report["exit_code"]), str(tool["rules_hash"]),
        str(tool["policy_hash"]), tuple(_parse_standings(report.get("practices", ()))),
    )  # fmt: skip


def _parse_standings(saved: list[dict[str, Any]]) -> Iterator[Standing]:
    """The scorecard as it was; a practice that this version does not know is left out."""
    known = {practice.id: practice for practice in PRACTICES}
    for one in saved:
        if one["id"] in known and one["status"] in MARKS:
            places = tuple(str(place) for place in one["enforced_in"])
            reason = str(one.get("reason", ""))
            accepted, rules = int(one.get("accepted", 0)), tuple(str(rule) for rule in one.get("rules", ()))
            yield Standing(
                known[one["id"]], PracticeStatus(one["status"]), int(one["findings"]), reason, places, accepted, rules
            )


def parse_verdict(saved: dict[str, Any]) -> Verdict:
    """The verdict that an entry of `findings` stands for; raises as `result` does."""
    if not saved["locations"]:
        raise ValueError
    finding = Finding(
        str(saved["rule_id"]), str(saved["rule_name"]), Severity[saved["severity"].upper()],
        Confidence[saved["confidence"].upper()], str(saved["message"]), str(saved["fingerprint"]),
        tuple(_parse_location(place) for place in saved["locations"]), dict(saved["attributes"]),
        tuple(str(practice) for practice in saved["practices"]), tuple(str(step) for step in saved["remediation"]),
        dict(saved["exposure"]),
        context=tuple(SourceLine(int(line["line"]), str(line["text"])) for line in saved.get("context", ())),
    )  # fmt: skip
    by, until = str(saved.get("outcome_by", "")), str(saved.get("outcome_until", ""))
    return Verdict(finding, Outcome(saved["outcome"]), str(saved["outcome_reason"]), by, until)


def _parse_location(saved: dict[str, Any]) -> Location:
    utf16 = (int(saved["utf16_column"]), int(saved["utf16_end_column"])) if "utf16_column" in saved else None
    line, column, end_line, end_column = (int(saved[name]) for name in ("line", "column", "end_line", "end_column"))
    commit = None if saved["commit"] is None else str(saved["commit"])
    return Location(str(saved["path"]), line, column, end_line, end_column, str(saved["role"]), commit, utf16)
