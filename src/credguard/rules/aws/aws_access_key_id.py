"""An AWS access key ID (AKIA… or ASIA…) without its secret.

What it does
    Reports an access key ID of 20 characters (base32 body, not part of a longer word) whose secret is not in the same
    file; beside `-` or `_` it must name an account. Letters that read as words are low. The account is decoded offline
    from IDs issued since 2019. Identifiers such as AROA… or AIDA… are not credentials and are not reported, nor are
    documented example IDs and placeholders. An ID that a credguard report
    names in the message of a finding is not reported either; everything else in such a file is.

Why it matters
    An ID is half of a credential: it identifies the account, shows that a long-lived key exists, and its secret is
    often one file away. Temporary IDs (ASIA…) are medium; keys of known canary accounts are low.

How to fix
    Remove the ID from the file and read it from the environment, a profile or a role. If others may know the secret,
    deactivate the key first.

References
    IAM User Guide, "IAM identifiers" (prefixes) and "Manage access keys for IAM users";
    https://awsteele.com/blog/2020/09/26/aws-access-key-format.html (account in the ID).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.aws import credential, own_report
from credguard.model.findings import Severity
from credguard.rule import Rule, Trait
from credguard.rules.aws import _remediation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob, Detection


def check_blob(blob: Blob, hits: Hits) -> Iterator[Detection]:
    """The key IDs without a secret, except those that a credguard report names."""
    named: frozenset[bytes] | None = None
    for one in credential.detect_credentials(credential.CredentialKind.ID_ALONE, blob, hits):
        named = own_report.list_named_ids(blob.data) if named is None else named  # once, and only where there is an ID
        if str(one.attributes.get("access_key_id", "")).encode() not in named:
            yield one


RULE = Rule(
    id="CG101",
    name="aws-access-key-id",
    severity=Severity.HIGH,
    summary="An AWS access key ID is in a file without its secret",
    hint="find out where the secret is; deactivate the key if someone else may have it; use a role instead",
    practices=("P01", "P03", "P10", "P16", "P19"),
    traits=frozenset((Trait.HALF, Trait.ACCESS_KEY, Trait.LONG_LIVED, Trait.OF_ACCOUNT)),
    patterns=credential.PATTERNS,
    check_blob=check_blob,
    remediation=_remediation.ACCESS_KEY,
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
    ),
)
