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
    parser.add_argument("saved", type=Path, metavar="REPORT.json", help="what `--format json` wrote")
    parser.add_argument(
        "--format", choices=FORMATS, default="text", metavar="FORMAT", help=f"one of {', '.join(FORMATS)}"
    )
    parser.add_argument("--output", metavar="FILE", help="write to FILE instead of standard output")
    parser.add_argument(
        "--report", metavar="FORMAT=FILE", action="append", default=[], help="write a further report; may be repeated"
    )
    parser.add_argument("--no-color", action="store_true", help="no colours (also with NO_COLOR set)")
    parser.set_defaults(run=run, quiet=False, verbose=False)


def run(options: argparse.Namespace) -> ExitCode:
    """Converts; the exit code speaks of the conversion, not of what the report says."""
    from credguard.report import load

    result = load.load_report(options.saved)
    try:
        _options.finish(result, options)
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError):  # of another shape than ours
        raise load.make_foreign_error(options.saved) from None
    return ExitCode.CLEAN
