"""A whole long-lived AWS access key: its ID and its secret stand in one file.

What it does
    Joins an access key ID and a secret access key of one file into one finding with a place each, however far apart
    they stand.

Why it matters
    Who reads the file can use the account until the key is deactivated. Keys pushed to public places are abused
    within minutes.

How to fix
    Deactivate the key first, look at what it did, then take it out of the file and of the history. Replace it by a
    role, OIDC or a profile outside the repository.

References
    IAM User Guide, "IAM identifiers" (prefixes) and "Manage access keys for IAM users";
    https://awsteele.com/blog/2020/09/26/aws-access-key-format.html (account in the ID).
"""

from __future__ import annotations

from functools import partial

from credguard.aws import credential
from credguard.model.findings import Severity
from credguard.rule import Rule
from credguard.rules.aws import _remediation

RULE = Rule(
    id="CG103",
    name="aws-key-pair",
    severity=Severity.CRITICAL,
    summary="A whole long-lived AWS access key: ID and secret",
    hint="deactivate the key now, then take it out of the file; use a role or a profile instead",
    practices=("P01", "P03"),
    patterns=credential.PATTERNS,
    check_blob=partial(credential.detect_credentials, "CG103"),
    remediation=_remediation.ACCESS_KEY,
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
    ),
)
