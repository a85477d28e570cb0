"""Several projects use the same access key.

What it does
    An audit compares the digests of the access key IDs and secrets that it finds: across the repositories it was given
    (`credguard audit A B C`), and across the sub-projects of one repository, which are the topmost folders with their
    own manifest (package.json, pyproject.toml, go.mod, pom.xml, serverless.yml, Terraform files and the like). Files
    outside of any sub-project belong to the repository as a whole and are compared with other repositories only.
    Temporary credentials are not compared. There is one finding per credential, with a location in each project.

Why it matters
    A shared key needs the permissions of all its projects, so each gets more than it should. If one of them leaks it,
    deactivating it breaks all of them, which is why leaked shared keys often stay active.

How to fix
    Give each project its own role, or, if it needs a key, its own IAM user. Then retire the shared key.

References
    IAM User Guide, "Secure access keys" (use different access keys for different applications).
"""

from __future__ import annotations

from credguard.model.findings import Severity
from credguard.rule import Rule, Trait

RULE = Rule(
    id="CG502",
    name="key-shared-across-projects",
    severity=Severity.HIGH,
    summary="Several projects use the same access key",
    hint="give each project its own role or user, then retire the shared key",
    practices=("P05",),
    traits=frozenset((Trait.ON_REQUEST, Trait.BUILT_ON_VALUES)),
    needs="audit several repositories together: `credguard audit A B C`",
    in_hooks=False,
    remediation=(
        "create a role for each project with only the permissions it needs, or an IAM user where no role can be used",
        "aws iam get-access-key-last-used --access-key-id AKID  # which service still uses the shared key",
        "when every project uses its own: aws iam update-access-key --user-name USER --access-key-id AKID"
        " --status Inactive",
        "aws iam delete-access-key --user-name USER --access-key-id AKID",
    ),
    references=("https://docs.aws.amazon.com/IAM/latest/UserGuide/securing_access-keys.html",),
)
