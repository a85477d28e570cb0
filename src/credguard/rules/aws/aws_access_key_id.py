"""An AWS access key ID (AKIA… or ASIA…) stands alone, without its secret.

What it does
    Reports an access key ID of 20 characters (base32 body, nothing of a longer word around it) whose secret is not in
    the same file. The account is decoded offline from IDs issued since 2019. Identifiers such as AROA… or AIDA… are no
    credentials and are not reported; documented example IDs and placeholders are not either.

Why it matters
    An ID is half of a credential: it names the account, tells that a long-lived key exists, and its secret is often
    one file away. Temporary IDs (ASIA…) are medium; keys of known canary accounts are low.

How to fix
    Take the ID out of the file, read it from the environment, a profile or a role. If the secret may be known to
    others, deactivate the key first.

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
    id="CG101",
    name="aws-access-key-id",
    severity=Severity.HIGH,
    summary="An AWS access key ID stands in a file without its secret",
    hint="find where the secret went; deactivate the key if anybody else can have it; use a role instead",
    practices=("P01", "P03"),
    patterns=credential.PATTERNS,
    check_blob=partial(credential.detect_credentials, "CG101"),
    remediation=_remediation.ACCESS_KEY,
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
    ),
)
