"""A workload on AWS or a container image gets a permanent access key instead of a role.

What it does
    Reports access keys in ENV and ARG of a Dockerfile (build arguments stay in the image's history); in the environment
    of ECS task definitions, Lambda functions, SageMaker models and jobs, App Runner, Batch, Glue, CodeBuild projects,
    Elastic Beanstalk and Kubernetes workloads; in user data of EC2, the variables of its template included; in what
    Terraform's remote-exec and file provisioners run and copy; and in programs that create these. Objects of S3 and
    String parameters of Systems Manager that hold a key's secret are reported too. Literal values and references to
    variables are treated alike, locals and `merge` are followed; a value from a secrets store is medium. In compose
    files only issued keys are reported. Made-up values, empty ones, placeholders, AWS emulators (LocalStack, MinIO),
    other endpoints, Helm templates and tests are not reported.

Why it matters
    Anyone who can read the task definition, the function's configuration, the user data or the image has the key, and
    it does not expire. On AWS, a role provides credentials that are valid for hours and never stored.

How to fix
    Give the task, function, instance, job or service account a role with the permissions it needs, remove the
    variables, and let the SDK find the role's credentials. In builds, use `RUN --mount=type=secret`.

References
    IAM User Guide, "Security best practices in IAM" (roles for workloads); Security Hub ECS.8 and CodeBuild.2; Docker
    Docs, "Build secrets" and SecretsUsedInArgOrEnv; EKS User Guide, "IAM roles for service accounts".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.aws.static_keys import PATTERNS, Binding, KeyPart
from credguard.matching.pattern import Pattern
from credguard.model.findings import BlobKind, Confidence, Detection, Severity
from credguard.parsers.dockerfile import is_dockerfile
from credguard.rule import Rule
from credguard.rules.infrastructure import _compute_code, _compute_documents
from credguard.rules.infrastructure._compute_docker import find_key_variables, has_later_stage
from credguard.sources.env_files import is_fixture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob
    from credguard.rules.infrastructure._compute_docker import Variable
    from credguard.rules.infrastructure._compute_groups import SettingGroup

_IN_BUILDS = (
    "RUN --mount=type=secret,id=aws,target=/root/.aws/credentials COMMAND",
    "docker build --secret id=aws,src=$HOME/.aws/credentials .",
    "at run time: a role of the task, function, instance or service account; the SDK finds it automatically",
    "existing images contain the key: deactivate it, and delete the images",
)
_IN_CLUSTERS = (
    "EKS: annotate the service account with eks.amazonaws.com/role-arn: arn:aws:iam::ACCOUNT:role/ROLE (IRSA),"
    " or aws eks create-pod-identity-association",
    "remove AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY from the pod; outside of AWS: IAM Roles Anywhere",
    "then deactivate the user's key, and delete the Secret",
)


_SECRET = Pattern("iam-access-key-secret", rb"aws_iam_access_key\.[^\s]{1,120}\.secret\b|\.SecretAccessKey\b")
_CREDENTIALS = Pattern("aws-credentials-file", rb"\.aws[/\\]credentials|[/_](?:credentials|accessKeys|rootkey)\.csv")


def _check(blob: Blob, hits: Hits) -> Iterator[Detection]:
    if blob.kind is not BlobKind.FILE or is_fixture(blob.path):
        return
    name = blob.path.rpartition("/")[2].lower()
    if is_dockerfile(name):
        yield from _check_image(find_key_variables(blob.data), blob.data)
        return
    kind = _compute_documents.detect_document_kind(blob.path, blob.data)
    seen: set[int] = set()
    if kind:
        found = _compute_documents.find_workloads(blob, kind)
    elif name.endswith(_compute_code.PROGRAMS):
        ends = sorted({end for pattern in (*PATTERNS, _SECRET) for end in hits.get(pattern.name, ())})
        found = (("the program", placed) for placed in _compute_code.find_environments(blob.data, ends))
    else:
        return
    for label, placed in found:
        if placed.line not in seen:
            seen.add(placed.line)
            yield _build_detection(label, placed, kind)


def _check_image(found: list[Variable], data: bytes) -> Iterator[Detection]:
    """One finding for a Dockerfile that gets a secret; the message depends on where it is kept."""
    if not any(one.half is KeyPart.SECRET or one.given is Binding.LITERAL for one in found):
        return
    told = [one for one in found if one.half is not KeyPart.TOKEN]
    kept = [one for one in told if one.instruction == "ENV"]
    names = ", ".join(dict.fromkeys(one.name for one in told))
    line = (kept or told)[0].line
    staged = has_later_stage(data, (kept or told)[-1].line)
    where = "is stored in the image (ENV)" if kept else "stays in the image's history (ARG)"
    where = "stays in the cache and history of a stage" if staged else where
    yield Detection(
        f"the AWS access key {names} {where}",
        line=line,
        severity=Severity.MEDIUM if staged or len(told) < len(found) else None,
        attributes={"names": sorted({one.name for one in told}), "where": "image"},
        remediation=_IN_BUILDS,
        identity=(b"image", *sorted({one.name.encode() for one in told})),
    )


def _build_detection(label: str, placed: SettingGroup, kind: str) -> Detection:
    names = list(dict.fromkeys(one.text for one in placed.settings)) if not (placed.script or placed.kept) else []
    how = "from a secrets store" if placed.worst is Binding.STORED else "in plain text"
    what = "its start script sets" if placed.script else "it holds" if placed.kept else "its environment contains"
    listed = f" ({', '.join(names[:4])})" if names else ""
    cluster = kind == "kubernetes"
    return Detection(
        f"{label}: {what} an AWS access key{listed} {how}; use a role instead",
        line=placed.line,
        severity=Severity.MEDIUM if placed.worst is Binding.STORED or placed.temporary else None,
        confidence=Confidence.MEDIUM if cluster else None,
        attributes={"where": label, "names": names, "given": placed.worst.name.lower()},
        remediation=_IN_CLUSTERS if cluster else (),
        identity=tuple(
            w.encode("utf-8", "replace") for w in (label, *(names or ["kept" if placed.kept else "script"]))
        ),
    )


RULE = Rule(
    id="CG405",
    name="static-keys-on-compute",
    severity=Severity.HIGH,
    summary="A workload on AWS or an image gets a permanent access key",
    hint="give it a role (task, execution, instance, service account) and remove the key's variables",
    practices=("P03", "P12"),
    patterns=(*PATTERNS, _SECRET, _CREDENTIALS),
    check_blob=_check,
    in_hooks=False,
    remediation=(
        "ECS: taskRoleArn; Lambda: Role; EC2: an instance profile; SageMaker: ExecutionRoleArn;"
        " App Runner: InstanceRoleArn",
        "remove the variables: the SDK finds the role's credentials automatically",
        "then aws iam update-access-key --user-name USER --access-key-id ID --status Inactive",
    ),
    standards=(
        "CIS AWS Foundations Benchmark: 1.18 (v1.4 to v4.0), 1.17 (v5.0), 2.17 (v6.0), 2.16 (v7.0)",
        "AWS Security Hub: ECS.8, CodeBuild.2",
    ),
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html",
        "https://docs.aws.amazon.com/securityhub/latest/userguide/ecs-controls.html",
        "https://docs.docker.com/build/building/secrets/",
    ),
)
