"""What IAM policies let their holder do, in words for people: tried on made-up resources, as AWS would decide."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from credguard.aws.iam_patterns import match_action, match_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_ANY = "credguard-any"
_EVERYTHING = "can do everything"
_PROBES: tuple[tuple[str, str, str], ...] = (
    ("iam:AttachUserPolicy", f"arn:aws:iam::000000000000:user/{_ANY}", "can give itself any right"),
    ("iam:CreateAccessKey", f"arn:aws:iam::000000000000:user/{_ANY}", "can make keys for every user"),
    ("sts:AssumeRole", f"arn:aws:iam::000000000000:role/{_ANY}", "can take every role that trusts the account"),
    ("cloudtrail:StopLogging", f"arn:aws:cloudtrail:us-east-1:000000000000:trail/{_ANY}", "can stop the audit trail"),
    ("s3:GetObject", f"arn:aws:s3:::{_ANY}/{_ANY}", "can read every bucket"),
    ("s3:PutObject", f"arn:aws:s3:::{_ANY}/{_ANY}", "can write to every bucket"),
    ("s3:DeleteObject", f"arn:aws:s3:::{_ANY}/{_ANY}", "can delete from every bucket"),
    ("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:us-east-1:000000000000:secret:{_ANY}",
     "can read every secret of Secrets Manager"),
    ("ssm:GetParameter", f"arn:aws:ssm:us-east-1:000000000000:parameter/{_ANY}", "can read every SSM parameter"),
    ("ssm:SendCommand", f"arn:aws:ec2:us-east-1:000000000000:instance/{_ANY}", "can run commands on every instance"),
    ("dynamodb:Scan", f"arn:aws:dynamodb:us-east-1:000000000000:table/{_ANY}", "can read every DynamoDB table"),
    ("dynamodb:DeleteTable", f"arn:aws:dynamodb:us-east-1:000000000000:table/{_ANY}",
     "can delete every DynamoDB table"),
    ("rds:DeleteDBInstance", f"arn:aws:rds:us-east-1:000000000000:db:{_ANY}", "can delete every RDS database"),
    ("ec2:RunInstances", f"arn:aws:ec2:us-east-1:000000000000:instance/{_ANY}", "can start instances, at your cost"),
    ("ec2:TerminateInstances", f"arn:aws:ec2:us-east-1:000000000000:instance/{_ANY}", "can end every instance"),
    ("lambda:UpdateFunctionCode", f"arn:aws:lambda:us-east-1:000000000000:function:{_ANY}",
     "can change the code of every Lambda function"),
    ("kms:Decrypt", f"arn:aws:kms:us-east-1:000000000000:key/{_ANY}", "can decrypt with every KMS key"),
    ("bedrock:InvokeModel", f"arn:aws:bedrock:us-east-1::foundation-model/{_ANY}", "can use AI models, at your cost"),
    ("ses:SendEmail", f"arn:aws:ses:us-east-1:000000000000:identity/{_ANY}", "can send mail in your name"),
)  # fmt: skip
"""An action, a resource that nobody named, and what may be said if both are allowed (AWS Service Authorization
Reference: the actions and resource types of each service)."""
_MANAGED = {
    "AdministratorAccess": (_EVERYTHING,),
    "PowerUserAccess": ("can do everything but manage users and permissions",),
    "ReadOnlyAccess": ("can read nearly everything",),
    "IAMFullAccess": ("can give itself any right",),
    "AmazonS3FullAccess": ("can read every bucket", "can write to every bucket", "can delete from every bucket"),
    "AmazonS3ReadOnlyAccess": ("can read every bucket",),
    "AmazonEC2FullAccess": ("can start instances, at your cost", "can end every instance"),
    "AmazonDynamoDBFullAccess": ("can read every DynamoDB table", "can delete every DynamoDB table"),
    "AmazonDynamoDBReadOnlyAccess": ("can read every DynamoDB table",),
    "AmazonRDSFullAccess": ("can delete every RDS database",),
    "SecretsManagerReadWrite": ("can read every secret of Secrets Manager",),
    "AmazonSSMFullAccess": ("can read every SSM parameter", "can run commands on every instance"),
    "AWSLambda_FullAccess": ("can change the code of every Lambda function",),
    "AmazonSESFullAccess": ("can send mail in your name",),
    "AmazonBedrockFullAccess": ("can use AI models, at your cost",),
}
"""What AWS's own policies allow, whose documents are not read (AWS Managed Policy Reference)."""
_BUCKET = re.compile(r"arn:aws[\w-]*:s3:::([A-Za-z0-9.\-]{3,63})(?:/.*)?")
_MOST_BUCKETS = 5


@dataclass(frozen=True, slots=True)
class _Statement:
    """One statement: `names` are actions, or what is left out of all (`all_but`); the same for resources."""

    allows: bool
    names: tuple[str, ...]
    all_but: bool
    resources: tuple[str, ...]
    all_but_resources: bool
    conditional: bool

    def includes(self, action: str, resource: str) -> bool:
        """True where it is about this action on this resource."""
        about = any(match_action(name, action) for name in self.names) != self.all_but
        return about and any(match_pattern(one, resource) for one in self.resources) != self.all_but_resources


def describe_rights(documents: Iterable[bytes], attached: Iterable[str]) -> list[str]:
    """What a user can do by the JSON policies that apply to it and AWS's own policies (ARNs) attached to it, worst
    first; empty where no sentence fits. Statements with conditions are said as such, a Deny without one is heeded."""
    statements = [one for text in documents for one in _iter_statements(text)]
    managed = [words for arn in attached for words in _MANAGED.get(arn.rpartition("/")[2], ())]
    answers = {words: _decide(statements, action, resource) for action, resource, words in _PROBES}
    other = _decide(statements, "credguard:Anything", f"arn:aws:credguard:::{_ANY}")
    if _EVERYTHING in managed or {other, *answers.values()} == {"allowed"}:
        return [_EVERYTHING]
    found = dict.fromkeys(managed)
    for words, answer in answers.items():
        if answer:
            found[words if answer == "allowed" else f"{words}, under conditions"] = None
    found.update(dict.fromkeys(_list_buckets(statements, found)))
    order = {words: number for number, (_, _, words) in enumerate(_PROBES)}
    return sorted(found, key=lambda words: order.get(words.removesuffix(", under conditions"), len(order)))


def _decide(statements: Sequence[_Statement], action: str, resource: str) -> str:
    """`allowed`, `conditional`, or nothing: an explicit Deny wins (IAM User Guide, policy evaluation logic)."""
    fitting = [one for one in statements if one.includes(action, resource)]
    if any(not one.allows and not one.conditional for one in fitting):
        return ""
    allowing = [one for one in fitting if one.allows]
    if not allowing:
        return ""
    sure = any(not one.conditional for one in allowing) and all(one.allows for one in fitting)
    return "allowed" if sure else "conditional"


def _list_buckets(statements: Sequence[_Statement], found: Iterable[str]) -> list[str]:
    """The buckets that are named, where not every one is open anyway."""
    known, named = set(found), list[str]()
    for action, every, verb in (
        ("s3:GetObject", "can read every bucket", "can read bucket"),
        ("s3:PutObject", "can write to every bucket", "can write to bucket"),
    ):
        buckets = {
            match[1]: None
            for one in statements
            if one.allows and not one.all_but_resources
            for resource in one.resources
            if (match := _BUCKET.fullmatch(resource)) and _decide(statements, action, _fill(resource))
        }
        if every not in known:
            named += [f"{verb} {bucket}" for bucket in list(buckets)[:_MOST_BUCKETS]]
    return named


def _fill(resource: str) -> str:
    """A resource that the pattern matches."""
    return resource.replace("*", _ANY).replace("?", "x")


def _iter_statements(text: bytes) -> Iterator[_Statement]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return
    for one in _as_list(document.get("Statement")) if isinstance(document, dict) else ():
        if isinstance(one, dict) and one.get("Effect") in ("Allow", "Deny"):
            yield _Statement(
                one["Effect"] == "Allow",
                _as_texts(one.get("Action", one.get("NotAction"))), "NotAction" in one,
                _as_texts(one.get("Resource", one.get("NotResource"))), "NotResource" in one,
                bool(one.get("Condition")),
            )  # fmt: skip


def _as_list(value: Any) -> list[Any]:  # noqa: ANN401 - JSON
    return value if isinstance(value, list) else [value]


def _as_texts(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - JSON
    return tuple(one for one in _as_list(value) if isinstance(one, str))
