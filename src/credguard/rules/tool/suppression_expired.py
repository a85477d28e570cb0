"""An exception or a baseline entry whose last day has passed.

What it does
    Names each entry of the policy's `allow` and of the baseline that has expired. It no longer suppresses anything, so
    what it covered is reported as well, if it is still there. Days are those of UTC; the last day itself still counts.

Why it matters
    An expiry is a promise to have replaced the credential by then. An entry that nobody comes back to is how a known
    leak stays for years.

How to fix
    If the finding is gone, take the entry out; `credguard baseline prune` does so for the baseline. If it is not,
    replace the credential, or decide anew: a later date, with a reason that is true today.

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
    hint="mend what it covered and take the entry out, or decide anew with a later date",
    practices=("P20",),
)
