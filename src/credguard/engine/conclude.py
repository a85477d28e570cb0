"""The end of a run: judges decide on what was found, and the result is put in order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from credguard.engine.standings import Evidence, compute_standings
from credguard.matching.redaction import hide_values
from credguard.model.findings import Coverage, Finding, Location, ScanResult, Skip
from credguard.model.secret import compute_fingerprint
from credguard.policy.gaps import NOT_READ, acknowledge_gaps
from credguard.policy.judge import Judge
from credguard.policy.model import combine_digests, exit_code
from credguard.rules import hash_rules
from credguard.rules.tool import input_not_read, rule_failed
from credguard.scanning import limits
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from credguard.engine.run import Run
    from credguard.engine.session import Session
    from credguard.model.findings import Verdict
    from credguard.model.result import Problems, Result


def build_result(session: Session, run: Run, target: dict[str, object]) -> ScanResult:
    """Verdicts on everything found, the worst first within a file; before that their issuers are asked about
    credentials, if wanted."""
    if session.verifiers and session.scanner.credentials:
        from credguard.engine.verification import verify_run

        run = verify_run(run, session.verifiers, session.scanner.credentials)
    found = run.result
    problems = found.problems.merge(session.scanner.take_problems())
    found = replace(found, coverage=_add_problems(found.coverage, problems))
    found = _hide_secrets(found, session.scanner.secrets)
    coverage = found.coverage
    coverage = replace(
        coverage,
        skipped=limits.truncate_items(coverage.skipped, _build_overflow_skip),
        notes=limits.truncate_items(coverage.notes, "and {:,} notes more".format),
    )
    found = replace(found, findings=(*found.findings, *map(_build_unread_finding, coverage.skipped)), coverage=coverage)
    judge = _list_judges(session, run)[0]
    run = _decide(session, replace(run, result=found))
    verdicts, more = _collect_verdicts(run, judge)
    coverage = replace(run.result.coverage, skipped=[*run.result.coverage.skipped, *more])
    coverage = acknowledge_gaps(coverage, verdicts)
    code, digest = exit_code(verdicts, coverage), combine_digests(run.digests)
    return ScanResult(target, verdicts, coverage, code, hash_rules(), digest, compute_standings(verdicts, Evidence()))


def settle(session: Session, run: Run) -> Run:
    """The run with all that was found decided, and with what its judges have to say themselves."""
    return _decide(session, replace(run, result=_hide_secrets(run.result, session.scanner.secrets)))


def _add_problems(coverage: Coverage, problems: Problems) -> Coverage:
    skipped = [*coverage.skipped, *(Skip(path, reason) for path, reason in problems.unread.items())]
    skipped += [
        Skip(path, f"rule {rule_id} failed ({kind}); report it and use --ignore {rule_id}", rule_id)
        for path, rule_id, kind in problems.failures
    ]
    return replace(coverage, skipped=skipped, notes=[*coverage.notes, *problems.closed])


def _hide_secrets(found: Result, secrets: set[bytes]) -> Result:
    """The result with the values that were found blotted out in all paths and notes."""
    paths = [place.path for finding in found.findings for place in finding.locations]
    coverage = found.coverage
    shown = hide_values([*paths, *(skip.path for skip in coverage.skipped), *coverage.notes], secrets)
    if not shown:
        return found
    findings = (
        replace(one, locations=tuple(replace(place, path=shown.get(place.path, place.path)) for place in one.locations))
        for one in found.findings
    )
    coverage = replace(
        coverage,
        skipped=[replace(skip, path=shown.get(skip.path, skip.path)) for skip in coverage.skipped],
        notes=[shown.get(note, note) for note in coverage.notes],
    )
    return replace(found, findings=tuple(findings), coverage=coverage)


def _list_judges(session: Session, run: Run) -> list[Judge]:
    """The judges of the run, the one followed last first; one of the session's own policy where none was."""
    return [*run.judges[-1:], *run.judges[:-1]] or [Judge(session.policy, session.stage)]


def _decide(session: Session, run: Run) -> Run:
    """The run with a verdict on each finding, by the judge with the longest label that fits, else by the last."""
    judges = sorted(_list_judges(session, run), key=lambda one: -len(one.label))
    by_judge: list[list[Finding]] = [[] for _ in judges]
    for finding in run.result.findings:
        path = finding.locations[0].path
        fitting = (number for number, judge in enumerate(judges) if path.startswith(judge.label))
        by_judge[next(fitting, -1)].append(finding)
    verdicts, notes = [*run.verdicts], Coverage()
    for judge, findings in zip(judges, by_judge, strict=True):
        changed = () if judge.before else run.result.changed if session.in_hook else None
        decision = judge.decide(findings, changed)
        verdicts += decision.verdicts
        everything = not session.in_hook and not judge.policy.select and not judge.policy.ignore
        notes.add(Coverage(notes=list(decision.unused if everything else ())))
    coverage = Coverage()
    for one in (run.result.coverage, notes):
        coverage.add(one)
    return replace(
        run,
        result=replace(run.result, findings=(), coverage=coverage),
        judges=(),
        verdicts=tuple(verdicts),
        digests=run.digests.union(judge.policy.digest for judge in judges),
    )


def _collect_verdicts(run: Run, judge: Judge) -> tuple[tuple[Verdict, ...], list[Skip]]:
    """As many verdicts as a run may have, each once and in order; that there are more is a Skip."""
    decided = list({_build_identity(verdict): verdict for verdict in run.verdicts}.values())
    kept = limits.pick_worst_verdicts(decided, limits.OF_RUN)
    skipped = []
    if len(kept) < len(decided) or run.result.over:
        skipped.append(Skip(".", f"there are {limits.explain_overflow(len(kept))}"))
        kept += filter(None, [judge.make_verdict(_build_unread_finding(skipped[0]))])
    return tuple(sorted(kept, key=_order)), skipped


def _build_overflow_skip(count: int) -> Skip:
    return Skip(".", f"{count:,} more inputs were not scanned; see to those that are named, and run again")


def _build_unread_finding(skip: Skip) -> Finding:
    rule = rule_failed.RULE if skip.reason.startswith("rule CG") else input_not_read.RULE
    return Finding(
        rule.id, rule.name, rule.severity, rule.confidence, f"{NOT_READ}{skip.reason}",
        compute_fingerprint(rule.id, (encode_path(skip.path), encode_path(skip.reason))), (Location(skip.path),),
        {"extent": skip.extent} if skip.extent else {},
    )  # fmt: skip


def _build_identity(verdict: Verdict) -> tuple[object, ...]:
    """What tells a verdict from others: two judges may have scanned the same commit."""
    finding = verdict.finding
    return finding.rule_id, finding.fingerprint, finding.message, finding.locations, verdict.outcome, verdict.reason


def _order(verdict: Verdict) -> tuple[str, int, int, str]:
    place = verdict.finding.locations[0]
    return place.path, place.line, place.column, verdict.finding.rule_id
