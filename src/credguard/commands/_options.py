"""The options and endings that commands share."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from credguard.errors import CredguardError, ExitCode
from credguard.model import Severity
from credguard.report import FORMATS, render

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from credguard.audit import Run
    from credguard.model import Blob, ScanResult, Skip
    from credguard.policy import Policy

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_RULE = re.compile(r"CG\d{1,3}")


def add_common(parser: argparse.ArgumentParser) -> None:
    """Adds what every looking command understands."""
    parser.add_argument(
        "--format", choices=FORMATS, default="text", metavar="FORMAT", help=f"one of {', '.join(FORMATS)} (default: text)"
    )
    parser.add_argument("--output", metavar="FILE", help="write the report to FILE instead of standard output")
    parser.add_argument(
        "--report", metavar="FORMAT=FILE", action="append", default=[], help="write a further report; may be repeated"
    )
    parser.add_argument(
        "--fail-on", choices=[s.label for s in Severity], default="medium", metavar="SEVERITY",
        help="the lowest severity that blocks: low, medium, high, critical (default: medium)",
    )  # fmt: skip
    parser.add_argument("--select", metavar="RULE,…", default="", help="only these rules, by ID or beginning of one")
    parser.add_argument("--ignore", metavar="RULE,…", default="", help="all rules but these")
    parser.add_argument(
        "--max-file-size", metavar="SIZE", default="256M",
        help="files over SIZE (bytes, or with K, M, G) are not read, and said to be (default: 256M)",
    )  # fmt: skip
    parser.add_argument("--include-ignored", action="store_true", help="also look at files that git ignores")
    parser.add_argument("--no-color", action="store_true", help="no colours (also with NO_COLOR set)")
    parser.add_argument("--progress", action="store_true", default=None, help="show a progress bar")
    parser.add_argument("--no-progress", dest="progress", action="store_false", help="never show one")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only what blocks")
    parser.add_argument("-v", "--verbose", action="store_true", help="also print notes on coverage")
    parser.add_argument("--debug", action="store_true", help="print where a bug happened")


def new_run(options: argparse.Namespace, *, in_hook: bool = False) -> Run:
    """A run with the policy, limits and progress that the options ask for; raises CredguardError."""
    from credguard.audit import Run

    show = options.progress
    if show is None:
        show = sys.stderr.isatty() and not options.quiet
    return Run(_policy(options), _size(options.max_file_size), options.include_ignored, _bar if show else None, in_hook)


def finish(result: ScanResult, options: argparse.Namespace) -> ExitCode:
    """Prints or writes the report; gives the exit code of the run."""
    write_reports(result, options.report)
    if options.format == "text":
        from credguard.report import text

        colour = not options.no_color and not os.environ.get("NO_COLOR") and not options.output and sys.stdout.isatty()
        report = text.render(result, colour=colour, quiet=options.quiet, verbose=options.verbose)
    else:
        report = render(options.format, result)
    if options.output:
        _write(Path(options.output), report)
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(report)
        sys.stdout.buffer.flush()
    return result.exit_code


def _policy(options: argparse.Namespace) -> Policy:
    from credguard.policy import Policy

    return Policy(Severity[options.fail_on.upper()], _rules(options.select), _rules(options.ignore))


def _rules(words: str) -> tuple[str, ...]:
    from credguard.rules import all_rules

    chosen = tuple(word.strip().upper() for word in words.split(",") if word.strip())
    for word in chosen:
        if not _RULE.fullmatch(word) or not any(rule.id.startswith(word) for rule in all_rules()):
            raise CredguardError(f"there is no rule {word}", "`credguard rules` lists them")
    return chosen


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d{1,15})([KMG]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if not match:
        raise CredguardError(f"--max-file-size {text!r} is no size", "give bytes, or a number with K, M or G")
    from credguard.matcher import LIMIT

    return min(int(match[1]) * _UNITS[match[2].upper()], LIMIT)


def _bar(items: Iterable[Blob | Skip | str], total: int) -> Iterator[Blob | Skip | str]:
    from tqdm import tqdm

    yield from tqdm(items, total=total, unit="file", delay=1, leave=False, file=sys.stderr)


def write_reports(result: ScanResult, wanted: Iterable[str]) -> None:
    """Writes each `FORMAT=FILE`; all are rendered before the first is written. Raises CredguardError."""
    reports = {}
    for word in wanted:
        name, _, path = word.partition("=")
        if name not in FORMATS or not path:
            raise CredguardError(f"--report {word} is no FORMAT=FILE", f"formats are {', '.join(FORMATS)}")
        if path in reports:
            raise CredguardError(f"two reports are to be written to {path}", "give each a file of its own")
        reports[path] = render(name, result)
    for path, report in reports.items():
        _write(Path(path), report)


def _write(path: Path, report: bytes) -> None:
    """Writes the report atomically beside its place; raises CredguardError where that is impossible."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(report)
        os.replace(name, path)
    except OSError as error:
        raise CredguardError(
            f"the report could not be written to {path}: {error.strerror}", "choose another --output"
        ) from error
