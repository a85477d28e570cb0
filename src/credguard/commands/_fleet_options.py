"""The options of `credguard fleet` and its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.commands import _options
from credguard.model.findings import Severity

if TYPE_CHECKING:
    import argparse

_HOSTS = (
    ("github", "ORG", "the repositories of a GitHub organisation"),
    ("gitlab", "GROUP", "the projects of a GitLab group and of its subgroups"),
    ("bitbucket", "OWNER", "those of a Bitbucket Cloud workspace or, with --url, of a Data Center project"),
    ("gitea", "ORG", "those of an organisation on Gitea or Forgejo (needs --url)"),
)


def add_steps(parser: argparse.ArgumentParser) -> None:
    """Adds the steps of `fleet` with their options."""
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    _add_plan(steps.add_parser("plan", help="list the repositories of code hosts, of a file or of a folder"))
    _add_run(steps.add_parser("run", help="scan the plan, or a shard of it, and store each result"))
    status = steps.add_parser("status", help="how far the plan is; exits with 3 unless all of it is whole")
    _add_store(status)
    _add_merge(steps.add_parser("merge", help="join the results in one report; exits with 3 unless all are whole"))


def _add_plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from", dest="source_file", metavar="FILE", action="append", default=[],
        help="addresses, one a line, or the JSON of `gh api`, `gh repo list --json …` and `glab api`",
    )  # fmt: skip
    parser.add_argument(
        "--mirrors", metavar="DIR", action="append", default=[], help="the repositories below a folder, read in place"
    )
    for name, metavar, text in _HOSTS:
        parser.add_argument(f"--{name}", metavar=metavar, action="append", default=[], help=text)
    parser.add_argument(
        "--codecommit", action="store_true", help="those of CodeCommit in this account and region (credguard-cli[aws])"
    )
    parser.add_argument("--url", metavar="URL", default="", help="the address of a host of your own")
    parser.add_argument("--include", metavar="GLOB", action="append", default=[], help="only these names")
    parser.add_argument("--exclude", metavar="GLOB", action="append", default=[], help="not these names")
    parser.add_argument("--archived", action="store_true", help="also archived repositories")
    parser.add_argument("--forks", action="store_true", help="also forks")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the plan to FILE, with a key beside it")
    _add_key(parser)


def _add_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--reuse-key-file", metavar="FILE", default="",
        help="the fleet's key (default: $CREDGUARD_REUSE_KEY, or PLAN.key)",
    )  # fmt: skip
    parser.add_argument("--debug", action="store_true", help="print where an internal error occurred")


def _add_store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("store", metavar="STORE", help="a folder, or s3://BUCKET/PREFIX (needs credguard-cli[aws])")
    parser.add_argument(
        "--plan", metavar="FILE", default="", help="the plan, and FILE.key its key (default: the store's)"
    )
    _add_key(parser)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("plan", metavar="PLAN", help="what `credguard fleet plan` wrote")
    parser.add_argument("--store", metavar="STORE", required=True, help="a folder, or s3://BUCKET/PREFIX")
    parser.add_argument(
        "--shard", metavar="I/N", default="",
        help="one part of N (from 1); auto or auto/N: the one that Kubernetes, SLURM, AWS Batch or GitLab names",
    )  # fmt: skip
    parser.add_argument(
        "--dask", metavar="ADDRESS", default="", help="the scheduler of a Dask cluster (credguard-cli[dask])"
    )
    parser.add_argument(
        "--timeout",
        type=_options.parse_count,
        default=600,
        metavar="S",
        help="seconds a repository may take (default: 600; 0: any)",
    )
    parser.add_argument(
        "--tries",
        type=_options.parse_count,
        default=3,
        metavar="N",
        help="tries after a crash or a network fault (default: 3)",
    )
    parser.add_argument(
        "--pause",
        type=float,
        default=30.0,
        metavar="S",
        help="seconds before the second try; each further one waits twice as long (default: 30)",
    )
    parser.add_argument(
        "--disk", metavar="SIZE", default="", help="room for all clones at a time, as in 20G; each process has its part"
    )
    parser.add_argument("--full", action="store_true", help="scan also what has not changed since the last run")
    _add_scan(parser)
    _add_key(parser)


def _add_scan(parser: argparse.ArgumentParser) -> None:
    """The options of scans that make sense for many repositories."""
    parser.add_argument(
        "--config", metavar="FILE", default="", help="one policy for all (default: each repository's own)"
    )
    parser.add_argument("--select", metavar="RULE,...", default="", help="only these rules, by ID or ID prefix")
    parser.add_argument("--ignore", metavar="RULE,...", default="", help="all rules except these")
    parser.add_argument(
        "--fail-on", choices=[s.label for s in Severity], metavar="SEVERITY", help="the lowest severity that blocks"
    )
    parser.add_argument("--max-file-size", metavar="SIZE", help="skip files over SIZE and report them")
    parser.add_argument(
        "--jobs", type=_options.parse_count, default=0, metavar="N", help="processes (default: one per processor)"
    )
    parser.add_argument("--progress", action="store_true", default=None, help="show a progress bar")
    parser.add_argument("--no-progress", dest="progress", action="store_false", help="never show a progress bar")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(policy_from="", include_ignored=False, baseline="")


def _add_merge(parser: argparse.ArgumentParser) -> None:
    _add_store(parser)
    parser.add_argument(
        "--compare",
        metavar="REPORT",
        default="",
        help="the JSON report of the merge before: what is new, gone, reopened",
    )
    parser.add_argument("--html", metavar="FILE", help="also write the page of the fleet")
    parser.add_argument("--tables", metavar="DIR", help="also write findings, repositories and reuse as lines of JSON")
    _options.add_formats(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="print only blocking findings")
    parser.add_argument("-v", "--verbose", action="store_true", help="also print notes on coverage")
    parser.add_argument("--no-color", action="store_true", help="no colors (also with NO_COLOR set)")
    parser.set_defaults(
        policy_from="", include_ignored=False, baseline="", config="", select="", ignore="", fail_on=None,
        max_file_size=None, progress=False, jobs=1, path=[],
    )  # fmt: skip
