"""What a user can do, in words, by its policies."""

from __future__ import annotations

import json
from typing import Any

import pytest

from credguard.aws.granted_rights import describe_rights

MANAGED = "arn:aws:iam::aws:policy/"
CONDITION = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def allow(action: object, resource: object = "*", **more: object) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: object, resource: object = "*", **more: object) -> dict[str, Any]:
    return allow(action, resource, **more) | {"Effect": "Deny"}


@pytest.mark.parametrize(("statements", "expected"), [
    ([allow("*")], ["can do everything"]),
    ([allow("*:*")], ["can do everything"]),
    ([allow(["s3:Get*", "s3:List*"])], ["can read every bucket"]),
    ([allow("S3:GETOBJECT", "arn:aws:s3:::*")], ["can read every bucket"]),
    ([allow("s3:GetObject", ["arn:aws:s3:::logs-acme", "arn:aws:s3:::logs-acme/*"])], ["can read bucket logs-acme"]),
    ([allow("s3:*", "arn:aws:s3:::a-site/*")], ["can read bucket a-site", "can write to bucket a-site"]),
    ([allow("s3:GetObject"), deny("s3:*")], []),
    ([allow("s3:GetObject"), deny("s3:GetObject", "arn:aws:s3:::vault/*")], ["can read every bucket"]),
    ([allow("s3:GetObject", Condition=CONDITION)], ["can read every bucket, under conditions"]),
    ([allow("s3:GetObject"), deny("s3:*", Condition=CONDITION)], ["can read every bucket, under conditions"]),
    ([allow("iam:*"), allow("kms:Decrypt")],
     ["can give itself any right", "can make keys for every user", "can decrypt with every KMS key"]),
    ([{"Effect": "Allow", "NotAction": ["a*", "b*", "c*", "d*", "e*", "iam:*", "l*", "r*", "s*"], "Resource": "*"}],
     ["can decrypt with every KMS key"]),
    ([allow("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:app-??????")], []),
    ([allow("ec2:Describe*")], []),
])  # fmt: skip
def test_words(statements: list[dict[str, Any]], expected: list[str]) -> None:
    """Each sentence is one that AWS would let come true."""
    document = json.dumps({"Version": "2012-10-17", "Statement": statements}).encode()
    assert describe_rights([document], []) == expected


def test_policies_of_aws() -> None:
    """Its own policies are known by name; several policies add up."""
    one = json.dumps({"Statement": allow("ses:SendEmail")}).encode()
    assert describe_rights([one], [f"{MANAGED}AmazonS3ReadOnlyAccess", f"{MANAGED}Unknown"]) == [
        "can read every bucket", "can send mail in your name",
    ]  # fmt: skip
    assert describe_rights([one], [f"{MANAGED}AdministratorAccess"]) == ["can do everything"]


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b'{"Statement": 1}', b'{"Statement": [{"Effect": "Allow"}]}', b"\xff"]
)
def test_no_policy(text: bytes) -> None:
    """What is no policy gives no sentence."""
    assert describe_rights([text], []) == []


def test_many_wildcards() -> None:
    """A pattern of wildcards takes no time that grows with their number."""
    document = json.dumps({"Statement": allow("*e*e*e*e*" * 200 + "!", "*x" * 1000)}).encode()
    assert describe_rights([document] * 20, []) == []
