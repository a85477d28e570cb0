"""AWS has quarantined a user, because it found one of the user's keys in public.

What it does
    Asks the live account (`credguard account`) for users, groups and roles with the AWS managed policy
    AWSCompromisedKeyQuarantine (V2, V3 and later), which AWS attaches when it sees an access key in a public place.

Why it matters
    The policy denies only what intruders do most often. The key works for everything else, and whoever found it first
    may have made other credentials with it.

How to fix
    Deactivate the key, from another user than the quarantined one: the policy denies that one to do so. See in
    CloudTrail what the key did, end the sessions that it made, replace it, and delete it. Detach the policy last, when
    AWS Support says so.

References
    IAM User Guide, "AWS managed policies: AWSCompromisedKeyQuarantineV3"; AWS re:Post, "What do I do if I notice
    unauthorized activity in my AWS account?".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.aws.account_state import QUARANTINE, Holder
from credguard.model.findings import Detection, Severity
from credguard.rule import Rule, Trait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.aws.account_state import AccountItem


def _check_account(item: AccountItem) -> Iterator[Detection]:
    if not isinstance(item, Holder):
        return
    names = [match[1] for arn in item.attached if (match := QUARANTINE.fullmatch(arn))]
    if names:
        yield Detection(
            f"{item.title} is quarantined by AWS ({', '.join(names)}): a key was found in public",
            attributes={"account": item.account, "resource": item.title, "policy": names[0]},
            identity=(item.account.encode(), item.title.encode()),
        )


RULE = Rule(
    id="CG506",
    name="quarantined-identity",
    severity=Severity.CRITICAL,
    summary="AWS has quarantined a user whose key it found in public",
    hint="deactivate the user's keys from another user, and leave the policy in place until the keys are replaced",
    practices=("P19",),
    traits=frozenset((Trait.ON_REQUEST,)),
    needs="ask the account: `credguard account`",
    check_account=_check_account,
    in_hooks=False,
    remediation=(
        "aws iam list-access-keys --user-name USER  # as another user: the policy denies the quarantined one",
        "aws iam update-access-key --user-name USER --access-key-id AKID --status Inactive",
        "aws cloudtrail lookup-events --lookup-attributes AttributeKey=AccessKeyId,AttributeValue=AKID"
        "  # in every Region that the account uses",
        "deploy a new key, or better a role; then: aws iam delete-access-key --user-name USER --access-key-id AKID",
    ),
    references=(
        "https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSCompromisedKeyQuarantineV3.html",
        "https://repost.aws/knowledge-center/potential-account-compromise",
    ),
)
