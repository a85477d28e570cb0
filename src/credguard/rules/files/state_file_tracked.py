"""A Terraform state, or a variable or stack file with secrets, is tracked by git.

What it does
    Reports tracked `*.tfstate` files and their backups that describe at least one resource or output; `*.tfvars` and
    `*.tfvars.json` files with a literal that looks like a secret; and Pulumi checkpoints and stack exports that contain
    a secret in plain text. Empty states, states encrypted by OpenTofu or git-crypt, and variable files with regions,
    sizes, names and references are not reported; states below a folder of tests are reported only if they contain a
    secret. A `.terraform/terraform.tfstate` without a secret only names the backend and is low.

Why it matters
    Terraform writes every attribute of every resource to its state in plain text, including passwords and the secret
    access keys of `aws_iam_access_key`, `sensitive` or not.

How to fix
    Keep state in a remote backend (S3 with encryption and locking), pass variables through the environment or a secret
    store, and remove the file from git. Replace the secrets that it contains.

References
    https://developer.hashicorp.com/terraform/language/state/sensitive-data;
    https://developer.hashicorp.com/terraform/language/backend/s3;
    https://www.pulumi.com/docs/iac/concepts/secrets/
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from credguard.model.findings import Detection, Severity
from credguard.parsers.utf16 import recode_marked
from credguard.rule import GIT_REPOSITORY, Fix, Rule, Trait
from credguard.rules.files import _state_files
from credguard.sources.env_files import is_fixture, is_vendored
from credguard.sources.tracked import (
    format_erase_command,
    format_ignore_line,
    format_untrack_command,
    is_encrypted,
    read_first_bytes,
    read_tracked_contents,
)
from credguard.system.compat import encode_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.sources.worktree import WorkTree

_STATE_LINES = ("*.tfstate", "*.tfstate.*", ".terraform/")


def check_tree(tree: WorkTree) -> Iterator[Detection]:
    """The tracked state, variable and stack files that contain resources or secrets."""
    for path, data in read_tracked_contents(tree, _find_candidates(tree)):
        if data and not is_encrypted(data):
            text = recode_marked(data)
            name = path[path.rfind("/") + 1 :].lower()
            if _state_files.is_state(name):
                yield from _check_state(path, text)
            elif _state_files.is_variables(name):
                yield from _check_variables(path, text)
            else:
                yield from _check_stack(path, text)


def _find_candidates(tree: WorkTree) -> Iterator[str]:
    for path in tree.files:
        if not path.endswith((".json", ".tfvars", ".bak")) and ".tfstate" not in path:
            continue
        low = path[path.rfind("/") + 1 :].lower()
        known = _state_files.is_state(low) or _state_files.is_variables(low)
        if not known and _state_files.is_stack(path, low):
            known = path in tree.tracked and _state_files.is_stack_head(
                recode_marked(read_first_bytes(tree, path, _state_files.STATE_HEAD))
            )
        if known and path in tree.tracked and not is_vendored(path):
            yield path


def _check_state(path: str, data: bytes) -> Iterator[Detection]:
    secret = _state_files.find_first_secret(data)
    if secret is None and is_fixture(path):
        return
    backend = path.endswith(".terraform/terraform.tfstate")
    if secret or _state_files.has_resources(data):
        yield _build_detection(path, _describe_kind("a Terraform state", secret), secret, _STATE_LINES)
    elif backend:
        what = "Terraform's record of its backend"
        yield _build_detection(path, what, None, _STATE_LINES, Severity.LOW)


def _check_variables(path: str, data: bytes) -> Iterator[Detection]:
    secret = _state_files.find_first_secret(data)
    if secret:
        yield _build_detection(
            path, _describe_kind("a Terraform variable file", secret), secret, (format_ignore_line(path),)
        )


def _check_stack(path: str, data: bytes) -> Iterator[Detection]:
    line = _state_files.find_first_plaintext(data)
    if line is not None:
        what = "a Pulumi stack with secrets in plain text"
        yield _build_detection(path, what, ("", line), (format_ignore_line(path),))


def _describe_kind(kind: str, secret: tuple[str, int] | None) -> str:
    return f"{kind} with what looks like a secret ({secret[0]})" if secret else f"{kind} with resources"


def _build_detection(
    path: str, what: str, secret: tuple[str, int] | None, lines: tuple[str, ...], severity: Severity | None = None
) -> Detection:
    steps: tuple[str, ...] = (
        f"add the lines {', '.join(f'`{line}`' for line in lines)} to .gitignore",
        format_untrack_command(path),
    )
    if secret:
        steps = (
            "replace the secrets in it: everyone who read the repository may know them",
            *steps,
            format_erase_command(path),
        )
    return Detection(
        f"{path} is {what}, and is tracked by git",
        severity=severity,
        attributes={"ignore_file": ".gitignore", "ignore_lines": list(lines)},
        remediation=steps,
        path=path,
        line=secret[1] if secret else 1,
        identity=(encode_path(path),),
    )


RULE = Rule(
    id="CG206",
    name="state-file-tracked",
    severity=Severity.MEDIUM,
    summary="A Terraform state, or a variable or stack file with secrets, is tracked by git",
    hint="keep state in an encrypted remote backend and variables in a secret store, and remove the file from git",
    practices=("P16",),
    traits=frozenset((Trait.ON_TRACKED_FILES,)),
    needs=GIT_REPOSITORY,
    fix=Fix.UNTRACK,
    check_tree=check_tree,
    references=(
        "https://developer.hashicorp.com/terraform/language/state/sensitive-data",
        "https://www.pulumi.com/docs/iac/concepts/secrets/",
    ),
)
