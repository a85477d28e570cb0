"""Asks the issuers of the credentials that a run found whether they work, and says so in the findings."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from credguard.aws.credential import ID, SECRET, TOKEN
from credguard.model.findings import Coverage, Severity
from credguard.model.result import Result
from credguard.model.verification import VerificationStatus
from credguard.scanning.scanner import KIND_TOKENS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from credguard.aws.live.verify import Verifier
    from credguard.engine.run import Run
    from credguard.engine.token_verifier import TokenVerifier
    from credguard.model.findings import Finding
    from credguard.model.secret import Secret
    from credguard.model.verification import Verification

_ATTRIBUTE = "verification"
_SEVERITIES = {VerificationStatus.LIVE: Severity.CRITICAL, VerificationStatus.EXPIRED: Severity.LOW}


@dataclass(frozen=True, slots=True)
class Verifiers:
    """Who is asked: AWS about its keys, other services about their tokens."""

    aws: Verifier | None = None
    tokens: TokenVerifier | None = None

    @property
    def token_kinds(self) -> frozenset[str]:
        """The `kind` attributes of the findings whose tokens are asked about."""
        return self.tokens.kinds if self.tokens else frozenset()

    def describe(self) -> str:
        """What is asked about, in words that change with it."""
        aws = ("all" if self.aws.all_accounts else "own") if self.aws else "none"
        return " ".join((aws, *(self.tokens.names if self.tokens else ())))


def verify_run(run: Run, verifiers: Verifiers, credentials: Mapping[str, Mapping[str, Secret]]) -> Run:
    """The run with what the issuers say of each credential in it; `credentials` are the values, by the finding's
    fingerprint."""
    findings = []
    for finding in run.result.findings:
        values = credentials.get(finding.fingerprint)
        if values and _ATTRIBUTE not in finding.attributes:
            found = _verify(run, finding, verifiers, values)
            finding = _mark(finding, found) if found else finding  # noqa: PLW2901 - the same finding, and more
        findings.append(finding)
    run = replace(run, result=replace(run.result, findings=tuple(findings)))
    notes = _list_notes(verifiers)
    return run.add(Result(coverage=Coverage(notes=notes))) if notes else run


def _verify(run: Run, finding: Finding, verifiers: Verifiers, values: Mapping[str, Secret]) -> Verification | None:
    if KIND_TOKENS[0] in values:
        return (
            verifiers.tokens.verify(str(finding.attributes["kind"]), values[KIND_TOKENS[0]])
            if verifiers.tokens
            else None
        )
    if not verifiers.aws:
        return None
    key_id = values[ID].reveal().decode("ascii")
    return verifiers.aws.verify(key_id, values[SECRET], values.get(TOKEN), _list_own(run, finding))


def _list_notes(verifiers: Verifiers) -> list[str]:
    """What the user has to know of the requests: they leave traces."""
    notes = []
    if verifiers.aws and verifiers.aws.asked:
        said = f"{_count(verifiers.aws.asked, 'key')} used for sts:GetCallerIdentity"
        notes.append(f"{said}: CloudTrail of the keys' accounts records that, and it is their last use now")
    if verifiers.tokens and verifiers.tokens.asked:
        said = f"{_count(verifiers.tokens.asked, 'token')} used to ask the services that issued them"
        notes.append(f"{said}: their logs may record that, and it is the tokens' last use now")
    return notes


def _count(number: int, noun: str) -> str:
    return f"{number} {noun} was" if number == 1 else f"{number} {noun}s were"


def _list_own(run: Run, finding: Finding) -> frozenset[str]:
    """The accounts that the policy of the finding's repository calls its own."""
    path = finding.locations[0].path
    judges = [judge for judge in run.judges if path.startswith(judge.label)]
    return max(judges, key=lambda judge: len(judge.label)).policy.own_accounts if judges else frozenset()


def _mark(finding: Finding, found: Verification) -> Finding:
    """The finding with what the issuer says of the credential, and as severe as that makes it."""
    whose = found.arn or found.owner
    said = f"{found.status}, {whose}" if whose else found.status
    exposure = dict(finding.exposure)
    if found.status in (VerificationStatus.LIVE, VerificationStatus.EXPIRED):
        exposure["alive"] = found.status is VerificationStatus.LIVE
    return replace(
        finding,
        severity=_SEVERITIES.get(found.status, finding.severity),
        message=f"{finding.message}; verified: {said}" if found.checked_at else f"{finding.message}; {said}",
        attributes={**finding.attributes, _ATTRIBUTE: found.build_attributes()},
        exposure=exposure,
    )
