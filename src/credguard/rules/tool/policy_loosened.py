"""A change loosens the policy that it is judged by, or brings an exception of its own.

What it does
    In CI (`scan --range`, `ci`), in `pre-receive` and with `--policy-from`, policy, exceptions, baseline and inline
    comments are those of the commit that the change starts from. Names each thing that the change loosens: an
    exception, a baseline entry or an inline comment that it adds or prolongs; a rule that it switches off or lowers; a
    stage that it softens; a higher `fail-on`; a path that it excludes; the policy itself where it is taken away. Names
    also any difference in a hook or CI step that calls credguard, in its job, and in what they inherit, by key and
    value. None of it counts for the change itself. What makes the policy stricter is no finding.

Why it matters
    Who can switch the check off in the same change as the secret needs no secret-free change.

How to fix
    Look at each place that is named. Where it is right, a person who may merges it over the failing check, by itself
    and before the change that needs it: from then on it counts. For updates of versions the base's policy names
    revisions beforehand (`enforcement: pins`); an exception by fingerprint in the base's `allow` covers one difference.

References
    docs/policy.md; OWASP Top 10 CI/CD Security Risks, CICD-SEC-1 "Insufficient Flow Control Mechanisms" and CICD-SEC-4
    "Poisoned Pipeline Execution".
"""

from __future__ import annotations

from credguard.model.findings import Severity
from credguard.rule import Rule

RULE = Rule(
    id="CG005",
    name="policy-loosened",
    severity=Severity.MEDIUM,
    summary="A change loosens the policy that it is judged by, or brings its own exception",
    hint="let a person who may decide merge it by itself; it counts from then on",
    practices=("P20",),
    references=("https://owasp.org/www-project-top-10-ci-cd-security-risks/",),
)
