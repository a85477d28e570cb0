"""The options and endings that commands share."""

from __future__ import annotations

import os
import re
import stat
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from credguard.ci.systems import VARIABLES
from credguard.errors import CredguardError, ExitCode
from credguard.lazy_re import compile_lazily
from credguard.model.findings import Severity
from credguard.policy.model import BASELINE, POLICY_FILE, Policy
from credguard.report import FORMATS, render
from credguard.system import atomic, streams

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator
    from datetime import date

    from credguard.engine.session import Session
    from credguard.model.findings import Blob, ScanResult
    from credguard.policy.resolve import PolicyResolver

_Item = TypeVar("_Item")
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_CI = ("CI", *VARIABLES)
_RULE = compile_lazily(r"CG\d{1,3}|(?!CG)[A-Z][A-Z0-9]{0,15}")


def add_common(parser: argparse.ArgumentParser) -> None:
    """Adds what every looking command understands."""
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="text",
        metavar="FORMAT",
        help=f"one of {', '.join(FORMATS)} (default: text)",
    )
    parser.add_argument("--output", metavar="FILE", help="write the report to FILE instead of standard output")
    parser.add_argument(
        "--report", metavar="FORMAT=FILE", action="append", default=[], help="write a further report; may be repeated"
    )
    parser.add_argument(
        "--fail-on", choices=[s.label for s in Severity], metavar="SEVERITY",
        help="the lowest severity that blocks: low, medium, high, critical (default: the policy's, or medium)",
    )  # fmt: skip
    parser.add_argument(
        "--config", metavar="FILE", default="", help="the policy (default: .credguard.yaml at the root)"
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
    parser.add_argument("--select", metavar="RULE,…", default="", help="only these rules, by ID or beginning of one")
    parser.add_argument("--ignore", metavar="RULE,…", default="", help="all rules but these")
    parser.add_argument(
        "--max-file-size", metavar="SIZE",
        help="files over SIZE (bytes, or with K, M, G) are not read, and said to be (default: the policy's, or 256M)",
    )  # fmt: skip
    parser.add_argument("--include-ignored", action="store_true", help="also look at files that git ignores")
    parser.add_argument("--no-color", action="store_true", help="no colours (also with NO_COLOR set)")
    parser.add_argument("--progress", action="store_true", default=None, help="show a progress bar")
    parser.add_argument("--no-progress", dest="progress", action="store_false", help="never show one")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only what blocks")
    parser.add_argument("-v", "--verbose", action="store_true", help="also print notes on coverage")
    parser.add_argument("--debug", action="store_true", help="print where a bug happened")


def add_reports(parser: argparse.ArgumentParser) -> None:
    """Adds the option that brings an account's credential report."""
    parser.add_argument(
        "--credential-report", metavar="FILE", action="append", default=[],
        help="also judge an IAM credential report (CSV or the API's JSON): key age, unused keys, MFA, root; repeatable",
    )  # fmt: skip


def read_reports(options: argparse.Namespace) -> list[Blob]:
    """The credential reports that the options name; raises CredguardError for what is none."""
    if not options.credential_report:
        return []
    from credguard.engine.key_lifecycle import read_report

    return [read_report(path) for path in options.credential_report]


def scan_credential_reports(run: Session, reports: list[Blob]) -> None:
    """Adds to the run what its rules say of the reports; after the folders, which may hold copies of them."""
    if reports:
        from credguard.engine import key_lifecycle

        key_lifecycle.scan_reports(run, reports)


def create_session(options: argparse.Namespace, *, in_hook: bool = False, stage: str = "") -> Session:
    """A run with the policy, limits and progress that the options ask for; raises CredguardError.

    Without a `stage` it is `ci` where a CI system runs it, else `audit`. A run `in_hook` has no
    policies of its own: the hook says whose it follows.
    """
    from credguard.engine.session import Session
    from credguard.system import ownership

    paths = [] if getattr(options, "stdin", False) else getattr(options, "path", None) or "."
    ownership.leave_out([paths] if isinstance(paths, str) else paths)
    if hasattr(options, "report"):
        parse_destinations(options, main=not in_hook)  # before all that takes time
    show = options.progress
    if show is None:
        show = bool(sys.stderr) and sys.stderr.isatty() and not options.quiet
    found = make_policy_resolver(options, stage or ("ci" if is_in_ci() else "audit"))
    policy = found.over(Policy())
    run = Session(
        policy,
        policy.file_size,
        options.include_ignored,
        _iter_with_progress if show else None,
        in_hook,
        stage=found.stage,
    )
    run.policies = None if in_hook else found
    return run


def make_policy_resolver(options: argparse.Namespace, stage: str) -> PolicyResolver:
    """Where the policies of a run come from, and what the options lay over them; raises CredguardError."""
    from credguard.policy.resolve import PolicyResolver

    given: dict[str, Any] = {"select": _parse_rules(options.select), "ignore": _parse_rules(options.ignore)}
    if options.fail_on:
        given["fail_on"] = Severity[options.fail_on.upper()]
    if options.max_file_size:
        given["file_size"] = _parse_size(options.max_file_size)
    over = lambda policy: replace(policy, **given)  # noqa: E731 - one line says it
    return PolicyResolver(stage, options.config, options.policy_from, over, getattr(options, "baseline", ""))


def parse_reason(text: str) -> str:
    """The reason of an exception as one line of printable text; raises CredguardError for a text that says nothing."""
    from credguard.suppressions.baseline import flatten_reason

    said = flatten_reason(text)
    if text and not any(map(str.isalnum, said)):
        raise CredguardError("the reason says nothing", "say why it may stay")
    return said


def parse_expiry_day(text: str) -> date | None:
    """The last day of an exception, None for ""; raises CredguardError for what is no date to come."""
    from datetime import date, datetime, timezone

    try:
        found = date.fromisoformat(text) if text else None
    except ValueError:
        found = date.min
    if found == date.min or (found and len(text) != len("2027-01-31")):
        raise CredguardError(f"{text} is no date", "write it as 2027-01-31")
    if found and found < datetime.now(timezone.utc).date():
        raise CredguardError(f"{text} has passed", "give a day to come")
    return found


def is_in_ci() -> bool:
    """True where a CI system says that it runs this process."""
    return any(os.environ.get(name, "").lower() not in ("", "0", "false") for name in _CI)


def finish(result: ScanResult, options: argparse.Namespace, *, main: bool = True) -> ExitCode:
    """Prints or writes the reports, with the `main` one or without; all are rendered before the first is written.
    Gives the exit code of the run; raises CredguardError."""
    wanted = parse_destinations(options, main=main)
    reports = [(path, _render_report(name, path, result, options)) for name, path in wanted]
    for path, report in reports:
        if path:
            _write(path, report)
        else:
            streams.write_stdout(report)
    return result.exit_code


def _render_report(name: str, path: str, result: ScanResult, options: argparse.Namespace) -> bytes:
    if name != "text" or path not in ("", options.output):
        return render(name, result)
    from credguard.report import text

    colour = not options.no_color and not os.environ.get("NO_COLOR") and not path and sys.stdout.isatty()
    return text.render(result, colour=colour, quiet=options.quiet, verbose=options.verbose)


def _parse_rules(words: str) -> tuple[str, ...]:
    from credguard.commands._rules import list_known_rules

    chosen = tuple(word.strip().upper() for word in words.split(",") if word.strip())
    known = list_known_rules() if chosen else ()
    for word in chosen:
        if not _RULE.fullmatch(word) or not any(rule.id.startswith(word) for rule in known):
            raise CredguardError(f"there is no rule {word}", "`credguard rules` lists them")
    return chosen


def _parse_size(text: str) -> int:
    match = re.fullmatch(r"(\d{1,15})([KMG]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if not match:
        raise CredguardError(f"--max-file-size {text!r} is no size", "give bytes, or a number with K, M or G")
    from credguard.matching.database import LARGEST_INPUT

    return min(int(match[1]) * _UNITS[match[2].upper()], LARGEST_INPUT)


def _iter_with_progress(items: Iterable[_Item], total: int, unit: str = "file") -> Iterator[_Item]:
    from tqdm import tqdm

    yield from tqdm(items, total=total, unit=unit, delay=1, leave=False, file=sys.stderr)


def parse_destinations(options: argparse.Namespace, *, main: bool = True) -> list[tuple[str, str]]:
    """Format and path of each report that the options ask for, the main one last (the path "" is standard output).

    Raises CredguardError for what is no FORMAT=FILE, for two reports at one place, whatever it is called, and for a
    place where something stands that this run reads.
    """
    wanted = []
    for word in options.report:
        name, _, path = word.partition("=")
        if name not in FORMATS or not path:
            raise CredguardError(f"--report {word} is no FORMAT=FILE", f"formats are {', '.join(FORMATS)}")
        wanted.append((name, path))
    if main:
        wanted.append((options.format, options.output or ""))
    used = {_identify_place(path) for path in _iter_inputs(options)} - {()}
    taken: set[tuple[object, ...]] = set()
    for _, path in wanted:
        place = _identify_place(path)
        if path and (place in used or _is_policy(path)):
            raise CredguardError(f"{path} is read here, and a report would take its place", "choose another file")
        if place and place in taken:
            said = path or "standard output"
            raise CredguardError(f"two reports are to be written to {said}", "give each a file of its own")
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
    """The files that the options name to be read."""
    for name in ("config", "baseline", "message", "resume", "saved"):
        if getattr(options, name, None):
            yield str(getattr(options, name))
    yield from getattr(options, "credential_report", None) or ()
    paths = getattr(options, "path", None) or ()
    yield from (path for path in ([paths] if isinstance(paths, str) else paths) if not os.path.isdir(path))


def _identify_place(path: str) -> tuple[object, ...]:
    """What tells a file from others whatever it is called; nothing for a device, which takes many reports."""
    try:
        own = atomic.find_own_descriptor(path) if path else 1
        there = os.stat(path) if own is None else os.fstat(own)
    except (OSError, ValueError):
        return (os.path.normcase(os.path.realpath(path)),) if path else ()
    return () if stat.S_ISCHR(there.st_mode) else (there.st_dev, there.st_ino)


def _write(path: str, report: bytes) -> None:
    """Writes a report; raises CredguardError where that is impossible."""
    try:
        sys.stdout.flush()  # to which the path may lead
        atomic.write_output(path, report)
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or "no file can have this name"
        raise CredguardError(f"the report could not be written to {path}: {said}", "choose another file") from error
