"""`credguard rotate`: a new key for a profile, in steps that can be taken up again wherever one was cut short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.errors import CredguardError, ExitCode

if TYPE_CHECKING:
    import argparse

    from credguard.aws.live.rotate import Rotation, Rotator


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `rotate`."""
    parser.add_argument("profile", metavar="PROFILE", help="the profile in the AWS credentials file")
    parser.add_argument("--region", metavar="REGION", default="", help="the Region that is asked")
    parser.add_argument("--apply", action="store_true", help="carry the plan out")
    parser.add_argument(
        "--resume", action="store_true", help="take up a rotation that ended early, or delete the old key"
    )
    parser.add_argument(
        "--after", type=int, default=7, metavar="DAYS", help="days after which the old key is deleted (default: 7)"
    )
    parser.add_argument("--debug", action="store_true", help="print where an internal error occurred")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Prints the plan and, with --apply or --resume, what each step did."""
    from credguard.aws.live import client, owner, rotate

    if options.after < 0:
        raise CredguardError("--after is a number of days", "0 deletes the old key at once")
    client.require_boto3()
    rotator = rotate.Rotator(options.profile, options.region)
    try:
        if options.resume:
            found = rotator.journal.find(options.profile)
            if found is None:
                raise CredguardError(f"no rotation of profile {options.profile} is under way", "begin one with --apply")
        else:
            found = rotator.begin()
            _print_plan(rotator, found, options.after)
            if not options.apply:
                print("\nNothing was changed. `--apply` carries the plan out.")
                return ExitCode.CLEAN
            print("\nDone")
        return _carry_out(rotator, found, options.after)
    except client.CallError as error:
        raise owner.make_incomplete(error) from None


def _carry_out(rotator: Rotator, rotation: Rotation, after: int) -> ExitCode:
    from credguard.aws.live.client import CallError
    from credguard.report import make_printable

    try:
        for text in rotator.carry_out(rotation, after):
            print(f"  {make_printable(text)}", flush=True)
    except CallError as error:
        hint = f"`credguard rotate {rotator.profile} --resume` goes on from here"
        raise CredguardError(error.text, hint, ExitCode.INCOMPLETE) from None
    return ExitCode.CLEAN


def _print_plan(rotator: Rotator, rotation: Rotation, after: int) -> None:
    from credguard.report import make_printable

    print(
        "Better than a new key is none: Identity Center (`aws configure sso`) for people, roles for what runs on AWS."
    )
    steps = (
        f"make a new key for user {rotation.user}, and see that it works",
        f"write it to profile {rotator.profile} of {rotator.file.path}, in one step, in place of {rotation.old}",
        f"deactivate {rotation.old}, which can be undone; whatever else uses it fails from then on",
        f"delete it after {after} days: `credguard rotate {rotator.profile} --resume`",
    )
    print("\nThe plan")
    for number, step in enumerate(steps, 1):
        print(f"  {number}. {make_printable(step)}")
