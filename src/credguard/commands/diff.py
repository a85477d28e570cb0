"""`credguard diff`: what is new, fixed or moved between two saved reports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from credguard.errors import ExitCode

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from credguard.model.findings import Finding
    from credguard.report.diff import ReportDifference


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `diff`."""
    parser.add_argument("old", type=Path, metavar="OLD.json", help="the earlier report")
    parser.add_argument("new", type=Path, metavar="NEW.json", help="the later report")
    parser.add_argument("-f", "--format", choices=("text", "json"), default="text", help="text (default) or json")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Prints the difference: 1 if a new finding blocks, 3 if the later run was incomplete."""
    from credguard.report import load
    from credguard.report.diff import compare

    old, new = load.load_report(options.old), load.load_report(options.new)
    try:
        difference = compare(old, new)
    except (ValueError, LookupError, TypeError, AttributeError):  # not a credguard report
        raise load.make_foreign_error(options.new) from None
    if options.format == "json":
        import json

        print(json.dumps({kind: [_build_entry(f) for f in found] for kind, found in difference.iter_kinds()}, indent=2))
    else:
        print("\n".join(_format_lines(difference)))
    if difference.blocking:
        return ExitCode.FINDINGS
    return ExitCode.CLEAN if new.coverage.complete else ExitCode.INCOMPLETE


def _format_lines(difference: ReportDifference) -> Iterator[str]:
    from credguard.report import make_printable

    for kind, findings in difference.iter_kinds():
        if kind != "unchanged":
            for finding in findings:
                place = finding.locations[0]
                where = make_printable(f"{place.path}:{place.line}")
                message = make_printable(finding.message)
                yield f"{kind:<6} {finding.severity.label:<8} {finding.rule_id} {where}  {message}"
    counts = ", ".join(f"{len(findings)} {kind}" for kind, findings in difference.iter_kinds())
    yield f"{counts}."


def _build_entry(finding: Finding) -> dict[str, object]:
    return {
        "rule_id": finding.rule_id, "severity": finding.severity.label, "fingerprint": finding.fingerprint,
        "message": finding.message, "path": finding.locations[0].path, "line": finding.locations[0].line,
    }  # fmt: skip
