"""A comment or a baseline line that is meant to suppress a finding, and cannot.

What it does
    Names the comment or the line, and what is wrong with it: no rule, an unknown rule, no reason, a date that is none,
    the traces of a merge. What it was to suppress is reported as if it were not there.

Why it matters
    Who wrote it believes that the finding is settled. An exception without a reason cannot be judged by anybody later,
    and one that names no rule would hide whatever comes to stand there.

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
    hint="name the rule and give a reason: `credguard: allow CG101 -- reason`",
    practices=("P20",),
)
