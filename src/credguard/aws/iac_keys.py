"""Access keys of IAM users that declarations create: Terraform, CloudFormation, Crossplane, Ansible, Pulumi."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.lazy_re import compile_lazily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.parsers.document import Node


@dataclass(frozen=True, slots=True)
class DeclaredKey:
    """A key that code creates, or an output that shows its secret: its location, a description, and where the secret
    ends up."""

    line: int
    what: str
    name: str
    note: str = ""
    only_mail: bool = False


FRAMEWORK = compile_lazily(
    rb"aws[-_]cdk|awscdk|Amazon\.CDK|software\.amazon\.awscdk|pulumi|cdktf|constructs\.Construct|monocdk|sst/constructs",
    re.IGNORECASE,
)
"""The imports of programs that declare infrastructure."""
_TERRAFORM = "aws_iam_access_key"
_TYPE = "AWS::IAM::AccessKey"
_SHOWN = compile_lazily(r"aws_iam_access_key\.([\w-]{1,100})(?:\[[^\]\n]{0,100}\])?\.(secret|ses_smtp_password_v4)\b")
_SECRET_OF = compile_lazily(r"([A-Za-z0-9]{1,200})\.SecretAccessKey")
_MODULES = ("iam_access_key", "community.aws.iam_access_key", "amazon.aws.iam_access_key")
_OLD_MODULES = ("iam", "community.aws.iam", "iam_user")
_CROSSPLANE = compile_lazily(r"iam\.aws\.(?:crossplane|upbound|m\.upbound)\.io/")
_PULUMI = ("aws:iam:AccessKey", "aws:iam/accessKey:AccessKey", "aws-native:iam:AccessKey")
_NAME = compile_lazily(r"[\w.\-/ ]{1,100}")


def sanitize_resource_name(text: str) -> str:
    """A name as it may be shown in a message."""
    found = _NAME.match(text)
    return found[0].strip() if found else "?"


def find_terraform_keys(document: Node, text: str) -> Iterator[DeclaredKey]:
    """Resources that create a key, modules that are configured to, and outputs of a key's secret."""
    shown = _SHOWN.findall(text)
    for block in document.get_all("resource"):
        for kind, blocks in block.pairs:
            for name, body in blocks.pairs if kind.text == _TERRAFORM else ():
                if not _is_off(body):
                    fields = {field for of, field in shown if of == name.text}
                    note = (
                        "the secret is kept encrypted in the state" if body.get("pgp_key") else _describe_state(fields)
                    )
                    yield DeclaredKey(
                        name.line,
                        f"{_TERRAFORM}.{sanitize_resource_name(name.text)}",
                        name.text,
                        note,
                        fields == {_MAIL},
                    )
    for block in document.get_all("module"):
        for name, body in block.pairs:
            told = body.get("create_iam_access_key")
            if told and told.text == "true":
                yield DeclaredKey(
                    told.line,
                    f"module.{sanitize_resource_name(name.text)} creates an access key",
                    name.text,
                    _describe_state(set()),
                )
    yield from _find_outputs(document)


_MAIL = "ses_smtp_password_v4"


def _describe_state(fields: set[str]) -> str:
    if fields == {_MAIL}:
        return "it is used as an SMTP password of SES; the secret is in the state in plain text"
    return "the secret is in the state in plain text"


def _is_off(body: Node) -> bool:
    status, count = body.get("status", "Status"), body.get("count")
    return (status is not None and status.text == "Inactive") or (count is not None and count.text == "0")


def _find_outputs(document: Node) -> Iterator[DeclaredKey]:
    for block in document.get_all("output"):
        for name, body in block.pairs:
            value = body.get("value")
            inside = value.walk() if value else ()
            found = next((match for one in inside if (match := _SHOWN.search(one.text))), None)
            if found and found[2] == "secret":
                what = f"output {sanitize_resource_name(name.text)} shows the secret of {_TERRAFORM}.{found[1]}"
                yield DeclaredKey(
                    name.line, what, name.text, "anyone who can read the state or the outputs has the key"
                )


def find_template_keys(document: Node) -> Iterator[DeclaredKey]:
    """Resources of CloudFormation, SAM and Serverless."""
    for one in document.walk():
        resources = one.get("Resources") if one.pairs else None
        if resources is None or resources.kind != "mapping":
            continue
        shown = _map_outputs(one.get("Outputs"))
        for name, body in resources.pairs:
            kind, properties = body.get("Type"), body.get("Properties")
            if kind and kind.text == _TYPE and not (properties and _is_off(properties)):
                output = shown.get(name.text)
                note = f"output {output} shows its secret to anyone who can read the stack" if output else ""
                yield DeclaredKey(kind.line, f"{_TYPE} {sanitize_resource_name(name.text)}", name.text, note)


def _map_outputs(outputs: Node | None) -> dict[str, str]:
    """The outputs that contain a key's secret, by the name of the key."""
    found: dict[str, str] = {}
    for name, body in outputs.pairs if outputs else ():
        value = body.get("Value")
        for text in _iter_references(value) if value else ():
            for match in _SECRET_OF.finditer(text):
                found.setdefault(match[1], sanitize_resource_name(name.text))
    return found


def _iter_references(value: Node) -> Iterator[str]:
    """`Key.SecretAccessKey` of `!GetAtt`, `Fn::GetAtt` and `Fn::Sub`, in any notation."""
    for one in value.walk():
        if one.kind == "scalar":
            yield one.text
        elif one.items and all(item.kind == "scalar" for item in one.items):
            yield ".".join(item.text for item in one.items)


def find_manifest_keys(document: Node) -> Iterator[DeclaredKey]:
    """Crossplane's AccessKey, a separate document."""
    kind, version = document.get("kind"), document.get("apiVersion")
    if kind and version and kind.text == "AccessKey" and _CROSSPLANE.match(version.text):
        metadata = document.get("metadata")
        name = metadata.get("name") if metadata else None
        called = sanitize_resource_name(name.text) if name else "?"
        yield DeclaredKey(kind.line, f"Crossplane AccessKey {called}", called, "the secret is in a Kubernetes Secret")


def find_program_keys(document: Node) -> Iterator[DeclaredKey]:
    """Pulumi's YAML programs, and tasks of Ansible."""
    for one in document.walk():
        resources = one.get("resources") if one.pairs else None
        for name, body in resources.pairs if resources else ():
            kind = body.get("type")
            if kind and kind.text in _PULUMI:
                yield DeclaredKey(
                    kind.line, f"{kind.text} {sanitize_resource_name(name.text)}", name.text, _describe_state(set())
                )
        for key, value in one.pairs:
            user = value.get("user_name", "name") if value.pairs else None
            if user and _is_key_task(key.text, value):
                yield DeclaredKey(key.line, f"Ansible's {key.text}", user.text)


def _is_key_task(module: str, settings: Node) -> bool:
    state = settings.get("state")
    if state and state.text == "absent":
        return False
    if module in _MODULES:
        active = settings.get("active", "enabled")
        return settings.get("user_name", "username") is not None and not (active and active.text in {"false", "no"})
    told = settings.get("access_key_state")
    return module in _OLD_MODULES and told is not None and told.text.lower() in {"create", "active"}
