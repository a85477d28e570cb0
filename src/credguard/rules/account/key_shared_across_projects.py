"""Several projects use one access key.

What it does
    An audit compares the access key IDs and secrets that it finds, by their digests: across the repositories it was
    given (`credguard audit A B C`), and across the sub-projects of one repository, which are the topmost folders with
    a manifest of their own (package.json, pyproject.toml, go.mod, pom.xml, serverless.yml, Terraform files and the
    like). Files outside of any sub-project belong to the repository as a whole and are compared with other
    repositories only. Temporary credentials are not compared. There is one finding a credential, with a place in each
    project.

Why it matters
    A key that several projects share must be allowed what any of them needs, so each gets more than it should. When
    one of them leaks it, all of them fail on the day it is switched off, which is why it then stays on.

How to fix
    Give each project a role of its own, or where it must be a key, an IAM user of its own. Then retire the shared key.

References
    IAM User Guide, "Secure access keys" (use different access keys for different applications).
"""

from __future__ import annotations

from credguard.model.findings import Severity
from credguard.rule import Rule

RULE = Rule(
    id="CG502",
    name="key-shared-across-projects",
    severity=Severity.HIGH,
    summary="One access key is used by several projects",
    hint="give each project a role or a user of its own, then retire the shared key",
    practices=("P05",),
    in_hooks=False,
    remediation=(
        "make a role for each project with what that project needs, or an IAM user where no role can be used",
        "aws iam get-access-key-last-used --access-key-id AKID  # which service still uses the shared key",
        "when each project works with its own: aws iam update-access-key --user-name USER --access-key-id AKID "
        "--status Inactive",
        "aws iam delete-access-key --user-name USER --access-key-id AKID",
    ),
    references=("https://docs.aws.amazon.com/IAM/latest/UserGuide/securing_access-keys.html",),
)
