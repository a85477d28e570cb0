"""Locates Terraform that writes AWS access keys to the variables or secrets of a CI system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.aws.static_keys import KeyPart, match_key_part
from credguard.lazy_re import compile_lazily
from credguard.rules.infrastructure._ci_keys import KeyUse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.model.findings import Blob
    from credguard.parsers.document import Node

# The attribute with the variable's name.
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
_RESOURCE = compile_lazily("|".join(_NAMED_BY).encode())
_WHERE = compile_lazily(r"[\w-]{1,80}")


def has_ci_resources(blob: Blob) -> bool:
    """True for Terraform that has such resources."""
    return blob.path.lower().endswith((".tf", ".tf.json", ".tofu")) and _RESOURCE.search(blob.data) is not None


def find_key_uses(document: Node) -> Iterator[KeyUse]:
    """Every variable or secret of a CI system that contains half of a key; the ID alone is reported with its secret."""
    for kind, name, body in _iter_resources(document):
        called = body.get(_NAMED_BY[kind])
        half = match_key_part(called.text) if called and called.kind == "scalar" else None
        if called and half is KeyPart.SECRET:
            yield KeyUse(called.line, f"{kind}.{name}", kind, (called.text,))


def _iter_resources(document: Node) -> Iterator[tuple[str, str, Node]]:
    for block in document.get_all("resource"):
        for kind, named in block.pairs:
            for name, body in named.pairs if kind.text in _NAMED_BY else ():
                found = _WHERE.match(name.text)
                yield kind.text, found[0] if found else "?", body
