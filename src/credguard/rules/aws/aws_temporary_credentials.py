"""Temporary AWS credentials: an ASIA key with its secret, a session token, or all three.

What it does
    Combines ID, secret and session token in the same file into one finding and reports which part is missing. A session
    token is recognized by the protobuf header inside its base64, or by its name if the file mentions AWS.

Why it matters
    They are valid until they expire: up to 36 hours for a user's session, up to 12 hours for a role's.

How to fix
    Revoke the role's older sessions, or deny the user until the longest lifetime has passed; then remove the values
    from the file.

References
    IAM User Guide, "IAM identifiers" (prefixes) and "Manage access keys for IAM users";
    https://awsteele.com/blog/2020/09/26/aws-access-key-format.html (account in the ID).
"""

from __future__ import annotations

from functools import partial

from credguard.aws import credential
from credguard.model.findings import Severity
from credguard.rule import Rule, Trait
from credguard.rules.aws import _remediation

RULE = Rule(
    id="CG104",
    name="aws-temporary-credentials",
    severity=Severity.HIGH,
    summary="Temporary AWS credentials: an ASIA key with its secret, or a session token",
    hint="end the role's sessions (AWSRevokeOlderSessions), then remove the values from the file",
    practices=("P01", "P03", "P10", "P16", "P19"),
    traits=frozenset((Trait.WHOLE, Trait.TEMPORARY, Trait.OF_ACCOUNT)),
    patterns=credential.PATTERNS,
    check_blob=partial(credential.detect_credentials, credential.CredentialKind.TEMPORARY),
    remediation=_remediation.TEMPORARY,
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
    ),
)
