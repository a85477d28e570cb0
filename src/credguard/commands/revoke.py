"""`credguard revoke`: whose a key is and how to end it; with --apply it does so, deactivation first."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from credguard.errors import CredguardError, ExitCode

if TYPE_CHECKING:
    import argparse

    from credguard.aws.live.owner import OwnedKey


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of `revoke`."""
    parser.add_argument("key_id", metavar="KEY_ID", help="the access key ID (AKIA…)")
    parser.add_argument(
        "--profile", metavar="NAME", default="", help="whose credentials ask (default: as the AWS SDK does)"
    )
    parser.add_argument("--region", metavar="REGION", default="", help="the Region that is asked")
    parser.add_argument("--apply", action="store_true", help="carry the plan out; asks for the account's ID")
    parser.add_argument("--yes", metavar="ACCOUNT", default="", help="the account's ID, instead of typing it")
    parser.add_argument("--delete", action="store_true", help="also delete the key, if it has been inactive for a day")
    parser.add_argument("--force", action="store_true", help="with --delete: delete it at once")
    parser.add_argument("--debug", action="store_true", help="print where an internal error occurred")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Prints the plan and, with --apply, what became of each step."""
    from credguard.aws.live import client, owner, revoke

    if (options.force or options.yes) and not options.apply:
        raise CredguardError("--force and --yes go with --apply", "add --apply")
    owner.check_key_id(options.key_id)
    client.require_boto3()
    client.check_profiles([options.profile])
    asks = client.AwsClient(options.profile, options.region)
    try:
        owned = owner.find_owner(asks, options.key_id)
    except client.CallError as error:
        raise owner.make_incomplete(error) from None
    revoke.check_allowed(owned)
    _print_owner(owned)
    print("\nThe plan")
    for number, step in enumerate(revoke.list_steps(owned, delete=options.delete), 1):
        _say(f"  {number}. {step.text}" + (f"\n     {step.command}" if step.command else ""))
    if not options.apply:
        print("\nNothing was changed. `--apply` takes the first two steps, and with `--delete` the last.")
        return ExitCode.CLEAN
    _confirm(options.yes, owned.caller.account)
    print("\nDone")
    outcomes = []
    for outcome in revoke.carry_out(asks, owned, delete=options.delete, force=options.force):
        outcomes.append(outcome)
        _say(f"  {outcome.text}")
    return ExitCode.CLEAN if all(outcome.done for outcome in outcomes) else ExitCode.INCOMPLETE


def _say(text: str) -> None:
    """Prints a line that AWS has a part in."""
    from credguard.report import make_printable

    print("\n".join(map(make_printable, text.split("\n"))), flush=True)


def _print_owner(owned: OwnedKey) -> None:
    key = owned.key
    _say(f"{key.id} is {'an active' if key.active else 'an inactive'} key of user {owned.user}, account "
          f"{owned.caller.account}, made on {key.created:%Y-%m-%d}.")  # fmt: skip
    if owned.used:
        _say(
            f"Last used on {owned.used:%Y-%m-%d %H:%M} UTC with {owned.service} in {owned.region}: what does so breaks."
        )
    else:
        print("AWS knows of no use of it.")
    others = [one for one in owned.keys if one.id != key.id]
    if others:
        said = ", ".join(f"{one.id} ({'active' if one.active else 'inactive'})" for one in others)
        _say(f"The user's other key: {said}.")
    if owned.quarantined:
        print("AWS has quarantined the user: a key was found in public. Leave that policy in place until the end.")


def _confirm(given: str, account: str) -> None:
    """Has the account's ID typed; raises CredguardError for another one, and where nobody can type."""
    if not given:
        if not sys.stdin.isatty():
            raise CredguardError(
                "--apply wants the account's ID typed, and nobody is here to type", f"add --yes {account}"
            )
        print(f"\nType the ID of the account to change ({account}): ", end="", flush=True)
        given = sys.stdin.readline().strip()
    if given != account:
        raise CredguardError(f"{given[:20]} is not the key's account {account}", "nothing was changed")
