"""Where a repository stands with each practice: by what was found and accepted, and by what a run has scanned."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from credguard.model.findings import BASIS, SHOWN, SUPPRESSED, Outcome
from credguard.model.practice import PracticeStatus, Standing
from credguard.model.practices import PRACTICES
from credguard.policy.model import DECOYS
from credguard.rule import GIT_REPOSITORY
from credguard.rules import get_rule, list_practice_rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from credguard.model.findings import Verdict
    from credguard.model.practice import Practice
    from credguard.model.practices import Enforcement


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a run has scanned of a repository. `ran` are the rules that had what they are about, `off` those that
    settings switch off, `in_hooks` those that hooks apply; `seen` are the practices (IDs) that there was
    something for. `gaps` say by rule or practice what an answer lacks, `unread` by practice how many inputs that could
    concern it were not read. `where` is where the repository calls credguard, None when that was not asked;
    `history` is set where commits were scanned; `answered` are the practices that the account was asked about. Without
    `scanned` the run was about no repository as a whole.
    """

    scanned: bool = False
    ran: frozenset[str] = frozenset()
    off: frozenset[str] = frozenset()
    in_hooks: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()
    gaps: Mapping[str, str] = field(default_factory=dict)
    unread: Mapping[str, int] = field(default_factory=dict)
    where: Enforcement | None = None
    history: bool = False
    answered: frozenset[str] = frozenset()


_AUDIT = "run `credguard audit`"
_UNREAD_HISTORY = "the commits of the past were not scanned: run `credguard audit` on the repository with its history"
_NO_MESSAGES = "mails and chats are in no repository: `credguard scan FILE` scans a mailbox or an export"
_OUTCOMES = {Outcome.BASELINE: "in the baseline", Outcome.INLINE: "by a comment in the file"}


@dataclass(frozen=True, slots=True)
class _Case:
    """A practice with its rules and what was found: `open` fails it, `accepted` somebody has accepted."""

    practice: Practice
    rules: tuple[str, ...]
    open: Sequence[Verdict]
    accepted: Sequence[Verdict]
    evidence: Evidence

    def build(self, status: PracticeStatus, *reasons: str, enforced: tuple[str, ...] | None = None) -> Standing:
        """The standing; what was accepted beside what fails is told as well."""
        more = _format_acceptance(self.accepted)
        if more and status is not PracticeStatus.ACCEPTED:
            more = f"also accepted: {more}"
        where = _list_enforcing(self.practice, self.evidence) if enforced is None else enforced
        count = len(self.open) if status is PracticeStatus.FAIL else 0
        reason = "; ".join(filter(None, (more, *reasons)))
        return Standing(self.practice, status, count, reason, where, len(self.accepted), self.rules)


def compute_standings(verdicts: Iterable[Verdict], evidence: Evidence) -> tuple[Standing, ...]:
    """The standing of every practice after a run.

    A practice fails by any finding of its rules, whatever its severity and the threshold of the run; by those in
    instructions and test data alone it is partial. It passes where what it is about was there, all of it was scanned by
    all of its rules, and nothing was found.
    """
    counted = [verdict for verdict in verdicts if _is_counted(verdict)]
    return tuple(_compute_standing(practice, counted, evidence) for practice in PRACTICES)


def compute_account_standings(
    verdicts: Iterable[Verdict],
    practices: Sequence[str],
    rules: frozenset[str],
    off: frozenset[str],
    answers: tuple[Mapping[str, Sequence[str]], Mapping[str, Sequence[str]]],
) -> tuple[Standing, ...]:
    """Where an account stands with these practices (IDs): by what its rules found, and by the `answers`, which are what
    is unknown of each practice, and what is to be said of a pass. `off` are the rules that settings switch off."""
    gaps, remarks = answers
    counted = [verdict for verdict in verdicts if _is_counted(verdict)]
    evidence = Evidence(scanned=True, ran=rules - off, off=off)
    return tuple(
        _grade_account(_make_case(practice, counted, evidence, rules), gaps.get(practice.id, ()), remarks)
        for practice in PRACTICES
        if practice.id in practices
    )


def _grade_account(case: _Case, gaps: Sequence[str], remarks: Mapping[str, Sequence[str]]) -> Standing:
    if case.open:
        return case.build(PracticeStatus.FAIL, *gaps)
    if case.accepted:
        return case.build(PracticeStatus.ACCEPTED, *gaps)
    if case.rules and case.evidence.off.issuperset(case.rules):
        return case.build(PracticeStatus.NOT_CHECKED, "switched off")
    off = case.evidence.off.intersection(case.rules)
    missing = [f"{', '.join(sorted(off))}: switched off"] if off else []
    reasons = [*missing, *gaps]
    return (
        case.build(PracticeStatus.PARTIAL, *reasons)
        if reasons
        else case.build(PracticeStatus.PASS, *remarks.get(case.practice.id, ()))
    )


def _is_counted(verdict: Verdict) -> bool:
    """False for what a change has found there before it, and for keys that are traps or examples of AWS."""
    return not verdict.finding.known and verdict.finding.attributes.get("kind") not in DECOYS


def _compute_standing(practice: Practice, verdicts: Sequence[Verdict], evidence: Evidence) -> Standing:
    case = _make_case(practice, verdicts, evidence)
    return _SPECIAL.get(practice.id, _grade_usual)(case)


def _make_case(
    practice: Practice, verdicts: Sequence[Verdict], evidence: Evidence, rules: frozenset[str] | None = None
) -> _Case:
    """The practice with what was found; of its rules, those named."""
    found = [verdict for verdict in verdicts if practice.id in verdict.finding.practices]
    accepted = [verdict for verdict in found if verdict.outcome in SUPPRESSED]
    left = [verdict for verdict in found if verdict.outcome in SHOWN]
    known = tuple(rule for rule in list_practice_rules(practice.id) if rules is None or rule in rules)
    if practice.id in evidence.answered:
        practice = replace(practice, unknown="")
    return _Case(practice, known, left, accepted, evidence)


def _grade_usual(case: _Case) -> Standing:
    practice, evidence = case.practice, case.evidence
    if case.open:
        indirect = Counter(str(verdict.finding.attributes.get(BASIS, "")) for verdict in case.open)
        if "" in indirect:
            return case.build(PracticeStatus.FAIL)
        return case.build(PracticeStatus.PARTIAL, *(f"{count} in {basis}" for basis, count in sorted(indirect.items())))
    ran = bool(evidence.ran.intersection(case.rules))
    missing = _list_missing(case) if evidence.scanned or not case.accepted else []
    if case.accepted:
        return case.build(PracticeStatus.ACCEPTED, *missing, *(_list_gaps(case) if ran else ()))
    if not ran:
        return case.build(PracticeStatus.NOT_CHECKED, *missing)
    if practice.id not in evidence.seen:
        if missing or practice.unknown:
            return case.build(PracticeStatus.NOT_CHECKED, *missing, practice.unknown)
        return case.build(PracticeStatus.IDLE, f"no {practice.about}")
    reasons = [*missing, *_list_gaps(case)]
    return case.build(PracticeStatus.PARTIAL if reasons else PracticeStatus.PASS, *reasons)


def _list_gaps(case: _Case) -> list[str]:
    """What the rules that ran have not seen."""
    practice, evidence = case.practice, case.evidence
    answered = (practice.id, *(rule for rule in case.rules if rule in evidence.ran))
    reasons = [evidence.gaps[one] for one in answered if one in evidence.gaps]
    if practice.history and not evidence.history:
        reasons.append(_UNREAD_HISTORY)
    if unread := evidence.unread.get(practice.id):
        reasons.append(_count_unread(unread))
    if practice.unknown:
        reasons.append(practice.unknown)
    return list(dict.fromkeys(reasons))


def _count_unread(count: int) -> str:
    return f"{count} {'input' if count == 1 else 'inputs'} could not be read"


def _list_missing(case: _Case) -> list[str]:
    """The rules that did not run, each with what would make it."""
    words: dict[str, list[str]] = {}
    for rule in case.rules:
        if rule not in case.evidence.ran:
            words.setdefault(_explain_missing(rule, case.evidence), []).append(rule)
    return [f"{', '.join(rules) if len(rules) < 4 else 'rules'}: {why}" for why, rules in words.items()]


def _explain_missing(rule: str, evidence: Evidence) -> str:
    if rule in evidence.off:
        return "switched off"
    return evidence.gaps.get(rule) or (evidence.scanned and get_rule(rule).needs) or _AUDIT


def _format_acceptance(verdicts: Sequence[Verdict]) -> str:
    """How many are accepted by whom and until when, as `1 by ada in the policy, until 2030-01-31`."""
    groups = Counter(map(_describe_acceptance, verdicts))
    return "; ".join(f"{count} {words}" for words, count in groups.items())


def _describe_acceptance(verdict: Verdict) -> str:
    by = f"by {verdict.by} " if verdict.by else ""
    until = f"until {verdict.until}" if verdict.until else "without end"
    return f"{_OUTCOMES.get(verdict.outcome, f'{by}in the policy')}, {until}"


def _list_enforcing(practice: Practice, evidence: Evidence) -> tuple[str, ...]:
    """Where in the repository the practice's rules are applied."""
    if evidence.where is None:
        return ()
    rules = set(list_practice_rules(practice.id)) - evidence.off
    found: list[str] = []
    if rules & evidence.in_hooks:
        about_values = bool(rules.intersection(list_practice_rules(_MESSAGES)))
        found += [hook for hook in evidence.where.hooks if about_values or hook != "commit-msg"]
        found += [f"hooks:{path}" for path in evidence.where.shared]
    return (*found, *(f"ci:{path}" for path in evidence.where.ci if rules))


def _grade_messages(case: _Case) -> Standing:
    """P10: what was found in messages, on standard input and in exported mails and chats; those that nobody
    exported are in no repository."""
    where = case.evidence.where
    hooks = tuple(hook for hook in (where.hooks if where else ()) if hook.endswith("commit-msg"))
    if case.open or case.accepted:
        return case.build(PracticeStatus.FAIL if case.open else PracticeStatus.ACCEPTED, enforced=hooks)
    return case.build(
        PracticeStatus.PARTIAL if case.evidence.history or hooks else PracticeStatus.NOT_CHECKED,
        _NO_MESSAGES,
        enforced=hooks,
    )


def _grade_replacement(case: _Case) -> Standing:
    """P19: a secret in the files fails it; whether one of the past was deactivated only AWS knows."""
    case = _Case(case.practice, case.rules, [v for v in case.open if not _is_dead(v)], case.accepted, case.evidence)
    if case.open and all(verdict.finding.locations[0].commit for verdict in case.open):
        count = len(case.open)
        return case.build(
            PracticeStatus.PARTIAL, f"{count} in the history: only AWS can tell whether they were deactivated"
        )
    if case.open or case.accepted:
        return case.build(PracticeStatus.FAIL if case.open else PracticeStatus.ACCEPTED)
    if not case.evidence.ran.intersection(case.rules):
        return case.build(PracticeStatus.NOT_CHECKED, *_list_missing(case))
    if not case.evidence.history:
        return case.build(PracticeStatus.NOT_CHECKED, _UNREAD_HISTORY)
    if unread := case.evidence.unread.get(case.practice.id):
        return case.build(PracticeStatus.PARTIAL, _count_unread(unread))
    return case.build(PracticeStatus.IDLE, f"no {case.practice.about}")


def _is_dead(verdict: Verdict) -> bool:
    """True for a credential that cannot work any more."""
    return verdict.finding.exposure.get("alive") is False


def _grade_enforcement(case: _Case) -> Standing:
    """P20: hooks and CI both, and nothing that loosens them."""
    where = case.evidence.where
    if where is None:
        return case.build(PracticeStatus.FAIL) if case.open else case.build(PracticeStatus.NOT_CHECKED, GIT_REPOSITORY)
    hooks = bool(where.hooks or where.shared)
    reasons = [] if hooks else ["no hook calls credguard here: `credguard install`, or `credguard init` for everybody"]
    if not where.ci:
        reasons.append("no CI step calls credguard: `credguard init`")
    elif set(where.ci) <= set(where.loose):
        reasons.append(f"{', '.join(where.ci)} follows the change's own policy, or lets it fail: use `credguard ci`")
    found = (*where.hooks, *(f"hooks:{path}" for path in where.shared), *(f"ci:{path}" for path in where.ci))
    status = (
        PracticeStatus.FAIL
        if case.open or not (hooks or where.ci)
        else PracticeStatus.PARTIAL
        if reasons
        else PracticeStatus.PASS
    )
    if status == "pass" and case.accepted:
        status = PracticeStatus.ACCEPTED
    return case.build(status, *reasons, enforced=found)


_MESSAGES = "P10"
_SPECIAL = {_MESSAGES: _grade_messages, "P19": _grade_replacement, "P20": _grade_enforcement}
