"""What an agent asks before it writes: whether a text or files hold a credential, what a rule says, how to fix it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.engine.conclude import build_result
from credguard.engine.run import follow
from credguard.engine.session import Session
from credguard.errors import CredguardError
from credguard.model.findings import SHOWN, Blob
from credguard.policy.resolve import PolicyResolver
from credguard.report import make_printable
from credguard.report.json import build_finding_entry
from credguard.report.rule_page import find_rule, format_rule_page
from credguard.rules import load_rules

if TYPE_CHECKING:
    from credguard.model.findings import ScanResult

_STAGE = "pre-commit"
_LONGEST_TEXT = 32 << 20
_KEPT = ("rule_id", "rule_name", "severity", "message", "outcome", "locations", "context")


def scan_text(text: str, path: str = "text") -> dict[str, object]:
    """What the rules find in a text that is to become the file at `path`: `clean`, `findings` (with redacted lines) and
    `not_scanned`. Raises CredguardError for a text over 32 MiB and an invalid policy."""
    return _describe(_scan_text(text, path))


def scan_paths(paths: list[str]) -> dict[str, object]:
    """The same for files and folders on disk. Raises CredguardError for a path that does not exist."""
    if not paths:
        raise CredguardError("no path is given", "name files or folders")
    session = Session(stage=_STAGE, policies=PolicyResolver(_STAGE))
    return _describe(build_result(session, session.scan_paths(paths), {"kind": "files", "paths": paths}))


def explain_rule(rule: str) -> str:
    """The page of a rule, by its ID or name. Raises CredguardError where there is none."""
    found = find_rule(load_rules(), rule)
    if found is None:  # what was asked may be a secret
        raise CredguardError("there is no such rule", "`credguard rules` lists them")
    return format_rule_page(found)


def suggest_fix(text: str, path: str = "text") -> dict[str, object]:
    """What to write instead of each credential in a text, and what to do about it: `fixes`, one for each finding."""
    result = _scan_text(text, path)
    hints = {rule.id: rule.hint for rule in load_rules()}
    fixes = [
        {
            "rule_id": verdict.finding.rule_id,
            "line": verdict.finding.locations[0].line,
            "message": make_printable(verdict.finding.message),
            "fix": make_printable(hints.get(verdict.finding.rule_id, "")),
            "if_it_was_shared": [make_printable(step) for step in verdict.finding.remediation],
        }
        for verdict in result.verdicts
        if verdict.outcome in SHOWN
    ]
    return {**_describe(result), "fixes": fixes}


def _scan_text(text: str, path: str) -> ScanResult:
    data = text.encode("utf-8", "surrogatepass")
    if len(data) > _LONGEST_TEXT:
        raise CredguardError("the text is over 32 MiB", "write it to a file and use scan_paths")
    policies = PolicyResolver(_STAGE)
    session = Session(stage=_STAGE, policies=policies)
    run = follow(policies.resolve_files([path]))
    run = run.add(session.make_pipeline(run).scan([Blob(data, path)]))
    return build_result(session, run, {"kind": "files", "paths": [path]})


def _describe(result: ScanResult) -> dict[str, object]:
    entries = [build_finding_entry(verdict) for verdict in result.verdicts if verdict.outcome in SHOWN]
    return {
        "clean": result.exit_code == 0,
        "findings": [{key: entry[key] for key in _KEPT} for entry in entries],
        "not_scanned": [
            f"{make_printable(skip.path)}: {make_printable(skip.reason)}" for skip in result.coverage.skipped
        ],
    }
