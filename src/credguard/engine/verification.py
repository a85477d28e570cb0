"""Asks AWS about the keys that a run found, where the user wants that, and says so in the findings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from credguard.aws.credential import ID, SECRET, TOKEN
from credguard.aws.live import verify
from credguard.model.findings import Coverage, Severity
from credguard.model.result import Result

if TYPE_CHECKING:
    from collections.abc import Mapping

    from credguard.aws.live.verify import Verification, Verifier
    from credguard.engine.run import Run
    from credguard.model.findings import Finding
    from credguard.model.secret import Secret

_ATTRIBUTE = "verification"
_SEVERITIES = {verify.LIVE: Severity.CRITICAL, verify.EXPIRED: Severity.LOW}


def verify_run(run: Run, verifier: Verifier, credentials: Mapping[str, Mapping[str, Secret]]) -> Run:
    """The run with what AWS says of each key in it; `credentials` are the values, by the finding's fingerprint."""
    findings = []
    for finding in run.result.findings:
        values = credentials.get(finding.fingerprint)
        if values and _ATTRIBUTE not in finding.attributes:
            key_id = values[ID].reveal().decode("ascii")
            found = verifier.verify(key_id, values[SECRET], values.get(TOKEN), _list_own(run, finding))
            finding = _mark(finding, found)  # noqa: PLW2901 - the same finding, and more
        findings.append(finding)
    run = replace(run, result=replace(run.result, findings=tuple(findings)))
    if verifier.asked:
        said = f"{verifier.asked} {'key was' if verifier.asked == 1 else 'keys were'} used for sts:GetCallerIdentity"
        note = f"{said}: CloudTrail of the keys' accounts records that, and it is their last use now"
        run = run.add(Result(coverage=Coverage(notes=[note])))
    return run


def _list_own(run: Run, finding: Finding) -> frozenset[str]:
    """The accounts that the policy of the finding's repository calls its own."""
    path = finding.locations[0].path
    judges = [judge for judge in run.judges if path.startswith(judge.label)]
    return max(judges, key=lambda judge: len(judge.label)).policy.own_accounts if judges else frozenset()


def _mark(finding: Finding, found: Verification) -> Finding:
    """The finding with what AWS says of the key, and as severe as that makes it."""
    said = f"{found.status}, {found.arn}" if found.arn else found.status
    exposure = dict(finding.exposure)
    if found.status in (verify.LIVE, verify.EXPIRED):
        exposure["alive"] = found.status == verify.LIVE
    return replace(
        finding,
        severity=_SEVERITIES.get(found.status, finding.severity),
        message=f"{finding.message}; verified: {said}" if found.checked_at else f"{finding.message}; {said}",
        attributes={**finding.attributes, _ATTRIBUTE: found.build_attributes()},
        exposure=exposure,
    )
