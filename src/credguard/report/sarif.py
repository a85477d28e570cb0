"""The SARIF 2.1.0 report (OASIS standard), as GitHub code scanning and other viewers read it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from credguard import HOME, __version__
from credguard.errors import ExitCode
from credguard.model.findings import Outcome, PartRole, Severity
from credguard.policy.model import ABOUT_THE_RUN
from credguard.report import make_printable, sanitize_data
from credguard.report.origin import describe_origin
from credguard.rules import load_rules
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from credguard.model.findings import Finding, Location, ScanResult, Skip, Verdict
    from credguard.rule import Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {Severity.CRITICAL: "error", Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note"}
# GitHub reads 9.0 and above as critical, 7.0 high, 4.0 medium, below low (docs.github.com, "SARIF support").
_SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "2.0"}
_PRECISION = {3: "very-high", 2: "high", 1: "medium"}
_MOST_RESULTS, _MOST_BYTES, _INDENT = 24_999, 9_000_000, 8
"""GitHub refuses logs of more results, and of more than 10 MB (docs.github.com, "SARIF support"); the rules take a
part of that."""
_LEFT_OUT = "{:,} more results are left out, which code scanning would not read: the JSON report has all of them"
_SUPPRESSED = {Outcome.INLINE: "inSource", Outcome.ALLOWED: "external", Outcome.BASELINE: "external"}


def render(result: ScanResult) -> bytes:
    """The log with one run, as UTF-8 JSON with a final newline."""
    rules = load_rules()
    own = {rule.id for rule in rules} | set(ABOUT_THE_RUN)
    custom = {
        verdict.finding.rule_id: verdict.finding for verdict in result.verdicts if verdict.finding.rule_id not in own
    }
    table = [*map(_build_rule, rules), *(_build_custom_rule(finding) for _, finding in sorted(custom.items()))]
    numbers = {str(rule["id"]): number for number, rule in enumerate(table)}
    driver = {
        "name": "credguard",
        "version": __version__,
        "semanticVersion": __version__,
        "informationUri": HOME,
        "rules": table,
        "properties": {"rulesHash": result.rules_hash, "policyHash": result.policy_hash},
    }
    shown = [verdict for verdict in result.verdicts if verdict.finding.rule_id not in ABOUT_THE_RUN]
    results = _fit_results(shown, numbers)
    checkouts = _build_provenance(result)
    run = {
        "tool": {"driver": driver},
        "invocations": [_build_invocation(result, len(shown) - len(results))],
        "columnKind": "utf16CodeUnits",
        "originalUriBaseIds": {"ROOT": {"description": {"text": "the folder that was scanned"}}},
        "results": results,
    } | ({"versionControlProvenance": checkouts} if checkouts else {})
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2).encode() + b"\n"


def _fit_results(verdicts: Sequence[Verdict], numbers: dict[str, int]) -> list[dict[str, object]]:
    """The results in order, as many as GitHub reads of one log: the most severe that block."""
    order = sorted(
        range(len(verdicts)), key=lambda n: (verdicts[n].outcome is not Outcome.REPORT, -verdicts[n].finding.severity)
    )
    kept: dict[int, dict[str, object]] = {}
    room = _MOST_BYTES
    for number in order[:_MOST_RESULTS]:
        built = _build_result(verdicts[number], numbers)
        text = json.dumps(built, indent=2)
        room -= len(text) + _INDENT * text.count("\n") + _INDENT + 2
        if room < 0:
            break
        kept[number] = built
    return [kept[number] for number in sorted(kept)]


def _build_provenance(result: ScanResult) -> list[dict[str, object]]:
    """What was scanned a checkout of, where it has the remote that SARIF needs; one alone is where all paths begin."""
    found = result.target.get("checkouts")
    known = [one for one in found if one.get("repositoryUri")] if isinstance(found, list) else []
    checkouts = [{str(k): make_printable(str(v)) for k, v in one.items()} for one in known]
    root = {"mappedTo": {"uriBaseId": "ROOT"}} if len(checkouts) == 1 else {}
    return [{**one, **root} for one in checkouts]


def _build_rule(rule: Rule) -> dict[str, object]:
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate((rule.hint, *rule.remediation), 1))
    page = "\n".join(line.strip() for line in rule.page.strip().splitlines())
    described: dict[str, object] = {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": page.partition("\n")[0] or rule.summary},
        "help": {"text": f"{page}\n\n{steps}", "markdown": f"{page}\n\n**What to do**\n\n{steps}"},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "tags": ["security", "credentials", *rule.practices],
            "precision": _PRECISION[int(rule.confidence)],
            "security-severity": _SCORES[rule.severity],
        },
    }
    return described | ({"helpUri": rule.references[0]} if rule.references else {})


def _build_custom_rule(finding: Finding) -> dict[str, object]:
    """A rule of the policy's own, as one of its findings speaks of it."""
    name = make_printable(finding.rule_name)
    steps = "\n".join(f"{number}. {make_printable(step)}" for number, step in enumerate(finding.remediation, 1))
    return {
        "id": finding.rule_id,
        "name": name,
        "shortDescription": {"text": name},
        "help": {"text": f"{name}\n\n{steps}", "markdown": f"{name}\n\n**What to do**\n\n{steps}"},
        "defaultConfiguration": {"level": _LEVELS[finding.severity]},
        "properties": {
            "tags": ["security", "credentials", *finding.practices],
            "precision": _PRECISION[int(finding.confidence)],
            "security-severity": _SCORES[finding.severity],
        },
    }


def _build_result(verdict: Verdict, numbers: dict[str, int]) -> dict[str, object]:
    finding = verdict.finding
    first, *others = finding.locations
    origin = describe_origin(finding)
    result: dict[str, object] = {
        "ruleId": finding.rule_id,
        "level": _LEVELS[finding.severity],
        "message": {"text": make_printable(finding.message) + (f"; {origin}" if origin else "")},
        "locations": [_build_location(first)],
        "partialFingerprints": {"credguard/v1": finding.fingerprint},
        "properties": _build_properties(verdict),
    }
    if finding.rule_id in numbers:
        result["ruleIndex"] = numbers[finding.rule_id]
    if others:
        result["relatedLocations"] = [
            _build_location(place) | {"id": number, "message": {"text": place.role.replace("_", " ")}}
            for number, place in enumerate(others, 1)
        ]
    if verdict.outcome in _SUPPRESSED:
        kind = _SUPPRESSED[verdict.outcome]
        justified = {"justification": make_printable(verdict.reason)} if verdict.reason else {}
        result["suppressions"] = [{"kind": kind, "status": "accepted"} | justified]
    return result


def _build_properties(verdict: Verdict) -> dict[str, object]:
    finding: Finding = verdict.finding
    return {
        "severity": finding.severity.label,
        "confidence": finding.confidence.label,
        "security-severity": _SCORES[finding.severity],
        "outcome": verdict.outcome,
        "practices": list(finding.practices),
        "remediation": [make_printable(step) for step in finding.remediation],
        "exposure": sanitize_data(dict(finding.exposure)),
    }


def _build_location(place: Location) -> dict[str, object]:
    start, end = place.utf16 or (place.column, place.end_column)
    region = {"startLine": place.line}
    if place.role != PartRole.FILE:
        region |= {"startColumn": start, "endLine": place.end_line, "endColumn": end}
    physical: dict[str, object] = {
        "artifactLocation": {"uri": format_uri(place.path), "uriBaseId": "ROOT"},
        "region": region,
    }
    where: dict[str, object] = {"physicalLocation": physical}
    return where | ({"logicalLocations": [{"name": place.commit, "kind": "commit"}]} if place.commit else {})


def format_uri(path: str) -> str:
    """A path as a relative URI reference (RFC 3986): every byte that could mean something is percent-encoded."""
    reference = quote(encode_path(path.lstrip("/")), safe="/") or "."
    return f"./{reference}" if reference.startswith("/") else reference


def _build_invocation(result: ScanResult, left_out: int) -> dict[str, object]:
    complete = result.coverage.complete and result.exit_code in (ExitCode.CLEAN, ExitCode.FINDINGS)
    return {
        "executionSuccessful": complete,
        "exitCode": int(result.exit_code),
        "toolExecutionNotifications": [
            *(_build_notification(skip) for skip in result.coverage.skipped),
            *(_build_notification(skip, "note", "left out") for skip in result.coverage.acknowledged),
            *({"level": "note", "message": {"text": make_printable(note)}} for note in result.coverage.notes),
            *([{"level": "warning", "message": {"text": _LEFT_OUT.format(left_out)}}] if left_out else []),
        ],
    }


def _build_notification(skip: Skip, level: str = "error", words: str = "not scanned") -> dict[str, object]:
    place = {"physicalLocation": {"artifactLocation": {"uri": format_uri(skip.path), "uriBaseId": "ROOT"}}}
    text = f"{words}: {make_printable(skip.path)}: {make_printable(skip.reason)}"
    return {"level": level, "message": {"text": text}, "locations": [place], "descriptor": {"id": "input-not-read"}}
