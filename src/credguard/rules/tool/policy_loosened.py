"""A change loosens the policy that it is checked against, or adds its own exception.

What it does
    In CI (`scan --range`, `ci`), in `pre-receive` and with `--policy-from`, policy, exceptions, baseline and inline
    comments are taken from the commit that the change starts from. Reports everything that the change loosens: an
    exception, a baseline entry or an inline comment that it adds or extends; a rule that it disables or lowers; a stage
    that it relaxes; a higher `fail-on`; a path that it excludes; an input that it acknowledges as unreadable; a limit
    that it lowers; the removal of the policy itself. Also reports, by key and value, any difference in a hook
    or CI step that calls credguard, in its job, and in what they inherit. None of this takes effect for the change
    itself. Making the policy stricter is not a finding.

Why it matters
    If a change could disable the check, it could add a secret at the same time.

How to fix
    Review each reported location. If the change is intended, someone with permission merges it despite the failed
    check, separately and before the change that needs it; it takes effect from then on. For version updates, list the
    revisions in the base's policy in advance (`enforcement: pins`). An exception by fingerprint in the base's `allow`
    covers one difference.

References
    docs/policy.md; OWASP Top 10 CI/CD Security Risks, CICD-SEC-1 "Insufficient Flow Control Mechanisms" and CICD-SEC-4
    "Poisoned Pipeline Execution".
"""

from __future__ import annotations

from credguard.model.findings import Severity
from credguard.rule import Rule, Trait

RULE = Rule(
    id="CG005",
    name="policy-loosened",
    severity=Severity.MEDIUM,
    summary="A change loosens the policy that it is checked against, or adds its own exception",
    hint="have someone with permission merge it separately; it takes effect from then on",
    practices=("P20",),
    traits=frozenset((Trait.ON_CHANGES,)),
    needs="scan a change: `credguard ci`, or `credguard scan --range A..B`",
    references=("https://owasp.org/www-project-top-10-ci-cd-security-risks/",),
)
