"""`credguard account`: how AWS accounts stand with the practices that only they can answer; it changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from credguard.commands import _options

if TYPE_CHECKING:
    import argparse

    from credguard.errors import ExitCode


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `account`."""
    parser.add_argument(
        "--profile", metavar="NAME", action="append", default=[],
        help="a profile of AWS's configuration (default: what the AWS SDK finds); may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--region", metavar="REGION", action="append", default=[],
        help="a Region to look for trails in (default: the profile's); may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--accounts", metavar="FILE", default="",
        help="further accounts, one a line: a profile, the ARN of a role to assume, or an account ID",
    )  # fmt: skip
    parser.add_argument(
        "--role", metavar="ARN", default="", help="the role to assume in each account ID of FILE, with {account} in it"
    )
    parser.add_argument("--html", metavar="FILE", help="also write the report as an HTML page")
    _options.add_common(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Asks the accounts and reports on all of them together."""
    from credguard.aws.live import client, targets
    from credguard.engine import account
    from credguard.engine.run import Run, follow

    if options.html:
        options.report.append(f"html={options.html}")
    wanted = targets.list_targets(options.profile, options.accounts, options.role)
    client.require_boto3()
    client.check_profiles([target.profile for target in wanted])
    session = _options.create_session(options)
    run = follow(session.policies.resolve_folder(Path())) if session.policies else Run()
    region = options.region[0] if options.region else ""
    clients = [client.AwsClient(target.profile, region, target.role) for target in wanted]
    answers = account.ask_accounts(session, run, clients, tuple(options.region))
    return _options.finish(account.score_accounts(session, run, answers), options)
