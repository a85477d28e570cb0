"""A credential of one AWS service: CodeCommit, Keyspaces, ECR, EKS, IAM Identity Center, AppSync, Cognito, MWS.

What it does
    Finds passwords of service users (`USER-at-ACCOUNT`), registry passwords (docker's config.json, `docker login`),
    cluster tokens (`k8s-aws-v1.…`), cached sign-in tokens of IAM Identity Center, AppSync API keys (`da2-…`), Cognito
    app client secrets under their name, container credentials tokens and MWS auth tokens. A token that contains its
    expiry and has expired is low. AppSync keys are medium: some are meant for browsers.

Why it matters
    Each gives access to one service without an access key: private repositories and images, a cluster, a database, or,
    for a sign-in token, every account and role that its user can access.

How to fix
    Delete or reset the credential where it was created. A token that is valid for hours expires by itself, or sooner if
    its session is revoked. Use the credential helper of git, docker or kubectl, which stores nothing.

References
    IAM User Guide, "IAM credentials for CodeCommit: Git credentials, SSH keys, and AWS access keys"; Amazon ECR User
    Guide, "Private registry authentication"; Amazon EKS Best Practices, "Identity and Access Management"; AWS AppSync
    Developer Guide, "Configuring authorization and authentication".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.model.findings import Severity
from credguard.rule import SECRET_PRACTICES, Rule, Trait
from credguard.rules.aws import _ecr_password, _identity_center, _service_password, _service_token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob, Detection

_FAMILIES = (
    (_service_password.PATTERNS, _service_password.detect_service_password),
    (_ecr_password.PATTERNS, _ecr_password.detect_ecr_password),
    (_identity_center.PATTERNS, _identity_center.detect_identity_center),
    (_service_token.PATTERNS, _service_token.detect_service_token),
)


def _check(blob: Blob, hits: Hits) -> Iterator[Detection]:
    for _, detect in _FAMILIES:
        yield from detect(blob, hits)


RULE = Rule(
    id="CG108",
    name="aws-service-credential",
    severity=Severity.HIGH,
    summary="A password or token of one AWS service",
    hint="reset or delete it where it was created; use the service's credential helper instead",
    practices=SECRET_PRACTICES,
    traits=frozenset((Trait.LONG_LIVED, Trait.OF_ACCOUNT)),
    patterns=tuple(pattern for patterns, _ in _FAMILIES for pattern in patterns),
    check_blob=_check,
    remediation=(
        "CodeCommit, Keyspaces: aws iam reset-service-specific-credential --user-name USER"
        " --service-specific-credential-id ACCA…",
        "IAM Identity Center: aws sso logout, then revoke the user's active sessions in the Identity Center console",
        "ECR, EKS: valid for hours or minutes; revoke the older sessions of the role that requested it",
        "AppSync: aws appsync delete-api-key --api-id API --id KEY",
        "Cognito: create a new app client and delete the old one",
    ),
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_service-specific-creds.html",
        "https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html",
        "https://docs.aws.amazon.com/eks/latest/best-practices/identity-and-access-management.html",
        "https://docs.aws.amazon.com/appsync/latest/devguide/security-authz.html",
    ),
)
