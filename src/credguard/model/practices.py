"""The twenty best practices: what checks and enforces each, and where a run finds a repository standing with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily
from credguard.model.practice import VALUES, Practice, Standing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from credguard.model.findings import Finding, ScanResult, Verdict


@dataclass(frozen=True, slots=True)
class Checks:
    """What a run has checked. `ran` are the rules that had what they judge, `off` those that settings
    keep silent, `in_hooks` those that hooks apply; `where` is where the repository calls credguard, None
    when that was not looked at. `history` and `messages` say what was looked at beside the files,
    `unread` how much could not be."""

    ran: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    off: frozenset[str] = frozenset()
    in_hooks: frozenset[str] = frozenset()
    where: Enforcement | None = None
    history: bool = False
    messages: bool = False
    unread: int = 0


@dataclass(frozen=True, slots=True)
class Enforcement:
    """Where a repository calls credguard: `hooks` that git runs in this clone, files that set hooks up
    for everybody, CI files, and those of them that a change under test could switch off."""

    hooks: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    ci: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()


_ROOT = ("CG301", "CG302", "CG303", "CG304", "CG305")
_HOOKS = "hooks stop it before it is committed (`credguard install`), CI before it is merged"
PRACTICES = (
    Practice("P01", "never commit credentials to git", VALUES, _HOOKS, history=True),
    Practice("P02", "keep .env out of git, and ignored", ("CG201", "CG202", "CG204"),
             "`credguard fix` adds the entries"),
    Practice(
        "P03", "never hard-code credentials in source", ("CG101", "CG102", "CG103", "CG104", "CG405"), _HOOKS
    ),
    Practice(
        "P04", "no root-user access keys", _ROOT, "Security Hub IAM.4; AWS Config iam-root-access-key-check"
    ),
    Practice(
        "P05", "own credentials, user and role for each project", ("CG502",),
        "`credguard audit A B C` compares repositories",
    ),
    Practice(
        "P06", "least privilege, no administrator or full-access policies", ("CG401", "CG402", "CG406"),
        "IAM Access Analyzer; Security Hub IAM.1 and IAM.21",
    ),
    Practice(
        "P07", "rotate access keys every 90 days", ("CG501",), "Security Hub IAM.3; AWS Config access-keys-rotated"
    ),
    Practice("P08", "multi-factor authentication on", ("CG504",), "Security Hub IAM.5, IAM.9 and IAM.19"),
    Practice(
        "P09", "CloudTrail watched", ("CG505",), "a metric filter and alarm on the trail",
        "whether trails run and somebody watches them is known to the account alone",
    ),
    Practice(
        "P10", "never share credentials by mail or chat", (),
        "the commit-msg hook judges messages, `credguard scan` mailboxes, chat exports and HAR files",
    ),
    Practice(
        "P11", "no unused key left active", ("CG503",),
        "Security Hub IAM.22; AWS Config iam-user-unused-credentials-check",
    ),
    Practice("P12", "roles for what runs on AWS", ("CG404", "CG405"), "instance, task and execution roles"),
    Practice(
        "P13", "CI takes credentials from its store, better from OIDC", ("CG403",),
        "`credguard fix` shows the OIDC patch",
    ),
    Practice(
        "P14", "~/.aws/credentials for local work, private, never shared", ("CG109", "CG203", "CG601"),
        "`credguard doctor`; `credguard fix --machine` sets the modes",
    ),
    Practice("P15", "the downloaded key CSV is kept safe, never committed", ("CG203", "CG301"), _HOOKS),
    Practice("P16", "no plain-text secrets in state and config files", (*VALUES, "CG206"), _HOOKS),
    Practice("P17", "examples hold placeholders only", ("CG205",), "`credguard fix` empties them"),
    Practice("P18", "credentials are well formed", ("CG602",), "`credguard doctor`, on this machine's files too"),
    Practice(
        "P19", "a leaked secret is replaced, never recovered", VALUES,
        "each finding of a secret gives the steps in order: deactivate, look, replace, and only then clean the history",
        history=True,
    ),
    Practice(
        "P20", "checks run in hooks and in CI and cannot be switched off", ("CG003", "CG004", "CG005"),
        "`credguard install`, `credguard init`, `credguard ci`",
    ),
)  # fmt: skip
_AUDIT = "run `credguard audit`"
_REPORT = "give --credential-report FILE"
NEEDS = {
    "CG303": _REPORT, "CG501": _REPORT, "CG503": _REPORT, "CG504": _REPORT,
    "CG502": "audit several repositories together: `credguard audit A B C`",
    "CG601": "run `credguard doctor`", "CG602": "run `credguard doctor`",
    "CG005": "judge a change: `credguard ci`, or `credguard scan --range A..B`",
    "CG201": "look at a git repository", "CG202": "look at a git repository's work tree",
    "CG203": "look at a git repository", "CG206": "look at a git repository",
}  # fmt: skip
"""What makes a rule run that a look at some files did not."""
_UNREAD_HISTORY = "the commits of the past were not looked at: run `credguard audit` on the repository with its history"
_SAID = compile_lazily(
    r"(?:commit|tag) [0-9a-f]{12}|commit message|<stdin>|standard input"
    r"|(?:.*[/!])?(?:[^/!]+\.(?:eml|mbox|mbx|har)|[^/!]+[/!]\d{4}-\d{2}-\d{2}\.json|messages\.json)(?:!.*)?",
    re.IGNORECASE | re.DOTALL,
)
"""Messages, what was piped in, and files of mail, of recorded traffic, and of Slack's and Teams' exports."""
MARKS = {"pass": "pass", "fail": "FAIL", "partial": "partial", "not-checked": "not checked"}


def compute_standings(verdicts: Iterable[Verdict], checks: Checks) -> tuple[Standing, ...]:
    """The standing of every practice after a run.

    `fail` counts the reported findings of the practice's rules. `pass` means that all of its rules ran, on all
    that they are about; `partial` and `not-checked` come with a reason.
    """
    reported = [verdict.finding for verdict in verdicts if verdict.outcome == "report"]
    return tuple(_SPECIAL.get(practice.id, _grade_usual)(practice, reported, checks) for practice in PRACTICES)


def list_practice_ids(rule_id: str) -> tuple[str, ...]:
    """The practices that a rule checks (IDs)."""
    return tuple(practice.id for practice in PRACTICES if practice.is_checked_by(rule_id))


def get_standings(result: ScanResult) -> tuple[Standing, ...]:
    """The standings of a result; where the run made none, those that its findings alone give."""
    return result.standings or compute_standings(result.verdicts, Checks())


def _grade_usual(practice: Practice, reported: list[Finding], checks: Checks) -> Standing:
    count = sum(practice.is_checked_by(finding.rule_id) for finding in reported)
    reasons = _list_gaps(practice, checks)
    status = "pass"
    if count:
        status, reasons = "fail", []
    elif not checks.ran.intersection(practice.rules):
        status = "not-checked"
    elif reasons:
        status = "partial"
    return Standing(practice, status, count, "; ".join(reasons), _list_enforcing(practice, checks))


def _list_gaps(practice: Practice, checks: Checks) -> list[str]:
    """What keeps a run without findings from saying that all is well, each with what would help."""
    words: dict[str, list[str]] = {}
    for rule in practice.rules:
        if rule not in checks.ran:
            words.setdefault(_explain_not_run(rule, checks), []).append(rule)
    reasons = [f"{', '.join(rules) if len(rules) < 4 else 'rules'}: {why}" for why, rules in words.items()]
    if practice.history and not checks.history and checks.ran.intersection(practice.rules):
        reasons.append(_UNREAD_HISTORY)
    if checks.unread and checks.ran.intersection(practice.rules):
        reasons.append(f"{checks.unread} inputs could not be looked at")
    return reasons + ([practice.unknown] if practice.unknown and checks.ran.intersection(practice.rules) else [])


def _explain_not_run(rule: str, checks: Checks) -> str:
    """Why a rule did not run, as what would make it."""
    if rule in checks.off:
        return "switched off"
    if checks.known and rule not in checks.known:
        return "no rule of this version"
    return NEEDS.get(rule, _AUDIT) if checks.known else _AUDIT


def _list_enforcing(practice: Practice, checks: Checks, *, messages: bool | None = None) -> tuple[str, ...]:
    """Where in the repository the practice's rules are applied."""
    if checks.where is None:
        return ()
    rules = set(practice.rules) - checks.off
    found: list[str] = []
    if rules & checks.in_hooks:
        about_values = bool(rules.intersection(VALUES)) if messages is None else messages
        found += [hook for hook in checks.where.hooks if about_values or hook != "commit-msg"]
        found += [f"hooks:{path}" for path in checks.where.shared]
    return (*found, *(f"ci:{path}" for path in checks.where.ci if rules))


def _grade_messages(practice: Practice, reported: list[Finding], checks: Checks) -> Standing:
    """P10: what was said in messages, on standard input and in exported mails and chats; those that nobody exported
    are in no repository."""
    said = [f for f in reported if PRACTICES[0].is_checked_by(f.rule_id) and _SAID.fullmatch(f.locations[0].path)]
    hooks = [hook for hook in (checks.where.hooks if checks.where else ()) if hook.endswith("commit-msg")]
    status = "fail" if said else "partial" if checks.messages or hooks else "not-checked"
    reason = "" if said else "mails and chats are in no repository: `credguard scan FILE` judges a mailbox or an export"
    return Standing(practice, status, len(said), reason, tuple(hooks))


def _grade_replacement(practice: Practice, reported: list[Finding], checks: Checks) -> Standing:
    """P19: nothing to replace is a pass, a secret that still stands in the files a fail; whether one of the
    past was deactivated only AWS knows."""
    found = [finding for finding in reported if practice.is_checked_by(finding.rule_id)]
    if found and all(finding.locations[0].commit for finding in found):
        reason = f"{len(found)} in the history: whether they were deactivated only AWS can tell"
        return Standing(practice, "partial", 0, reason, _list_enforcing(practice, checks))
    return _grade_usual(practice, reported, checks)


def _grade_enforcement(practice: Practice, reported: list[Finding], checks: Checks) -> Standing:
    """P20: hooks and CI both, and nothing that loosens them."""
    count = sum(finding.rule_id in practice.rules for finding in reported)
    where = checks.where
    if where is None:
        return Standing(practice, "fail" if count else "not-checked", count, "" if count else NEEDS["CG201"])
    hooks = bool(where.hooks or where.shared)
    reasons = [] if hooks else ["no hook calls credguard here: `credguard install`, or `credguard init` for everybody"]
    if not where.ci:
        reasons.append("no CI step calls credguard: `credguard init`")
    elif set(where.ci) <= set(where.loose):
        reasons.append(f"{', '.join(where.ci)} judges a change by its own policy, or lets it fail: use `credguard ci`")
    status = "fail" if count or not (hooks or where.ci) else "partial" if reasons else "pass"
    found = (*where.hooks, *(f"hooks:{path}" for path in where.shared), *(f"ci:{path}" for path in where.ci))
    return Standing(practice, status, count, "; ".join(reasons), found)


_SPECIAL = {"P10": _grade_messages, "P19": _grade_replacement, "P20": _grade_enforcement}
