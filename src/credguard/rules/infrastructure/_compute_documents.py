"""Locates access keys in documents that define workloads: Terraform, CloudFormation, ECS, Serverless, Kubernetes,
Beanstalk, compose."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import TYPE_CHECKING

from credguard.aws.static_keys import Binding, KeyPart, has_foreign_endpoint, is_real, match_key_part
from credguard.lazy_re import compile_lazily
from credguard.parsers.document import is_structured, parse_document
from credguard.parsers.terraform import resolve_terraform
from credguard.rules.infrastructure import _compute_kept
from credguard.rules.infrastructure._ci_keys import KeySetting, flatten_node
from credguard.rules.infrastructure._compute_groups import SettingGroup
from credguard.rules.infrastructure._compute_scripts import find_in_provisioners, find_in_shell_text
from credguard.rules.infrastructure._compute_settings import find_setting_groups
from credguard.sources.env_files import is_compose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from credguard.model.findings import Blob
    from credguard.parsers.document import Node

    Found = tuple[str, SettingGroup]  # the workload, and its settings

_TERRAFORM = (".tf", ".tf.json", ".tofu")
_SERVERLESS = compile_lazily(r"(?:^|/)serverless[\w.-]*\.(?:ya?ml|json)$")
_START = compile_lazily(
    r"(?:^|/)(?:user[-_]?data|cloud[-_]?(?:init|config))[\w.-]*$|(?:^|/)[\w.-]*user[-_]?data\.(?:sh|tpl|tftpl|txt|ya?ml)$"
)
_BEANSTALK = compile_lazily(r"(?:^|/)\.ebextensions/[^/]*\.(?:config|ya?ml|json)$")
_RUNNER = compile_lazily(r"(?:^|/)apprunner\.ya?ml$|(?:^|/)copilot/.*manifest\.ya?ml$")
_KUBERNETES = compile_lazily(rb"^[\"' \t{-]{0,8}apiVersion[\"']?:", re.MULTILINE)
_GO_TEMPLATE = compile_lazily(rb"\{\{-? {0,4}(?:if|end|range|with|template|include|define|\.)|\{%")
_HELM = compile_lazily(r"(?:^|/)templates/.*\.(?:ya?ml|tpl)$")
_COMPUTE = compile_lazily(
    r"aws_(?!ssm_|secretsmanager_|iam_|s3_|kms_|cloudtrail)|kubernetes_(?!secret|config_map|namespace)|helm_release"
    r"|awscc_|template_file|template_cloudinit|cloudinit_config"
)
_NO_COMPUTE = compile_lazily(r"AWS::(?:SSM::Parameter|SecretsManager|IAM|S3|KMS|CloudFormation::Stack\b)")
_NO_WORKLOAD = frozenset(
    "Secret ConfigMap ExternalSecret SealedSecret SecretStore ClusterSecretStore CustomResourceDefinition "
    "SecretProviderClass Kustomization Config".split()
)
_LABEL = compile_lazily(r"[\w.\-/: ]{1,100}")


def detect_document_kind(path: str, data: bytes) -> str:
    """The kind of a document, by its name and words; empty for one that defines no workloads."""
    low = path.lower()
    named = (("serverless", _SERVERLESS), ("beanstalk", _BEANSTALK), ("runner", _RUNNER), ("start", _START))
    if low.endswith(_TERRAFORM):
        return "terraform"
    for kind, pattern in named:
        if pattern.search(low):
            return kind
    if not is_structured(low):
        return ""
    return "compose" if is_compose(path) else _detect_by_words(low, data)


def _detect_by_words(low: str, data: bytes) -> str:
    if b"AWS::" in data and b"Resources" in data:
        return "template"
    if b"containerDefinitions" in data:
        return "task"
    if (
        b"apiVersion" in data
        and _KUBERNETES.search(data)
        and not (b"{{" in data and (_HELM.search(low) or _GO_TEMPLATE.search(data)))
    ):
        return "kubernetes"
    return ""


def find_workloads(blob: Blob, kind: str) -> Iterator[Found]:
    """The workloads in a document of that kind that get a key. Raises UnreadableError for what cannot be parsed."""
    if kind == "start":
        text = blob.data[: 1 << 20].decode("utf-8", "replace")
        yield from (("user data", placed) for placed in find_in_shell_text(text, 1))
        return
    for document in parse_document(blob.data, blob.path):
        yield from _READERS[kind](document)


def _read_terraform(document: Node) -> Iterator[Found]:
    resolved = resolve_terraform(document, defaults=False)
    for block in (*resolved.get_all("resource"), *resolved.get_all("data")):
        for kind, blocks in block.pairs:
            for name, body in blocks.pairs:
                label = _match_label(f"{kind.text}.{name.text}")
                yield from ((label, one) for one in _read_resource(kind.text, body))
    for block in (*document.get_all("module"), *document.get_all("locals")):
        yield from (("module or locals", one) for one in find_setting_groups(block, on_aws=False))


def _read_resource(kind: str, body: Node) -> Iterator[SettingGroup]:
    if _COMPUTE.match(kind):
        yield from find_setting_groups(body, on_aws=kind.startswith("aws"))
    yield from find_in_provisioners(body)
    yield from _compute_kept.find_in_terraform(kind, body)


def _read_template(document: Node) -> Iterator[Found]:
    for one in document.walk():
        resources = one.get("Resources") if one.pairs else None
        for name, body in resources.pairs if resources else ():
            kind = body.get("Type")
            if kind:
                label = _match_label(f"{kind.text} {name.text}")
                if not _NO_COMPUTE.match(kind.text):
                    yield from ((label, found) for found in find_setting_groups(body, on_aws=True))
                yield from ((label, found) for found in _compute_kept.find_in_template(kind.text, body))
    shared = document.get("Globals")
    if shared:
        yield from (("Globals", found) for found in find_setting_groups(shared, on_aws=True))


def _read_task(document: Node) -> Iterator[Found]:
    for one in document.walk():
        containers = one.get("containerDefinitions") if one.pairs else None
        if containers:
            yield from (("ECS task definition", found) for found in find_setting_groups(containers, on_aws=True))


def _read_serverless(document: Node) -> Iterator[Found]:
    provider = document.get("provider")
    name = provider.get("name") if provider and provider.pairs else provider
    if name is None or name.text in {"aws", ""}:
        for key in ("provider", "functions"):
            part = document.get(key)
            yield from (
                (f"Serverless {key}", found) for found in (find_setting_groups(part, on_aws=True) if part else ())
            )
        yield from _read_template(document)


def _read_kubernetes(document: Node) -> Iterator[Found]:
    kind, items = document.get("kind"), document.get("items")
    if kind and kind.text == "List" and items:
        for item in items.items:
            yield from _read_kubernetes(item)
    elif kind and kind.text == "Secret":
        settings = tuple(_read_secret(document))
        if any(one.half is not KeyPart.TOKEN for one in settings) and not has_foreign_endpoint(flatten_node(document)):
            yield "Kubernetes Secret", SettingGroup(settings)
    elif kind and kind.text not in _NO_WORKLOAD and document.get("apiVersion"):
        label = _match_label(f"Kubernetes {kind.text}")
        yield from ((label, found) for found in find_setting_groups(document, on_aws=False))


def _read_secret(document: Node) -> Iterator[KeySetting]:
    """Issued keys in a Secret, for any workload there."""
    for field in ("stringData", "data"):
        entries = document.get(field)
        for key, value in entries.pairs if entries else ():
            half = match_key_part(key.text)
            text = value.text if field == "stringData" else _decode_base64(value.text)
            if half and is_real(half, text):
                yield KeySetting(half, key.line, key.text, Binding.LITERAL)


def _decode_base64(text: str) -> str:
    try:
        return b64decode("".join(text.split()), validate=True).decode("ascii", "replace")
    except ValueError:
        return ""


def _read_platform(document: Node) -> Iterator[Found]:
    yield from (("service", found) for found in find_setting_groups(document, on_aws=True))


def _read_compose(document: Node) -> Iterator[Found]:
    """Issued keys in a service's environment; values from the machine's own environment are for local work."""
    services = document.get("services")
    for name, service in services.pairs if services else ():
        environment = service.get("environment")
        settings = list(_read_literals(environment)) if environment else []
        image = service.get("image")
        words = flatten_node(environment) if environment else ""
        if settings and not has_foreign_endpoint(words + "\n" + (image.text if image else "")):
            yield _match_label(f"service {name.text}"), SettingGroup(tuple(settings))


def _read_literals(environment: Node) -> Iterator[KeySetting]:
    entries = [(key.text, value.text, key.line) for key, value in environment.pairs]
    for item in environment.items:
        name, _, value = item.text.partition("=")
        entries.append((name, value, item.line))
    for name, value, line in entries:
        half = match_key_part(name, on_aws=True)
        if half and half is not KeyPart.TOKEN and is_real(half, value.strip("\"' ")):
            yield KeySetting(half, line, name, Binding.LITERAL)


def _match_label(text: str) -> str:
    found = _LABEL.match(text)
    return found[0].strip() if found else "?"


_READERS = {
    "terraform": _read_terraform,
    "template": _read_template,
    "task": _read_task,
    "serverless": _read_serverless,
    "kubernetes": _read_kubernetes,
    "beanstalk": _read_platform,
    "runner": _read_platform,
    "compose": _read_compose,
}
