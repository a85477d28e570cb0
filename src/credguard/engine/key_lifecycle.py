"""What an audit asks beyond the files: the account's credential report, the age of found keys, keys that are shared."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from base64 import b64decode
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING

from credguard.aws import credential_report as reports
from credguard.aws.key_id import classify_key_id
from credguard.engine.key_reuse import Repository, find_shared
from credguard.errors import CredguardError, UnreadableError
from credguard.git.file_history import find_first_versions, read_file_histories, read_renamed_history
from credguard.git.repository import GitError
from credguard.lazy_re import compile_lazily
from credguard.model.findings import OF_ACCOUNT, Blob, BlobKind, Coverage, Skip
from credguard.model.result import Result
from credguard.parsers.utf16 import recode_marked
from credguard.rule import Trait
from credguard.rules import get_rule, list_rule_ids
from credguard.rules.account import key_older_than_limit, key_shared_across_projects
from credguard.scanning.placement import build_finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from credguard.engine.run import Run
    from credguard.engine.session import Session
    from credguard.git.file_history import Version
    from credguard.git.repository import Git
    from credguard.model.findings import Finding
    from credguard.policy.model import Policy
    from credguard.rule import Rule
    from credguard.scanning.pipeline import Pipeline

_MOST_BYTES = 64 << 20
_MOST_PATHS = 100
_STALE_DAYS = 7
_BASE64 = compile_lazily(rb"[A-Za-z0-9+/]{40,}[A-Za-z0-9+/=\s]*")
_HINT = (
    "make one with `aws iam generate-credential-report`, then `aws iam get-credential-report --query Content "
    "--output text | base64 -d > report.csv`"
)


def read_report(path: str) -> Blob:
    """The credential report in a file: CSV, or the API's answer with the CSV in base64.

    It counts as made when the answer says, else when the file was written. Raises CredguardError for
    a file that cannot be read or is no credential report.
    """
    content, written = _read_file(path)
    data, made = _extract_csv(content)
    blob = Blob(data, path, BlobKind.CREDENTIAL_REPORT, made or written)
    try:
        report = reports.find_report(blob)
    except UnreadableError as error:
        raise CredguardError(f"the credential report {path} {error.message}", _HINT) from error
    if report is None or not report.rows:
        what = "holds a header and no row" if report else "is no IAM credential report: no first line names its columns"
        raise CredguardError(f"{path} {what}", _HINT)
    if report.newest and written < report.newest and not made:  # a date that a copy or an archive has lost
        return replace(blob, made=datetime.now(timezone.utc))
    return blob


def _read_file(path: str) -> tuple[bytes, datetime]:
    """The bytes of a file and when it was last written; of a pipe, now."""
    now = datetime.now(timezone.utc)
    try:
        with open(path, "rb") as handle:
            data = handle.read(_MOST_BYTES + 1)
            info = os.fstat(handle.fileno())
        written = datetime.fromtimestamp(info.st_mtime, timezone.utc) if stat.S_ISREG(info.st_mode) else now
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise CredguardError(f"the credential report {path} could not be read: {reason}", "check the name") from error
    except (ValueError, OverflowError):
        return data, now
    if len(data) > _MOST_BYTES:
        raise CredguardError(f"{path} is over {_MOST_BYTES >> 20} MiB, more than a credential report can be", _HINT)
    return data, min(now, written)


def _extract_csv(data: bytes) -> tuple[bytes, datetime | None]:
    """The CSV, and when the API's answer that held it says that it was made."""
    data = recode_marked(data)
    made = None
    if data.lstrip()[:1] == b"{":
        try:
            answer = json.loads(data)
            data = answer["Content"].encode()
            made = reports.parse_iso_date(str(answer.get("GeneratedTime", "")))
        except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
            return data, None
    if _BASE64.fullmatch(data.strip()):
        with contextlib.suppress(ValueError):
            data = b64decode(b"".join(data.split()))
    return data, made


def scan_reports(session: Session, run: Run, blobs: Iterable[Blob]) -> Run:
    """The run with what the rules say of the reports that were given; the same said of a copy in a scanned folder is
    left out."""
    pipeline = session.make_pipeline(run)
    for blob in blobs:
        given = pipeline.scan([blob], 1)
        known = {(finding.rule_id, finding.fingerprint) for finding in given.findings}
        others = tuple(f for f in run.result.findings if (f.rule_id, f.fingerprint) not in known)
        report = reports.find_report(blob)
        assert report is not None  # noqa: S101 - read_report has seen to it
        coverage = Coverage(skipped=[Skip(blob.path, problem, OF_ACCOUNT) for problem in report.problems])
        days = (datetime.now(timezone.utc) - blob.made).days if blob.made else 0
        if days > _STALE_DAYS:
            coverage.notes.append(f"{blob.path} is {days} days old: the account may have changed since")
        answers = replace(_list_answers(report, days, run.result.gaps), coverage=coverage)
        run = replace(run, result=replace(run.result, findings=others)).add(given, answers)
    return run


def _list_answers(report: reports.ParsedReport, days: int, known: Mapping[str, str]) -> Result:
    """The rules that a report of so many days answers, what the answers lack beside the `known` gaps, and the practices
    that it has something for."""
    gaps = dict(known)
    answered: set[str] = set()
    material: set[str] = set()
    keyed = any(True for row in report.rows if not row.is_root for _ in row.iter_active_keys())
    for rule in map(get_rule, list_rule_ids(Trait.ON_ACCOUNT)):
        lost = report.list_missing_columns(rule.columns)
        if lost:
            gaps[rule.id] = f"the credential report has no column {', '.join(lost)}"
            continue
        answered.add(rule.id)
        if Trait.ON_ROOT in rule.traits and not report.has_every_root:
            gaps[rule.id] = "the credential report has no row of the root user"
        elif days > _STALE_DAYS:
            gaps.setdefault(rule.id, f"the credential report is {days} days old")
        if keyed or Trait.ON_ROOT in rule.traits:
            material.update(rule.practices)
    return Result(rules=frozenset(answered), material=frozenset(material), gaps=gaps)


def find_old_keys(session: Session, run: Run, now: datetime | None = None) -> Result:
    """A finding for every long-lived key of the run that has been in tracked files for longer than the limit."""
    rule = _find_enabled_rule(session, run, key_older_than_limit.RULE.id)
    if rule is None:
        return Result()
    moment = now or datetime.now(timezone.utc)
    ages = _KeyAges(session.make_pipeline(run))
    for label, tree in run.trees:
        by_path = _group_by_path(run.result.findings, label, tree.tracked)
        before = moment - timedelta(days=_find_policy(session, run, label).rotation_days + 1)
        ages.add_tree(label, tree.repository, by_path, before)
    findings = []
    for key_id, version in ages.first.items():
        places = tuple(finding.locations[0] for finding in ages.keys[key_id])
        limit = _find_policy(session, run, places[0].path).rotation_days
        detection = key_older_than_limit.check_key_age(version.when, moment, limit, key_id)
        if detection:
            account = ages.keys[key_id][0].attributes.get("account")
            more = {"first_commit": version.commit} | ({"account": account} if account else {})
            detection = replace(detection, attributes={**detection.attributes, **more})
            findings.append(build_finding(rule, detection, places))
    return Result(tuple(findings), ages.coverage)


class _KeyAges:
    """Since when each key stands in its file: `first` the version that brought it, `keys` its findings."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.first: dict[str, Version] = {}
        self.keys: dict[str, list[Finding]] = {}
        self.coverage = Coverage()
        self._pipeline = pipeline

    def add_tree(
        self, label: str, repository: Git | None, by_path: dict[str, dict[str, Finding]], before: datetime
    ) -> None:
        """Asks git about the keys of a folder; `before` says from when on one is old."""
        some = dict(list(by_path.items())[:_MOST_PATHS])
        if repository and some:
            try:
                for key_id, version, finding in self._iter_first_versions(repository, some, before):
                    self.first[key_id] = min(self.first.get(key_id, version), version, key=lambda one: one.when)
                    self.keys.setdefault(key_id, []).append(finding)
            except GitError as error:
                skip = Skip(label or ".", f"git could not tell how old its keys are: {error.message}")
                self.coverage.skipped.append(skip)
        if len(by_path) > _MOST_PATHS:
            self.coverage.notes.append(f"the age of keys was asked for {_MOST_PATHS} of {len(by_path)} files")

    def _iter_first_versions(
        self, repository: Git, by_path: dict[str, dict[str, Finding]], before: datetime
    ) -> Iterator[tuple[str, Version, Finding]]:
        """Since when each key stands in its file. Former names are asked for only where it is not old already."""
        known, limit = read_file_histories(repository, list(by_path)), self._pipeline.limit
        for path, keys in by_path.items():
            held = partial(_find_keys, self._pipeline, path)
            found = find_first_versions(repository, known[path], keys, held, limit)
            young = [key_id for key_id in keys if key_id not in found or found[key_id].when > before]
            if young:
                found |= find_first_versions(repository, read_renamed_history(repository, path), young, held, limit)
            yield from ((key_id, version, keys[key_id]) for key_id, version in found.items())


def _group_by_path(findings: Sequence[Finding], label: str, tracked: frozenset[str]) -> dict[str, dict[str, Finding]]:
    """By path and key ID, the findings of keys that are not temporary, planted or made up."""
    found: dict[str, dict[str, Finding]] = {}
    for finding in findings:
        key_id, place = finding.attributes.get("access_key_id"), finding.locations[0]
        if (
            finding.rule_id in list_rule_ids(Trait.ACCESS_KEY)
            and isinstance(key_id, str)
            and _is_long_lived(key_id)
            and not place.commit
        ):
            path = place.path.removeprefix(label)
            if place.path.startswith(label) and path in tracked:
                found.setdefault(path, {}).setdefault(key_id, finding)
    return found


def _is_long_lived(key_id: str) -> bool:
    return key_id.startswith("AKIA") and classify_key_id(key_id.encode()) in ("long-lived", "old-format")


def _find_keys(pipeline: Pipeline, path: str, data: bytes, some: set[str]) -> set[str]:
    plain = {key_id for key_id in some if key_id.encode() in data}
    return plain or _find_encoded_keys(pipeline, Blob(data, path), some)


def _find_encoded_keys(pipeline: Pipeline, blob: Blob, some: set[str]) -> set[str]:
    """The keys that the rules see in a content which does not show them plainly."""
    return some & {str(finding.attributes.get("access_key_id")) for finding in pipeline.scanner.scan_blob(blob)}


def find_shared_keys(session: Session, run: Run) -> Result:
    """A finding for every credential of the run that several projects use."""
    rule = _find_enabled_rule(session, run, key_shared_across_projects.RULE.id)
    if rule is None:
        return Result()
    repositories = [Repository(label, tree.files) for label, tree in run.trees]
    several = len(repositories) > 1 or any(len(one.folders) > 1 for one in repositories)
    findings = find_shared(run.result.findings, repositories, rule)
    return Result(tuple(findings), rules=frozenset((rule.id,)) if several else frozenset())


def add_key_findings(session: Session, run: Run) -> Run:
    """The run with all that is asked about keys when the files have been scanned."""
    run = run.add(find_old_keys(session, run))
    return run.add(find_shared_keys(session, run))


def list_executed_rules(session: Session, run: Run) -> frozenset[str]:
    """The rules that had what they judge: those about the account only with a report, those about several
    projects or this machine only where these were scanned. A finding proves that its rule ran."""
    waiting = {*list_rule_ids(Trait.ON_ACCOUNT), *list_rule_ids(Trait.ON_REQUEST)} - run.result.rules
    found = {finding.rule_id for finding in (*run.result.findings, *(verdict.finding for verdict in run.verdicts))}
    policy = session.get_policy(run)
    enabled = (rule.id for rule in session.list_rules(run) if policy.is_enabled(rule.id))
    return frozenset(rule_id for rule_id in enabled if rule_id not in waiting or rule_id in found)


def _find_policy(session: Session, run: Run, path: str) -> Policy:
    """The policy of the repository that the path lies in."""
    fitting = [judge for judge in run.judges if path.startswith(judge.label)]
    return max(fitting, key=lambda judge: len(judge.label)).policy if fitting else session.get_policy(run)


def _find_enabled_rule(session: Session, run: Run, rule_id: str) -> Rule | None:
    enabled = session.get_policy(run).is_enabled(rule_id)
    return next((rule for rule in session.list_rules(run) if rule.id == rule_id and enabled), None)
