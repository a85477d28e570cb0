"""How far a found value has come: since when, where, who can have it; and what that does to severity and advice."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from credguard.model import Severity
from credguard.regex import regex

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from credguard.model import Finding

TEMPORARY_LIFE = timedelta(hours=36)
"""The longest life of temporary credentials (STS GetSessionToken)."""
_SHOWN_PATHS = 20
_SHOWN_REFS = 10
_DEAD = "the longest life of temporary credentials (36 hours) is over since {}"
_PLANTED = ("canary", "example-account")
_REWRITE = regex(r"^git (?:filter-repo|rm )")


@dataclass(frozen=True, slots=True)
class Trail:
    """What git knows of a value.

    `first_commit` is "" where no commit holds it (an object left over); `paths` are all that it stood
    at, in order of appearance; `refs` are names by use (branches, tags, remotes, pulls, others);
    `bare` says that the repository is one that others push to. `is_last` is set where HEAD is the
    first commit, `staged` where the index holds it.
    """

    first_commit: str = ""
    first_seen: datetime | None = None
    author: str = ""
    paths: Sequence[str] = ()
    in_head: bool = False
    refs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    reflog: bool = False
    bare: bool = False
    is_last: bool = False
    staged: bool = False
    objects: int = 1

    @property
    def pushed(self) -> bool:
        """True when another repository has it, as far as this one knows."""
        return self.bare or bool(self.refs.get("remotes") or self.refs.get("pulls"))

    @property
    def unreachable(self) -> bool:
        """True when no ref leads to it."""
        return not any(self.refs.values())


def told(finding: Finding, trail: Trail, now: datetime, limit_days: int) -> Finding:
    """The finding with its exposure, the severity that follows, and the advice for it."""
    alive = _alive(finding, trail, now)
    severity = _severity(finding, trail, alive=alive)
    message = finding.message
    if alive is False and _is_temporary(finding) and trail.first_seen:
        message += f"; {_DEAD.format(_rfc3339(trail.first_seen + TEMPORARY_LIFE))}"
    return replace(
        finding, severity=severity, message=message, exposure=_exposure(trail, now, limit_days, alive=alive),
        remediation=_advice(finding, trail, alive=alive),
    )  # fmt: skip


def _exposure(trail: Trail, now: datetime, limit_days: int, *, alive: bool | None) -> dict[str, object]:
    refs: dict[str, object] = {use: list(names[:_SHOWN_REFS]) for use, names in trail.refs.items()}
    days = max(0, (now - trail.first_seen).days) if trail.first_seen else None
    return {
        "first_commit": trail.first_commit or None,
        "first_seen": _rfc3339(trail.first_seen) if trail.first_seen else None,
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
    return finding.rule_id in ("CG101", "CG103", "CG104") and str(
        finding.attributes.get("access_key_id", "ASIA" if finding.rule_id == "CG104" else "")
    ).startswith("ASIA")


def _alive(finding: Finding, trail: Trail, now: datetime) -> bool | None:
    """False where the credential cannot work any more, True where it still can, None where nobody knows."""
    expires = finding.attributes.get("expires")
    if isinstance(expires, str):
        return expires > _rfc3339(now)
    if _is_temporary(finding):
        return None if trail.first_seen is None else trail.first_seen + TEMPORARY_LIFE > now
    return None


def _severity(finding: Finding, trail: Trail, *, alive: bool | None) -> Severity:
    """Dead: low. Pushed: one step up, for what has a secret; what was low stays low."""
    if alive is False:
        return Severity.LOW
    if finding.severity is Severity.LOW or finding.attributes.get("kind") in _PLANTED:
        return finding.severity
    if trail.pushed and finding.rule_id.startswith(("CG1", "CG201", "CG203")):
        return Severity(min(Severity.CRITICAL, finding.severity + 1))
    return finding.severity


def _advice(finding: Finding, trail: Trail, *, alive: bool | None) -> tuple[str, ...]:
    """The rule's steps without those on git, and in their place what fits how far the value has come."""
    hint, *steps = finding.remediation or ("",)
    kept = [step for step in steps if not _REWRITE.match(step)] if alive is not False else []
    if trail.pushed:
        lead = "pushed: treat it as known to everybody. Deactivate first, then rewrite the history"
        if alive is False:
            lead = "pushed, and it cannot work any more: rewriting the history only takes it out of sight"
        return (hint, lead, *kept, *_rewritten(trail))
    return (hint, _local(trail), *_unpushed(trail), *kept)


def _local(trail: Trail) -> str:
    if trail.unreachable:
        where = "only the reflog leads to it" if trail.reflog else "no branch or tag leads to it"
        return f"{where}: it was not pushed from here as far as git knows, and goes with the steps below"
    return "not pushed as far as this repository knows: take it out of the commits before it is"


def _unpushed(trail: Trail) -> tuple[str, ...]:
    forget = "git reflog expire --expire=now --all && git gc --prune=now  # then no object holds it any more"
    if trail.staged and not trail.first_commit:
        return ("git restore --staged FILE  # or take the value out and stage the file again", forget)
    if trail.unreachable:
        return (forget,)
    if "refs/stash" in trail.refs.get("others", ()) or "stash" in trail.refs.get("others", ()):
        return ("git stash list  # drop the entry that holds it: git stash drop stash@{N}", forget)
    if trail.is_last:
        return ("take the value out of the file, then: git commit --all --amend --no-edit", forget)
    return (
        f"take it out where it came: git rebase --interactive {trail.first_commit[:12]}^  # edit that commit; "
        "for many commits use git filter-repo as below",
        *_expressions(force=False),
        forget,
    )


def _expressions(*, force: bool) -> tuple[str, ...]:
    options = "--sensitive-data-removal " if force else "--force "
    return (
        "write the line VALUE==>REMOVED into a file expressions.txt with an editor, never on a command line",
        f"git filter-repo {options}--replace-text expressions.txt --replace-message expressions.txt"
        + ("  # in a fresh clone" if force else ""),
    )


def _rewritten(trail: Trail) -> tuple[str, ...]:
    steps = [*_expressions(force=True), "git push --force --mirror origin  # then everybody clones anew"]
    if trail.refs.get("pulls"):
        steps.append("pull request refs stay on the server: ask its support to remove them, and forks and caches")
    steps.append("delete expressions.txt")
    return tuple(steps)


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
