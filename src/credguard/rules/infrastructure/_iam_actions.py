"""IAM actions that, on every resource, escalate privileges or expose all data; from AWS's service reference."""

from __future__ import annotations

import re

from credguard.aws.iam_patterns import match_action
from credguard.lazy_re import compile_lazily
from credguard.rules.infrastructure._iam_values import merge_stars

_SINGLE = (
    "iam:CreateAccessKey iam:CreateLoginProfile iam:UpdateLoginProfile iam:AddUserToGroup iam:CreatePolicyVersion "
    "iam:SetDefaultPolicyVersion iam:AttachUserPolicy iam:AttachGroupPolicy iam:AttachRolePolicy iam:PutUserPolicy "
    "iam:PutGroupPolicy iam:PutRolePolicy iam:UpdateAssumeRolePolicy iam:DeleteUserPermissionsBoundary "
    "iam:DeleteRolePermissionsBoundary iam:CreateServiceSpecificCredential iam:ResetServiceSpecificCredential "
    "glue:UpdateDevEndpoint lambda:UpdateFunctionCode "
    "ssm:SendCommand ssm:StartSession ec2-instance-connect:SendSSHPublicKey ecs:ExecuteCommand "
    "apprunner:UpdateService sagemaker:CreatePresignedNotebookInstanceUrl "
    "bedrock-agentcore:InvokeAgentRuntimeCommand sso:AttachManagedPolicyToPermissionSet "
    "sso:PutInlinePolicyToPermissionSet sts:AssumeRole"
).split()
_ATTACHING = (
    "iam:AttachUserPolicy iam:AttachGroupPolicy iam:AttachRolePolicy iam:PutUserPolicy iam:PutGroupPolicy "
    "iam:PutRolePolicy iam:CreatePolicyVersion iam:UpdateAssumeRolePolicy"
).split()
_PASSED = tuple(
    tuple(combination.split("+"))
    for combination in (
        "ec2:RunInstances ec2:RequestSpotInstances lambda:CreateFunction+lambda:InvokeFunction "
        "lambda:CreateFunction+lambda:AddPermission lambda:CreateFunction+lambda:CreateEventSourceMapping "
        "glue:CreateDevEndpoint glue:CreateJob+glue:StartJobRun glue:UpdateJob+glue:StartJobRun "
        "glue:CreateJob+glue:CreateTrigger glue:UpdateJob+glue:CreateTrigger glue:CreateSession+glue:RunStatement "
        "cloudformation:CreateStack cloudformation:CreateStackSet+cloudformation:CreateStackInstances "
        "cloudformation:UpdateStackSet datapipeline:CreatePipeline codebuild:CreateProject+codebuild:StartBuild "
        "autoscaling:CreateAutoScalingGroup+autoscaling:CreateLaunchConfiguration "
        "autoscaling:UpdateAutoScalingGroup+autoscaling:CreateLaunchConfiguration "
        "ecs:RegisterTaskDefinition+ecs:CreateService ecs:RegisterTaskDefinition+ecs:RunTask "
        "ecs:RegisterTaskDefinition+ecs:StartTask "
        "ecs:RegisterTaskDefinition+ecs:UpdateService sagemaker:CreateNotebookInstance sagemaker:CreateTrainingJob "
        "sagemaker:CreateProcessingJob apprunner:CreateService bedrock-agentcore:CreateCodeInterpreter "
        "batch:RegisterJobDefinition+batch:SubmitJob states:CreateStateMachine+states:StartExecution "
        "scheduler:CreateSchedule ssm:CreateDocument+ssm:StartAutomationExecution elasticmapreduce:RunJobFlow "
        "cognito-identity:SetIdentityPoolRoles"
    ).split()
)
_DATA = (
    "s3:GetObject s3:PutObject s3:DeleteObject s3:PutObjectAcl s3:PutBucketPolicy s3:PutBucketAcl s3:DeleteBucket "
    "secretsmanager:GetSecretValue secretsmanager:PutSecretValue ssm:GetParameter ssm:GetParameters "
    "ssm:GetParametersByPath kms:Decrypt dynamodb:GetItem dynamodb:BatchGetItem dynamodb:PutItem dynamodb:UpdateItem "
    "dynamodb:DeleteItem dynamodb:BatchWriteItem dynamodb:Scan dynamodb:Query dynamodb:DeleteTable"
).split()
QUIET = frozenset("logs xray cloudwatch mobileanalytics cognito-sync execute-api ssmmessages ec2messages".split())
"""Low-value services: allowing all of their actions is broad, but not dangerous."""
_READING = compile_lazily(
    r"(?!secretsmanager:|kms:)[\w-]+:(?:Get|List|Describe|BatchGet|Query|Scan|Read)\*", re.IGNORECASE
)
_SERVICE = compile_lazily(r"([a-zA-Z0-9-]+):\*+")


def find_full_services(actions: tuple[str, ...]) -> tuple[str, ...]:
    """The services of which every action is allowed."""
    merged = map(merge_stars, actions)
    return tuple(dict.fromkeys(found[1].lower() for action in merged if (found := _SERVICE.fullmatch(action))))


def find_escalating_actions(actions: tuple[str, ...]) -> tuple[str, ...]:
    """The actions that allow privilege escalation, as written."""
    return _filter_matching(actions, tuple(_SINGLE))


def find_attaching_actions(actions: tuple[str, ...]) -> tuple[str, ...]:
    """The actions that give a user, group, role or policy any permissions, or a role any trust, as written."""
    return _filter_matching(actions, tuple(_ATTACHING))


def find_data_actions(actions: tuple[str, ...]) -> tuple[str, ...]:
    """The actions that read or change data or secrets, as written."""
    return _filter_matching(actions, tuple(_DATA))


def is_read_family(action: str) -> bool:
    """True for a whole family of read actions, as in policies for viewers: `s3:Get*`."""
    return _READING.fullmatch(action) is not None


def find_pass_role_actions(actions: tuple[str, ...]) -> tuple[str, ...]:
    """The actions among these that give a workload's role to whoever may pass it (iam:PassRole)."""
    for combination in _PASSED:
        if all(any(match_action(action, wanted) for action in actions) for wanted in combination):
            return combination
    return ()


def _filter_matching(actions: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(action for action in actions if any(match_action(action, one) for one in wanted))
