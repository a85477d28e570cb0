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
from credguard.model.findings import Blob, Skip
from credguard.rules.account.key_older_than_limit import check_key_age
from credguard.scanning.scanner import build_finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from credguard.engine.session import Session
    from credguard.git.file_history import Version
    from credguard.git.repository import Git
    from credguard.model.findings import Finding
    from credguard.policy.model import Policy
    from credguard.rule import Rule

ABOUT_ACCOUNTS = ("CG303", "CG501", "CG503", "CG504")
"""Rules that only a credential report can answer in full."""
_MOST_BYTES = 64 << 20
_MOST_PATHS = 100
_KEY_RULES = ("CG101", "CG103")
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
    blob = Blob(data, path, reports.GIVEN, made or written)
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
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        data = data.decode("utf-16", "replace").encode("utf-8", "replace")
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


def scan_reports(run: Session, blobs: Iterable[Blob]) -> None:
    """What the rules say of the reports that were given; the same said of a copy in a scanned folder is left out."""
    for blob in blobs:
        before = list(run.findings)
        run.scan_blob(blob)
        given = run.findings[len(before) :]
        told = {(finding.rule_id, finding.fingerprint) for finding in given}
        run.findings = [f for f in before if (f.rule_id, f.fingerprint) not in told] + given
        report = reports.find_report(blob)
        assert report is not None  # noqa: S101 - read_report has seen to it
        run.asked.update(ABOUT_ACCOUNTS)
        run.coverage.skipped += [Skip(blob.path, problem) for problem in report.problems]
        days = (datetime.now(timezone.utc) - blob.made).days if blob.made else 0
        if days > _STALE_DAYS:
            run.coverage.notes.append(f"{blob.path} is {days} days old: the account may have changed since")


def judge_ages(run: Session, now: datetime | None = None) -> None:
    """CG501 for every long-lived key of the run that has stood in tracked files for longer than the limit."""
    rule = _find_enabled_rule(run, "CG501")
    if rule is None:
        return
    moment = now or datetime.now(timezone.utc)
    first: dict[str, Version] = {}
    keys: dict[str, list[Finding]] = {}
    for label, tree in run.trees:
        by_path = _group_by_path(run.findings, label, tree.tracked)
        some = dict(list(by_path.items())[:_MOST_PATHS])
        before = moment - timedelta(days=_find_policy(run, label).rotation_days + 1)
        for key_id, version, finding in _iter_first_versions(run, label, tree.repository, some, before):
            first[key_id] = min(first.get(key_id, version), version, key=lambda one: one.when)
            keys.setdefault(key_id, []).append(finding)
        if len(by_path) > _MOST_PATHS:
            run.coverage.notes.append(f"the age of keys was asked for {_MOST_PATHS} of {len(by_path)} files")
    for key_id, version in first.items():
        limit = _find_policy(run, keys[key_id][0].locations[0].path).rotation_days
        detection = check_key_age(version.when, moment, limit, key_id)
        if detection:
            account = keys[key_id][0].attributes.get("account")
            more = {"first_commit": version.commit} | ({"account": account} if account else {})
            places = tuple(finding.locations[0] for finding in keys[key_id])
            run.findings.append(
                build_finding(rule, replace(detection, attributes={**detection.attributes, **more}), places)
            )


def _group_by_path(findings: Sequence[Finding], label: str, tracked: frozenset[str]) -> dict[str, dict[str, Finding]]:
    """By path and key ID, the findings of keys that are not temporary, planted or made up."""
    found: dict[str, dict[str, Finding]] = {}
    for finding in findings:
        key_id, place = finding.attributes.get("access_key_id"), finding.locations[0]
        if finding.rule_id in _KEY_RULES and isinstance(key_id, str) and _is_long_lived(key_id) and not place.commit:
            path = place.path.removeprefix(label)
            if place.path.startswith(label) and path in tracked:
                found.setdefault(path, {}).setdefault(key_id, finding)
    return found


def _is_long_lived(key_id: str) -> bool:
    return key_id.startswith("AKIA") and classify_key_id(key_id.encode()) in ("long-lived", "old-format")


def _iter_first_versions(
    run: Session, label: str, repository: Git | None, by_path: dict[str, dict[str, Finding]], before: datetime
) -> Iterator[tuple[str, Version, Finding]]:
    """Since when each key stands in its file. Former names are asked for only where it is not old already."""
    if repository is None or not by_path:
        return
    try:
        known = read_file_histories(repository, list(by_path))
        for path, keys in by_path.items():
            held = partial(_find_keys, run, path)
            found = find_first_versions(repository, known[path], keys, held, run.limit)
            young = [key_id for key_id in keys if key_id not in found or found[key_id].when > before]
            if young:
                found |= find_first_versions(repository, read_renamed_history(repository, path), young, held, run.limit)
            yield from ((key_id, version, keys[key_id]) for key_id, version in found.items())
    except GitError as error:
        run.coverage.skipped.append(Skip(label or ".", f"git could not tell how old its keys are: {error.message}"))


def _find_keys(run: Session, path: str, data: bytes, some: set[str]) -> set[str]:
    plain = {key_id for key_id in some if key_id.encode() in data}
    return plain or _find_encoded_keys(run, Blob(data, path), some)


def _find_encoded_keys(run: Session, blob: Blob, some: set[str]) -> set[str]:
    """The keys that the rules see in a content which does not show them plainly."""
    return some & {str(finding.attributes.get("access_key_id")) for finding in run.scanner.scan_blob(blob)}


def judge_sharing(run: Session) -> None:
    """CG502 for every credential of the run that several projects use."""
    rule = _find_enabled_rule(run, "CG502")
    if rule:
        repositories = [Repository(label, tree.files) for label, tree in run.trees]
        run.findings += find_shared(run.findings, repositories, rule)
        if len(repositories) > 1 or any(len(one.folders) > 1 for one in repositories):
            run.asked.add(rule.id)


def conclude(run: Session) -> None:
    """All that is asked when the files have been looked at."""
    judge_ages(run)
    judge_sharing(run)


def list_executed_rules(run: Session) -> frozenset[str]:
    """The rules that had what they judge: those about the account only with a report, those about several
    projects or this machine only where these were looked at. A finding proves that its rule ran."""
    waiting = {*ABOUT_ACCOUNTS, "CG502", "CG601"} - run.asked
    found = {finding.rule_id for finding in (*run.findings, *(verdict.finding for verdict in run.decided))}
    enabled = (rule.id for rule in run.scanner.rules if run.policy.is_enabled(rule.id))
    return frozenset(rule_id for rule_id in enabled if rule_id not in waiting or rule_id in found)


def _find_policy(run: Session, path: str) -> Policy:
    """The policy of the repository that the path lies in."""
    fitting = [judge for judge in run.judges if path.startswith(judge.label)]
    return max(fitting, key=lambda judge: len(judge.label)).policy if fitting else run.policy


def _find_enabled_rule(run: Session, rule_id: str) -> Rule | None:
    return next((rule for rule in run.scanner.rules if rule.id == rule_id and run.policy.is_enabled(rule_id)), None)
