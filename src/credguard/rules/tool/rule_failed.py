"""A rule of credguard crashed on some input.

What it does
    Reports the input and the rule. The other rules still ran; what this one would have found is unknown.

Why it matters
    A crash is a bug in credguard, and an input made to cause one must not pass as clean. The exit code is 3 if nothing
    blocks.

How to fix
    Report it with the rule and the kind of file. Until it is fixed, disable the rule with `--ignore RULE`.

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
    hint="report it; disable the rule with --ignore until it is fixed",
    practices=(),
)
