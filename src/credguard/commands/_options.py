"""Options and exit handling that commands share."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from credguard.ci.systems import VARIABLES
from credguard.commands import _verify_option
from credguard.errors import CredguardError, ExitCode
from credguard.lazy_re import compile_lazily
from credguard.model.findings import Severity
from credguard.model.limit_reasons import FILE_SIZE
from credguard.policy.model import BASELINE, POLICY_FILE, Policy
from credguard.report import FOR_PEOPLE, FORMATS, render
from credguard.system import atomic, streams, terminal

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator
    from datetime import date

    from credguard.engine.run import Run
    from credguard.engine.session import Session
    from credguard.model.findings import Blob, ScanResult
    from credguard.policy.resolve import PolicyResolver

_Item = TypeVar("_Item")
_CI = ("CI", *VARIABLES)
_MOST_DIGITS = 9
_RULE = compile_lazily(r"CG\d{1,3}|(?!CG)[A-Z][A-Z0-9]{0,15}")


def add_common(parser: argparse.ArgumentParser) -> None:
    """Adds the options of every command that scans."""
    add_formats(parser)
    parser.add_argument(
        "--fail-on", choices=[s.label for s in Severity], metavar="SEVERITY",
        help="the lowest severity that blocks: low, medium, high, critical (default: the policy's, or medium)",
    )  # fmt: skip
    parser.add_argument(
        "--config", metavar="FILE", default="", help="the policy file (default: .credguard.yaml at the root)"
    )
    parser.add_argument(
        "--policy-from", metavar="REF", default="",
        help="take policy, baseline and inline comments from this commit, and report what the change loosens",
    )  # fmt: skip
    parser.add_argument(
        "--baseline",
        metavar="FILE",
        default="",
        help="the file of known findings, below the root (default: the policy's)",
    )
    parser.add_argument("--select", metavar="RULE,...", default="", help="only these rules, by ID or ID prefix")
    parser.add_argument("--ignore", metavar="RULE,...", default="", help="all rules except these")
    parser.add_argument(
        "--max-file-size", metavar="SIZE",
        help="skip files over SIZE (bytes, or with K, M, G) and report them (default: the policy's, or 256M)",
    )  # fmt: skip
    parser.add_argument("--include-ignored", action="store_true", help="also scan files that git ignores")
    parser.add_argument(
        "--jobs", type=parse_count, default=0, metavar="N",
        help="number of processes, for repositories or the files and history of one (default: one per processor)",
    )  # fmt: skip
    parser.add_argument("--no-color", action="store_true", help="no colors (also with NO_COLOR set)")
    parser.add_argument("--progress", action="store_true", default=None, help="show a progress bar")
    parser.add_argument("--no-progress", dest="progress", action="store_false", help="never show a progress bar")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only blocking findings")
    parser.add_argument("-v", "--verbose", action="store_true", help="also print notes on coverage")
    parser.add_argument("--debug", action="store_true", help="print where an internal error occurred")


def add_formats(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say which reports are written, and where."""
    parser.add_argument(
        "-f",
        "--format",
        choices=FORMATS,
        default="text",
        metavar="FORMAT",
        help=f"one of {', '.join(FORMATS)} (default: text)",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write the report to FILE instead of standard output")
    parser.add_argument(
        "--report",
        metavar="FORMAT=FILE",
        action="append",
        default=[],
        help=("write an additional report; may be repeated"),
    )


def parse_count(text: str) -> int:
    """A whole number of an option; raises argparse's error for anything else, and for one below 0."""
    if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS:
        return int(text)
    from argparse import ArgumentTypeError

    raise ArgumentTypeError(f"{text} is not a whole number, 0 or more")


def add_reports(parser: argparse.ArgumentParser) -> None:
    """Adds the option for an account's credential report."""
    parser.add_argument(
        "--credential-report", metavar="FILE", action="append", default=[],
        help=("also check an IAM credential report (CSV or the API's JSON): key age, unused keys, MFA, root;"
             " may be repeated"),
    )  # fmt: skip


def read_reports(options: argparse.Namespace) -> list[Blob]:
    """The credential reports named by the options; raises CredguardError for an invalid one."""
    if not options.credential_report:
        return []
    from credguard.engine.key_lifecycle import read_report

    return [read_report(path) for path in options.credential_report]


def scan_credential_reports(session: Session, run: Run, reports: list[Blob]) -> Run:
    """The run with the findings in the reports; after the folders, which may contain copies of them."""
    if not reports:
        return run
    from credguard.engine import key_lifecycle

    return key_lifecycle.scan_reports(session, run, reports)


def create_session(
    options: argparse.Namespace,
    *,
    in_hook: bool = False,
    stage: str = "",
    history: bool = False,
    jobs: int | None = None,
) -> Session:
    """A session with the policy, limits and progress set by the options; raises CredguardError.

    Without a `stage` it is `ci` if a CI system runs it, else `audit`. A session `in_hook` has no policies of its own:
    the hook selects the policy. With `history`, the history of folders is scanned too; `jobs`
    replaces the number of processes that the options set.
    """
    from credguard.engine.session import Session
    from credguard.system import ownership

    paths = [] if getattr(options, "stdin", False) else getattr(options, "path", None) or "."
    ownership.leave_out([paths] if isinstance(paths, str) else paths)
    if hasattr(options, "report"):
        parse_destinations(options, main=not in_hook)  # before anything slow
    show = options.progress
    if show is None:
        show = bool(sys.stderr) and sys.stderr.isatty() and not options.quiet
    found = make_policy_resolver(options, stage or ("ci" if is_in_ci() else "audit"))
    policy = found.over(Policy())
    progress = _iter_with_progress if show else None
    jobs = max(getattr(options, "jobs", 0) if jobs is None else jobs, 0)
    return Session(
        policy, policy.file_size, options.include_ignored, progress, in_hook, jobs, history, found.stage,
        None if in_hook else found, _verify_option.make_verifiers(options),
    )  # fmt: skip


def make_policy_resolver(options: argparse.Namespace, stage: str) -> PolicyResolver:
    """The sources of a run's policies, with the options that override them; raises CredguardError."""
    from credguard.policy.resolve import PolicyResolver

    given: dict[str, Any] = {"select": _parse_rules(options.select), "ignore": _parse_rules(options.ignore)}
    if options.fail_on:
        given["fail_on"] = Severity[options.fail_on.upper()]
    if options.max_file_size:
        from credguard.matching.database import LARGEST_INPUT

        given["file_size"] = min(parse_size_option(options.max_file_size, "--max-file-size"), LARGEST_INPUT)

    def lay_over(policy: Policy) -> Policy:
        own = {FILE_SIZE} if "file_size" in given else set()
        return replace(policy, **given, chosen_limits=policy.chosen_limits - own)

    return PolicyResolver(stage, options.config, options.policy_from, lay_over, getattr(options, "baseline", ""))


def parse_reason(text: str) -> str:
    """The reason of an exception as one line of printable text; raises CredguardError for an empty one."""
    from credguard.suppressions.baseline import flatten_reason

    said = flatten_reason(text)
    if text and not any(map(str.isalnum, said)):
        raise CredguardError("the reason is empty", "explain why it is allowed")
    return said


def parse_expiry_day(text: str) -> date | None:
    """The last day of an exception, None for ""; raises CredguardError for an invalid or past date."""
    from datetime import date, datetime, timezone

    try:
        found = date.fromisoformat(text) if text else None
    except ValueError:
        found = date.min
    if found == date.min or (found and len(text) != len("2027-01-31")):
        raise CredguardError(f"{text} is not a date", "write it as 2027-01-31")
    if found and found < datetime.now(timezone.utc).date():
        raise CredguardError(f"{text} has passed", "give a future date")
    return found


def is_in_ci() -> bool:
    """True if a CI system runs this process."""
    return any(os.environ.get(name, "").lower() not in ("", "0", "false") for name in _CI)


def finish(result: ScanResult, options: argparse.Namespace, *, main: bool = True, record: bool = True) -> ExitCode:
    """Prints or writes the reports, with or without the `main` one; all are rendered before the first is written.
    Without `record` the result is one of another run. Returns the exit code of the run; raises CredguardError."""
    from credguard.commands import _run_record
    from credguard.report.overlap import fold_overlaps

    wanted, result = parse_destinations(options, main=main), fold_overlaps(result)
    if record and any(name in _run_record.FORMATS_WITH_RECORD for name, _ in wanted):
        result = _run_record.add_record(result, options)
    reports = [(name, path, _render_report(name, path, result, options)) for name, path in wanted]
    for name, path, report in reports:
        if path:
            _write(path, report)
        else:
            streams.write_stdout(terminal.encode_for(sys.stdout, report) if name in FOR_PEOPLE else report)
    return result.exit_code


def _render_report(name: str, path: str, result: ScanResult, options: argparse.Namespace) -> bytes:
    if name != "text" or path not in ("", options.output):
        return render(name, result)
    from credguard.report import text

    stream = None if path else sys.stdout
    colour = not path and terminal.has_colours(stream, off=options.no_color)
    width = 0 if path else terminal.measure_width(stream)
    return text.render(result, colour=colour, quiet=options.quiet, verbose=options.verbose, width=width)


def _parse_rules(words: str) -> tuple[str, ...]:
    from credguard.commands._rules import list_known_rules

    chosen = tuple(word.strip().upper() for word in words.split(",") if word.strip())
    known = list_known_rules() if chosen else ()
    for word in chosen:
        if not _RULE.fullmatch(word) or not any(rule.id.startswith(word) for rule in known):
            raise CredguardError(f"there is no rule {word}", "`credguard rules` lists them")
    return chosen


def parse_size_option(text: str, option: str) -> int:
    """The bytes that an option means; raises CredguardError."""
    from credguard.policy.value_types import parse_size

    size = parse_size(text)
    if size is None:
        raise CredguardError(f"{option} {text!r} is not a size", "give bytes, or a number with K, M or G")
    return size


def _iter_with_progress(items: Iterable[_Item], total: int, unit: str = "file") -> Iterator[_Item]:
    from tqdm import tqdm

    yield from tqdm(items, total=total, unit=unit, delay=1, leave=False, file=sys.stderr)


def parse_destinations(options: argparse.Namespace, *, main: bool = True) -> list[tuple[str, str]]:
    """Format and path of each report requested by the options, the main one last (the path "" is standard output).

    Raises CredguardError for an invalid FORMAT=FILE, for two reports with the same file under any name, and for a file
    that this run reads.
    """
    wanted = []
    for word in options.report:
        name, _, path = word.partition("=")
        if name not in FORMATS or not path:
            raise CredguardError(f"--report {word} is not FORMAT=FILE", f"formats are {', '.join(FORMATS)}")
        wanted.append((name, path))
    if main:
        wanted.append((options.format, options.output or ""))
    used = {_identify_place(path) for path in _iter_inputs(options)} - {()}
    taken: set[tuple[object, ...]] = set()
    for _, path in wanted:
        place = _identify_place(path)
        if path and (place in used or _is_policy(path)):
            raise CredguardError(
                f"{path} is an input of this run, and a report would overwrite it", "choose another file"
            )
        if place and place in taken:
            said = path or "standard output"
            raise CredguardError(f"two reports would be written to {said}", "give each its own file")
        taken.add(place)
    return wanted


def _is_policy(path: str) -> bool:
    """True for a policy and for a baseline, by whatever path."""
    real = os.path.realpath(path)
    if os.path.basename(real) in (POLICY_FILE, BASELINE):
        return True
    from credguard.suppressions import baseline

    try:
        if not os.path.isfile(real) or os.path.getsize(real) > baseline.LARGEST_BASELINE:
            return False
        with open(real, "rb") as handle:
            return bool(baseline.read(handle.read(baseline.LARGEST_BASELINE), real).entries)
    except OSError:
        return False


def _iter_inputs(options: argparse.Namespace) -> Iterator[str]:
    """The input files named by the options."""
    for name in ("config", "baseline", "message", "resume", "saved", "compare", "plan"):
        if getattr(options, name, None):
            yield str(getattr(options, name))
    yield from getattr(options, "credential_report", None) or ()
    paths = getattr(options, "path", None) or ()
    yield from (path for path in ([paths] if isinstance(paths, str) else paths) if not os.path.isdir(path))


def _identify_place(path: str) -> tuple[object, ...]:
    """Identifies a file whatever its name; empty for a device, which takes several reports."""
    try:
        own = atomic.find_own_descriptor(path) if path else 1
        there = os.stat(path) if own is None else os.fstat(own)
    except (OSError, ValueError):
        return (os.path.normcase(os.path.realpath(path)),) if path else ()
    return () if stat.S_ISCHR(there.st_mode) else (there.st_dev, there.st_ino)


def _write(path: str, report: bytes) -> None:
    """Writes a report; raises CredguardError if that is impossible."""
    try:
        sys.stdout.flush()  # the path may lead there
        atomic.write_output(path, report)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or "not a valid file name"
        raise CredguardError(f"the report could not be written to {path}: {said}", "choose another file") from error
