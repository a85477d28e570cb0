"""Something that should have been looked at could not be.

What it does
    Names each file, folder or object that was not read, and why: no permission, over the size limit, vanished,
    missing in git's object store, or git itself failed.

Why it matters
    "Nothing found" is only true of what was looked at. A run with such a finding is incomplete: its exit code is 3
    where nothing blocks, never 0.

How to fix
    Do what the line says: run as a user who may read the file, raise --max-file-size, fetch the missing objects, or
    name the folders to scan so that the file is not among them.

References
    docs/exit-codes.md
"""

from __future__ import annotations

from credguard.model.findings import Severity
from credguard.rule import Rule

RULE = Rule(
    id="CG001",
    name="input-not-read",
    severity=Severity.MEDIUM,
    summary="Something that should have been looked at could not be",
    hint="make it readable, or leave it out on purpose",
    practices=(),
)
