"""How far a found value has come: since when, where, who can have it; and what that does to severity and advice."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from credguard.history import cleanup_steps
from credguard.lazy_re import compile_lazily
from credguard.model.findings import Severity
from credguard.rule import SECRET_VALUES, Trait
from credguard.rules import list_rule_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from credguard.history.trail import Trail
    from credguard.model.findings import Finding

TEMPORARY_LIFE = timedelta(hours=36)
"""The longest life of temporary credentials (STS GetSessionToken)."""
_SHOWN_PATHS = 20
SHOWN_REFS = 10
_DEAD = "the longest life of temporary credentials (36 hours) is over since {}"
_CUT_OFF = "; the history here ends at its first commit (shallow clone): it may be older, by somebody else"
_PLANTED = ("canary", "example-account")
_OR_REPLACE = "replace it all the same where anybody else can have read it here: a backup, a shared folder, an image"
_PUSHED = "pushed: treat it as known to everybody. Deactivate first, then rewrite the history"
_DEACTIVATE = compile_lazily(r"\b(?:deactivate|replace|revoke|rotate)\b")
_REWRITE = compile_lazily(r"^git (?:filter-repo|rm )")


def add_exposure(finding: Finding, trail: Trail, now: datetime, limit_days: int) -> Finding:
    """The finding with its exposure, the severity that follows, and the advice for it."""
    alive = _check_alive(finding, trail, now)
    severity = _adjust_severity(finding, trail, alive=alive)
    message = finding.message
    if alive is False and _is_temporary(finding) and trail.first_seen:
        message += f"; {_DEAD.format(_format_rfc3339(trail.first_seen + TEMPORARY_LIFE))}"
    if trail.cut_off:
        message += _CUT_OFF
    return replace(
        finding, severity=severity, message=message, exposure=_build_exposure(trail, now, limit_days, alive=alive),
        remediation=_build_advice(finding, trail, alive=alive),
    )  # fmt: skip


def _build_exposure(trail: Trail, now: datetime, limit_days: int, *, alive: bool | None) -> dict[str, object]:
    refs: dict[str, object] = {use: list(names[:SHOWN_REFS]) for use, names in trail.refs.items()}
    days = max(0, (now - trail.first_seen).days) if trail.first_seen else None
    return {
        "first_commit": trail.first_commit or None,
        "cut_off": trail.cut_off,
        "first_seen": _format_rfc3339(trail.first_seen) if trail.first_seen else None,
        "author": trail.author or None,
        "paths": list(trail.paths[:_SHOWN_PATHS]),
        "path_count": len(trail.paths),
        "versions": trail.objects,
        "in_head": trail.in_head,
        "refs": refs | {"counts": {use: len(names) for use, names in trail.refs.items()}},
        "pushed": trail.pushed,
        "unreachable": trail.unreachable,
        "reflog": trail.reflog,
        "age_days": days,
        "over_rotation_limit": None if days is None else days > limit_days,
        "alive": alive,
    }


def _is_temporary(finding: Finding) -> bool:
    temporary = finding.rule_id in list_rule_ids(Trait.TEMPORARY)
    if not temporary and finding.rule_id not in list_rule_ids(Trait.ACCESS_KEY):
        return False
    return str(finding.attributes.get("access_key_id", "ASIA" if temporary else "")).startswith("ASIA")


def _check_alive(finding: Finding, trail: Trail, now: datetime) -> bool | None:
    """False where the credential cannot work any more, True where it still can, None where nobody knows."""
    expires = finding.attributes.get("expires")
    if isinstance(expires, str):
        return expires > _format_rfc3339(now)
    if _is_temporary(finding):
        return None if trail.first_seen is None else trail.first_seen + TEMPORARY_LIFE > now
    return None


def _adjust_severity(finding: Finding, trail: Trail, *, alive: bool | None) -> Severity:
    """Dead: low. Pushed: one step up, for what has a secret; what was low stays low."""
    if alive is False:
        return Severity.LOW
    if finding.severity is Severity.LOW or finding.attributes.get("kind") in _PLANTED:
        return finding.severity
    if trail.pushed and finding.rule_id.startswith((SECRET_VALUES, *list_rule_ids(Trait.OF_THE_PAST))):
        return Severity(min(Severity.CRITICAL, finding.severity + 1))
    return finding.severity


def _build_advice(finding: Finding, trail: Trail, *, alive: bool | None) -> tuple[str, ...]:
    """The rule's steps without those on git, and in their place what fits how far the value has come."""
    if trail.pushed:
        return build_pushed_advice(finding, cleanup_steps.list_rewrite_steps(trail), alive=alive)
    return (cleanup_steps.explain_state(trail), *cleanup_steps.list_local_steps(trail), _OR_REPLACE)


def build_pushed_advice(finding: Finding, rewrite: Sequence[str], *, alive: bool | None = None) -> tuple[str, ...]:
    """The steps for a value that others have: those of the rule, then those that rewrite the history."""
    hint, *steps = finding.remediation or ("",)
    if alive is False:
        return (hint, "pushed, and it cannot work any more: rewriting the history only takes it out of sight", *rewrite)
    kept = [step for step in steps if not _REWRITE.match(step)]
    last = rewrite or [step for step in steps if _REWRITE.match(step)]
    first = (hint, _PUSHED) if _DEACTIVATE.search(hint) else (_PUSHED, hint)  # before a file is touched
    return (*first, *kept, *last)


def _format_rfc3339(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
