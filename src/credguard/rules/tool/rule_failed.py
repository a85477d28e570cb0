"""A rule of credguard crashed on some input.

What it does
    Names the input and the rule. The other rules went on; what this one would have said is unknown.

Why it matters
    A crash is a bug in credguard, and an input made to cause one must not pass as clean. The exit code is 3 where
    nothing blocks.

How to fix
    Report it with the rule and the kind of file. Until it is mended, `--ignore RULE` leaves the rule out on purpose.

References
    docs/exit-codes.md
"""

from __future__ import annotations

from credguard.model.findings import Severity
from credguard.rule import Rule

RULE = Rule(
    id="CG002",
    name="rule-failed",
    severity=Severity.MEDIUM,
    summary="A rule of credguard crashed on some input",
    hint="report it; leave the rule out with --ignore until it is mended",
    practices=(),
)
