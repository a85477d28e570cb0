"""What replaces stored keys in each CI system: the change, line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from credguard.rules.infrastructure._ci_keys import KeyUse

TITLES = {
    "github": "GitHub Actions",
    "gitlab": "GitLab CI",
    "circleci": "CircleCI",
    "bitbucket": "Bitbucket Pipelines",
    "codebuild": "CodeBuild",
    "azure": "Azure Pipelines",
    "buildkite": "Buildkite",
    "jenkins": "Jenkins",
    "terraform": "Terraform",
}
_ROLE = "arn:aws:iam::ACCOUNT:role/ROLE"
_ASSUME = (
    "aws sts assume-role-with-web-identity --role-arn " + _ROLE + " --role-session-name ci --web-identity-token TOKEN"
)
_CHANGES = {
    "gitlab": (
        "+ id_tokens:",
        "+   AWS_TOKEN: {aud: https://gitlab.com}",
        '+ script: echo "$AWS_TOKEN" > /tmp/token; export AWS_WEB_IDENTITY_TOKEN_FILE=/tmp/token AWS_ROLE_ARN=' + _ROLE,
        "the role trusts the identity provider gitlab.com (or your instance) for"
        " sub project_path:GROUP/PROJECT:ref_type:branch:ref:main",
    ),
    "circleci": (
        "+ - aws-cli/setup:",
        "+     role_arn: " + _ROLE,
        "the job runs in a context, so that it gets an OIDC token; the role trusts oidc.circleci.com/org/ORG"
        " for sub org/ORG/project/PROJECT/*",
    ),
    "bitbucket": (
        "+ oidc: true",
        "+     variables: {AWS_OIDC_ROLE_ARN: '" + _ROLE + "'}  # instead of the keys",
        "in a script: echo $BITBUCKET_STEP_OIDC_TOKEN > token",
        "             export AWS_WEB_IDENTITY_TOKEN_FILE=$(pwd)/token AWS_ROLE_ARN=" + _ROLE,
    ),
    "codebuild": (
        "remove the keys from the buildspec: the AWS CLI and SDKs use the project's service role automatically",
        "allow what the build needs in that role's policy; for another account, sts:AssumeRole on a role there",
    ),
    "azure": (
        "+ - task: AWSShellScript@1",
        "+   inputs: {awsCredentials: CONNECTION, regionName: REGION}  # an AWS service connection with OIDC and "
        + _ROLE,
        "the role trusts the identity provider vstoken.dev.azure.com/ORGANISATION for sub sc://ORG/PROJECT/CONNECTION",
    ),
    "buildkite": (
        "+ plugins:",
        "+   - aws-assume-role-with-web-identity: {role-arn: '" + _ROLE + "'}",
        "the role trusts the identity provider agent.buildkite.com for sub organization:ORG:pipeline:PIPELINE:*",
    ),
    "jenkins": (
        "agents on EC2, ECS or EKS: give the agent a role and remove the binding; withAWS(role: 'ROLE') for"
        " another one",
        "elsewhere: an ID token from the OpenID Connect Provider plugin, then " + _ASSUME,
    ),
    "terraform": (
        "HCP Terraform: TFC_AWS_PROVIDER_AUTH = true and TFC_AWS_RUN_ROLE_ARN = " + _ROLE + " instead of the two keys",
        "GitHub, GitLab: no secret at all; an aws_iam_openid_connect_provider and a role whose trust policy"
        " names the project",
    ),
}


def build_remedy_steps(system: str, use: KeyUse) -> tuple[str, ...]:
    """The change for one use, then how to remove the key."""
    change = _build_github_change(use) if system == "github" else _CHANGES[system]
    return (*change, _format_cleanup(use))


def _build_github_change(use: KeyUse) -> tuple[str, ...]:
    called = use.taker.endswith((".yml", ".yaml"))
    return (
        "+ permissions:",
        "+   id-token: write",
        "+   contents: read",
        *(() if called else ("+ - uses: aws-actions/configure-aws-credentials@v4",)),
        *((f"+ with:  # of {use.taker}",) if called else ("+   with:",)),
        "+     role-to-assume: " + _ROLE,
        "+     aws-region: " + (use.region or "REGION"),
        *(f"- ${{{{ secrets.{name} }}}}" for name in use.names),
        "the role trusts token.actions.githubusercontent.com for aud sts.amazonaws.com and"
        " sub repo:OWNER/REPOSITORY:ref:refs/heads/BRANCH",
    )


def _format_cleanup(use: KeyUse) -> str:
    names = " and ".join(use.names[:3]) or "the stored key"
    return f"then delete {names} from the store and deactivate the user's access key"
