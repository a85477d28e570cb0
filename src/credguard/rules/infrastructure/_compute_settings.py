"""Settings of access keys in the environments of documents: maps, lists of name and value, blocks, start scripts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from credguard.aws.static_keys import Binding, is_foreign, is_foreign_endpoint, match_key_part
from credguard.lazy_re import compile_lazily
from credguard.parsers.document import Node, parse_embedded
from credguard.rules.infrastructure._ci_keys import KeySetting
from credguard.rules.infrastructure._compute_groups import SettingGroup, classify_node, is_relevant
from credguard.rules.infrastructure._compute_scripts import find_in_script

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# The names of mappings that become a process's environment.
_MAPS = frozenset(
    "environment variables environmentvariables environment_variables runtime_environment_variables "
    "runtimeenvironmentvariables default_arguments defaultarguments env envs vars environment_vars secrets "
    "runtime_environment_secrets aws:elasticbeanstalk:application:environment container_environment extra_env "
    "extraenv task_environment lambda_environment_variables env_vars environment_secrets".split()
)
_NAMES = ("name", "Name", "OptionName", "option_name")
_VALUES = ("value", "Value")
_FROM = ("valueFrom", "ValueFrom", "value_from")
_SCRIPTS = frozenset(("userdata", "user_data", "user_data_base64", "user_data_replace", "userdatabase64"))
_JSON = frozenset(("container_definitions", "containerdefinitions", "container_properties", "containerproperties"))
_EMULATOR = compile_lazily(
    r"localstack|minio|(?:^|/)moto|dynamodb-local|elasticmq|seaweedfs|sqs-local|s3mock|s3ninja|amazon/dynamodb|garage",
    re.IGNORECASE,
)


def find_setting_groups(root: Node, *, on_aws: bool) -> Iterator[SettingGroup]:
    """Every group of settings below a node that sets a secret, or an issued key ID; made-up values and endpoints that
    do not belong to AWS are left out."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        image = node.get("image", "Image") if node.pairs else None
        if image and _EMULATOR.search(image.text):
            continue
        for found in _find_in_node(node, on_aws):
            if is_relevant(found):
                yield found
        # local-exec runs on the machine that deploys
        children = [*(value for key, value in node.pairs if key.text != "local-exec"), *node.items]
        waiting.extend(reversed(children))


def _find_in_node(node: Node, on_aws: bool) -> Iterator[SettingGroup]:
    """The groups formed by a mapping's values or a list's items."""
    blocks = [value for key, value in node.pairs if value.tag == "block" and key.text.lower() in _BLOCKS]
    for entries in (node.items, blocks):
        yield from _build_group(_read_entries(entries), on_aws)
    for key, value in node.pairs:
        low = key.text.lower()
        if low in _MAPS and value.pairs:
            yield from _build_group([(name.text, one, name.line) for name, one in value.pairs], on_aws)
        elif low in _SCRIPTS or (low == "content" and node.get("content_type")):  # a part of cloud-init
            yield from find_in_script(value, key.line)
        elif low in _JSON or value.tag == "jsonencode":
            for document in parse_embedded(value) if value.kind == "scalar" else ():
                yield from find_setting_groups(document, on_aws=on_aws)


_BLOCKS = frozenset(("environment_variable", "setting", "env", "environment", "set", "set_sensitive", "variable"))


def _read_entries(entries: Sequence[Node]) -> list[tuple[str, Node, int]]:
    """Name, value and line of entries such as `{name: X, value: Y}`."""
    found = []
    for entry in entries:
        name = entry.get(*_NAMES) if entry.pairs else None
        value = entry.get(*_VALUES) or entry.get(*_FROM) if name else None
        if name and value and name.kind == "scalar":
            stored = value is entry.get(*_FROM)
            found.append((name.text, _make_store_node(value) if stored else value, name.line))
    return found


def _make_store_node(value: Node) -> Node:
    """The node for a value from a store; its words if they refer to another vendor's."""
    foreign = next((one.text for one in value.walk() if is_foreign(one.text)), "")
    return Node("call", value.line, value.column, text=foreign or "vault")


def _build_group(entries: list[tuple[str, Node, int]], on_aws: bool) -> Iterator[SettingGroup]:
    settings = []
    for name, value, line in entries:
        half = match_key_part(_normalize_name(name), on_aws=on_aws)
        how = classify_node(half, value) if half else Binding.NOTHING
        if half and how:
            settings.append(KeySetting(half, line, name, how))
    if settings and not any(is_foreign_endpoint(name, _get_text(value)) for name, value, _ in entries):
        yield SettingGroup(tuple(settings))


def _normalize_name(name: str) -> str:
    """The name without the dashes of a job's argument, and without the path of a Helm value."""
    return name.lstrip("-").rpartition(".")[2]


def _get_text(value: Node) -> str:
    return value.text if value.kind in {"scalar", "call"} else "${}"
