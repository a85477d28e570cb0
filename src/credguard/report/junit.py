"""The JUnit XML report: a test suite whose failures are findings and whose errors are inputs not scanned."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from credguard.model.findings import Outcome
from credguard.policy.model import ABOUT_THE_RUN
from credguard.report import make_printable
from credguard.report.origin import describe_origin, format_place, is_gone
from credguard.rules.tool.input_not_read import RULE as NOT_READ

if TYPE_CHECKING:
    from credguard.model.findings import ScanResult, Skip, Verdict


def render(result: ScanResult) -> bytes:
    """The report as UTF-8 XML; what does not block is a skipped test."""
    verdicts = [v for v in result.verdicts if v.finding.rule_id not in ABOUT_THE_RUN]
    failures = sum(v.outcome is Outcome.REPORT for v in verdicts)
    counts = {
        "tests": str(len(verdicts) + len(result.coverage.skipped) + len(result.coverage.acknowledged) or 1),
        "failures": str(failures),
        "errors": str(len(result.coverage.skipped)),
        "skipped": str(len(verdicts) - failures + len(result.coverage.acknowledged)),
    }
    suite = ET.Element("testsuite", {"name": "credguard", **counts})
    for verdict in verdicts:
        _add_case(suite, verdict)
    for skip in result.coverage.skipped:
        case = _add_input(suite, skip)
        ET.SubElement(case, "error", {"message": make_printable(skip.reason), "type": NOT_READ.id})
    for skip in result.coverage.acknowledged:
        ET.SubElement(_add_input(suite, skip), "skipped", {"message": make_printable(skip.reason)})
    if not len(suite):
        ET.SubElement(suite, "testcase", {"classname": "credguard", "name": "no findings"})
    root = ET.Element("testsuites", {"name": "credguard", **counts})
    root.append(suite)
    ET.indent(root)
    report: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return report + b"\n"


def _add_input(suite: ET.Element, skip: Skip) -> ET.Element:
    name = f"{NOT_READ.id} {NOT_READ.name}"
    return ET.SubElement(suite, "testcase", {"classname": make_printable(skip.path), "name": name})


def _add_case(suite: ET.Element, verdict: Verdict) -> None:
    finding = verdict.finding
    place = finding.locations[0]
    path, name = (
        make_printable(place.path),
        make_printable(f"{finding.rule_id} {finding.rule_name} at line {place.line}"),
    )
    where = {} if is_gone(finding) else {"file": path}
    case = ET.SubElement(suite, "testcase", {"classname": path, "name": name} | where)
    if verdict.outcome is not Outcome.REPORT:
        ET.SubElement(case, "skipped", {"message": make_printable(f"{verdict.outcome}: {verdict.reason}")})
        return
    failure = ET.SubElement(
        case,
        "failure",
        {"message": make_printable(finding.message), "type": f"{finding.rule_id} {finding.severity.label}"},
    )
    lines = (format_place(finding), describe_origin(finding), *finding.remediation)
    failure.text = "\n".join(make_printable(line) for line in lines if line)
