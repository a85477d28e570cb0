"""Asks accounts, several at a time, has the rules say what is wrong in them, and tells where each practice stands."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING

from credguard.aws.account_state import ROOT_USER, Holder, UserReport
from credguard.aws.credential_report import find_report
from credguard.aws.live.answers import ACCOUNT_PRACTICES, ROOT, SHARING, Gap, Remark
from credguard.aws.live.source import LiveAccount
from credguard.engine.conclude import build_result
from credguard.engine.standings import compute_account_standings
from credguard.errors import UnreadableError
from credguard.heuristics.expiry import format_rfc3339
from credguard.model.findings import OF_ACCOUNT, Coverage, Location, Skip
from credguard.model.result import Result
from credguard.rule import Trait
from credguard.rules import load_rules
from credguard.scanning.placement import build_finding
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from credguard.aws.account_state import AccountItem
    from credguard.aws.live.client import AwsClient
    from credguard.engine.run import Run
    from credguard.engine.session import Session
    from credguard.model.findings import Detection, Finding, ScanResult
    from credguard.rule import Rule

_MOST_AT_ONCE = 16


@dataclass(slots=True)
class AccountAnswer:
    """What one account gave: findings, coverage, and by practice what is unknown and what is to be said of a pass.
    `holders` by title and `mfa` by user's name are kept for a run that joins the account with what git holds."""

    name: str
    result: Result = field(default_factory=Result)
    gaps: dict[str, list[str]] = field(default_factory=dict)
    remarks: dict[str, list[str]] = field(default_factory=dict)
    facts: dict[str, object] = field(default_factory=dict)
    holders: dict[str, Holder] = field(default_factory=dict)
    mfa: dict[str, bool] = field(default_factory=dict)


def select_account_rules(rules: Sequence[Rule]) -> list[Rule]:
    """Those of the rules that an account answers."""
    return [rule for rule in rules if rule.check_account or Trait.ON_ACCOUNT in rule.traits]


def ask_accounts(
    session: Session, run: Run, clients: Sequence[AwsClient], regions: tuple[str, ...] = (), *, keep: bool = False
) -> list[AccountAnswer]:
    """What each account answers; that one cannot be asked hides nothing of the others. With `keep`, who has which
    permissions is kept as well."""
    policy = session.get_policy(run)
    rules = [rule for rule in select_account_rules(session.list_rules(run)) if policy.is_enabled(rule.id)]
    with ThreadPoolExecutor(min(len(clients), _MOST_AT_ONCE)) as pool:
        return list(pool.map(lambda client: _ask_account(rules, client, regions, keep=keep), clients))


def _ask_account(rules: Sequence[Rule], client: AwsClient, regions: tuple[str, ...], *, keep: bool) -> AccountAnswer:
    name = client.role or client.profile or "default"
    given = AccountAnswer(name)
    findings: list[Finding] = []
    coverage = Coverage()
    account = LiveAccount(client, lambda item: any(True for rule in rules for _ in _check(rule, item)), regions)
    for item in account:
        if isinstance(item, Gap):
            _note_gap(given, coverage, item)
        elif isinstance(item, Remark):
            for practice in item.practices:
                given.remarks.setdefault(practice, []).append(item.text)
        else:
            if keep:
                _keep(given, item)
            coverage.files += 1
            findings += chain.from_iterable(_find(rule, item, given, coverage) for rule in rules)
    if account.caller:
        given.name = account.caller.account
    if account.report:
        coverage.notes.append(f"{given.name}: {account.report.describe()}")
    given.facts = _list_facts(name, account)
    given.result = Result(tuple(findings), coverage)
    return given


def find_in_items(session: Session, run: Run, items: Sequence[AccountItem]) -> tuple[Finding, ...]:
    """What the rules say of these things of an account."""
    policy = session.get_policy(run)
    rules = [rule for rule in select_account_rules(session.list_rules(run)) if policy.is_enabled(rule.id)]
    return tuple(_place(rule, one, item) for item in items for rule in rules for one in _check(rule, item))


def _keep(given: AccountAnswer, item: AccountItem) -> None:
    if isinstance(item, Holder):
        given.holders[item.title] = item
    elif isinstance(item, UserReport):
        report = find_report(item.report)
        for row in report.rows if report else ():
            given.mfa[row.cells.get("user", "")] = row.has_value("mfa_active", "true")


def build_part(answer: AccountAnswer) -> Result:
    """What an account gave as a part of a run over repositories: which rules it answered, and what they lack."""
    known = frozenset(rule.id for rule in select_account_rules(load_rules()))
    gaps = {practice: "; ".join(dict.fromkeys(texts)) for practice, texts in answer.gaps.items() if practice != SHARING}
    return replace(answer.result, rules=known, material=frozenset(ACCOUNT_PRACTICES) - {SHARING}, gaps=gaps)


def _note_gap(given: AccountAnswer, coverage: Coverage, gap: Gap) -> None:
    for practice in gap.practices:
        given.gaps.setdefault(practice, []).append(gap.reason)
    if gap.place:
        coverage.skipped.append(Skip(gap.place, gap.reason, OF_ACCOUNT))


def _find(rule: Rule, item: AccountItem, given: AccountAnswer, coverage: Coverage) -> Iterator[Finding]:
    """What a rule finds in one thing; what it cannot read is a gap."""
    try:
        for detection in _check(rule, item):
            yield _place(rule, detection, item)
    except UnreadableError as error:
        _note_gap(given, coverage, Gap(rule.practices, error.message, item.place))


def _check(rule: Rule, item: AccountItem) -> Iterator[Detection]:
    """What a rule says of one thing."""
    if isinstance(item, UserReport):
        if Trait.ON_ACCOUNT in rule.traits and rule.check_blob:
            yield from rule.check_blob(item.report, {})
    elif rule.check_account:
        yield from rule.check_account(item)


def _place(rule: Rule, detection: Detection, item: AccountItem) -> Finding:
    """The finding, at the place in the account; what root lacks fails the practice about root, too."""
    detection = replace(detection, parts=(), identity=(encode_path(item.place), *detection.identity))
    finding = build_finding(rule, detection, (Location(item.place),))
    if item.place.endswith(f"/{ROOT_USER}") and ROOT not in finding.practices:
        finding = replace(finding, practices=(ROOT, *finding.practices))
    return finding


def _list_facts(name: str, account: LiveAccount) -> dict[str, object]:
    facts: dict[str, object] = {"profile": name}
    if account.caller:
        facts |= {"account": account.caller.account, "caller": account.caller.arn}
    if account.report:
        facts["credential_report"] = format_rfc3339(account.report.made)
    return facts


def score_accounts(session: Session, run: Run, answers: Sequence[AccountAnswer]) -> ScanResult:
    """The result of a run over accounts, with their scorecard."""
    run = run.add(*(one.result for one in answers))
    run = replace(run, judges=tuple(replace(judge, whole=False, rooted=str) for judge in run.judges))
    target: dict[str, object] = {"kind": "account", "accounts": [one.facts for one in answers]}
    result = build_result(session, run, target)
    policy = session.get_policy(run)
    known = frozenset(rule.id for rule in select_account_rules(load_rules()))
    off = frozenset(rule_id for rule_id in known if not policy.is_enabled(rule_id, session.stage))
    both = _join(answers, "gaps"), _join(answers, "remarks")
    return replace(result, standings=compute_account_standings(result.verdicts, ACCOUNT_PRACTICES, known, off, both))


def _join(answers: Sequence[AccountAnswer], what: str) -> dict[str, list[str]]:
    """By practice, what was said of it, behind the account's name where there are several."""
    joined: dict[str, list[str]] = {}
    for one in answers:
        for practice, texts in getattr(one, what).items():
            before = f"{one.name}: " if len(answers) > 1 else ""
            joined.setdefault(practice, []).extend(before + text for text in dict.fromkeys(texts))
    return joined
