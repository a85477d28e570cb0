"""CI uses the stored access key of an IAM user instead of the CI system's identity token.

What it does
    Reads workflows and composite actions of GitHub, GitLab CI, CircleCI, Bitbucket Pipelines, CodeBuild's buildspecs,
    Azure Pipelines, Buildkite and Jenkins pipelines, and Terraform that stores keys in such a system. Reports each job
    that gets an AWS access key from secrets, variables, parameters or a credentials store. Roles assumed with an
    identity token, keys created by an earlier step, made-up values for emulators, and keys of other vendors'
    S3-compatible stores are not reported. Literal keys are reported by CG101 to CG104.

Why it matters
    A stored key works for years, from anywhere, for anyone who can print a variable of a build or change a workflow. An
    identity token is valid for one job, and the role's trust policy restricts the repository and branch.

How to fix
    Register the CI system as an identity provider in IAM, create a role that trusts one project and branch, and let the
    job assume it. Then delete the stored values and the user's key.

References
    IAM User Guide, "Create an OpenID Connect identity provider in IAM"; GitHub Docs, "Configuring OpenID Connect in
    Amazon Web Services"; GitLab Docs, "Configure OpenID Connect in AWS"; CircleCI Docs, "Use OpenID Connect tokens in
    jobs"; Bitbucket Support, "Deploy on AWS using Bitbucket Pipelines OpenID Connect".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from credguard.aws.static_keys import PATTERNS, mask_variable_name
from credguard.ci.systems import detect_ci_system
from credguard.matching.pattern import Pattern
from credguard.model.findings import BlobKind, Confidence, Detection, Severity
from credguard.parsers.document import parse_document
from credguard.rule import Fix, Rule
from credguard.rules.infrastructure import _ci_github, _ci_jenkins, _ci_systems, _ci_terraform
from credguard.rules.infrastructure._ci_remedies import TITLES, build_remedy_steps
from credguard.sources.env_files import is_fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob
    from credguard.rules.infrastructure._ci_keys import KeyUse

_ORB = Pattern("circleci-aws-orb", rb"circleci/aws-cli@")
_BINDING = Pattern("jenkins-aws-binding", rb"AmazonWebServicesCredentials|withAWS\b|\baws ?\(")


def _check(blob: Blob, _hits: Hits) -> Iterator[Detection]:
    if blob.kind is not BlobKind.FILE or is_fixture(blob.path):
        return
    system = "terraform" if _ci_terraform.has_ci_resources(blob) else detect_ci_system(blob.path)
    if system:
        places: dict[str, list[KeyUse]] = {}
        for use in _find_uses(blob, system):
            places.setdefault(use.where, []).append(use)
        for uses in places.values():
            yield _build_detection(uses, system)


def _find_uses(blob: Blob, system: str) -> Iterator[KeyUse]:
    if system == "jenkins":
        yield from _ci_jenkins.find_key_uses(blob.data)
        return
    for document in parse_document(blob.data, blob.path):
        if system == "github":
            yield from _ci_github.find_key_uses(document)
        elif system == "terraform":
            yield from _ci_terraform.find_key_uses(document)
        else:
            yield from _ci_systems.find_key_uses(document, system)


def _build_detection(uses: list[KeyUse], system: str) -> Detection:
    """One finding per job, however many of its steps use the key."""
    first = min(uses, key=lambda use: use.line)
    every = dict.fromkeys(mask_variable_name(name) for use in uses for name in use.names)
    use = replace(
        first, names=tuple(every), region=first.region or next((one.region for one in uses if one.region), "")
    )
    more = f" and {len(uses) - 1} more" if len(uses) > 1 else ""
    names = f" ({', '.join(use.names[:4])})" if use.names else ""
    return Detection(
        f"{TITLES[system]}: {use.where} passes a stored AWS access key{names} to {use.taker}{more}; use a role instead",
        line=use.line,
        confidence=Confidence.MEDIUM if system == "jenkins" else None,
        attributes={
            "system": system,
            "where": use.where,
            "taker": use.taker,
            "names": list(use.names),
            "lines": [one.line for one in uses],
        },
        remediation=build_remedy_steps(system, use),
        identity=tuple(word.encode("utf-8", "replace") for word in (system, use.where, *sorted(use.names))),
    )


RULE = Rule(
    id="CG403",
    name="static-keys-in-ci",
    severity=Severity.MEDIUM,
    summary="CI uses a stored AWS access key instead of an identity token",
    hint="let the job assume a role with the CI system's identity token (OIDC), then delete the stored key",
    practices=("P13",),
    fix=Fix.WORKFLOW,
    patterns=(*PATTERNS, _ORB, _BINDING),
    check_blob=_check,
    in_hooks=False,
    cause="names",
    remediation=(
        "register the CI system as an OpenID Connect identity provider in IAM",
        "create a role whose trust policy names the project and branch; let the job assume it",
        "delete the stored values and deactivate the user's access key",
    ),
    references=(
        "https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws",
        "https://docs.gitlab.com/ci/cloud_services/aws/",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html",
    ),
)
