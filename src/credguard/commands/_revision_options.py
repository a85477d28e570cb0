"""The options that limit a history scan, as arguments of `git rev-list` that cannot be anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.commands._options import parse_count
from credguard.errors import CredguardError
from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    import argparse

    from credguard.git.repository import Git

# git accepts any word as a date and reads unknown ones as "now": nothing would be scanned, without an error.
_DATE = compile_lazily(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?: ?(?:Z|[+-]\d\d:?\d\d))?)?|@\d{1,12}|yesterday|"
    r"(?:\d{1,5}|an?|one|last)[ .](?:second|minute|hour|day|week|month|year)s?(?:[ .]ago)?"
)


def add_revision_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options for `--history`."""
    group = parser.add_argument_group("with --history")
    group.add_argument(
        "--rev", metavar="REVISION", action="append", default=[],
        help="only commits reachable from REVISION (a commit, A..B, ^A, as in `git rev-list`); may be repeated",
    )  # fmt: skip
    group.add_argument(
        "--branch", metavar="NAME", action="append", default=[], help="only this branch; may be repeated"
    )
    group.add_argument("--since", metavar="DATE", help="only commits newer than this: 2026-01-31, 2 weeks ago")
    group.add_argument("--until", metavar="DATE", help="only commits older than this")
    group.add_argument("--max-commits", metavar="NUMBER", type=parse_count, help="only this many commits, newest first")


def is_given(options: argparse.Namespace) -> bool:
    """True if one of them is used."""
    limits = (options.since, options.until, options.max_commits)
    return bool(options.rev or options.branch) or any(limit is not None for limit in limits)


def build_rev_list_arguments(options: argparse.Namespace, repository: Git) -> tuple[str, ...]:
    """The arguments for `git rev-list`, empty if the options do not limit the scan; raises CredguardError."""
    if not is_given(options):
        return ()
    limits = [f"--{name}={_check_date(name, value)}" for name, value in _list_dates(options) if value is not None]
    if options.max_commits is not None:
        if options.max_commits < 1:
            raise CredguardError(f"--max-commits {options.max_commits} selects no commit", "give a number of 1 or more")
        limits.append(f"--max-count={options.max_commits}")
    named = [*map(_check_revision, options.rev), *(_resolve_branch(name, repository) for name in options.branch)]
    return (*limits, *(named or ["--all"]), "--")


def _list_dates(options: argparse.Namespace) -> tuple[tuple[str, str | None], ...]:
    return ("since", options.since), ("until", options.until)


def _check_date(name: str, value: str) -> str:
    if not _DATE.fullmatch(value.strip()):
        raise CredguardError(
            f"--{name} {value!r} is not a date", "write 2026-01-31, 2026-01-31T12:00:00Z or `2 weeks ago`"
        )
    return value.strip()


def _check_revision(word: str) -> str:
    """The word, unless git could take it for an option or for two words."""
    if not word or word.startswith("-") or any(sign in word for sign in "\n\0"):
        raise CredguardError(f"--rev {word!r} is not a revision", "give a commit, a branch, A..B or ^A")
    return word


def _resolve_branch(name: str, repository: Git) -> str:
    for ref in (f"refs/heads/{name}", f"refs/remotes/{name}"):
        if "\n" not in name and repository.run("rev-parse", "--verify", "--quiet", ref, ok=(0, 1, 128)).strip():
            return ref
    raise CredguardError(f"there is no branch {name!r}", "`git branch --all` lists them")
