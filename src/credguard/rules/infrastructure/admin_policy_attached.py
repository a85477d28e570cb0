"""A role, user or group gets an AWS managed policy with far more permissions than it needs.

What it does
    Finds attachments of AdministratorAccess, IAMFullAccess, PowerUserAccess (high), a …FullAccess policy or another
    over-broad AWS managed policy (medium): in CloudFormation, SAM, Serverless, Terraform, eksctl, Ansible and Pulumi
    files, in CDK programs, SDK calls and aws or eksctl command lines, in every partition and path. Locals, defaults,
    `for_each`, `format`, `split`, `join` and the like are followed within a file; a value that is used twice is one
    finding. Permissions boundaries, conditions, statements that deny, calls that detach, recorded responses of AWS and
    test code are not reported. Low are a shell's loops and documentation that tell to attach one (P06 is then partial),
    test data, fixtures and snapshots, and the service roles that AWS itself recommends for Glue, EMR and Data Pipeline.
    `credguard account` reads the users, groups and roles of the live account.

Why it matters
    Anyone who gets such credentials controls the account, or all data of a service. The damage of a leaked key depends
    on its permissions.

How to fix
    Write a policy with the actions and resources of the task and attach it. For work with S3 objects, s3:GetObject,
    s3:PutObject, s3:DeleteObject and s3:ListBucket on one bucket are enough.

References
    IAM User Guide, "Security best practices in IAM" and "AWS managed policies for job functions"; CIS AWS Foundations
    Benchmark 1.16 and 1.22 (v2.0 to 4.0); Security Hub IAM.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.aws.account_state import Holder
from credguard.lazy_re import compile_lazily
from credguard.model.findings import BASIS, BlobKind, Detection, Severity
from credguard.parsers.document import is_structured
from credguard.rule import Rule
from credguard.rules.infrastructure._iam_attachments import (
    Attachment,
    find_code_attachments,
    find_document_attachments,
    find_told_attachments,
)
from credguard.rules.infrastructure._iam_managed import MANAGED_POLICY, find_managed_policy, is_arn
from credguard.rules.infrastructure._iam_policies import is_judged, is_staged, parse_documents
from credguard.rules.infrastructure._iam_prose import is_documentation
from credguard.sources.test_data import lower_test_data
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.aws.account_state import AccountItem
    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob

_KEYS = compile_lazily(rb"(?i)polic(?:y|ies)[\w-]*[\"']?\s*[:=]|iam::aws:policy/|Serverless::|\"aws_iam_policy\"")
_S3 = "for S3 objects, s3:GetObject, s3:PutObject, s3:DeleteObject (bucket/*) and s3:ListBucket (bucket) are enough"


def _check(blob: Blob, hits: Hits) -> Iterator[Detection]:
    found = _find_attachments(blob, hits)
    if found and not is_staged(blob):
        causes: dict[tuple[object, ...], Attachment] = {}
        for one in sorted(found, key=lambda one: (one.line, not one.holder)):
            causes.setdefault((one.line, one.column, one.policy.name), one)  # a value that is used twice is one cause
        yield from lower_test_data(blob, (_build_detection(blob.path, one) for one in causes.values()))


def _find_attachments(blob: Blob, hits: Hits) -> list[Attachment]:
    text = blob.data.decode("latin-1")  # so that offsets match
    if blob.kind is BlobKind.FILE and is_documentation(blob.path):
        return list(find_told_attachments(text, hits[MANAGED_POLICY.name]))
    if not is_judged(blob):
        return []
    structured = is_structured(blob.path)
    found = parse_documents(blob) if _KEYS.search(blob.data) or not structured else None
    attachments = [] if found is None else list(find_document_attachments(found))
    # documents contain command lines too
    commands_only = structured or found is not None
    return [*attachments, *find_code_attachments(text, hits[MANAGED_POLICY.name], commands_only=commands_only)]


def _check_account(item: AccountItem) -> Iterator[Detection]:
    if not isinstance(item, Holder):
        return
    for arn in item.attached:
        policy = find_managed_policy(arn) if is_arn(arn) else None
        if policy:
            yield _build_detection(item.place, Attachment(policy, item.title, 1))


def _build_detection(path: str, attachment: Attachment) -> Detection:
    policy, holder = attachment.policy, attachment.holder
    subject = f"{holder} gets" if holder else "instructions or a loop attach" if attachment.told else "attaches"
    return Detection(
        f"{subject} the AWS managed policy {policy.name}: {policy.gives}",
        severity=Severity.LOW if attachment.told else policy.severity,
        attributes={"policy": policy.name, "resource": holder, **({BASIS: "instructions"} if attachment.told else {})},
        remediation=(_S3,) if "S3" in policy.name else (),
        line=attachment.line,
        identity=(holder.encode() or encode_path(path), policy.name.encode()),
    )


RULE = Rule(
    id="CG401",
    name="admin-policy-attached",
    severity=Severity.HIGH,
    summary="A role, user or group gets AdministratorAccess or another over-broad AWS managed policy",
    hint="attach a policy with the actions and resources of the task instead",
    practices=("P06",),
    patterns=(MANAGED_POLICY,),
    check_blob=_check,
    check_account=_check_account,
    in_hooks=False,
    remediation=(
        "check what was used: aws iam generate-service-last-accessed-details --arn ROLE_ARN",
        "let IAM Access Analyzer generate a policy: aws accessanalyzer start-policy-generation",
    ),
    standards=(
        "CIS AWS Foundations Benchmark: 1.16 (v1.4 to v4.0), 1.15 (v5.0), 2.15 (v6.0), 2.14 (v7.0)",
        "CIS AWS Foundations Benchmark: 1.22 (v2.0 to v4.0), 1.21 (v5.0), 2.21 (v6.0), 2.20 (v7.0), for CloudShell",
        "AWS Security Hub: IAM.1",
    ),
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_job-functions.html",
        "https://docs.aws.amazon.com/securityhub/latest/userguide/iam-controls.html",
    ),
)
