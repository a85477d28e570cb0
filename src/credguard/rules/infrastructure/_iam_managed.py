"""AWS managed policies that allow more than one task needs, and the severity of attaching each."""

from __future__ import annotations

from typing import NamedTuple

from credguard.lazy_re import compile_lazily
from credguard.matching.pattern import Pattern
from credguard.model.findings import Severity

_ADMIN = ("AdministratorAccess", "IAMFullAccess", "PowerUserAccess", "AdministratorAccess-Amplify",
          "AdministratorAccess-AWSElasticBeanstalk")  # fmt: skip
_BROAD = (
    "AWSOpsWorksRegisterCLI", "SystemAdministrator", "DataScientist", "DatabaseAdministrator", "NetworkAdministrator",
    "SecretsManagerReadWrite", "AWSKeyManagementServicePowerUser", "SageMakerStudioUserIAMPermissiveExecutionPolicy",
    "SageMakerStudioAdminIAMPermissiveExecutionPolicy",
)  # fmt: skip
_SERVICE_ROLES = (
    "AWSGlueServiceRole",
    "AWSGlueServiceNotebookRole",
    "AmazonElasticMapReduceRole",
    "AWSDataPipelineRole",
)
_FULL = compile_lazily(r"[A-Za-z0-9-]+_?FullAccess(?:withDataPipeline|-?[A-Z]\w*|_v\d|V\d)?")
_NAME = compile_lazily(r"(?:(?:job-function|service-role|aws-service-role)/)?([A-Za-z0-9_+=,.@-]{3,128})")
_ARN = compile_lazily(r"arn:(?:aws[\w-]*|[^:]{0,3}|\*)?:iam::aws:policy/(.+)")
_FILLED = compile_lazily(r"[$#%]\{[^{}]*\}|\{[\w.\[\]()]+\}")

MANAGED_POLICY = Pattern(
    "broad-managed-policy",
    rb"(?:AdministratorAccess|PowerUser(?:Access)?|Full_?Access|SecretsManagerReadWrite|SystemAdministrator|DataScientist"
    rb"|DatabaseAdministrator|NetworkAdministrator|OpsWorksRegisterCLI|IAMPermissiveExecution|AWSGlueService(?:Notebook)?Role"
    rb"|ElasticMapReduceRole|AWSDataPipelineRole|ADMINISTRATOR_ACCESS|FULL_ACCESS|POWER_USER_ACCESS)",
)


class ManagedPolicy(NamedTuple):
    """An over-broad managed policy: its name, its severity, and what it allows."""

    name: str
    severity: Severity
    gives: str


def find_managed_policy(value: str) -> ManagedPolicy | None:
    """The policy of an ARN or a bare name with or without its path, if it is over-broad."""
    arn = _ARN.fullmatch(_FILLED.sub("?", value.strip())[:300])
    found = _NAME.fullmatch(arn[1] if arn else value.strip()[:200])
    return None if not found else _grade_policy(found[1])


def is_arn(value: str) -> bool:
    """True for the ARN of an AWS managed policy, with a literal partition or a reference."""
    return _ARN.fullmatch(_FILLED.sub("?", value.strip())[:300]) is not None


def parse_policy_constant(name: str) -> ManagedPolicy | None:
    """The policy behind a constant as SDKs spell it: AdministratorAccess, ADMINISTRATOR_ACCESS."""
    if name.isupper():
        flat = name.replace("_", "").lower()
        known = {one.lower().replace("-", ""): one for one in (*_ADMIN, *_BROAD, *_SERVICE_ROLES)}
        if flat in known:
            return _grade_policy(known[flat])
        return (
            ManagedPolicy(name, Severity.MEDIUM, "every action of a service") if flat.endswith("fullaccess") else None
        )
    return _grade_policy(name)


def _grade_policy(name: str) -> ManagedPolicy | None:
    if name in _ADMIN:
        return ManagedPolicy(name, Severity.HIGH, "the permissions of an administrator")
    if name in _BROAD:
        return ManagedPolicy(name, Severity.MEDIUM, "far more than a single task needs")
    if name in _SERVICE_ROLES:
        return ManagedPolicy(name, Severity.LOW, "more than most tasks of that service need")
    if _FULL.fullmatch(name):
        return ManagedPolicy(name, Severity.MEDIUM, "every action of a service")
    return None
