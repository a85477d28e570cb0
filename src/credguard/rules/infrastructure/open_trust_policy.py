"""A trust or resource policy gives access to everyone on the internet, or to every user of a shared identity provider.

What it does
    Reads trust policies and the policies of buckets, queues, topics, keys, secrets, functions and repositories in JSON,
    CloudFormation, Serverless and Terraform files, CDK programs and API calls; locals and defaults of the same file are
    followed. Reports Principal `*` with Allow and without a condition that restricts the caller (account, organization,
    ARN, VPC, address), NotPrincipal with Allow, and roles for shared identity providers (GitHub, GitLab, Terraform
    Cloud, Buildkite, Cognito and others; CircleCI and Bitbucket within an organization) whose subject is missing or
    open. A pattern is open if a stranger's subject can match it: `*`, `repo:*`, `*/app:*`, `*:pull_request`,
    `project_path:*`; `repo:OWNER/*` opens every repository of an owner. A reference may hold owner and name, so
    `repo:${var.repo}:*` is not open. A missing audience is low, and so is everything in test data, fixtures and
    snapshots. Public read access to objects, API Gateway and function URLs, endpoint and stack policies and statements
    that deny are not reported; `:root` of an account means that account and is not an opening.
    `credguard account` reads the trust policies of the live account's roles.

Why it matters
    If anyone can assume a role or write to a queue, an attacker does not even need a leaked key. With an open `sub`,
    every GitHub repository, including an attacker's, gets the role's credentials.

How to fix
    Name the principals, or restrict them with conditions: aws:PrincipalOrgID, aws:SourceAccount, aws:SourceArn. For
    GitHub Actions require `token.actions.githubusercontent.com:aud` = sts.amazonaws.com and `:sub` =
    repo:OWNER/REPO:ref:refs/heads/BRANCH or repo:OWNER/REPO:environment:NAME.

References
    IAM User Guide, "AWS JSON policy elements: Principal", "The confused deputy problem" and "Create a role for OpenID
    Connect federation"; GitHub Docs, "Configuring OpenID Connect in Amazon Web Services"; CIS AWS Foundations Benchmark
    2.21 (v7.0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.aws.account_state import Holder
from credguard.model.findings import Detection, Severity
from credguard.rule import Rule
from credguard.rules.infrastructure._iam_grants import GRANTED, find_grants
from credguard.rules.infrastructure._iam_policies import (
    PATTERNS,
    is_judged,
    is_staged,
    parse_account_policy,
    read_policy_statements,
)
from credguard.rules.infrastructure._iam_subjects import GITHUB
from credguard.rules.infrastructure._iam_trust import find_trust_opening, is_bounding_statement
from credguard.sources.test_data import lower_test_data
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from credguard.aws.account_state import AccountItem
    from credguard.matching.pattern import Hits
    from credguard.model.findings import Blob
    from credguard.rules.infrastructure._iam_statements import Statement
    from credguard.rules.infrastructure._iam_trust import Opening

_SUBJECT = (
    f'"StringEquals": {{"{GITHUB}:aud": "sts.amazonaws.com", '
    f'"{GITHUB}:sub": "repo:OWNER/REPOSITORY:ref:refs/heads/main"}}'
)
_BOUND = "name the principals, or add a condition on aws:PrincipalOrgID, aws:SourceAccount or aws:SourceArn"


def _check(blob: Blob, hits: Hits) -> Iterator[Detection]:
    if not is_judged(blob):
        return
    found = list(_find_openings(read_policy_statements(blob, hits)))
    found += [(grant.line, grant.holder, grant.opening, ()) for grant in find_grants(blob, hits)]
    if found and is_staged(blob):
        return
    openings = (_build_detection(blob.path, *one) for one in sorted(found, key=lambda one: one[0]))
    yield from lower_test_data(blob, openings)


def _check_account(item: AccountItem) -> Iterator[Detection]:
    if isinstance(item, Holder) and item.trust:
        statements = parse_account_policy(item.trust, f"the trust policy of {item.title}")
        yield from (_build_detection(item.place, *one) for one in _find_openings(statements))


def _find_openings(judged: Sequence[Statement]) -> Iterator[tuple[int, str, Opening, tuple[str, ...]]]:
    """Line, name, opening and further words of each statement that lets everybody in; a value that is used twice is one
    cause."""
    seen = set()
    bounded = {(one.context.name, one.context.document) for one in judged if is_bounding_statement(one)}
    for statement in judged:
        open_to = find_trust_opening(statement)
        cause = (statement.lines, statement.spots, open_to)
        if open_to and cause not in seen and (statement.context.name, statement.context.document) not in bounded:
            seen.add(cause)
            name = statement.context.name.rstrip(".") or statement.sid
            words = tuple(sorted((*statement.actions, *statement.resources)))
            yield statement.find_line(open_to.element, "principal", "action"), name, open_to, words


def _build_detection(path: str, line: int, name: str, open_to: Opening, words: tuple[str, ...]) -> Detection:
    return Detection(
        f"{name or 'the policy'} {open_to.words}",
        severity=open_to.severity,
        attributes={"kind": open_to.what, "resource": name},
        remediation=(
            _SUBJECT if GITHUB in open_to.words or "GitHub" in open_to.words or "owner" in open_to.what else _BOUND,
        ),
        line=line,
        identity=(name.encode() or encode_path(path), open_to.what.encode(), *(w.encode() for w in words[:20])),
    )


RULE = Rule(
    id="CG406",
    name="open-trust-policy",
    severity=Severity.MEDIUM,
    summary="A trust or resource policy gives access to everyone, or to every user of a shared identity provider",
    hint="name the principals, or restrict them with conditions",
    practices=("P06",),
    patterns=(*PATTERNS, *GRANTED),
    check_blob=_check,
    check_account=_check_account,
    in_hooks=False,
    remediation=(
        "aws accessanalyzer validate-policy --policy-type RESOURCE_POLICY --policy-document file://policy.json",
    ),
    standards=("CIS AWS Foundations Benchmark: 2.21 (v7.0)",),
    references=(
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_oidc.html",
        "https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws",
    ),
)
