"""A comment or a baseline line that should suppress a finding is malformed.

What it does
    Reports the comment or the line, and what is wrong with it: no rule, an unknown rule, no reason, an invalid date,
    conflict markers. The finding that it should suppress is reported as usual.

Why it matters
    Its author believes that the finding is suppressed. An exception without a reason cannot be reviewed later, and one
    without a rule would hide any later finding at the same location.

How to fix
    Write `credguard: allow CG101 -- reason` in a comment on the line of the finding, or alone on the line before; in
    the baseline, `<fingerprint> <rule> <path> -- reason`. `credguard baseline update` writes such lines.

References
    docs/suppression.md
"""

from __future__ import annotations

from credguard.model.findings import Severity
from credguard.rule import Rule

RULE = Rule(
    id="CG003",
    name="suppression-malformed",
    severity=Severity.MEDIUM,
    summary="A suppression is malformed or gives no reason",
    hint="add the rule and a reason: `credguard: allow CG101 -- reason`",
    practices=("P20",),
)
