"""An AWS secret access key without its key ID.

What it does
    Reports 40 random base64 characters that a name, a table header or an AWS call identifies as a secret access key, in
    any usual spelling, quoted or not, escaped or not. Digests, paths, names, encrypted values and other vendors' tokens
    are not reported, nor are documented examples and placeholders.

Why it matters
    The ID is not a secret and is easy to find, so the secret alone is as good as the complete key.

How to fix
    Find the key that it belongs to, deactivate it, and replace it with a role or a new key kept outside git.

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
    id="CG102",
    name="aws-secret-access-key",
    severity=Severity.HIGH,
    summary="An AWS secret access key is in a file without its key ID",
    hint="deactivate the key that it belongs to, then remove it; read it from a role, a profile or the environment",
    practices=("P01", "P03", "P10", "P16", "P19"),
    traits=frozenset((Trait.HALF, Trait.LONG_LIVED, Trait.OF_ACCOUNT)),
    patterns=credential.PATTERNS,
    check_blob=partial(credential.detect_credentials, credential.CredentialKind.KEY_ALONE),
    remediation=_remediation.ACCESS_KEY,
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html",
    ),
)
