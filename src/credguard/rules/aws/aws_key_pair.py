"""A complete long-lived AWS access key: its ID and its secret in one file.

What it does
    Combines an access key ID and a secret access key in the same file into one finding with a location for each,
    however far apart they are.

Why it matters
    Anyone who reads the file can use the account until the key is deactivated. Keys pushed to public repositories are
    abused within minutes.

How to fix
    Deactivate the key first, check what it was used for, then remove it from the file and the history. Replace it with
    a role, OIDC or a profile outside the repository.

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
    id="CG103",
    name="aws-key-pair",
    severity=Severity.CRITICAL,
    summary="A complete long-lived AWS access key: ID and secret",
    hint="deactivate the key now, then remove it from the file; use a role or a profile instead",
    practices=("P01", "P03", "P10", "P16", "P19"),
    traits=frozenset((Trait.WHOLE, Trait.ACCESS_KEY, Trait.LONG_LIVED, Trait.OF_ACCOUNT)),
    patterns=credential.PATTERNS,
    check_blob=partial(credential.detect_credentials, credential.CredentialKind.PAIR),
    remediation=_remediation.ACCESS_KEY,
    yields_to=("CG301",),
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
    ),
)
