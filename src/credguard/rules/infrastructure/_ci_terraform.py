"""Terraform that puts AWS access keys into the variables or secrets of a CI system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.aws.static_keys import Half, half_of
from credguard.lazy_re import regex
from credguard.rules.infrastructure._ci_keys import Use

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.model.findings import Blob
    from credguard.parsers.document import Node

# Which attribute holds the variable's name.
_NAMED_BY = {
    "tfe_variable": "key",
    "github_actions_secret": "secret_name",
    "github_actions_variable": "variable_name",
    "github_actions_organization_secret": "secret_name",
    "github_actions_environment_secret": "secret_name",
    "github_codespaces_secret": "secret_name",
    "github_dependabot_secret": "secret_name",
    "gitlab_project_variable": "key",
    "gitlab_group_variable": "key",
    "gitlab_instance_variable": "key",
    "bitbucket_repository_variable": "key",
    "bitbucket_deployment_variable": "key",
    "circleci_environment_variable": "name",
    "circleci_context_environment_variable": "variable",
    "buildkite_cluster_secret": "key",
}
_RESOURCE = regex("|".join(_NAMED_BY).encode())
_WHERE = regex(r"[\w-]{1,80}")


def concerns(blob: Blob) -> bool:
    """True for Terraform that has such resources."""
    return blob.path.lower().endswith((".tf", ".tf.json", ".tofu")) and _RESOURCE.search(blob.data) is not None


def uses(document: Node) -> Iterator[Use]:
    """Every variable or secret of a CI system that holds half of a key; the ID alone is told with its secret."""
    for kind, name, body in _resources(document):
        called = body.get(_NAMED_BY[kind])
        half = half_of(called.text) if called and called.kind == "scalar" else None
        if called and half is Half.SECRET:
            yield Use(called.line, f"{kind}.{name}", kind, (called.text,))


def _resources(document: Node) -> Iterator[tuple[str, str, Node]]:
    for block in document.all("resource"):
        for kind, named in block.pairs:
            for name, body in named.pairs if kind.text in _NAMED_BY else ():
                found = _WHERE.match(name.text)
                yield kind.text, found[0] if found else "?", body
