"""`credguard report convert`: a saved JSON report in any other format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from credguard.commands import _options
from credguard.errors import ExitCode
from credguard.report import FORMATS

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `report`."""
    parser.add_argument("action", choices=("convert",), metavar="convert", help="what to do with the report")
    parser.add_argument("saved", type=Path, metavar="REPORT.json", help="a report written by `--format json`")
    parser.add_argument(
        "-f", "--format", choices=FORMATS, default="text", metavar="FORMAT", help=f"one of {', '.join(FORMATS)}"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write to FILE instead of standard output")
    parser.add_argument(
        "--report",
        metavar="FORMAT=FILE",
        action="append",
        default=[],
        help="write an additional report; may be repeated",
    )
    parser.add_argument("--no-color", action="store_true", help="no colors (also with NO_COLOR set)")
    parser.set_defaults(run=run, quiet=False, verbose=False)


def run(options: argparse.Namespace) -> ExitCode:
    """Converts a report; the exit code is about the conversion, not about the findings."""
    from credguard.report import load

    result = load.load_report(options.saved)
    try:
        _options.finish(result, options, record=False)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError):  # not a credguard report
        raise load.make_foreign_error(options.saved) from None
    return ExitCode.CLEAN
