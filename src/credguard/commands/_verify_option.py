"""The option that has AWS asked whether keys work."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from credguard.aws.live.verify import Verifier


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the option that has AWS asked about keys."""
    parser.add_argument(
        "--verify", choices=("aws", "all"), metavar="WHOSE", default="",
        help="ask AWS whether keys that are found work: those of the policy's own accounts, with =all those of any",
    )  # fmt: skip


def make_verifier(options: argparse.Namespace) -> Verifier | None:
    """What asks AWS about keys, None unless the options want it; raises CredguardError without boto3."""
    whose = getattr(options, "verify", "")
    if not whose:
        return None
    from credguard.aws.live import client, verify

    client.require_boto3()
    if whose == "all" and not getattr(options, "verify_named", False):
        options.verify_named = True  # once, and not in each of several processes
        words = "--verify=all: every key that is found is used to ask AWS, and its owner can see that"
        print(f"credguard: {words}", file=sys.stderr, flush=True)
    return verify.Verifier(all_accounts=whose == "all")
