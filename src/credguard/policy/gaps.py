"""What a policy settles about inputs that could not be read: which of them make no run incomplete, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.model.findings import OF_EVERYTHING, Outcome
from credguard.model.limit_reasons import find_limit
from credguard.policy import globs
from credguard.rules.tool import input_not_read
from credguard.scanning.comments import redact_reason

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from credguard.model.findings import Coverage, Finding, Verdict
    from credguard.policy.model import Policy, Unreadable

NOT_READ = "not scanned: "
"""What begins the message of a finding about an input that was not read."""
_OBJECT = compile_lazily(r"object ([0-9a-f]{12,64})")


def explain_gap(policy: Policy, finding: Finding, path: str, shown: str, today: date) -> str:
    """Why the policy settles that the input of a finding was not read, "" where it does not: never for a whole folder,
    repository or history. `path` is that of a file as the policy names it, `shown` as the run does."""
    if finding.rule_id != input_not_read.RULE.id or finding.attributes.get("extent") == OF_EVERYTHING:
        return ""
    if shown in ("", ".") or path in ("", "."):
        return ""
    for one in policy.unreadable:
        if (one.expires is None or one.expires >= today) and _is_about(one, path, shown):
            until = f", until {one.expires}" if one.expires else ""
            return f"known to be unreadable{until}: {redact_reason(one.reason)}"
    pattern = "" if _find_object(shown) else globs.find_last_match(policy.exclude, path)
    if pattern:
        return f"the policy excludes {pattern}"
    limit = find_limit(finding.message.removeprefix(NOT_READ))
    return f"the policy sets limits.{limit}" if limit in policy.chosen_limits else ""


def acknowledge_gaps(coverage: Coverage, verdicts: Iterable[Verdict]) -> Coverage:
    """The coverage in which what the policy settles is acknowledged, so that the run can be complete."""
    known = {
        (verdict.finding.locations[0].path, verdict.finding.message): verdict.reason
        for verdict in verdicts
        if verdict.finding.rule_id == input_not_read.RULE.id and verdict.outcome is Outcome.ALLOWED
    }
    reasons = [known.get((skip.path, f"{NOT_READ}{skip.reason}"), "") for skip in coverage.skipped]
    both = list(zip(coverage.skipped, reasons, strict=True))
    acknowledged = [replace(skip, reason=f"{skip.reason} ({why})") for skip, why in both if why]
    left = [skip for skip, why in both if not why]
    return replace(coverage, skipped=left, acknowledged=[*coverage.acknowledged, *acknowledged])


def _is_about(entry: Unreadable, path: str, shown: str) -> bool:
    found = _find_object(shown)
    if not entry.oid:
        return not found and bool(globs.find_last_match((entry.path,), path))
    return bool(found) and (found.startswith(entry.oid) or entry.oid.startswith(found))


def _find_object(shown: str) -> str:
    """The ID, or the first digits of it, where the run names an object (members of an archive stand behind `!`)."""
    found = _OBJECT.fullmatch(shown.partition("!")[0])
    return found[1] if found else ""
