"""The option that has the issuers of credentials asked whether these work."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from credguard.engine.verification import Verifiers

_AWS, _ALL = "aws", "all"
_SERVICES = ("github", "gitlab", "slack", "stripe", "openai", "anthropic", "bedrock")


def add_verify_option(parser: argparse.ArgumentParser) -> None:
    """Adds the option that has issuers asked about credentials."""
    parser.add_argument(
        "--verify", type=_parse, metavar="WHOM", default=(),
        help="ask whether credentials that are found work: `aws` (the default) about keys of the policy's own "
        f"accounts, `all` about AWS keys of any account, {', '.join(_SERVICES)} about their tokens; "
        "several with commas",
    )  # fmt: skip


def _parse(text: str) -> tuple[str, ...]:
    import argparse

    names = tuple(dict.fromkeys(text.lower().split(",")))
    for name in names:
        if name not in (_AWS, _ALL, *_SERVICES):
            raise argparse.ArgumentTypeError(f"{name!r}: choose from {', '.join((_AWS, _ALL, *_SERVICES))}")
    return names


def make_verifiers(options: argparse.Namespace) -> Verifiers | None:
    """What asks about credentials, None unless the options want it; raises CredguardError without boto3 where AWS is
    to be asked, and CredguardError for an address that no token is sent to."""
    names = getattr(options, "verify", ())
    if not names:
        return None
    from credguard.engine.verification import Verifiers

    services = tuple(name for name in names if name in _SERVICES)
    tokens = None
    if services:
        from credguard.engine.token_verifier import TokenVerifier

        tokens = TokenVerifier(services)
        tokens.check_addresses()
    if _AWS not in names and _ALL not in names:
        return Verifiers(None, tokens)
    from credguard.aws.live import client, verify

    client.require_boto3()
    if _ALL in names and not getattr(options, "verify_named", False):
        options.verify_named = True  # once, and not in each of several processes
        words = "--verify=all: every key that is found is used to ask AWS, and its owner can see that"
        print(f"credguard: {words}", file=sys.stderr, flush=True)
    return Verifiers(verify.Verifier(all_accounts=_ALL in names), tokens)
