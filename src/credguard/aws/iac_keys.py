"""Access keys of IAM users that declarations make: Terraform, CloudFormation, Crossplane, Ansible, Pulumi."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from credguard.lazy_re import regex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.parsers.document import Node


@dataclass(frozen=True, slots=True)
class Made:
    """A key that code makes, or an output that shows its secret: where, what, and what becomes of the secret."""

    line: int
    what: str
    name: str
    note: str = ""
    only_mail: bool = False


FRAMEWORK = regex(
    rb"aws[-_]cdk|awscdk|Amazon\.CDK|software\.amazon\.awscdk|pulumi|cdktf|constructs\.Construct|monocdk|sst/constructs",
    re.IGNORECASE,
)
"""What programs import that declare infrastructure."""
_TERRAFORM = "aws_iam_access_key"
_TYPE = "AWS::IAM::AccessKey"
_SHOWN = regex(r"aws_iam_access_key\.([\w-]{1,100})(?:\[[^\]\n]{0,100}\])?\.(secret|ses_smtp_password_v4)\b")
_SECRET_OF = regex(r"([A-Za-z0-9]{1,200})\.SecretAccessKey")
_MODULES = ("iam_access_key", "community.aws.iam_access_key", "amazon.aws.iam_access_key")
_OLD_MODULES = ("iam", "community.aws.iam", "iam_user")
_CROSSPLANE = regex(r"iam\.aws\.(?:crossplane|upbound|m\.upbound)\.io/")
_PULUMI = ("aws:iam:AccessKey", "aws:iam/accessKey:AccessKey", "aws-native:iam:AccessKey")
_NAME = regex(r"[\w.\-/ ]{1,100}")


def named(text: str) -> str:
    """A name as a message may show it."""
    found = _NAME.match(text)
    return found[0].strip() if found else "?"


def in_terraform(document: Node, text: str) -> Iterator[Made]:
    """Resources that make a key, modules that are told to, and outputs of a key's secret."""
    shown = _SHOWN.findall(text)
    for block in document.all("resource"):
        for kind, blocks in block.pairs:
            for name, body in blocks.pairs if kind.text == _TERRAFORM else ():
                if not _is_off(body):
                    fields = {field for of, field in shown if of == name.text}
                    note = "the secret is kept encrypted in the state" if body.get("pgp_key") else _in_state(fields)
                    yield Made(name.line, f"{_TERRAFORM}.{named(name.text)}", name.text, note, fields == {_MAIL})
    for block in document.all("module"):
        for name, body in block.pairs:
            told = body.get("create_iam_access_key")
            if told and told.text == "true":
                yield Made(told.line, f"module.{named(name.text)} makes an access key", name.text, _in_state(set()))
    yield from _outputs(document)


_MAIL = "ses_smtp_password_v4"


def _in_state(fields: set[str]) -> str:
    if fields == {_MAIL}:
        return "it serves as an SMTP password of SES; the secret stands in the state in plain text"
    return "the secret stands in the state in plain text"


def _is_off(body: Node) -> bool:
    status, count = body.get("status", "Status"), body.get("count")
    return (status is not None and status.text == "Inactive") or (count is not None and count.text == "0")


def _outputs(document: Node) -> Iterator[Made]:
    for block in document.all("output"):
        for name, body in block.pairs:
            value = body.get("value")
            inside = value.walk() if value else ()
            found = next((match for one in inside if (match := _SHOWN.search(one.text))), None)
            if found and found[2] == "secret":
                what = f"output {named(name.text)} shows the secret of {_TERRAFORM}.{found[1]}"
                yield Made(name.line, what, name.text, "who reads the state or the outputs has the key")


def in_template(document: Node) -> Iterator[Made]:
    """Resources of CloudFormation, SAM and Serverless."""
    for one in document.walk():
        resources = one.get("Resources") if one.pairs else None
        if resources is None or resources.kind != "mapping":
            continue
        shown = _shown_by(one.get("Outputs"))
        for name, body in resources.pairs:
            kind, properties = body.get("Type"), body.get("Properties")
            if kind and kind.text == _TYPE and not (properties and _is_off(properties)):
                output = shown.get(name.text)
                note = f"output {output} shows its secret to who may read the stack" if output else ""
                yield Made(kind.line, f"{_TYPE} {named(name.text)}", name.text, note)


def _shown_by(outputs: Node | None) -> dict[str, str]:
    """The outputs that give a key's secret, by the name of the key."""
    found: dict[str, str] = {}
    for name, body in outputs.pairs if outputs else ():
        value = body.get("Value")
        for text in _references(value) if value else ():
            for match in _SECRET_OF.finditer(text):
                found.setdefault(match[1], named(name.text))
    return found


def _references(value: Node) -> Iterator[str]:
    """`Key.SecretAccessKey` of `!GetAtt`, `Fn::GetAtt` and `Fn::Sub`, however written."""
    for one in value.walk():
        if one.kind == "scalar":
            yield one.text
        elif one.items and all(item.kind == "scalar" for item in one.items):
            yield ".".join(item.text for item in one.items)


def in_manifest(document: Node) -> Iterator[Made]:
    """Crossplane's AccessKey, a document of its own."""
    kind, version = document.get("kind"), document.get("apiVersion")
    if kind and version and kind.text == "AccessKey" and _CROSSPLANE.match(version.text):
        metadata = document.get("metadata")
        name = metadata.get("name") if metadata else None
        called = named(name.text) if name else "?"
        yield Made(kind.line, f"Crossplane AccessKey {called}", called, "the secret lies in a Kubernetes Secret")


def in_program(document: Node) -> Iterator[Made]:
    """Pulumi's YAML programs, and tasks of Ansible."""
    for one in document.walk():
        resources = one.get("resources") if one.pairs else None
        for name, body in resources.pairs if resources else ():
            kind = body.get("type")
            if kind and kind.text in _PULUMI:
                yield Made(kind.line, f"{kind.text} {named(name.text)}", name.text, _in_state(set()))
        for key, value in one.pairs:
            user = value.get("user_name", "name") if value.pairs else None
            if user and _makes_key(key.text, value):
                yield Made(key.line, f"Ansible's {key.text}", user.text)


def _makes_key(module: str, settings: Node) -> bool:
    state = settings.get("state")
    if state and state.text == "absent":
        return False
    if module in _MODULES:
        active = settings.get("active", "enabled")
        return settings.get("user_name", "username") is not None and not (active and active.text in {"false", "no"})
    told = settings.get("access_key_state")
    return module in _OLD_MODULES and told is not None and told.text.lower() in {"create", "active"}
