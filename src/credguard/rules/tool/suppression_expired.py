"""An exception or a baseline entry has expired.

What it does
    Reports each expired entry of the policy's `allow` and of the baseline. It no longer suppresses anything, so the
    finding that it covered is reported as well if it still exists. Days are in UTC; the entry still applies on its last
    day.

Why it matters
    An expiry is a promise to replace the credential by then. Entries that no one reviews are how known leaks stay for
    years.

How to fix
    If the finding is gone, remove the entry; `credguard baseline prune` does this for the baseline. If not, replace the
    credential, or set a later date with a reason that is still true.

References
    docs/suppression.md
"""

from __future__ import annotations

from credguard.model.findings import Severity
from credguard.rule import Rule

RULE = Rule(
    id="CG004",
    name="suppression-expired",
    severity=Severity.MEDIUM,
    summary="A suppression has expired",
    hint="fix the finding and remove the entry, or set a later date",
    practices=("P20",),
)
