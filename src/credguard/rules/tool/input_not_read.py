"""Something could not be scanned.

What it does
    Lists each file, folder or object that was not read, and why: no permission, over the size limit, vanished, missing
    in git's object store, or git itself failed.

Why it matters
    "No findings" covers only what was scanned. A run with such a finding is incomplete: its exit code is 3 if nothing
    blocks, never 0.

How to fix
    Follow the message: run as a user who can read the file, raise --max-file-size, fetch the missing objects. What
    nobody can read, such as a truncated archive or an object that is lost, is acknowledged with `paths.unreadable` in
    the policy, with a reason: reports still list it, and the run is complete.

References
    docs/exit-codes.md, docs/policy.md
"""

from __future__ import annotations

from credguard.model.findings import Severity
from credguard.rule import Rule

RULE = Rule(
    id="CG001",
    name="input-not-read",
    severity=Severity.MEDIUM,
    summary="Something could not be scanned",
    hint="make it readable, or acknowledge it with paths.unreadable in the policy",
    practices=(),
)
